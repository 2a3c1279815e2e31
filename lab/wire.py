"""What a wire does to frames: delay, rate, loss. How a lane follows from it: ``lab.lane``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod


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
