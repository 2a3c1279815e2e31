"""Load in virtual time: the same frame over and over at a steady rate, several such floods at once. Pure.

A flood goes through the rules frame by frame, so that its meters decide exactly as they would for any other traffic.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from controller.simulation.network import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """``frame`` into a port at ``rate_bps`` (bits of whole frames)."""

    node: str
    port: int
    frame: bytes
    rate_bps: int

    def __post_init__(self) -> None:
        if self.rate_bps <= 0 or not self.frame:
            raise ValueError(f"a flood of {len(self.frame)} bytes at {self.rate_bps} bps")


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of one flood so far: ``arrived_frames`` and ``arrived_bytes`` by (node, port)."""

    sent_frames: int = 0
    arrived_frames: Counter[tuple[str, int]] = field(default_factory=Counter)
    arrived_bytes: Counter[tuple[str, int]] = field(default_factory=Counter)
    fault: str = ""
    """The first thing that was wrong with the network itself (a loop), if anything was."""


class FloodRun:
    """Floods that begin together, now, and last ``duration_ns``. Frames that arrive later than ``drain_ns`` after the
    end are not counted. ``step`` until it says that nothing is left; others may act on the network in between."""

    def __init__(self, network: Network, floods: Sequence[Flood], duration_ns: int, drain_ns: int) -> None:
        if duration_ns <= 0 or drain_ns < 0:
            raise ValueError(f"a flood of {duration_ns} ns, and {drain_ns} ns to drain")
        self.tallies = [Tally() for _ in floods]
        self._network = network
        self._floods = floods
        self._start_ns = network.now_ns
        self._counted_until_ns = network.now_ns + duration_ns + drain_ns
        self._due = heapq.merge(*(_schedule(flood, number, duration_ns) for number, flood in enumerate(floods)))

    def step(self, frames: int) -> bool:
        """Send up to so many frames; whether more are to come. Afterwards the clock stands past the drain."""
        for _ in range(frames):
            due = next(self._due, None)
            if due is None:
                self._network.now_ns = self._counted_until_ns
                return False
            self._send(*due)
        return True

    def _send(self, offset_ns: int, number: int) -> None:
        flood, tally = self._floods[number], self.tallies[number]
        outcome = self._network.enter(flood.node, flood.port, flood.frame, self._start_ns + offset_ns)
        tally.sent_frames += 1
        for arrival in outcome.arrivals:
            if outcome.entered_ns + arrival.delay_ns <= self._counted_until_ns:
                tally.arrived_frames[arrival.node, arrival.port] += 1
                tally.arrived_bytes[arrival.node, arrival.port] += len(arrival.frame)
        if outcome.fault and not tally.fault:
            tally.fault = outcome.fault


def _schedule(flood: Flood, number: int, duration_ns: int) -> Iterator[tuple[int, int]]:
    """(nanoseconds after the start, which flood) of each frame; exact, so nothing drifts over a long flood."""
    frame_ns_bits = len(flood.frame) * 8 * 10**9
    for index in range(-(-duration_ns * flood.rate_bps // frame_ns_bits)):
        yield index * frame_ns_bits // flood.rate_bps, number
