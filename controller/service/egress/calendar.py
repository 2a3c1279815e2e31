"""Which slot of which month a moment is in, by UTC: what gateways bill by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from controller.egress.billing import SLOT_S, SLOTS_A_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarMonth:
    """``name``: as 2026-11; ``begin_s``: seconds since 1970; ``slots``: 288 for each of its days."""

    name: str
    begin_s: int
    slots: int

    def slot_at(self, at_s: float) -> tuple[int, float]:
        """The number of the slot of a moment in this month, from 0, and how many seconds into it that is."""
        number = int((at_s - self.begin_s) // SLOT_S)
        return number, at_s - self.begin_s - number * SLOT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotPart:
    """From ``begin_s`` to ``end_s`` of a slot."""

    month: CalendarMonth
    slot: int
    begin_s: float
    end_s: float


def month_of(at_s: float) -> CalendarMonth:
    """The month of a moment in seconds since 1970."""
    moment = datetime.fromtimestamp(at_s, UTC)
    begin = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    end = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return CalendarMonth(
        name=f"{moment.year:04}-{moment.month:02}",
        begin_s=int(begin.timestamp()),
        slots=(end - begin).days * SLOTS_A_DAY,
    )


def parts_between(begin_s: float, end_s: float) -> Iterator[SlotPart]:
    """The slots, and parts of slots, from one moment to another, both in seconds since 1970."""
    at_s = begin_s
    while at_s < end_s:
        month = month_of(at_s)
        number, offset_s = month.slot_at(at_s)
        slot_end_s = month.begin_s + (number + 1) * SLOT_S
        until_s = min(end_s, slot_end_s)
        last_s = SLOT_S if until_s == slot_end_s else until_s - (slot_end_s - SLOT_S)
        yield SlotPart(month=month, slot=number, begin_s=offset_s, end_s=last_s)
        at_s = until_s
