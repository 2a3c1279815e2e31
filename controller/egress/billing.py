"""What gateways bill, and what of it a cycle can still change: models none, flat, and the 95th percentile.

By the 95th percentile a month of 30 days has 8,640 slots of five minutes; the 432 fullest, 5 %, are free, and the
fullest of the others is the *billed level*: the whole month is paid at that rate. So in a slot nothing is paid for what
stays within the level that is reached already; a slot above it is free as long as not all free slots are used up; and
after that what is above the level raises it. Which slots there were is in a ``slots.MonthBook``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

SLOT_S: Final = 300
SLOTS_A_DAY: Final = 86_400 // SLOT_S
NS_PER_PRICE: Final = 1_000_000
"""What a price of 1 for each Mbit/s is worth against delay: 1 ms. Which money that is, is whose who sets prices."""


def free_slots_of(slots: int) -> int:
    """How many of so many slots are not billed: 5 %, rounded down, so that the level is the 95th percentile's ceiling
    (``numpy.percentile(..., method="inverted_cdf")``)."""
    return slots // 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """The month at one gateway as a cycle needs it. ``billed_bps``: the level that is paid anyway, agreed on or
    reached; ``free_slots``: so many slots may still be above it; ``burst_bps``: the least load of those that are
    (``None``: none is), which the level becomes at most when one more slot is above it and none is free.

    Of the slot that runs, ``sent_bps`` is what it has already, spread over the whole slot, and ``left`` the share of it
    that is to come, more than 0: a slot is billed by its mean."""

    free_slots: int
    billed_bps: int = 0
    burst_bps: int | None = None
    sent_bps: int = 0
    left: Fraction = Fraction(1)

    def free_bps(self, usable_bps: int) -> int:
        """What may be sent for the rest of the slot without raising the bill. What a slot has sent less than the level
        so far is not made up for: who sends more for two minutes only to send less again gains nothing by it."""
        if self.free_slots > 0 or (self.burst_bps is not None and self.sent_bps >= self.burst_bps):
            return usable_bps
        level_bps = max(self.billed_bps, self.sent_bps)
        return min(level_bps, int((level_bps - self.sent_bps) / self.left), usable_bps)
