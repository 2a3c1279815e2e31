"""The UDP packets that measure what leaves by gateways: which stream, which in the stream, when it was sent."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

PORT: Final = 9
"""Where they are sent to: the discard service (RFC 863)."""

_MARK: Final = struct.Struct("!4sIIIq")
_MAGIC: Final = b"TLEG"
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_ETHERNET_BYTES: Final = 14
_UDP, _UDP_BYTES = 17, 8
_HEADER_BYTES: Final = {4: 20 + _UDP_BYTES, 6: 40 + _UDP_BYTES}

LEAST_BYTES: Final = 40 + _UDP_BYTES + _MARK.size
"""Of a packet of either version."""


class Datagram(NamedTuple):
    """One that arrived. ``sent_ns``: nanoseconds since the epoch; ``ttl``: what is left of TTL or hop limit; ``dscp``:
    as it came in."""

    run: int
    stream: int
    number: int
    sent_ns: int
    ttl: int
    dscp: int
    source: str
    destination: str


def payload(run: int, stream: int, number: int, sent_ns: int, packet_bytes: int, version: int) -> bytes:
    """What makes, in UDP, an IP packet of ``packet_bytes``."""
    mark = _MARK.pack(_MAGIC, run, stream, number, sent_ns)
    return mark.ljust(packet_bytes - _HEADER_BYTES[version], b"\0")


def datagram_in(frame: bytes) -> Datagram | None:
    """The measuring packet in an untagged frame; ``None`` when it is anything else."""
    ethertype = frame[12:_ETHERNET_BYTES]
    packet = frame[_ETHERNET_BYTES:]
    if ethertype == _IPV4 and len(packet) >= 20 and packet[9] == _UDP:
        inner = packet[(packet[0] & 0x0F) * 4 + _UDP_BYTES :]
        ttl, traffic_class = packet[8], packet[1]
        source, destination = str(IPv4Address(packet[12:16])), str(IPv4Address(packet[16:20]))
    elif ethertype == _IPV6 and len(packet) >= 40 and packet[6] == _UDP:
        inner = packet[40 + _UDP_BYTES :]
        ttl, traffic_class = packet[7], int.from_bytes(packet[:2], "big") >> 4 & 0xFF
        source, destination = str(IPv6Address(packet[8:24])), str(IPv6Address(packet[24:40]))
    else:
        return None
    if len(inner) < _MARK.size or inner[:4] != _MAGIC:
        return None
    _, run, stream, number, sent_ns = _MARK.unpack_from(inner)
    return Datagram(run, stream, number, sent_ns, ttl, traffic_class >> 2, source, destination)
