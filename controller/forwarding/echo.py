"""Pings as Ethernet frames: ICMP echo (RFC 792) and ICMPv6 echo (RFC 4443, 4), untagged.

Read is what a plain host sends: a fragment, an extension header, a wrong checksum of the message or one byte too few is
no echo. Ethernet pads short frames, so what follows the packet is passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from controller.forwarding.frame import ETHERNET_BYTES
from controller.forwarding.packet import (
    ETH_IPV4,
    ETH_IPV6,
    ICMPV6,
    IPV4_BYTES,
    IPV6_BYTES,
    checksum,
    icmpv6_checksum,
    mac_bytes,
    packet_in,
)

HOP_LIMIT: Final = 64
_ICMP: Final = struct.Struct("!BBHHH")
"""type, code, checksum, identifier, sequence"""
_IPV4: Final = struct.Struct("!BBHHHBBH4s4s")
_IPV6: Final = struct.Struct("!IHBB16s16s")
_FRAGMENT: Final = 0x3FFF
"""More fragments follow, or this is not the first one."""


class _Kind(NamedTuple):
    """An IP version: its protocol number for ICMP, and the types of request and reply."""

    protocol: int
    request: int
    reply: int


_KINDS: Final = {4: _Kind(protocol=1, request=8, reply=0), 6: _Kind(protocol=ICMPV6, request=128, reply=129)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """A request or the reply to one, which says the same the other way round. Addresses are text in their shortest
    form, both of one IP version; ``identifier`` and ``sequence`` have 16 bits."""

    source: str
    destination: str
    identifier: int
    sequence: int
    payload: bytes


def request_frame(echo: Echo, source_mac: str, destination_mac: str) -> bytes:
    """The frame that asks for an answer."""
    return _frame(echo, _KINDS[ip_address(echo.source).version].request, mac_bytes(source_mac), destination_mac)


def read_request(frame: bytes) -> Echo | None:
    return _read(frame, lambda kind: kind.request)


def read_reply(frame: bytes) -> Echo | None:
    return _read(frame, lambda kind: kind.reply)


def reply_frame(request: bytes) -> bytes | None:
    """What a host answers to a frame that is an echo request, to whom it came from; ``None`` if it is none."""
    echo = read_request(request)
    if echo is None:
        return None
    answer = Echo(
        source=echo.destination,
        destination=echo.source,
        identifier=echo.identifier,
        sequence=echo.sequence,
        payload=echo.payload,
    )
    return _frame(answer, _KINDS[ip_address(echo.source).version].reply, request[:6], request[6:12].hex(":"))


def reply_addresses(frame: bytes) -> bytes | None:
    """Source and destination of an echo reply, one after the other: what a match of a switch sees. A switch checks no
    checksum."""
    found = _icmp(frame)
    if found is None or found.message[0] != found.kind.reply:
        return None
    return found.source + found.destination


class _Icmp(NamedTuple):
    kind: _Kind
    source: bytes
    destination: bytes
    message: bytes


def _icmp(frame: bytes) -> _Icmp | None:
    """The ICMP message in a frame, at least its first byte, and nothing behind it."""
    packet = packet_in(frame)
    if packet is None:
        return None
    kind, header = _KINDS[packet.version], frame[ETHERNET_BYTES:]
    if packet.version == 4:
        protocol, begin, end = header[9], (header[0] & 0xF) * 4, int.from_bytes(header[2:4], "big")
        source, destination = header[12:16], header[16:20]
        if int.from_bytes(header[6:8], "big") & _FRAGMENT:
            return None
    else:
        protocol, begin, end = header[6], IPV6_BYTES, IPV6_BYTES + int.from_bytes(header[4:6], "big")
        source, destination = header[8:24], header[24:40]
    if protocol != kind.protocol or begin == end:
        return None
    return _Icmp(kind, source, destination, header[begin:end])


def _read(frame: bytes, wanted: Callable[[_Kind], int]) -> Echo | None:
    found = _icmp(frame)
    if found is None or len(found.message) < _ICMP.size:
        return None
    what, code, _, identifier, sequence = _ICMP.unpack_from(found.message)
    if (what, code) != (wanted(found.kind), 0) or _checksum(found.source, found.destination, found.message):
        return None
    return Echo(
        source=str(ip_address(found.source)),
        destination=str(ip_address(found.destination)),
        identifier=identifier,
        sequence=sequence,
        payload=found.message[_ICMP.size :],
    )


def _frame(echo: Echo, what: int, source_mac: bytes, destination_mac: str) -> bytes:
    source, destination = ip_address(echo.source), ip_address(echo.destination)
    blank = _ICMP.pack(what, 0, 0, echo.identifier, echo.sequence) + echo.payload
    message = blank[:2] + _checksum(source.packed, destination.packed, blank).to_bytes(2, "big") + blank[4:]
    if isinstance(source, IPv4Address):
        header = _ipv4_header(source, destination.packed, len(message))
        return mac_bytes(destination_mac) + source_mac + ETH_IPV4 + header + message
    header = _ipv6_header(source, destination.packed, len(message))
    return mac_bytes(destination_mac) + source_mac + ETH_IPV6 + header + message


def _checksum(source: bytes, destination: bytes, message: bytes) -> int:
    """Of a message; 0 if it has the right one already."""
    return checksum(message) if len(source) == 4 else icmpv6_checksum(source, destination, message)


def _ipv4_header(source: IPv4Address, destination: bytes, message_bytes: int) -> bytes:
    """Not to be fragmented: then the identification may be 0 (RFC 6864)."""
    fields = (0x45, 0, IPV4_BYTES + message_bytes, 0, 0x4000, HOP_LIMIT, _KINDS[4].protocol)
    blank = _IPV4.pack(*fields, 0, source.packed, destination)
    return _IPV4.pack(*fields, checksum(blank), source.packed, destination)


def _ipv6_header(source: IPv6Address, destination: bytes, message_bytes: int) -> bytes:
    return _IPV6.pack(6 << 28, message_bytes, _KINDS[6].protocol, HOP_LIMIT, source.packed, destination)
