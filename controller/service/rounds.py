"""One round of a transaction on all its devices: every verb on each, with the journal written around it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count

from controller.compiler.plan import Plan, RoundKind
from controller.domain.errors import DeviceError, DeviceUnreachable
from controller.southbound.driver import Driver
from controller.store.records import DeviceRound, Moment, SavedTransaction, Step, Verb
from controller.store.store import Store

log = logging.getLogger(__name__)

VERB_LIMIT_S = 60.0
VERB_LIMIT_PER_RULE_S = 0.02

Progress = Callable[[str, int, int], None]
"""Told the phase, and how many of how many devices have passed it."""


@dataclass(slots=True, kw_only=True)
class Journal:
    """Appends to one transaction's journal; the numbering goes on where an earlier process stopped."""

    store: Store
    txn: str
    _next: Iterable[int] = field(default_factory=count)

    @classmethod
    def resumed(cls, store: Store, saved: SavedTransaction) -> Journal:
        last = max((step.seq for step in saved.steps), default=-1)
        return cls(store=store, txn=saved.txn, _next=count(last + 1))

    def entry(self, part: DeviceRound, verb: Verb, moment: Moment) -> Step:
        """The next entry, not yet written."""
        seq = next(iter(self._next))
        return Step(seq=seq, device=part.device, number=part.number, kind=part.kind, verb=verb, moment=moment)

    async def around(self, part: DeviceRound, verb: Verb, act: Callable[[], Awaitable[None]]) -> None:
        """Write that ``verb`` is about to happen, let it happen, write that it did."""
        await self.store.step(self.txn, (self.entry(part, verb, Moment.BEFORE),))
        await act()
        await self.store.step(self.txn, (self.entry(part, verb, Moment.AFTER),))


def device_rounds(plan: Plan) -> list[list[DeviceRound]]:
    """The rounds of a plan in order, each with its devices."""
    return [
        [
            DeviceRound(number=number, kind=part.kind, device=device, changes=changes, step=part.step)
            for device, changes in part.changes
        ]
        for number, part in enumerate(plan.rounds)
    ]


def without(
    rounds: Iterable[list[DeviceRound]], away: Container[str]
) -> tuple[list[list[DeviceRound]], tuple[DeviceRound, ...]]:
    """The rounds without what is to be set on these devices, and that. (What only goes from a device can wait without
    that: the end of a transaction remembers it.)"""

    def waits(part: DeviceRound) -> bool:
        return part.device in away and part.kind is not RoundKind.REMOVE

    of_all = list(rounds)
    left = ([part for part in parts if not waits(part)] for parts in of_all)
    return [parts for parts in left if parts], tuple(part for parts in of_all for part in parts if waits(part))


async def carry_out(
    journal: Journal, drivers: Mapping[str, Driver], parts: list[DeviceRound], progress: Progress
) -> None:
    """Stage, commit, verify and confirm a round; a verb begins when the one before it has succeeded on every
    device. Raises the first ``DeviceError`` when all devices have answered."""

    async def stage(part: DeviceRound, driver: Driver) -> None:
        # Staging changes nothing on the device; the changes are in the journal since the transaction began.
        await _in_time(part, driver.stage(journal.txn, part.number, part.changes))

    async def commit(part: DeviceRound, driver: Driver) -> None:
        await journal.around(part, Verb.COMMIT, lambda: _in_time(part, driver.commit(journal.txn, part.number)))

    async def verify(part: DeviceRound, driver: Driver) -> None:
        await journal.around(part, Verb.VERIFY, lambda: _in_time(part, driver.verify(journal.txn)))

    async def confirm(part: DeviceRound, driver: Driver) -> None:
        await journal.around(part, Verb.CONFIRM, lambda: _in_time(part, driver.confirm(journal.txn)))

    for verb in (stage, commit, verify, confirm):
        done = count(1)

        async def run(part: DeviceRound, verb: Callable[[DeviceRound, Driver], Awaitable[None]] = verb) -> None:
            await verb(part, drivers[part.device])
            if verb is commit:
                progress(part.kind, next(done), len(parts))  # noqa: B023 - this verb's own counter

        _raise_first(await asyncio.gather(*map(run, parts), return_exceptions=True))


async def carry_out_each(
    journal: Journal, drivers: Mapping[str, Driver], parts: list[DeviceRound], progress: Progress
) -> list[DeviceRound]:
    """Carry a round out on each of its devices, whatever becomes of it on the others; returns where it failed. There
    it is taken back as far as can be, so that no device waits for a confirmation that never comes."""
    failed: list[DeviceRound] = []
    done = count(1)

    async def one(part: DeviceRound) -> None:
        try:
            await carry_out(journal, drivers, [part], lambda phase, _, __: progress(phase, next(done), len(parts)))
        except DeviceError as error:
            log.warning("%s: not done on %s for now: %s", journal.txn, part.device, error, extra={"txn": journal.txn})
            failed.append(part)
            await take_back(journal, drivers, [part], lambda phase, _, __: None)

    _raise_first(await asyncio.gather(*map(one, parts), return_exceptions=True))
    return failed


async def take_back(
    journal: Journal, drivers: Mapping[str, Driver], parts: list[DeviceRound], progress: Progress
) -> None:
    """Undo a round on all its devices, whatever of it had happened, as far as they can be reached and obey."""
    done = count(1)

    async def undo(part: DeviceRound) -> None:
        driver = drivers[part.device]
        try:
            await _in_time(part, driver.stage(journal.txn, part.number, part.changes))
            await journal.around(part, Verb.UNDO, lambda: _in_time(part, driver.undo(journal.txn)))
        except DeviceError as error:
            log.warning("%s: not undone yet: %s", journal.txn, error, extra={"txn": journal.txn})
        progress("undo", next(done), len(parts))

    _raise_first(await asyncio.gather(*map(undo, parts), return_exceptions=True))


async def _in_time(part: DeviceRound, verb: Awaitable[None]) -> None:
    """Drivers limit each question that they ask; this is the limit of a verb as a whole, so that no device, whatever
    it does, keeps a change from its end."""
    limit_s = VERB_LIMIT_S + VERB_LIMIT_PER_RULE_S * len(part.changes)
    try:
        async with asyncio.timeout(limit_s):
            await verb
    except TimeoutError:
        raise DeviceUnreachable(part.device, f"no end of it within {limit_s:.0f} s") from None


def _raise_first(outcomes: Iterable[BaseException | None]) -> None:
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
