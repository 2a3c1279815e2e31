"""There and back: echo requests of a host (ICMP, RFC 792 and RFC 4443), and how long their answers take."""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import count
from typing import Final

from lab.tap import inside_netns

_REQUEST: Final = {4: 8, 6: 128}
_REPLY: Final = {4: 0, 6: 129}
_HEADER: Final = struct.Struct("!BBHHH")
_identifiers = count(os.getpid())
"""One for each series: several may run at the same time at one host, and each hears all answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """An answer. ``ttl``: what was left of its TTL; ``None`` for IPv6."""

    round_trip_ns: int
    ttl: int | None


def echoes(pid: int, source: str, destination: str, times: int = 5, timeout_s: float = 2.0) -> tuple[Echo | None, ...]:
    """One request after the other from an address of the host in the network namespace of ``pid``; ``None`` for each
    that is not answered in time."""
    version = ip_address(source).version
    with inside_netns(pid):
        if version == 4:
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        else:
            raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.getprotobyname("ipv6-icmp"))
    with raw:
        raw.bind((source, 0))
        identifier = next(_identifiers) & 0xFFFF
        return tuple(_echo(raw, version, destination, identifier, number, timeout_s) for number in range(times))


def _echo(
    raw: socket.socket, version: int, destination: str, identifier: int, number: int, timeout_s: float
) -> Echo | None:
    sent_ns = time.monotonic_ns()
    raw.sendto(_request(version, identifier, number), (destination, 0))
    deadline = time.monotonic() + timeout_s
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([raw], [], [], left)[0]:
            break
        packet = raw.recv(2048)
        arrived_ns = time.monotonic_ns()
        ttl, message = (packet[8], packet[(packet[0] & 0x0F) * 4 :]) if version == 4 else (None, packet)
        kind, _, _, of, which = _HEADER.unpack_from(message)
        if (kind, of, which) == (_REPLY[version], identifier, number):
            return Echo(round_trip_ns=arrived_ns - sent_ns, ttl=ttl)
    return None


def _request(version: int, identifier: int, number: int) -> bytes:
    """For IPv6 the kernel fills in the checksum."""
    bare = _HEADER.pack(_REQUEST[version], 0, 0, identifier, number)
    return _HEADER.pack(_REQUEST[version], 0, _checksum(bare) if version == 4 else 0, identifier, number)


def _checksum(message: bytes) -> int:
    """Of the internet (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
