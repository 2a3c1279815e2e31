"""Probe frames, byte by byte: what customers send, each with a mark of its own.

A frame is ``bytes`` from the destination address to the end of the payload, without the frame check sequence, as on
the wire. The mark is a number of 64 bits behind a fixed pattern somewhere in the payload, so that an arrival is matched
to what was sent even when a line has rewritten its VLAN tag, or a faulty one something else.
Checksums are right: nothing on the way has a reason to drop a probe or to "repair" it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

MIN_FRAME: Final = 60
"""Bytes of the shortest Ethernet frame without its frame check sequence (IEEE 802.3, 4.4.2)."""
HEADER: Final = 14
C_TAG: Final = 0x8100
S_TAG: Final = 0x88A8
LLDP_ADDRESS: Final = bytes.fromhex("0180c200000e")
BRIDGE_GROUP_ADDRESS: Final = bytes.fromhex("0180c2000000")

_PATTERN: Final = b"TLprob"
_BROADCAST: Final = b"\xff" * 6
# 198.18.0.0/15 and 2001:2::/48 are set aside for measuring network devices (RFC 2544, RFC 5180): no host answers them.
_IPV4_SOURCE: Final = bytes((198, 18, 0, 1))
_IPV4_TARGET: Final = bytes((198, 19, 0, 1))
_IPV6_SOURCE: Final = bytes.fromhex("20010002000000000000000000000001")
_IPV6_TARGET: Final = bytes.fromhex("20010002000000000001000000000001")
_UDP_DISCARD: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose frame: addresses of six bytes, and its mark."""

    source: bytes
    target: bytes
    mark: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VlanTag:
    """A tag of IEEE 802.1Q; ``tpid`` is 0x8100 (C-tag) or 0x88a8 (S-tag)."""

    vid: int
    pcp: int = 0
    dei: int = 0
    tpid: int = C_TAG

    def pack(self) -> bytes:
        return struct.pack("!HH", self.tpid, self.pcp << 13 | self.dei << 12 | self.vid)


def mark_of(frame: bytes) -> int | None:
    """The mark that a frame carries; ``None``: it is no probe."""
    at = frame.find(_PATTERN) + len(_PATTERN)
    if at < len(_PATTERN) or at + 8 > len(frame):
        return None
    return int.from_bytes(frame[at : at + 8], "big")


def tagged(frame: bytes, *tags: VlanTag) -> bytes:
    """The frame with ``tags`` put in front of its ethertype, the first outermost."""
    return frame[:12] + b"".join(tag.pack() for tag in tags) + frame[12:]


def with_vid(frame: bytes, vid: int) -> bytes:
    """The frame with another VID in its outermost tag; priority, drop eligibility and all else stay."""
    (control,) = struct.unpack_from("!H", frame, HEADER)
    return frame[:HEADER] + struct.pack("!H", control & 0xF000 | vid) + frame[HEADER + 2 :]


def ipv4_udp(identity: Identity, packet_bytes: int = 64) -> bytes:
    """UDP in IPv4; ``packet_bytes`` counts from the IPv4 header (46 makes the shortest frame, the MTU the longest)."""
    payload = _filler(identity.mark, packet_bytes - 28)
    udp = _udp(payload, _IPV4_SOURCE + _IPV4_TARGET + struct.pack("!HH", 17, 8 + len(payload)))
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, packet_bytes, 0, 0x4000, 64, 17, 0, _IPV4_SOURCE, _IPV4_TARGET)
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return _ethernet(identity.target, identity.source, 0x0800, header + udp)


def ipv6_udp(identity: Identity) -> bytes:
    """UDP in IPv6 (RFC 8200: here the UDP checksum is mandatory)."""
    payload = _filler(identity.mark, 32)
    udp = _udp(payload, _IPV6_SOURCE + _IPV6_TARGET + struct.pack("!II", 8 + len(payload), 17))
    header = struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + _IPV6_SOURCE + _IPV6_TARGET
    return _ethernet(identity.target, identity.source, 0x86DD, header + udp)


def arp_request(identity: Identity) -> bytes:
    """A broadcast "who has" (RFC 826) for an address that nobody has; the mark rides in the padding."""
    body = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, identity.source, _IPV4_SOURCE, bytes(6), _IPV4_TARGET)
    return _ethernet(_BROADCAST, identity.source, 0x0806, body + _marked(identity.mark))


def lldp(identity: Identity) -> bytes:
    """The LLDP frame of a customer's switch (IEEE 802.1AB): chassis, port, time to live, and the mark in an
    organisationally specific TLV."""
    chassis = b"\x04" + identity.source
    port = b"\x05probe"
    own = bytes.fromhex("02544c00") + _marked(identity.mark)
    tlvs = b"".join(
        _tlv(kind, value) for kind, value in ((1, chassis), (2, port), (3, b"\x00\x78"), (127, own), (0, b""))
    )
    return _ethernet(LLDP_ADDRESS, identity.source, 0x88CC, tlvs)


def bridge_protocol(identity: Identity) -> bytes:
    """A spanning tree frame of a customer's bridge: IEEE 802.3 with a length, not an ethertype, and an LLC header."""
    configuration = bytes.fromhex("424203") + bytes(35)
    return _ethernet(BRIDGE_GROUP_ADDRESS, identity.source, len(configuration), configuration + _marked(identity.mark))


def unknown_ethertype(identity: Identity) -> bytes:
    """Ethertype 0x88b5, kept free for experiments (IEEE 802): nothing on the way can look inside."""
    return _ethernet(identity.target, identity.source, 0x88B5, _filler(identity.mark, 64))


def mpls(identity: Identity) -> bytes:
    """The customer's own MPLS, two labels deep, which the provider must not take for its own."""
    stack = struct.pack("!II", 1001 << 12 | 64, 1002 << 12 | 1 << 8 | 64)
    return _ethernet(identity.target, identity.source, 0x8847, stack + _filler(identity.mark, 48))


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2))
    total: int = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _ethernet(target: bytes, source: bytes, kind: int, payload: bytes) -> bytes:
    return (target + source + struct.pack("!H", kind) + payload).ljust(MIN_FRAME, b"\0")


def _udp(payload: bytes, pseudo_header: bytes) -> bytes:
    header = struct.pack("!HHHH", _UDP_DISCARD, _UDP_DISCARD, 8 + len(payload), 0)
    # A checksum of zero would mean "none": it is sent as all ones (RFC 768).
    return header[:6] + struct.pack("!H", checksum(pseudo_header + header + payload) or 0xFFFF) + payload


def _tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!H", kind << 9 | len(value)) + value


def _marked(mark: int) -> bytes:
    return _PATTERN + mark.to_bytes(8, "big")


def _filler(mark: int, size: int) -> bytes:
    """``size`` bytes: the mark, then a pattern in which a lost or doubled byte shows."""
    marked = _marked(mark)
    if size < len(marked):
        raise ValueError(f"a payload of {size} bytes has no room for a mark of {len(marked)}")
    return marked + bytes(index % 251 for index in range(size - len(marked)))
