"""Matches in words, and what of the network they ask for: of rules of ours and of others."""

from __future__ import annotations

from typing import Final

from os_ken.ofproto import ofproto_v1_3 as ofp

from controller.southbound.openflow.oxm import (
    IN_PORT,
    MPLS_LABEL,
    OPENFLOW_BASIC,
    VLAN_PRESENT,
    VLAN_VID,
    cut_fields,
)

_NAMES: Final = {IN_PORT: "in_port", VLAN_VID: "vlan_vid", MPLS_LABEL: "mpls_label"}
_UNKNOWN: Final = "field_"
"""How os-ken's name of a field begins that it does not know."""


def exact_fields(fields: bytes) -> dict[str, int | None]:
    """What any match asks of ``in_port``, ``vlan_vid`` (0: no tag) and ``mpls_label``; ``None``: one of several values,
    by a mask."""
    found: dict[str, int | None] = {}
    for oxm_class, number, masked, value in cut_fields(fields):
        if oxm_class == OPENFLOW_BASIC and number in _NAMES:
            half = len(value) // 2 if masked else len(value)
            exact, mask = int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
            untagged = number == VLAN_VID and bool(mask & VLAN_PRESENT) and not exact & VLAN_PRESENT
            found[_NAMES[number]] = 0 if untagged else None if masked else exact
    return found


def describe_match(fields: bytes) -> str:
    """Any match in words: ``in_port=1 ipv4_dst=10.0.0.0/255.0.0.0``."""
    words = []
    for oxm_class, number, masked, value in cut_fields(fields):
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
