"""``Match`` <-> OpenFlow extensible match (OXM), both ways."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

from controller.domain.prefixes import ADDRESS_BITS, Prefix
from controller.domain.rules import EchoReply, Match, SourceSlice
from controller.southbound.openflow.eompls import ETH_TYPE_MPLS
from controller.southbound.openflow.protocol import Malformed

VLAN_PRESENT: Final = 0x1000
MAX_VLAN: Final = 4094
MAX_LABEL: Final = (1 << 20) - 1
MAX_TC: Final = 7
MAX_DSCP: Final = 63
MIN_ETH_TYPE: Final = 0x0600
"""What is less is a length (IEEE 802.3, 3.2.6)."""

# Class and destination group travel in the metadata of a packet.
MAX_CLASS: Final = 0xFF
MAX_GROUP: Final = 0xFF_FFFF
CLASS_SHIFT: Final = 24
CLASS_MASK: Final = MAX_CLASS << CLASS_SHIFT
GROUP_MASK: Final = MAX_GROUP

OPENFLOW_BASIC: Final = 0x8000
IN_PORT: Final = 0
METADATA: Final = 2
ETH_DST: Final = 3
ETH_SRC: Final = 4
ETH_TYPE: Final = 5
VLAN_VID: Final = 6
IP_DSCP: Final = 8
IP_PROTO: Final = 10
IPV4_SRC: Final = 11
IPV4_DST: Final = 12
ICMPV4_TYPE: Final = 19
ARP_OP: Final = 21
ARP_TPA: Final = 23
IPV6_SRC: Final = 26
IPV6_DST: Final = 27
ICMPV6_TYPE: Final = 29
ICMPV6_CODE: Final = 30
IPV6_ND_TARGET: Final = 31
MPLS_LABEL: Final = 34
MPLS_TC: Final = 35
_BYTES: Final = {
    IN_PORT: 4,
    METADATA: 8,
    ETH_DST: 6,
    ETH_TYPE: 2,
    VLAN_VID: 2,
    IP_DSCP: 1,
    IP_PROTO: 1,
    IPV4_SRC: 4,
    IPV4_DST: 4,
    ICMPV4_TYPE: 1,
    ARP_OP: 2,
    ARP_TPA: 4,
    IPV6_SRC: 16,
    IPV6_DST: 16,
    ICMPV6_TYPE: 1,
    ICMPV6_CODE: 1,
    IPV6_ND_TARGET: 16,
    MPLS_LABEL: 4,
}
"""The fields that matches of ours ask for, and how long they are."""
_MASKED: Final = frozenset((METADATA, IPV4_SRC, IPV4_DST, IPV6_SRC, IPV6_DST))
_DST: Final = {4: IPV4_DST, 6: IPV6_DST}
_SRC: Final = {4: IPV4_SRC, 6: IPV6_SRC}
IP_ETH_TYPE: Final = {4: 0x0800, 6: 0x86DD}
_ADDRESS_TEXT: Final[dict[int, Callable[[int], str]]] = {
    4: lambda bits: str(IPv4Address(bits)),
    6: lambda bits: str(IPv6Address(bits)),
}
_VERSIONS: Final = {eth_type: version for version, eth_type in IP_ETH_TYPE.items()}
_ARP_ETH_TYPE: Final = 0x0806
_ARP_REQUEST: Final = 1
_ICMPV6: Final = 58
_NEIGHBOUR_SOLICITATION: Final = 135
_ECHO_REPLY: Final = {4: (IP_PROTO, 1, ICMPV4_TYPE, 0), 6: (IP_PROTO, _ICMPV6, ICMPV6_TYPE, 129)}
"""By IP version: two fields, each with the value that it has."""
UNTAGGED: Final = 0
"""``vlan_vid`` of a frame without a tag: a match on an IP packet asks for it, as the ethertype alone would be found
behind tags, too."""

_MATCH: Final = struct.Struct("!HH")
_OXM: Final = struct.Struct("!HBB")
_MATCH_OXM: Final = 1


class NotOurs(Exception):
    """Well-formed, but nothing that a rule of ours says."""


def to_match(match: Match) -> Any:
    """The os-ken match. ``ValueError`` when a value is out of range, or one stands beside another that it cannot."""
    fields: dict[str, Any] = {}
    if match.in_port is not None:
        fields["in_port"] = in_range(match.in_port, 1, ofp.OFPP_MAX, "port")
    if match.eth_dst is not None:
        fields["eth_dst"] = mac_text(match.eth_dst)
    if match.ethertype is not None:
        if match.mpls_label is not None:
            raise ValueError(f"{match} names an ethertype beside the one that its label implies")
        fields["eth_type"] = in_range(match.ethertype, MIN_ETH_TYPE, 0xFFFF, "ethertype")
    if match.vlan is not None:
        fields["vlan_vid"] = VLAN_PRESENT | in_range(match.vlan, 1, MAX_VLAN, "VLAN")
    if match.mpls_label is not None:
        fields["eth_type"] = ETH_TYPE_MPLS
        fields["mpls_label"] = in_range(match.mpls_label, 0, MAX_LABEL, "label")
    if match.traffic_class is not None or match.group is not None:
        fields["metadata"] = noted(match)
    return parser.OFPMatch(**fields, **_packet_fields(match))


def _packet_fields(match: Match) -> dict[str, Any]:
    """What the match asks of an ARP request, a neighbour solicitation or an IP packet, in an untagged frame."""
    asked_of = (match.ip_dst, match.arp_target, match.nd_target, match.echo_reply)
    kinds = sum(asked is not None for asked in asked_of)
    if kinds and (match.ethertype, match.mpls_label, match.vlan) != (None, None, None):
        raise ValueError(f"{match} asks of IP in an untagged frame, and for another frame beside it")
    if kinds > 1:
        raise ValueError(f"{match} asks for several kinds of packet")
    if match.ip_dst is None and (match.dscp is not None or match.source is not None):
        raise ValueError(f"{match} does not say the version of IP")
    if match.arp_target is not None:
        return {
            "eth_type": _ARP_ETH_TYPE,
            "vlan_vid": UNTAGGED,
            "arp_op": _ARP_REQUEST,
            "arp_tpa": address_text(match.arp_target, IPv4Address),
        }
    if match.nd_target is not None:
        return {
            "eth_type": IP_ETH_TYPE[6],
            "vlan_vid": UNTAGGED,
            "ip_proto": _ICMPV6,
            "icmpv6_type": _NEIGHBOUR_SOLICITATION,
            "icmpv6_code": 0,
            "ipv6_nd_target": address_text(match.nd_target, IPv6Address),
        }
    if match.echo_reply is not None:
        return _echo_fields(match.echo_reply)
    return {} if match.ip_dst is None else _ip_fields(match, match.ip_dst)


def _echo_fields(reply: EchoReply) -> dict[str, Any]:
    kind = echo_version(reply)
    name = f"ipv{kind}"
    _, protocol, _, icmp_type = _ECHO_REPLY[kind]
    return {
        "eth_type": IP_ETH_TYPE[kind],
        "vlan_vid": UNTAGGED,
        "ip_proto": protocol,
        f"{name}_src": reply.source,
        f"{name}_dst": reply.destination,
        f"icmpv{kind}_type": icmp_type,
    }


def echo_version(reply: EchoReply) -> int:
    """The IP version of both addresses. ``ValueError`` when there is none, or one is not in its shortest form."""
    version = ip_address(reply.source).version
    for address in reply:
        address_text(address, IPv4Address if version == 4 else IPv6Address)
    return version


def _ip_fields(match: Match, prefix: Prefix) -> dict[str, Any]:
    name, mask, written = f"ipv{prefix.version}", checked_mask(prefix), _ADDRESS_TEXT[prefix.version]
    fields: dict[str, Any] = {"eth_type": IP_ETH_TYPE[prefix.version], "vlan_vid": UNTAGGED}
    if prefix.length == ADDRESS_BITS[prefix.version]:
        fields[f"{name}_dst"] = written(prefix.bits)
    elif prefix.length:
        fields[f"{name}_dst"] = (written(prefix.bits), written(mask))
    if match.dscp is not None:
        fields["ip_dscp"] = in_range(match.dscp, 0, MAX_DSCP, "DSCP")
    if isinstance(match.source, Prefix):
        source = checked_source(match.source, prefix.version)
        whole = source.length == ADDRESS_BITS[source.version]
        fields[f"{name}_src"] = written(source.bits) if whole else (written(source.bits), written(source.mask))
    elif match.source is not None:
        value, last_bits = checked_slice(match.source)
        fields[f"{name}_src"] = (written(value), written(last_bits))
    return fields


def checked_mask(prefix: Prefix) -> int:
    """The mask of a prefix. ``ValueError`` when there is no such prefix, or it has host bits."""
    if prefix.version not in ADDRESS_BITS:
        raise ValueError(f"there is no IP version {prefix.version}")
    in_range(prefix.length, 0, ADDRESS_BITS[prefix.version], "prefix length")
    mask = prefix.mask
    if prefix.bits & ~mask:
        raise ValueError(f"{prefix.bits:#x}/{prefix.length} is no prefix")
    return mask


def checked_source(source: Prefix, version: int) -> Prefix:
    """``ValueError`` when it is no prefix, of another version of IP, or of no length: any source is asked for by
    naming none."""
    checked_mask(source)
    if source.version != version or not source.length:
        raise ValueError(f"{source} is nothing to ask of the source of an IPv{version} packet")
    return source


def checked_slice(source: SourceSlice) -> tuple[int, int]:
    """(value, mask) of the last bits of an address. At most as many as an IPv4 address has less one: an address as a
    whole is no slice."""
    mask = (1 << in_range(source.width, 1, ADDRESS_BITS[4] - 1, "width of a slice")) - 1
    return in_range(source.value, 0, mask, "slice"), mask


def noted(match: Match) -> tuple[int, int]:
    """(value, mask) of the metadata that a match asks for; the mask is 0 when it asks for none."""
    value = mask = 0
    if match.traffic_class is not None:
        value, mask = in_range(match.traffic_class, 0, MAX_CLASS, "class") << CLASS_SHIFT, CLASS_MASK
    if match.group is not None:
        value, mask = value | in_range(match.group, 0, MAX_GROUP, "destination group"), mask | GROUP_MASK
    return value, mask


def mac_text(mac: str) -> str:
    """``mac``, or ``ValueError`` if it is not written as ``02:54:4c:00:00:0a``: another spelling would not be read
    back as it was sent."""
    if mac_of(mac_number(mac)) != mac:
        raise ValueError(f"{mac!r} is no MAC address as 02:54:4c:00:00:0a")
    return mac


def mac_number(mac: str) -> int:
    return int(mac.replace(":", ""), 16)


def mac_of(number: int) -> str:
    return number.to_bytes(6, "big").hex(":")


def address_text(address: str, kind: type[IPv4Address | IPv6Address]) -> str:
    if str(kind(address)) != address:
        raise ValueError(f"{address!r} is not the shortest way to write {kind(address)}")
    return address


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
    exact: dict[int, int] = {}
    masked: dict[int, tuple[int, int]] = {}
    for oxm_class, number, has_mask, value in cut_fields(fields):
        size = _BYTES.get(number)
        if oxm_class != OPENFLOW_BASIC or size is None or number in exact or number in masked:
            raise NotOurs
        if has_mask and number in _MASKED and len(value) == 2 * size:
            masked[number] = (int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big"))
        elif not has_mask and len(value) == size:
            exact[number] = int.from_bytes(value, "big")
        else:
            raise NotOurs
    match = _read_match(exact, masked)
    if match is None or exact or masked:
        raise NotOurs
    return match


def _read_match(exact: dict[int, int], masked: dict[int, tuple[int, int]]) -> Match | None:
    """The match, if one of ours asks for these; what it asks for is taken out of the two."""
    asked: dict[str, Any] = {"in_port": exact.pop(IN_PORT, None)}
    eth_type = exact.pop(ETH_TYPE, None)
    if (vlan := exact.pop(VLAN_VID, None)) == UNTAGGED:
        packet = _read_packet(eth_type, exact, masked)
        if packet is None:
            return None
        asked |= packet
    elif vlan is not None and not vlan & VLAN_PRESENT:
        return None
    else:
        asked["vlan"] = None if vlan is None else vlan & ~VLAN_PRESENT
        asked["mpls_label"] = exact.pop(MPLS_LABEL, None)
        if asked["mpls_label"] is None:
            asked["ethertype"] = eth_type
        elif eth_type not in (None, ETH_TYPE_MPLS):  # the label implies it
            return None
    if ETH_DST in exact:
        asked["eth_dst"] = mac_of(exact.pop(ETH_DST))
    if METADATA in masked:
        metadata = _read_noted(*masked.pop(METADATA))
        if metadata is None:
            return None
        asked |= metadata
    return Match(**asked)


def _read_packet(
    eth_type: int | None, exact: dict[int, int], masked: dict[int, tuple[int, int]]
) -> dict[str, Any] | None:
    """What is asked of an ARP request, a neighbour solicitation or an IP packet, if it is what a match of ours asks."""
    if eth_type == _ARP_ETH_TYPE:
        if exact.pop(ARP_OP, None) != _ARP_REQUEST or ARP_TPA not in exact:
            return None
        return {"arp_target": str(IPv4Address(exact.pop(ARP_TPA)))}
    version = _VERSIONS.get(-1 if eth_type is None else eth_type)
    if version is None:
        return None
    if IPV6_ND_TARGET in exact:
        solicitation = (exact.pop(IP_PROTO, None), exact.pop(ICMPV6_TYPE, None), exact.pop(ICMPV6_CODE, None))
        if version != 6 or solicitation != (_ICMPV6, _NEIGHBOUR_SOLICITATION, 0):
            return None
        return {"nd_target": str(IPv6Address(exact.pop(IPV6_ND_TARGET)))}
    if _ECHO_REPLY[version][2] in exact:
        return _read_echo_reply(version, exact)
    prefix = _read_prefix(_DST[version], version, exact, masked)
    if prefix is None:
        return None
    source: SourceSlice | Prefix | None = _read_slice(masked.get(_SRC[version]))
    if source is not None:
        del masked[_SRC[version]]
    elif _SRC[version] in exact or _SRC[version] in masked:
        source = _read_prefix(_SRC[version], version, exact, masked)
        if source is None:
            return None
    return {"ip_dst": prefix, "dscp": exact.pop(IP_DSCP, None), "source": source}


def _read_echo_reply(version: int, exact: dict[int, int]) -> dict[str, Any] | None:
    protocol_field, protocol, type_field, icmp_type = _ECHO_REPLY[version]
    if (exact.pop(protocol_field, None), exact.pop(type_field)) != (protocol, icmp_type):
        return None
    ends = [exact.pop(field[version], None) for field in (_SRC, _DST)]
    if None in ends:
        return None
    return {"echo_reply": EchoReply(*(_ADDRESS_TEXT[version](end) for end in ends if end is not None))}


def _read_prefix(field: int, version: int, exact: dict[int, int], masked: dict[int, tuple[int, int]]) -> Prefix | None:
    width = ADDRESS_BITS[version]
    if field in exact:
        return Prefix(version, exact.pop(field), width)
    if field not in masked:
        return Prefix(version, 0, 0)
    value, mask = masked.pop(field)
    prefix = Prefix(version, value, mask.bit_count())
    return prefix if 0 < prefix.length < width and prefix.mask == mask and not value & ~mask else None


def _read_slice(source: tuple[int, int] | None) -> SourceSlice | None:
    """``None``: it asks for nothing, or not for the last bits."""
    if source is None:
        return None
    value, mask = source
    last_bits = not mask & mask + 1 and 0 < mask.bit_count() < ADDRESS_BITS[4] and not value & ~mask
    return SourceSlice(value, mask.bit_count()) if last_bits else None


def _read_noted(value: int, mask: int) -> dict[str, int] | None:
    if mask not in (CLASS_MASK, GROUP_MASK, CLASS_MASK | GROUP_MASK) or value & ~mask:
        return None
    found = {}
    if mask & CLASS_MASK:
        found["traffic_class"] = value >> CLASS_SHIFT
    if mask & GROUP_MASK:
        found["group"] = value & GROUP_MASK
    return found


def cut_fields(data: bytes) -> Iterator[tuple[int, int, bool, bytes]]:
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
