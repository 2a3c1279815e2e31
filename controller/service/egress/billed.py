"""What gateways bill by the 95th percentile: every slot of five minutes noted, kept on disk, and told to the cycle.

What was sent since the time before is noted whenever devices have been read. Durations are by a clock that does not
jump, slots by the time of day. A month is written when a slot of it is over, and at the end: who is killed loses the
slot that runs, at most.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from controller.domain.topology import CostModel, Gateway, Topology
from controller.egress.billing import Month
from controller.egress.slots import MonthBook
from controller.service.egress.calendar import CalendarMonth, SlotPart, month_of, parts_between
from controller.store.database import StoreError

log = logging.getLogger(__name__)

EVERY_S: Final = 30.0
"""So often it is noted where nothing is measured."""

BookKey = tuple[str, str]
"""A gateway, a month as 2026-11."""


class BookStore(Protocol):
    """Where months are kept. ``StoreError``: nothing was done."""

    async def set_month_book(self, gateway: str, month: str, book: MonthBook) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A gateway's month so far. ``billed_bps`` is the larger of what is agreed on and what is reached; ``free_slots``
    are those that are free in all, ``free_slots_left`` those that are left; ``unknown_slots`` of those that are over
    were not measured. The slot that runs has a mean of ``slot_bps`` in the ``slot_s`` seconds that are known of it."""

    gateway: str
    month: str
    committed_bps: int
    billed_bps: int
    free_slots: int
    free_slots_left: int
    known_slots: int
    unknown_slots: int
    slot_bps: int
    slot_s: float


class BilledGateways:
    """``kept`` is what was found on disk. ``sent`` tells what leaves by each gateway now, in bits a second; ``now`` the
    time of day and ``clock`` one that does not jump, both in seconds. ``told`` sees every bill as it changes."""

    def __init__(
        self,
        topology: Topology,
        kept: Mapping[BookKey, MonthBook],
        store: BookStore,
        sent: Callable[[], Awaitable[Mapping[str, int]]],
        now: Callable[[], float],
        clock: Callable[[], float],
        told: Callable[[tuple[Bill, ...]], None],
    ) -> None:
        self.gateways = tuple(one for one in topology.gateways if one.cost.model is CostModel.PERCENTILE_95)
        names = {one.name for one in self.gateways}
        self._books = {key: book for key, book in kept.items() if key[0] in names}
        self._store = store
        self._sent = sent
        self._now = now
        self._clock = clock
        self._told = told
        self._noted_s: float | None = None
        self._unsaved: set[BookKey] = set()

    async def note(self) -> None:
        """What is sent now has been sent since this was last noted. The first time there is nothing to note."""
        if not self.gateways:
            return
        now_s, clock_s = self._now(), self._clock()
        elapsed_s = 0.0 if self._noted_s is None else clock_s - self._noted_s
        self._noted_s = clock_s
        if elapsed_s <= 0:
            return
        sent = await self._sent()
        for part in parts_between(now_s - elapsed_s, now_s):
            for gateway in self.gateways:
                self._note(gateway, part, sent.get(gateway.name, 0))
        self._told(self.bills())
        await self._save(self._unsaved)

    async def run(self, every_s: float = EVERY_S) -> None:
        """Note it again and again, where nobody reads devices: by what is steered."""
        while self.gateways:
            await self._note_anyhow()
            await asyncio.sleep(every_s)

    async def close(self) -> None:
        """Note the last of it, and keep the slots that run, too: a restart goes on with them."""
        await self._note_anyhow()
        await self._save({key for key, book in self._books.items() if book.running is not None})

    def months(self) -> dict[str, Month]:
        """For a cycle that is about to decide, by gateway."""
        now_s = self._now()
        month = month_of(now_s)
        slot, offset_s = month.slot_at(now_s)
        return {
            gateway.name: self._book(gateway, month).month(slot, offset_s, gateway.cost.committed_bps)
            for gateway in self.gateways
        }

    def bills(self) -> tuple[Bill, ...]:
        """In the order of the topology."""
        now_s = self._now()
        return tuple(self._bill(gateway, month_of(now_s), now_s) for gateway in self.gateways)

    async def _note_anyhow(self) -> None:
        try:
            await self.note()
        except Exception:
            # What it was is lost for the bill; nothing else may be.
            log.exception("what gateways bill could not be noted")

    def _book(self, gateway: Gateway, month: CalendarMonth) -> MonthBook:
        return self._books.get((gateway.name, month.name), MonthBook(slots=month.slots))

    def _bill(self, gateway: Gateway, month: CalendarMonth, now_s: float) -> Bill:
        book = self._book(gateway, month)
        slot, offset_s = month.slot_at(now_s)
        standing = book.month(slot, offset_s, gateway.cost.committed_bps)
        running = book.running if book.running is not None and book.running.number == slot else None
        return Bill(
            gateway=gateway.name,
            month=month.name,
            committed_bps=gateway.cost.committed_bps,
            billed_bps=standing.billed_bps,
            free_slots=book.free_slots(slot),
            free_slots_left=standing.free_slots,
            known_slots=book.known_slots,
            unknown_slots=book.unknown_before(slot),
            slot_bps=0 if running is None else running.mean_bps,
            slot_s=0.0 if running is None else running.known_s,
        )

    def _note(self, gateway: Gateway, part: SlotPart, bps: int) -> None:
        key = (gateway.name, part.month.name)
        for other, book in self._books.items():
            # Another month has begun, or the clock has gone back to this one.
            if other[0] == gateway.name and other != key and book.running is not None:
                self._books[other] = book.closed()
                self._unsaved.add(other)
        before = self._book(gateway, part.month)
        after = before.noted(part.slot, part.begin_s, part.end_s, bps)
        self._books[key] = after
        if after.known != before.known:
            self._unsaved.add(key)

    async def _save(self, keys: set[BookKey]) -> None:
        """What cannot be written now is written with the next slot that is over."""
        for key in sorted(keys):
            try:
                await self._store.set_month_book(*key, self._books[key])
            except StoreError as error:
                log.warning("what gateway %s bills in %s could not be kept: %s", *key, error)
                self._unsaved.add(key)
            else:
                self._unsaved.discard(key)
