"""What can be done with intents: plan, apply, delete, get, list, watch. What every way in calls."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from controller.compiler.plan import Plan, Verdict
from controller.domain.errors import (
    Conflict,
    DeviceError,
    Fault,
    InvalidInput,
    NotFound,
    Reason,
    TrunklineError,
)
from controller.domain.intents import IntentKey, PrivateLine
from controller.domain.placement import PlacedPath
from controller.domain.topology import Topology
from controller.domain.validation import check_lines
from controller.service.assurance import Assurances
from controller.service.confirming import ConfirmAbove
from controller.service.devices import Devices
from controller.service.drift import Drifts
from controller.service.outcomes import Applied, ApplyRefused, Changed, Fares, Gone, IntentView, Wanted, WatchEvent
from controller.service.planning import PlannerThread
from controller.service.readings import Readings
from controller.service.requests import Begun, Requests, another_request
from controller.service.rounds import device_rounds
from controller.service.transaction import NetworkChange, Transactor
from controller.service.watching import Progress, Watchers
from controller.store.database import StoreError
from controller.store.records import IntentRecord, Phase, Request, TransactionKind
from controller.store.store import Store
from controller.telemetry.bearing import caller
from controller.telemetry.metrics import Metrics, reason_of

log = logging.getLogger(__name__)

DEVICE_WAIT_S = 5.0
RECOVERY_WAIT_S = 10.0
_MOST_NAMED = 3
SETTLE_RETRY_S = (0.2, 1.0, 5.0)


class IntentService:
    """All methods may raise what the tree of ``domain.errors`` has, and ``StoreError``."""

    def __init__(
        self,
        *,
        topology: Topology,
        store: Store,
        planner: PlannerThread,
        placed: Mapping[IntentKey, tuple[PlacedPath, ...]],
        devices: Devices,
        transactor: Transactor,
        watchers: Watchers,
        now: Callable[[], float],
        deciding: asyncio.Lock | None = None,
        confirm_above: ConfirmAbove | None = None,
        readings: Readings | None = None,
        drifts: Drifts,
        metrics: Metrics | None = None,
    ) -> None:
        """``deciding`` is held from a plan to the end of what it leads to."""
        self._topology = topology
        self._store = store
        self._planner = planner
        self._placed = dict(placed)
        self._devices = devices
        self._transactor = transactor
        self._watchers = watchers
        self._network = asyncio.Lock() if deciding is None else deciding
        self._confirm_above = ConfirmAbove() if confirm_above is None else confirm_above
        self._readings = Readings() if readings is None else readings
        self._drifts = drifts
        self._assurances = Assurances(devices, drifts)
        self._metrics = Metrics() if metrics is None else metrics
        self._requests: Requests[Applied] = Requests()
        self._now = now
        # Until ``recover`` has looked, there may be something left by an earlier process.
        self._unsettled = True
        self._cut_off: _CutOff | None = None
        self._failing = asyncio.Event()

    async def recover(self) -> None:
        """Finish or undo what an earlier process, or a full disk, left half done."""
        async with self._network:
            await self._settle()

    async def keep_settled(self) -> None:
        """For ever: when a transaction was cut off in the middle, try again until it is finished or undone."""
        while True:
            await self._failing.wait()
            self._failing.clear()
            for wait_s in itertools.chain(SETTLE_RETRY_S, itertools.repeat(SETTLE_RETRY_S[-1])):
                await asyncio.sleep(wait_s)
                try:
                    await self.recover()
                    break
                except StoreError as error:
                    log.error("%s; trying again in a while", error)
                except Exception:
                    log.exception("a transaction could not be finished or undone; trying again in a while")

    async def plan(self, wanted: Sequence[PrivateLine], unwanted: Sequence[IntentKey] = ()) -> Plan:
        """What an apply of ``wanted`` and a delete of ``unwanted`` would do, against what is reserved now."""
        with self._metrics.request("plan") as outcome:
            self._check(wanted)
            _check_named_once(wanted, unwanted)
            for key in unwanted:
                if key not in self._placed and await self._store.get(key) is None:
                    raise _not_there(key)
            plan = await self._planner.plan(wanted, unwanted)
            outcome.reason = next((r.reason for verdict in plan.verdicts for r in verdict.refusals), outcome.reason)
            return plan

    async def apply(
        self, wanted: Sequence[Wanted], request_id: str = "", *, partial: bool = False, confirm: int | None = None
    ) -> Applied:
        """Make all of ``wanted`` so, or nothing (``partial``: what is feasible). ``confirm``: how many lines change, as
        whoever asks understands it."""
        with self._metrics.request("apply"):
            return await self._apply(wanted, request_id, partial=partial, confirm=confirm)

    async def _apply(self, wanted: Sequence[Wanted], request_id: str, *, partial: bool, confirm: int | None) -> Applied:
        lines = [one.line for one in wanted]
        self._check(lines)

        async def decide() -> _Decision:
            await self._check_etags({one.line.key: one.etag for one in wanted})
            plan = await self._feasible_plan(lines, partial=partial)
            return _Decision(
                kind=TransactionKind.APPLY,
                keys=tuple(placed.line.key for placed in plan.movement.lines_in),
                plan=plan,
                shown=tuple(verdict.key for verdict in plan.verdicts if verdict.feasible),
            )

        return await self._once(request_id, repr(("apply", wanted, partial)), decide, confirm)

    async def delete(
        self, keys: Sequence[IntentKey], etag: str = "", request_id: str = "", *, confirm: int | None = None
    ) -> Applied:
        """Take all of ``keys`` out of the network and out of the store, or nothing."""
        with self._metrics.request("delete"):
            return await self._delete(keys, etag, request_id, confirm)

    async def _delete(self, keys: Sequence[IntentKey], etag: str, request_id: str, confirm: int | None) -> Applied:

        async def decide() -> _Decision:
            there = await self._store.get_many(keys)
            for key in keys:
                if key not in there:
                    raise _not_there(key)
            await self._check_etags(dict.fromkeys(keys, etag))
            plan = await self._planner.plan((), [key for key in keys if key in self._placed])
            return _Decision(kind=TransactionKind.DELETE, keys=tuple(keys), plan=plan, shown=())

        return await self._once(request_id, repr(("delete", keys, etag)), decide, confirm)

    async def get(self, key: IntentKey) -> IntentView:
        record = await self._store.get(key)
        if record is None:
            raise _not_there(key)
        return self._view(record)

    async def page(self, tenant: str | None, after: IntentKey | None, size: int) -> tuple[list[IntentView], int]:
        """Up to ``size`` intents behind ``after`` in the order of their keys, and the revision they were read at."""
        records, revision = await self._store.page(tenant, after, size)
        return [self._view(record) for record in records], revision

    async def watch(self, from_revision: int) -> AsyncIterator[WatchEvent]:
        """Everything that changes after a revision, until the server stops; from 0: first all that there is."""
        with self._watchers.listening() as heard:
            revision = from_revision
            if revision == 0:
                views, revision = await self.page(None, None, -1)
                # By revision, so that a watcher that is cut off half-way may resume from the last one it saw.
                for view in sorted(views, key=lambda view: view.record.revision):
                    yield Changed(view=view)
            changed, revision = await self._changed_since(revision)
            for event in changed:
                yield event
            # Who resumes is told of all drift there is: it may be older than the revision.
            told = self._assurances.drifted
            for fares in self._fares(told):
                yield fares
            async for news in heard:
                if news is not None:
                    yield news
                    continue
                changed, revision = await self._changed_since(revision)
                for event in changed:
                    yield event
                before, told = told, self._assurances.drifted
                for fares in self._fares(before ^ told):
                    yield fares

    def end_watches(self) -> None:
        """Nobody is told anything any more: the server stops."""
        self._watchers.end()

    async def _changed_since(self, revision: int) -> tuple[list[WatchEvent], int]:
        changed, now = await self._store.changed_since(revision)
        events: list[WatchEvent] = [
            Gone(key=entry.key, revision=entry.revision) if record is None else Changed(view=self._view(record))
            for entry, record in changed
        ]
        return events, now

    def _fares(self, keys: Iterable[IntentKey]) -> list[Fares]:
        return [Fares(key=key, assurance=self._assurances.of(key, self._placed.get(key, ()))) for key in sorted(keys)]

    def _check(self, lines: Sequence[PrivateLine]) -> None:
        faults = check_lines(lines, self._topology)
        if faults:
            raise InvalidInput(tuple(faults))

    async def _check_etags(self, etags: Mapping[IntentKey, str]) -> None:
        there = await self._store.get_many(list(etags))
        for key, etag in etags.items():
            now = there[key].etag if key in there else ""
            if etag and etag != now:
                what = f"it is {now} now" if now else "there is no such intent now"
                raise Conflict(Reason.ETAG_MISMATCH, f"{key}: etag {etag} is stale, {what}; get it and decide again")

    async def _feasible_plan(self, wanted: Sequence[PrivateLine], *, partial: bool) -> Plan:
        """A plan that can be carried out; with ``partial`` its verdicts tell also of what was left out."""
        lines = list(wanted)
        refused: dict[IntentKey, Verdict] = {}
        while True:
            plan = await self._planner.plan(lines)
            if plan.feasible:
                break
            if not partial:
                raise ApplyRefused(plan)
            refused |= {verdict.key: verdict for verdict in plan.verdicts if not verdict.feasible}
            lines = [line for line in lines if line.key not in refused]
        verdicts = {verdict.key: verdict for verdict in plan.verdicts} | refused
        return replace(plan, verdicts=tuple(verdicts[line.key] for line in wanted))

    async def _once(
        self, request_id: str, asked: str, decide: Callable[[], Awaitable[_Decision]], confirm: int | None
    ) -> Applied:
        """Decide and carry out, unless a request with this id has done so. When a device that is needed is not there,
        or not in step yet, wait a while for it and decide anew: the network may have changed meanwhile."""
        request = Request(request_id=request_id, fingerprint=hashlib.sha256(asked.encode()).digest())
        clock = asyncio.get_running_loop().time

        async def work(begun: Begun) -> Applied:
            patience_ends = clock() + DEVICE_WAIT_S
            while True:
                async with self._network:
                    await self._settle()
                    earlier = await self._answered(request)
                    if earlier is not None:
                        return earlier
                    incidents = self._devices.all_incidents()
                    decision = await decide()
                    size = len(decision.keys), len(decision.devices)
                    self._confirm_above.check(decision.kind, *size, given=confirm)
                    if self._can_be_used(decision.devices, incidents):
                        async with self._devices.claimed(decision.devices):
                            if self._can_be_used(decision.devices, incidents):
                                await self._run(decision, request, begun)
                                return Applied(intents=await self._views(decision.shown), plan=decision.plan)
                await self._devices.wait_in_step(decision.devices, patience_ends - clock())

        return await self._requests.once(request, work)

    def _can_be_used(self, devices: Iterable[str], incidents: Mapping[str, int]) -> bool:
        """Whether the devices are in step and nothing has happened to them since ``incidents`` was read: a device
        that came anew may hold meters or groups of others that a plan made before does not know of."""
        return all(self._devices.in_step(name) and self._devices.incidents(name) == incidents[name] for name in devices)

    async def _answered(self, request: Request) -> Applied | None:
        """What an earlier request with this id did."""
        answer = await self._store.answer(request.request_id) if request.request_id else None
        if answer is None:
            return None
        if answer.fingerprint != request.fingerprint:
            raise another_request(request.request_id)
        if answer.reason:
            raise TrunklineError(Reason(answer.reason), answer.message)
        return Applied(intents=await self._views(answer.keys), plan=None)

    async def _run(self, decision: _Decision, request: Request, begun: Begun) -> None:
        plan = decision.plan
        if not decision.keys:
            if request.request_id:
                await self._store.record_request(request, decision.shown, self._now())
            return
        change = NetworkChange(
            txn=uuid.uuid4().hex,
            kind=decision.kind,
            keys=decision.keys,
            shown=decision.shown,
            movement=plan.movement,
            rounds=device_rounds(plan),
        )

        async def committed() -> None:
            await self._planner.adopt(plan)
            for placed in plan.movement.lines_out:
                del self._placed[placed.line.key]
            for placed in plan.movement.lines_in:
                self._placed[placed.line.key] = placed.paths
            # There is only forward now: what is not made by the end of the change is read anew.
            self._readings.carried_out(plan)
            await self._drifts.carried_out(plan)

        def progress(phase: str, done: int, total: int) -> None:
            self._watchers.progress(
                Progress(request_id=request.request_id, phase=phase, devices_done=done, devices_total=total)
            )

        begun()
        cut_off = _CutOff(txn=change.txn, committed=committed)
        try:
            with self._metrics.transaction(decision.kind), _told(decision):
                await self._transactor.run(change, request, cut_off.commit, progress)
            self._metrics.rule_changes.inc(decision.rules)
        except DeviceError:
            raise  # all has been put back
        except Exception:
            # The store failed, or something did that should not: whatever was begun is finished or undone from the
            # journal, as soon as that can be.
            self._unsettled, self._cut_off = True, cut_off
            self._failing.set()
            raise

    async def _settle(self) -> None:
        """Finish or undo whatever transaction was cut off: by the end of an earlier process, or by a failing disk."""
        if not self._unsettled:
            return
        for saved in await self._store.unfinished():
            if saved.phase is Phase.COMMITTED and self._cut_off is not None and self._cut_off.txn == saved.txn:
                await self._cut_off.commit()
            async with self._devices.claimed(part.device for part in saved.rounds):
                await self._transactor.recover(saved, RECOVERY_WAIT_S)
        self._unsettled = False
        self._cut_off = None

    def _view(self, record: IntentRecord) -> IntentView:
        paths = self._placed.get(record.key, ())
        return IntentView(record=record, paths=paths, assurance=self._assurances.of(record.key, paths))

    async def _views(self, keys: Sequence[IntentKey]) -> tuple[IntentView, ...]:
        """Those of ``keys`` that exist, in their order."""
        records = await self._store.get_many(keys)
        return tuple(self._view(records[key]) for key in keys if key in records)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    """What a request comes to: ``keys`` are the intents that change, ``shown`` those that the answer shows."""

    kind: TransactionKind
    keys: tuple[IntentKey, ...]
    plan: Plan
    shown: tuple[IntentKey, ...]

    @property
    def devices(self) -> set[str]:
        return {device for part in self.plan.rounds for device, _ in part.changes}

    @property
    def rules(self) -> int:
        return sum(len(changes) for part in self.plan.rounds for _, changes in part.changes)


@dataclass(slots=True, kw_only=True)
class _CutOff:
    """The transaction that was under way when the store failed, and whether its plan was adopted in memory."""

    txn: str
    committed: Callable[[], Awaitable[None]]
    adopted: bool = False

    async def commit(self) -> None:
        if not self.adopted:
            await self.committed()
            self.adopted = True


@contextmanager
def _told(decision: _Decision) -> Iterator[None]:
    """The change inside is told in the log when it ends: who asked, what, how much, how long, how it ended."""
    start, outcome = time.perf_counter(), "done"
    try:
        yield
    except BaseException as error:
        outcome = reason_of(error)
        raise
    finally:
        told = {
            "change": str(decision.kind),
            "caller": caller(),
            "outcome": outcome,
            "lines": len(decision.keys),
            "devices": len(decision.devices),
            "rules": decision.rules,
            "seconds": round(time.perf_counter() - start, 6),
        }
        what = ", ".join(f"{key.tenant}/{key.name}" for key in decision.keys[:_MOST_NAMED])
        more = f" and {len(decision.keys) - _MOST_NAMED} more" if len(decision.keys) > _MOST_NAMED else ""
        log.info(
            "%(change)s from %(caller)s: %(lines)d lines (%(what)s), %(rules)d rules on %(devices)d devices "
            "in %(seconds).3f s: %(outcome)s",
            {**told, "caller": told["caller"] or "within", "what": what + more},
            extra=told,
        )


def _check_named_once(wanted: Sequence[PrivateLine], unwanted: Sequence[IntentKey]) -> None:
    """Raises ``InvalidInput`` for an intent to delete that is named twice, or to be applied as well."""
    named = {line.key for line in wanted}
    for index, key in enumerate(unwanted):
        if key in named:
            message = f"{key} is to be applied or deleted as well: name an intent once"
            raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field=f"deletes[{index}]", message=message),))
        named.add(key)


def _not_there(key: IntentKey) -> NotFound:
    return NotFound(f"there is no {key}")
