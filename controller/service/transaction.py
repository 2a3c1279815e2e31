"""One change of the network over all its devices: all of it or nothing, whatever fails and whenever we are killed.

The way of a transaction (docs/transaction.md has the picture)::

    begin        intents APPLYING | DELETING, plan and changes of every round on disk, in one commit
    prepare      inner and far-end rules, meters, groups: they carry nothing yet
    flip         head ends begin (or cease) to use them; in several rounds where one must free room for the next
    COMMITTED    the commit point: placements on disk are the new ones; before it everything is undone, after it nothing
    drain        for as long as a packet may still be under way on an old route
    remove       what carries nothing any more
    end          intents ACTIVE (or gone), or FAILED and put back
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from dataclasses import dataclass

from controller.compiler.plan import Movement, RoundKind
from controller.domain.errors import DeviceError, Reason, TrunklineError
from controller.domain.intents import IntentKey
from controller.domain.placement import PlacedLine
from controller.domain.rules import Change, Rule
from controller.service.devices import Devices
from controller.service.rounds import Journal, Progress, carry_out, carry_out_each, take_back
from controller.store.records import (
    DeviceRound,
    Leftover,
    Moment,
    Phase,
    Request,
    SavedTransaction,
    TransactionKind,
    Verb,
)
from controller.store.store import Store
from controller.telemetry.bearing import caller

log = logging.getLogger(__name__)

# What queues in devices may add to the delay of the longest route before a packet is surely through.
DRAIN_MARGIN_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkChange:
    """What one transaction is to do."""

    txn: str
    kind: TransactionKind
    keys: tuple[IntentKey, ...]
    shown: tuple[IntentKey, ...]
    """What a repeated request is to be shown."""
    movement: Movement
    rounds: Sequence[list[DeviceRound]]
    fulfils: str = ""
    """The kept plan that is carried out by it."""
    put_off: tuple[DeviceRound, ...] = ()
    """What devices that are away are to hold afterwards; in none of the rounds. They are put right when they are back,
    and nothing else rests on them until then."""

    @property
    def before_commit(self) -> list[list[DeviceRound]]:
        return [parts for parts in self.rounds if parts[0].kind is not RoundKind.REMOVE]

    @property
    def after_commit(self) -> list[list[DeviceRound]]:
        return [parts for parts in self.rounds if parts[0].kind is RoundKind.REMOVE]

    @property
    def drain_s(self) -> float:
        """How long a packet that entered an old route just before the flip may be under way."""
        return _drain_s(self.movement, self.movement.lines_out)


class Transactor:
    """Runs one change at a time (the caller sees to that). ``committed`` is called at the commit point. ``pause``: for
    so many seconds."""

    def __init__(
        self,
        store: Store,
        devices: Devices,
        now: Callable[[], float],
        left_over: Callable[[Iterable[Leftover]], None],
        news: Callable[[], None],
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._devices = devices
        self._now = now
        self._tell_left_over = left_over
        self._tell_news = news
        self._pause = pause

    async def run(
        self,
        change: NetworkChange,
        reachable: Container[str],
        request: Request,
        committed: Callable[[], Awaitable[None]],
        progress: Progress,
    ) -> None:
        """Carry the change out. ``reachable`` has all devices before the commit point; what only goes from others is
        remembered, and taken away when they return. Raises the ``DeviceError`` that made it impossible, when all has
        been put back; ``StoreError`` when the journal cannot be written (what was done is undone now or at the next
        start)."""
        journal = Journal(store=self._store, txn=change.txn)
        await self._put_off(change)
        await self._begin(change, journal, request)
        started: list[list[DeviceRound]] = []
        try:
            for parts in change.before_commit:
                if started and started[-1][0].kind is RoundKind.FLIP and _step(parts) != _step(started[-1]):
                    # What the step before took off a link must be through before this one sends there.
                    await self._pause(change.drain_s)
                started.append(parts)
                await carry_out(journal, self._devices.drivers, parts, progress)
                # All of them: behind a head end that flips there must be no switch that has lost its rules meanwhile.
                self._devices.check_in_step(part.device for parts in started for part in parts)
            await self._store.commit_point(change.txn, change.movement, change.fulfils, self._now())
        except DeviceError as error:
            log.warning("transaction %s is undone: %s", change.txn, error, extra={"txn": change.txn})
            await self._put_back(change, journal, started, error, progress)
            raise
        await committed()
        # Should a device be back already, it was compared with what it should have held, and found clean.
        await self._put_off(change)
        for device in {part.device for part in change.put_off}:
            self._devices.suspect(device)
        await self._go_on(change, change.after_commit, reachable, journal, progress)

    async def force(
        self,
        change: NetworkChange,
        reachable: Container[str],
        request: Request,
        committed: Callable[[], Awaitable[None]],
        progress: Progress,
    ) -> None:
        """Take lines away whatever devices say. The commit point comes first, so there is only forward: each device
        that is ``reachable`` does its part; what the others may still hold is remembered, and cleaned when they
        return. Raises ``StoreError`` alone."""
        journal = Journal(store=self._store, txn=change.txn)
        await self._begin(change, journal, request)
        await self._store.commit_point(change.txn, change.movement)
        await committed()
        await self._go_on(change, change.rounds, reachable, journal, progress)

    async def recover(self, saved: SavedTransaction, wait_s: float) -> None:
        """Finish or undo a transaction that an earlier process began: past the commit point forward, before it back."""
        rounds: dict[int, list[DeviceRound]] = {}
        for part in saved.rounds:
            rounds.setdefault(part.number, []).append(part)
        change = NetworkChange(
            txn=saved.txn,
            kind=saved.kind,
            keys=saved.keys,
            shown=(),
            movement=saved.movement,
            rounds=[rounds[number] for number in sorted(rounds)],
        )
        journal = Journal.resumed(self._store, saved)
        await self._devices.wait_connected({part.device for part in saved.rounds}, wait_s)
        if saved.phase is Phase.COMMITTED:
            log.info("transaction %s had committed: finishing it", saved.txn, extra={"txn": saved.txn})
            everywhere = {part.device for part in saved.rounds}
            await self._go_on(change, change.after_commit, everywhere, journal, _unseen, _not_confirmed(saved))
            return
        log.info("transaction %s had not committed: undoing it", saved.txn, extra={"txn": saved.txn})
        touched = {(step.device, step.number) for step in saved.steps if step.verb is not Verb.STAGE}
        started = [
            begun
            for parts in change.before_commit
            if (begun := [part for part in parts if (part.device, part.number) in touched])
        ]
        interrupted = TrunklineError(Reason.INTERRUPTED, "the controller stopped during the change, which was undone")
        await self._put_back(change, journal, started, interrupted, _unseen)

    async def _put_off(self, change: NetworkChange) -> None:
        """What differs on a device that comes back must be known to be our own doing, before it can differ."""
        if not change.put_off:
            return
        rules = [(part.device, one.rule) for part in change.put_off for one in part.changes]
        leftovers = [Leftover(device=device, rule=rule) for device, rule in rules]
        await self._store.add_leftovers(leftovers)
        self._tell_left_over(leftovers)

    async def _begin(self, change: NetworkChange, journal: Journal, request: Request) -> None:
        staged = [(journal.entry(part, Verb.STAGE, Moment.BEFORE), part) for parts in change.rounds for part in parts]
        await self._store.begin(
            change.txn, change.kind, change.keys, change.movement, staged, request, change.shown, self._now(), caller()
        )
        self._tell_news()

    async def _put_back(
        self,
        change: NetworkChange,
        journal: Journal,
        started: list[list[DeviceRound]],
        error: TrunklineError,
        progress: Progress,
    ) -> None:
        moves = change.movement.lines_out or change.movement.steering_out is not None
        for number, parts in reversed(list(enumerate(started))):
            await take_back(journal, self._devices.drivers, parts, progress)
            first = number == 0 or _step(parts) != _step(started[number - 1])
            if parts[0].kind is RoundKind.FLIP and first and moves:
                # Packets that took the new route meanwhile must be through before it goes, or is given back.
                await self._pause(_drain_s(change.movement, change.movement.lines_in))
        # Something went wrong, so no device that was touched is taken at its word: each is read, and cleaned if needed.
        touched = [part for parts in started for part in parts]
        # Where a rule was taken away and did not come back, too: whatever differs there is our own doing.
        leftovers = self._distrust(touched, lambda one: one.rule)
        await self._store.end(
            change.txn,
            change.keys,
            change.movement,
            leftovers,
            self._now(),
            reason=error.reason,
            message=error.message,
        )
        self._tell_news()

    async def _go_on(
        self,
        change: NetworkChange,
        rounds: Sequence[list[DeviceRound]],
        reachable: Container[str],
        journal: Journal,
        progress: Progress,
        undone: Iterable[DeviceRound] = (),
    ) -> None:
        """Past the commit point there is only forward: each device does its part, whatever becomes of it on the others,
        and one that cannot be cleaned now is put right later, as are those where a part was left ``undone``."""
        failed = list(undone)
        for parts in rounds:
            if parts[0].kind is RoundKind.REMOVE:
                await self._pause(change.drain_s)
            given_up = {part.device for part in failed}
            able = [part for part in parts if part.device in reachable and part.device not in given_up]
            failed += [part for part in parts if part not in able]
            failed += await carry_out_each(journal, self._devices.drivers, able, progress)
        leftovers = self._distrust(failed, lambda one: one.before)
        await self._store.end(change.txn, change.keys, change.movement, leftovers, self._now())
        self._tell_news()

    def _distrust(self, parts: Sequence[DeviceRound], unwanted: Callable[[Change], Rule | None]) -> list[Leftover]:
        """Have the devices read and put right; of what was done there, ``unwanted`` may be left over."""
        found = [(part.device, unwanted(change)) for part in parts for change in part.changes]
        leftovers = [Leftover(device=device, rule=rule) for device, rule in found if rule is not None]
        self._tell_left_over(leftovers)
        for device in {part.device for part in parts}:
            self._devices.suspect(device)
        return leftovers


def _not_confirmed(saved: SavedTransaction) -> list[DeviceRound]:
    """What ought to have been done before the old rules go: of a forced change, which commits first, it may not be."""
    confirmed = {
        (step.device, step.number) for step in saved.steps if step.verb is Verb.CONFIRM and step.moment is Moment.AFTER
    }
    return [
        part
        for part in saved.rounds
        if part.kind is not RoundKind.REMOVE and (part.device, part.number) not in confirmed
    ]


def _step(parts: Sequence[DeviceRound]) -> tuple[RoundKind, int]:
    """Rounds one after the other that need no pause between them have the same."""
    return parts[0].kind, parts[0].step


def _drain_s(movement: Movement, lines: Iterable[PlacedLine]) -> float:
    delays = [max(path.delay_ns) for placed in lines for path in placed.paths]
    if movement.steering_out is not None:
        delays.append(movement.steering_drain_ns)
    return max(delays) / 1e9 + DRAIN_MARGIN_S if delays else 0.0


def _unseen(phase: str, done: int, total: int) -> None:
    """Nobody watches a recovery."""
