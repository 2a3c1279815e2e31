"""What a wire does to frames: delay, rate, loss. A model without a clock; ``lab.relay`` gives it one.

A lane is one direction of a wire: a transmitter that sends one frame after the other at ``rate_bps``, a queue before it
that drops from the tail, then the distance, which takes ``delay_ns``. Frames never overtake each other. A frame counts
with its Ethernet header and payload, as rates in Trunkline do (preamble, checksum and gap are not emulated).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

QUEUE_NS = 100_000_000
"""How long the queue before a transmitter may become: 100 ms at its rate, what routers commonly hold."""

QUEUE_LEAST_BYTES = 16 * 1600
"""Slow lanes hold this much, else the burst that a policer lets through would be lost here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairment:
    """What one direction of a wire is like. ``rate_bps`` ``None``: as fast as the machine can.
    ``loss`` is the probability that a frame is lost, 0 to 1."""

    delay_ns: int = 0
    rate_bps: int | None = None
    loss: float = 0.0

    def __post_init__(self) -> None:
        if self.delay_ns < 0:
            raise ValueError(f"a delay of {self.delay_ns} ns is negative")
        if self.rate_bps is not None and self.rate_bps <= 0:
            raise ValueError(f"a rate of {self.rate_bps} bps is not positive")
        if not 0.0 <= self.loss <= 1.0:
            raise ValueError(f"a loss of {self.loss} is not between 0 and 1")


def in_series(impairments: Sequence[Impairment]) -> Impairment:
    """What frames meet that cross one after the other: all delays, the narrowest rate, every chance to be lost."""
    return Impairment(
        delay_ns=sum(each.delay_ns for each in impairments),
        rate_bps=min((each.rate_bps for each in impairments if each.rate_bps is not None), default=None),
        loss=1.0 - prod(1.0 - each.loss for each in impairments),
    )


@dataclass(slots=True)
class Counters:
    """What became of the frames that entered a lane."""

    entered: int = 0
    lost: int = 0
    overflowed: int = 0


class Lane:
    """One direction of a wire. ``dice`` returns numbers from 0 up to 1."""

    def __init__(self, impairment: Impairment, dice: Callable[[], float]) -> None:
        self.impairment = impairment
        self.counters = Counters()
        self._dice = dice
        self._free_at_ns = 0
        self._last_arrival_ns = 0

    def accept(self, now_ns: int, size_bytes: int) -> int | None:
        """Return when a frame that enters now arrives at the far end; ``None`` when it does not."""
        self.counters.entered += 1
        now = self.impairment
        if now.loss > 0.0 and self._dice() < now.loss:
            self.counters.lost += 1
            return None
        sent_ns = now_ns
        if now.rate_bps is not None:
            waits_ns = max(0, self._free_at_ns - now_ns)
            if waits_ns > max(QUEUE_NS, QUEUE_LEAST_BYTES * 8_000_000_000 // now.rate_bps):
                self.counters.overflowed += 1
                return None
            sent_ns = self._free_at_ns = now_ns + waits_ns + size_bytes * 8_000_000_000 // now.rate_bps
        # A shorter delay set meanwhile does not let a frame overtake those before it.
        self._last_arrival_ns = max(sent_ns + now.delay_ns, self._last_arrival_ns)
        return self._last_arrival_ns
