"""Slots of five minutes, as a month is billed by the 95th percentile: which are known, and the fullest of them.

The percentile is that of the slots that are *known*, and to come: one that nobody measured (the controller was not
there, the month began before it did) counts neither as empty nor as full, and the month has one slot less. A slot of
which less than half is known is not known. No slot is counted twice, however clocks jump: which are known is kept.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from controller.egress.billing import SLOT_S, Month, free_slots_of

LEAST_KNOWN_S: Final = SLOT_S / 2
LEAST_LEFT_S: Final = 60
"""With less than that left of a slot, what is decided is for the next one: to move traffic takes cycles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSlot:
    """The slot that is not over yet: what is known of it, in bits and seconds, up to ``reached_s`` from its begin."""

    number: int
    bits: int = 0
    known_s: float = 0.0
    reached_s: float = 0.0

    @property
    def mean_bps(self) -> int:
        """Of what is known; 0 of nothing."""
        return round(self.bits / self.known_s) if self.known_s > 0 else 0

    def and_then(self, begin_s: float, end_s: float, bps: int) -> RunningSlot:
        """With so much sent from ``begin_s`` to ``end_s``, as far as that is news."""
        new_s = end_s - max(begin_s, self.reached_s)
        if new_s <= 0:
            return self
        return replace(self, bits=self.bits + round(bps * new_s), known_s=self.known_s + new_s, reached_s=float(end_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthBook:
    """A calendar month of ``slots`` slots at one gateway. ``known``: which are over and counted, as ranges
    [first, end) in order, with gaps between; ``fullest_bps``: the loads of the fullest of them, rising, one more than
    can be free."""

    slots: int
    known: tuple[tuple[int, int], ...] = ()
    fullest_bps: tuple[int, ...] = ()
    running: RunningSlot | None = None

    @property
    def known_slots(self) -> int:
        return sum(end - first for first, end in self.known)

    def has(self, slot: int) -> bool:
        """Whether a slot is counted."""
        position = bisect_right(self.known, slot, key=lambda one: one[0]) - 1
        return position >= 0 and slot < self.known[position][1]

    def noted(self, slot: int, begin_s: float, end_s: float, bps: int) -> MonthBook:
        """So much was sent in a slot from ``begin_s`` to ``end_s`` of it. Another slot that was running is over."""
        if self.has(slot):
            return self
        book = self if self.running is None or self.running.number == slot else self.closed()
        running = RunningSlot(number=slot) if book.running is None else book.running
        book = replace(book, running=running.and_then(begin_s, end_s, bps))
        return book.closed() if end_s >= SLOT_S else book

    def closed(self) -> MonthBook:
        """Once the running slot is over: it is counted, if enough of it is known."""
        running = self.running
        if running is None or running.known_s < LEAST_KNOWN_S or self.has(running.number):
            return replace(self, running=None)
        return replace(
            self,
            known=_with(self.known, running.number),
            fullest_bps=_fullest(self.fullest_bps, running.mean_bps, free_slots_of(self.slots) + 1),
            running=None,
        )

    def unknown_before(self, slot: int) -> int:
        """How many of the slots before this one are not counted."""
        return slot - sum(min(end, slot) - first for first, end in self.known if first < slot)

    def month(self, slot: int, offset_s: float, committed_bps: int = 0) -> Month:
        """As it is ``offset_s`` into a slot; ``committed_bps``: the level that is paid whatever is sent."""
        free = self.free_slots(slot)
        reached_bps = self.fullest_bps[-free - 1] if len(self.fullest_bps) > free else 0
        level_bps = max(reached_bps, committed_bps)
        bursts = self.fullest_bps[bisect_right(self.fullest_bps, level_bps) :]
        sent_bps, left = self._so_far(slot, offset_s)
        return Month(
            billed_bps=level_bps,
            free_slots=free - len(bursts),
            burst_bps=bursts[0] if bursts else None,
            sent_bps=sent_bps,
            left=left,
        )

    def free_slots(self, slot: int) -> int:
        """Of the slots that are known and, from this one on, to come: how many are free in all."""
        return free_slots_of(self.slots - self.unknown_before(slot))

    def _so_far(self, slot: int, offset_s: float) -> tuple[int, Fraction]:
        """What the slot has, spread over what will be known of it; the share of that which is to come."""
        left_s = SLOT_S - offset_s
        running = self.running
        if running is None or running.number != slot or left_s < LEAST_LEFT_S:
            return 0, Fraction(1)
        whole_s = running.known_s + left_s
        return round(running.bits / whole_s), Fraction(left_s) / Fraction(whole_s)


def _with(known: tuple[tuple[int, int], ...], slot: int) -> tuple[tuple[int, int], ...]:
    """The ranges with one slot more, which is in none of them."""
    merged: list[tuple[int, int]] = []
    for first, end in sorted((*known, (slot, slot + 1))):
        if merged and merged[-1][1] == first:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((first, end))
    return tuple(merged)


def _fullest(loads: tuple[int, ...], load_bps: int, most: int) -> tuple[int, ...]:
    found = list(loads)
    insort(found, load_bps)
    return tuple(found[-most:])
