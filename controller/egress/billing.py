"""What gateways bill, and what of it a cycle can still change: models none, flat, and the 95th percentile.

By the 95th percentile a month of 30 days has 8,640 slots of five minutes; the 432 fullest, 5 %, are free, and the
fullest of the others is the *billed level*: the whole month is paid at that rate. So in a slot nothing is paid for what
stays within the level that is reached already; a slot above it is free as long as not all free slots are used up; and
after that every bit above the level raises it.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from typing import Final

SLOTS_A_MONTH: Final = 8_640
FREE_SLOTS: Final = SLOTS_A_MONTH // 20
SLOT_S: Final = 300
NS_PER_PRICE: Final = 1_000_000
"""What a price of 1 for each Mbit/s is worth against delay: 1 ms. Which money that is, is whose who sets prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """The month so far at one gateway. ``billed_bps``: the level that is paid anyway, agreed on or reached;
    ``bursts_bps``: the loads of the slots above it, rising, at most ``FREE_SLOTS``."""

    billed_bps: int = 0
    bursts_bps: tuple[int, ...] = ()

    @property
    def free_slots(self) -> int:
        return FREE_SLOTS - len(self.bursts_bps)

    def free_bps(self, usable_bps: int) -> int:
        """What a slot may carry without raising the billed level."""
        return usable_bps if self.free_slots > 0 else min(self.billed_bps, usable_bps)

    def after(self, load_bps: int) -> Month:
        """Once a slot with this load is over."""
        if load_bps <= self.billed_bps:
            return self
        bursts = list(self.bursts_bps)
        insort(bursts, load_bps)
        if len(bursts) <= FREE_SLOTS:
            return Month(billed_bps=self.billed_bps, bursts_bps=tuple(bursts))
        level = bursts[0]  # one more than is free: the least of them is what the month is billed for now
        return Month(billed_bps=level, bursts_bps=tuple(one for one in bursts[1:] if one > level))
