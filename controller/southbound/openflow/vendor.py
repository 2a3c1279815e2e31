"""Actions that OpenFlow 1.3 itself does not have and Open vSwitch does: Nicira's, and fields of its own to write."""

from __future__ import annotations

import struct
from typing import Any, Final

from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

NICIRA: Final = 0x2320
"""Vendor number of the actions below."""
NXAST_MOVE: Final = 6
NXAST_ENCAP: Final = 46
NXAST_DECAP: Final = 47
NXAST_CHECK_PACKET_LARGER: Final = 49

# Fields by their NXM headers, which Open vSwitch reports for ``move`` whatever it was sent: class, field << 1, bytes.
ETH_DST: Final = 0x0000_0206
ETH_SRC: Final = 0x0000_0406
ARP_SPA: Final = 0x0000_2004
ARP_TPA: Final = 0x0000_2204
ARP_SHA: Final = 0x0001_2206
ARP_THA: Final = 0x0001_2406
REGISTER_0: Final = 0x0001_0004
IPV6_SRC: Final = 0x0001_2610
IPV6_DST: Final = 0x0001_2810
ND_TARGET: Final = 0x0001_2E10
# And two of Ericsson's (Open vSwitch 2.11 and later).
ND_RESERVED: Final = 0x1000_0204
ND_OPTIONS_TYPE: Final = 0x1000_0401

_ENCAP: Final = struct.Struct("!HHI")
"""subtype, header size (0: the default), packet type; properties follow"""
_MOVE: Final = struct.Struct("!HHHHII")
"""subtype, bits, first bit of the source, of the destination, source, destination"""
_CHECK_PACKET_LARGER: Final = struct.Struct("!HHHI6x")
"""subtype, bytes, first bit of the destination, destination"""
_SET_FIELD: Final = struct.Struct("!HHI")


class _SetField(parser.OFPAction):  # type: ignore[misc]
    """``set_field`` of a field that os-ken does not know, in bytes."""

    cls_action_type = ofp.OFPAT_SET_FIELD
    cls_action_len = 16

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data
        self.len = len(data)

    def serialize(self, buffer: bytearray, offset: int) -> None:
        buffer[offset : offset + self.len] = self.data


def encap(packet_type: int, properties: bytes = b"") -> Any:
    return _vendor_action(_ENCAP.pack(NXAST_ENCAP, 0, packet_type) + properties)


def decap(packet_type: int) -> Any:
    return _vendor_action(_ENCAP.pack(NXAST_DECAP, 0, packet_type))


def move(source: int, destination: int) -> Any:
    """Copy one field into another of the same width."""
    return _vendor_action(_MOVE.pack(NXAST_MOVE, (source & 0xFF) * 8, 0, 0, source, destination))


def check_packet_larger(size: int, register: int) -> Any:
    """Note in the lowest bit of a register whether the packet is larger than ``size`` bytes."""
    return _vendor_action(_CHECK_PACKET_LARGER.pack(NXAST_CHECK_PACKET_LARGER, size, 0, register))


def set_vendor_field(field: int, value: int) -> Any:
    """``set_field`` of a field that os-ken does not know."""
    body = value.to_bytes(field & 0xFF, "big")
    length = (_SET_FIELD.size + len(body) + 7) // 8 * 8
    return _SetField((_SET_FIELD.pack(ofp.OFPAT_SET_FIELD, length, field) + body).ljust(length, b"\0"))


def _vendor_action(body: bytes) -> Any:
    return parser.OFPActionExperimenterUnknown(NICIRA, body)
