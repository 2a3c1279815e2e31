"""IP packets in Ethernet frames as bytes: what steering looks at, and what it changes.

Layouts: RFC 791 (IPv4), RFC 8200 (IPv6), RFC 2474 (DSCP: the upper six bits of either's second field). Only packets in
untagged frames are looked at, and only whole ones: a header that claims more bytes than there are is none.
"""

from __future__ import annotations

from dataclasses import dataclass

from controller.forwarding.frame import ETHERNET_BYTES, MalformedFrame

ETH_IPV4 = bytes.fromhex("0800")
ETH_IPV6 = bytes.fromhex("86dd")
IPV4_BYTES = 20
IPV6_BYTES = 40
ICMPV6 = 58
_ADDRESSES_BYTES = 12
# Where the fields stand in a frame.
_TTL_AT = ETHERNET_BYTES + 8
_CHECKSUM_AT = ETHERNET_BYTES + 10
_HOP_LIMIT_AT = ETHERNET_BYTES + 7


@dataclass(frozen=True, slots=True)
class Packet:
    """The header of an IP packet; ``version`` is 4 or 6, addresses are numbers."""

    version: int
    source: int
    destination: int
    dscp: int


def packet_in(frame: bytes) -> Packet | None:
    """The packet in an untagged frame, if it is one."""
    kind = frame[12:14]
    if kind == ETH_IPV4:
        return _ipv4(frame[ETHERNET_BYTES:])
    return _ipv6(frame[ETHERNET_BYTES:]) if kind == ETH_IPV6 else None


def lower_hop_limit(frame: bytes) -> bytes | None:
    """TTL or hop limit one less; ``None`` when it was 1 or 0 already. IPv4's checksum is *updated* (RFC 1624), not made
    anew: a packet that was damaged before still shows it. Raises ``MalformedFrame`` when there is no packet."""
    packet = packet_in(frame)
    if packet is None:
        raise MalformedFrame("no IP packet whose hop limit could be lowered")
    at = _TTL_AT if packet.version == 4 else _HOP_LIMIT_AT
    if frame[at] <= 1:
        return None
    lowered = frame[:at] + bytes((frame[at] - 1,)) + frame[at + 1 :]
    if packet.version == 6:
        return lowered
    # TTL is the upper half of its 16-bit word: the word has become less by 0x100. Equation 3 of RFC 1624.
    before = int.from_bytes(frame[at : at + 2], "big")
    checksum = int.from_bytes(frame[_CHECKSUM_AT : _CHECKSUM_AT + 2], "big")
    updated = ~ones_sum((~checksum & 0xFFFF) + (~before & 0xFFFF) + (before - 0x100)) & 0xFFFF
    return lowered[:_CHECKSUM_AT] + updated.to_bytes(2, "big") + lowered[_CHECKSUM_AT + 2 :]


def set_macs(frame: bytes, source: str, destination: str) -> bytes:
    """Write both addresses of the frame, each given as ``02:54:4c:00:00:0a``."""
    return mac_bytes(destination) + mac_bytes(source) + frame[_ADDRESSES_BYTES:]


def mac_bytes(mac: str) -> bytes:
    """The six bytes of an address as text."""
    return bytes.fromhex(mac.replace(":", ""))


def ones_sum(total: int) -> int:
    """A sum of 16-bit words brought to 16 bits in one's complement arithmetic (RFC 1071)."""
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of bytes in which it is 0 itself; 0 of bytes with the right one in them."""
    padded = data + bytes(len(data) % 2)
    words = (int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    return ~ones_sum(sum(words)) & 0xFFFF


def icmpv6_checksum(source: bytes, destination: bytes, message: bytes) -> int:
    """The same over the pseudo-header of RFC 8200, 8.1, and the message."""
    return checksum(source + destination + len(message).to_bytes(4, "big") + bytes((0, 0, 0, ICMPV6)) + message)


def _ipv4(data: bytes) -> Packet | None:
    if len(data) < IPV4_BYTES or data[0] >> 4 != 4:
        return None
    header_bytes, total_bytes = (data[0] & 0xF) * 4, int.from_bytes(data[2:4], "big")
    if not IPV4_BYTES <= header_bytes <= total_bytes <= len(data):
        return None
    source, destination = int.from_bytes(data[12:16], "big"), int.from_bytes(data[16:20], "big")
    return Packet(4, source, destination, data[1] >> 2)


def _ipv6(data: bytes) -> Packet | None:
    if len(data) < IPV6_BYTES or data[0] >> 4 != 6:
        return None
    if IPV6_BYTES + int.from_bytes(data[4:6], "big") > len(data):
        return None
    traffic_class = int.from_bytes(data[0:2], "big") >> 4 & 0xFF
    source, destination = int.from_bytes(data[8:24], "big"), int.from_bytes(data[24:40], "big")
    return Packet(6, source, destination, traffic_class >> 2)
