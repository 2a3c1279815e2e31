"""Declared traffic: packets that nobody sends, at a steady rate, which are counted as if somebody did. Pure.

A province sends a hundred gigabits a second: no machine simulates that packet by packet. So one packet of each stream
is followed through the rules, and again whenever rules, links or ports have changed; counters rise by the time that has
passed. Meters do not police it, and lossy links lose nothing of it. During a burst of changes (none more than a second
after the one before) traffic counts as going where it goes at its end, so that a thousand flow-mods cost one look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from controller.compiler.steering.rules import VIRTUAL_MAC
from controller.domain.prefixes import ADDRESS_BITS
from controller.domain.rules import RuleKey
from controller.forwarding.packet import ETH_IPV4, ETH_IPV6, IPV4_BYTES, IPV6_BYTES, mac_bytes, ones_sum

_HOST_MAC: Final = "02:00:00:00:00:01"
_TESTING: Final = 253
"""The protocol number for tests (RFC 3692): whoever should meet such a packet knows no more of it."""
_HOP_LIMIT: Final = 64
_ETHERNET_BYTES: Final = 14
_MOST_SOURCE_BITS: Final = 8
_LARGEST_FRAME: Final = 9_000
_BURST_NS: Final = 10**9
_BITS_X_NS: Final = 8 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Packets of ``frame_bytes`` (Ethernet header included) that enter at a port at ``rate_bps``, for the network's own
    router. With ``source_bits`` they are spread evenly over so many last bits of the source address."""

    node: str
    port: int
    source: str
    destination: str
    rate_bps: int
    dscp: int = 0
    source_bits: int = 0
    frame_bytes: int = 1_000

    def __post_init__(self) -> None:
        """``ValueError``, too, when an address is none."""
        if ip_address(self.source).version != ip_address(self.destination).version:
            raise ValueError(f"{self.source} and {self.destination} are not of one IP version")
        least = _ETHERNET_BYTES + IPV6_BYTES
        if self.rate_bps <= 0 or not least <= self.frame_bytes <= _LARGEST_FRAME or not 0 <= self.dscp < 64:
            raise ValueError(f"no stream has {self.rate_bps} bps, {self.frame_bytes} bytes a frame, DSCP {self.dscp}")
        if not 0 <= self.source_bits <= _MOST_SOURCE_BITS:
            raise ValueError(f"sources are spread over 0 to {_MOST_SOURCE_BITS} bits, not {self.source_bits}")

    def frames(self) -> Iterator[bytes]:
        """One of each source address."""
        source, destination = ip_address(self.source), ip_address(self.destination)
        first = int(source) >> self.source_bits << self.source_bits
        for last_bits in range(1 << self.source_bits):
            at = first + last_bits if self.source_bits else int(source)
            yield _packet(destination.version, at, int(destination), self.dscp, self.frame_bytes)


@dataclass(frozen=True, slots=True)
class Way:
    """What a packet meets: flows (node, key, bytes of the frame there), and the places where it comes out. ``fault`` as
    of ``network.Outcome``."""

    flows: tuple[tuple[str, RuleKey, int], ...] = ()
    out: tuple[tuple[str, int], ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """Where a stream comes out now, in bits per second by (node, port), counted as the frames that went in."""

    stream: Stream
    out_bps: Counter[tuple[str, int]]
    fault: str


@dataclass(slots=True, eq=False)
class _Part:
    """Of a stream, what has one source address."""

    number: int
    """Of the stream."""
    stream: Stream
    frame: bytes
    began_ns: int
    packets: int = 0
    way: Way = field(default_factory=Way)


class Traffic:
    """``follow`` finds out what a packet meets; ``count`` gets (node, flow, packets, bytes); ``now_ns`` the time."""

    def __init__(
        self,
        follow: Callable[[str, int, bytes], Way],
        count: Callable[[str, RuleKey, int, int], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._follow = follow
        self._count = count
        self.now_ns = now_ns
        self._parts: list[_Part] = []
        self._followed = False
        self._changed_ns = 0

    def declare(self, streams: Sequence[Stream]) -> None:
        """These from now on, in place of all that were."""
        self.settle()
        now_ns = self.now_ns()
        self._parts = [
            _Part(number, stream, frame, now_ns) for number, stream in enumerate(streams) for frame in stream.frames()
        ]
        self._followed = False
        self.settle()

    def before_change(self) -> None:
        """What decides on packets' ways is about to change: count what took the old ones."""
        if not self._parts:
            return
        now_ns = self.now_ns()
        if self._followed or now_ns - self._changed_ns > _BURST_NS:
            self.settle()
        self._followed = False
        self._changed_ns = now_ns

    def settle(self) -> None:
        """Bring all counters up to this moment."""
        if not self._followed:
            for part in self._parts:
                part.way = self._follow(part.stream.node, part.stream.port, part.frame)
            self._followed = True
        self._add_up()

    def carried(self) -> list[Carried]:
        """Where each stream comes out now; shares of a bit per second are not told."""
        self.settle()
        found: dict[int, Carried] = {}
        for part in self._parts:
            carried = found.setdefault(part.number, Carried(part.stream, Counter(), part.way.fault))
            for place in part.way.out:
                carried.out_bps[place] += part.stream.rate_bps >> part.stream.source_bits
        return list(found.values())

    def _add_up(self) -> None:
        now_ns = self.now_ns()
        for part in self._parts:
            stream = part.stream
            bits_x_ns = stream.rate_bps * (now_ns - part.began_ns) >> stream.source_bits
            packets = bits_x_ns // (_BITS_X_NS * stream.frame_bytes) - part.packets
            part.packets += packets
            for node, flow, size in part.way.flows if packets else ():
                self._count(node, flow, packets, packets * size)


def _packet(version: int, source: int, destination: int, dscp: int, frame_bytes: int) -> bytes:
    width = ADDRESS_BITS[version] // 8
    ends = source.to_bytes(width, "big") + destination.to_bytes(width, "big")
    ethernet = mac_bytes(VIRTUAL_MAC) + mac_bytes(_HOST_MAC) + (ETH_IPV4 if version == 4 else ETH_IPV6)
    rest = frame_bytes - _ETHERNET_BYTES
    if version == 4:
        header = bytes((0x45, dscp << 2)) + rest.to_bytes(2, "big") + bytes((0, 0, 0, 0, _HOP_LIMIT, _TESTING))
        words = header + ends
        total = sum(int.from_bytes(words[at : at + 2], "big") for at in range(0, IPV4_BYTES - 2, 2))
        header += (~ones_sum(total) & 0xFFFF).to_bytes(2, "big")
    else:
        first = (6 << 28 | dscp << 22).to_bytes(4, "big")
        header = first + (rest - IPV6_BYTES).to_bytes(2, "big") + bytes((_TESTING, _HOP_LIMIT))
    return (ethernet + header + ends).ljust(frame_bytes, b"\0")
