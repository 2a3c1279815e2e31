"""The match fields of flow-mods in bulk: where in a message each stands, and what of a rule goes there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, NamedTuple

from os_ken.ofproto import ofproto_v1_3 as ofp

from controller.domain.prefixes import ADDRESS_BITS, ANY_IPV4, ANY_IPV6, Prefix
from controller.domain.rules import EchoReply, Match, SourceSlice
from controller.southbound.openflow.oxm import (
    MAX_DSCP,
    MAX_LABEL,
    MAX_VLAN,
    MIN_ETH_TYPE,
    VLAN_PRESENT,
    address_text,
    checked_mask,
    checked_slice,
    checked_source,
    echo_version,
    in_range,
    mac_number,
    mac_text,
    noted,
)


class Field(NamedTuple):
    """Its size on the wire, the bytes before it, how to read it from a match (``ValueError`` when it does not fit), and
    what a match with a mark in its place asks for."""

    code: str
    before: bytes
    read: Callable[[Any], Any]
    marked: Mapping[str, Any]


def _prefix(match: Any) -> bytes:
    return _prefix_bytes(match.ip_dst)


def _source_prefix(match: Any) -> bytes:
    return _prefix_bytes(checked_source(match.source, match.ip_dst.version))


def _prefix_bytes(prefix: Prefix) -> bytes:
    """Network and mask. A prefix of length 0 has neither, an address no mask."""
    mask, width = checked_mask(prefix), ADDRESS_BITS[prefix.version]
    if not prefix.length:
        return b""
    if prefix.length == width:
        return prefix.bits.to_bytes(width // 8, "big")
    return (prefix.bits << width | mask).to_bytes(width // 4, "big")


def _slice(width: int) -> Callable[[Any], bytes]:
    def read(match: Any) -> bytes:
        value, mask = checked_slice(match.source)
        return (value << width | mask).to_bytes(width // 4, "big")

    return read


def _echo_reply(between: bytes) -> Callable[[Any], bytes]:
    """Source and destination stand side by side, but for the head of the latter's field."""

    def read(match: Any) -> bytes:
        echo_version(match.echo_reply)
        return between.join(ip_address(address).packed for address in match.echo_reply)

    return read


def _noted(match: Any) -> int:
    return noted(match)[0]


_MARKED_IPV6: Final = 0xE0E1_E2E3_E4E5_E6E7_E8E9_EAEB_ECED_EEEF

FIELDS: Final = {
    "in_port": Field(
        "I",
        bytes.fromhex("80000004"),
        lambda match: in_range(match.in_port, 1, ofp.OFPP_MAX, "port"),
        {"in_port": 0xE0E1_E2E3},
    ),
    "ethertype": Field(
        "H",
        bytes.fromhex("80000a02"),
        lambda match: in_range(match.ethertype, MIN_ETH_TYPE, 0xFFFF, "ethertype"),
        {"ethertype": 0xE4E5},
    ),
    "vlan": Field(
        "H",
        bytes.fromhex("80000c02"),
        lambda match: VLAN_PRESENT | in_range(match.vlan, 1, MAX_VLAN, "VLAN"),
        {"vlan": 0xEE0},
    ),
    "mpls_label": Field(
        "I",
        bytes.fromhex("80004404"),
        lambda match: in_range(match.mpls_label, 0, MAX_LABEL, "label"),
        {"mpls_label": 0xE_E0E1},
    ),
    "eth_dst": Field(
        "6s",
        bytes.fromhex("80000606"),
        lambda match: mac_number(mac_text(match.eth_dst)).to_bytes(6, "big"),
        {"eth_dst": "e0:e1:e2:e3:e4:e5"},
    ),
    # Any address of a version: the message has nothing of it but the ethertype.
    "any IPv4": Field("0s", bytes.fromhex("80000a020800"), _prefix, {"ip_dst": ANY_IPV4}),
    "any IPv6": Field("0s", bytes.fromhex("80000a0286dd"), _prefix, {"ip_dst": ANY_IPV6}),
    "IPv4 prefix": Field("8s", bytes.fromhex("80001908"), _prefix, {"ip_dst": Prefix(4, 0xE0E1_E200, 24)}),
    "IPv6 prefix": Field("32s", bytes.fromhex("80003720"), _prefix, {"ip_dst": Prefix(6, _MARKED_IPV6 - 0xEF, 120)}),
    "IPv4 address": Field("4s", bytes.fromhex("80001804"), _prefix, {"ip_dst": Prefix(4, 0xE0E1_E2E3, 32)}),
    "IPv6 address": Field("16s", bytes.fromhex("80003610"), _prefix, {"ip_dst": Prefix(6, _MARKED_IPV6, 128)}),
    "dscp": Field(
        "B", bytes.fromhex("80001001"), lambda match: in_range(match.dscp, 0, MAX_DSCP, "DSCP"), {"dscp": 0x2A}
    ),
    "IPv4 source": Field("8s", bytes.fromhex("80001708"), _slice(32), {"source": SourceSlice(0xE, 5)}),
    "IPv6 source": Field("32s", bytes.fromhex("80003520"), _slice(128), {"source": SourceSlice(0xE, 5)}),
    "IPv4 source prefix": Field(
        "8s", bytes.fromhex("80001708"), _source_prefix, {"source": Prefix(4, 0xE0E1_E200, 24)}
    ),
    "IPv6 source prefix": Field(
        "32s", bytes.fromhex("80003520"), _source_prefix, {"source": Prefix(6, _MARKED_IPV6 - 0xEF, 120)}
    ),
    "IPv4 source address": Field(
        "4s", bytes.fromhex("80001604"), _source_prefix, {"source": Prefix(4, 0xE0E1_E2E3, 32)}
    ),
    "IPv6 source address": Field(
        "16s", bytes.fromhex("80003410"), _source_prefix, {"source": Prefix(6, _MARKED_IPV6, 128)}
    ),
    "arp_target": Field(
        "4s",
        bytes.fromhex("80002e04"),
        lambda match: IPv4Address(address_text(match.arp_target, IPv4Address)).packed,
        {"arp_target": str(IPv4Address(0xE0E1_E2E3))},
    ),
    "nd_target": Field(
        "16s",
        bytes.fromhex("80003e10"),
        lambda match: IPv6Address(address_text(match.nd_target, IPv6Address)).packed,
        {"nd_target": str(IPv6Address(_MARKED_IPV6))},
    ),
    "IPv4 echo reply": Field(
        "12s",
        bytes.fromhex("80001604"),
        _echo_reply(bytes.fromhex("80001804")),
        {"echo_reply": EchoReply(str(IPv4Address(0xE0E1_E2E3)), str(IPv4Address(0xE4E5_E6E7)))},
    ),
    "IPv6 echo reply": Field(
        "36s",
        bytes.fromhex("80003410"),
        _echo_reply(bytes.fromhex("80003610")),
        {"echo_reply": EchoReply(str(IPv6Address(_MARKED_IPV6)), str(IPv6Address(_MARKED_IPV6 - 1)))},
    ),
    "class": Field("Q", bytes.fromhex("80000510"), _noted, {"traffic_class": 0xE0}),
    "group": Field("Q", bytes.fromhex("80000510"), _noted, {"group": 0xE0_E1E2}),
    "class and group": Field("Q", bytes.fromhex("80000510"), _noted, {"traffic_class": 0xE0, "group": 0xE1_E2E3}),
}


def fields_of(match: Match) -> tuple[str, ...]:
    """The fields that a match asks for; matches with the same ones differ in numbers only."""
    names: tuple[str, ...] = ()
    if match.ip_dst is not None:
        names = (_FORMS[match.ip_dst.version == 6][_form(match.ip_dst)],)
    if match.in_port is not None:
        names += ("in_port",)
    if match.ethertype is not None:
        names += ("ethertype",)
    if match.vlan is not None:
        names += ("vlan",)
    if match.mpls_label is not None:
        names += ("mpls_label",)
    if match.eth_dst is not None:
        names += ("eth_dst",)
    if match.dscp is not None:
        names += ("dscp",)
    if match.source is not None:
        of_ipv6 = match.ip_dst is not None and match.ip_dst.version == 6
        names += (_SOURCES[of_ipv6][max(1, _form(match.source)) if isinstance(match.source, Prefix) else 0],)
    if match.arp_target is not None:
        names += ("arp_target",)
    if match.nd_target is not None:
        names += ("nd_target",)
    if match.echo_reply is not None:
        names += (_ECHO_REPLIES[":" in match.echo_reply.source],)
    if match.group is not None:
        names += ("group" if match.traffic_class is None else "class and group",)
    elif match.traffic_class is not None:
        names += ("class",)
    return names


_FORMS: Final = (("any IPv4", "IPv4 prefix", "IPv4 address"), ("any IPv6", "IPv6 prefix", "IPv6 address"))
_ECHO_REPLIES: Final = ("IPv4 echo reply", "IPv6 echo reply")
_SOURCES: Final = (
    ("IPv4 source", "IPv4 source prefix", "IPv4 source address"),
    ("IPv6 source", "IPv6 source prefix", "IPv6 source address"),
)


def _form(prefix: Prefix) -> int:
    """Any address, those of a network, or one."""
    return 0 if not prefix.length else 2 if prefix.length == ADDRESS_BITS.get(prefix.version) else 1
