"""``Match`` <-> OpenFlow extensible match (OXM), both ways; and matches that are not ours in words."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

from controller.domain.rules import Match
from controller.southbound.openflow.eompls import ETH_TYPE_MPLS
from controller.southbound.openflow.protocol import Malformed

VLAN_PRESENT: Final = 0x1000
MAX_VLAN: Final = 4094
MAX_LABEL: Final = (1 << 20) - 1
MIN_ETH_TYPE: Final = 0x0600
"""What is less is a length (IEEE 802.3, 3.2.6)."""

OPENFLOW_BASIC: Final = 0x8000
IN_PORT: Final = 0
ETH_TYPE: Final = 5
VLAN_VID: Final = 6
MPLS_LABEL: Final = 34
_BYTES: Final = {IN_PORT: 4, ETH_TYPE: 2, VLAN_VID: 2, MPLS_LABEL: 4}
_NAMES: Final = {IN_PORT: "in_port", VLAN_VID: "vlan_vid", MPLS_LABEL: "mpls_label"}

_MATCH: Final = struct.Struct("!HH")
_OXM: Final = struct.Struct("!HBB")
_MATCH_OXM: Final = 1
_UNKNOWN: Final = "field_"
"""How os-ken's name of a field begins that it does not know."""


class NotOurs(Exception):
    """Well-formed, but nothing that a rule of ours says."""


def to_match(match: Match) -> Any:
    """The os-ken match. ``ValueError`` when a value is out of range."""
    fields: dict[str, int] = {}
    if match.in_port is not None:
        fields["in_port"] = in_range(match.in_port, 1, ofp.OFPP_MAX, "port")
    if match.ethertype is not None:
        if match.mpls_label is not None:
            raise ValueError(f"{match} names an ethertype beside the one that its label implies")
        fields["eth_type"] = in_range(match.ethertype, MIN_ETH_TYPE, 0xFFFF, "ethertype")
    if match.vlan is not None:
        fields["vlan_vid"] = VLAN_PRESENT | in_range(match.vlan, 1, MAX_VLAN, "VLAN")
    if match.mpls_label is not None:
        fields["eth_type"] = ETH_TYPE_MPLS
        fields["mpls_label"] = in_range(match.mpls_label, 0, MAX_LABEL, "label")
    return parser.OFPMatch(**fields)


def encode_match(match: Match) -> bytes:
    """An ``ofp_match``, padded to 8 bytes."""
    data = bytearray()
    to_match(match).serialize(data, 0)
    return bytes(data)


def in_range(value: int, least: int, most: int, what: str) -> int:
    """``value``, or ``ValueError``: a number too large for its field must not be cut to another one."""
    if not least <= value <= most:
        raise ValueError(f"{what} {value} is not within {least}..{most}")
    return value


def split_match(data: bytes) -> tuple[bytes, bytes]:
    """Cut ``data`` that begins with an ``ofp_match`` into its OXM fields and what follows the padding."""
    if len(data) < _MATCH.size:
        raise Malformed("match: cut off")
    kind, length = _MATCH.unpack_from(data)
    end = (length + 7) // 8 * 8
    if kind != _MATCH_OXM or length < _MATCH.size or end > len(data):
        raise Malformed(f"match: type {kind}, length {length}, {len(data)} bytes are left")
    return data[_MATCH.size : length], data[end:]


def decode_match(fields: bytes) -> Match:
    """The match that these OXM fields say. ``NotOurs`` when no ``Match`` says it, ``Malformed`` when nothing does."""
    values: dict[int, int] = {}
    for oxm_class, number, masked, value in _fields(fields):
        if oxm_class != OPENFLOW_BASIC or masked or _BYTES.get(number) != len(value) or number in values:
            raise NotOurs(describe_match(fields))
        values[number] = int.from_bytes(value, "big")
    vlan = values.get(VLAN_VID)
    eth_type = values.get(ETH_TYPE)
    label = values.get(MPLS_LABEL)
    if vlan is not None and not vlan & VLAN_PRESENT:
        raise NotOurs(describe_match(fields))
    if label is not None:
        if eth_type not in (None, ETH_TYPE_MPLS):
            raise NotOurs(describe_match(fields))
        eth_type = None  # the label implies it
    return Match(
        in_port=values.get(IN_PORT),
        ethertype=eth_type,
        vlan=None if vlan is None else vlan & ~VLAN_PRESENT,
        mpls_label=label,
    )


def exact_fields(fields: bytes) -> dict[str, int | None]:
    """What any match asks of ``in_port``, ``vlan_vid`` (0: no tag) and ``mpls_label``; ``None``: one of several values,
    by a mask."""
    found: dict[str, int | None] = {}
    for oxm_class, number, masked, value in _fields(fields):
        if oxm_class == OPENFLOW_BASIC and number in _NAMES:
            half = len(value) // 2 if masked else len(value)
            exact, mask = int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
            untagged = number == VLAN_VID and bool(mask & VLAN_PRESENT) and not exact & VLAN_PRESENT
            found[_NAMES[number]] = 0 if untagged else None if masked else exact
    return found


def describe_match(fields: bytes) -> str:
    """Any match in words: ``in_port=1 ipv4_dst=10.0.0.0/255.0.0.0``."""
    words = []
    for oxm_class, number, masked, value in _fields(fields):
        half = len(value) // 2
        exact, mask = (value[:half], value[half:]) if masked else (value, None)
        words.append(_describe_field(oxm_class, number, exact, mask))
    return " ".join(words) if words else "any frame"


def _describe_field(oxm_class: int, number: int, value: bytes, mask: bytes | None) -> str:
    try:
        name, shown = ofp.oxm_to_user(oxm_class << 7 | number, value, mask)
    except Exception:  # os-ken fails in many ways on a value that the field cannot have
        name = _UNKNOWN
    if name.startswith(_UNKNOWN):
        name = f"oxm({oxm_class:#06x},{number})"
        shown = value.hex() if mask is None else (value.hex(), mask.hex())
    return f"{name}={shown}" if mask is None else f"{name}={shown[0]}/{shown[1]}"


def _fields(data: bytes) -> Iterator[tuple[int, int, bool, bytes]]:
    """(class, field, has a mask, value and mask) of each OXM."""
    offset = 0
    while offset < len(data):
        if len(data) - offset < _OXM.size:
            raise Malformed("match: a field is cut off")
        oxm_class, field, length = _OXM.unpack_from(data, offset)
        offset += _OXM.size
        if offset + length > len(data):
            raise Malformed("match: a field is longer than its match")
        yield oxm_class, field >> 1, bool(field & 1), data[offset : offset + length]
        offset += length
