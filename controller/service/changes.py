"""Carrying out what a request comes to: once, one change at a time, and to an end whatever is cut off in the middle."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from controller.compiler.plan import Movement
from controller.compiler.steering.inputs import SteeringPlan
from controller.domain.egress import EgressPolicy
from controller.domain.errors import DeviceError, DeviceUnreachable, Reason, TrunklineError
from controller.domain.intents import IntentKey
from controller.domain.placement import PlacedPath
from controller.service.assurance import Assurances
from controller.service.confirming import ConfirmAbove
from controller.service.decision import Decision
from controller.service.devices import Devices
from controller.service.drift import Drifts
from controller.service.leaving import leaving_of
from controller.service.outcomes import NOT_LEAVING, Applied, IntentView, Leaving
from controller.service.planning import PlannerThread
from controller.service.plans import Plans
from controller.service.readings import Readings
from controller.service.requests import Begun, Requests, another_request
from controller.service.rounds import device_rounds, without
from controller.service.transaction import NetworkChange, Transactor
from controller.service.watching import Progress, Watchers
from controller.store.ballast import pressing
from controller.store.database import StoreError
from controller.store.records import IntentRecord, Phase, Request, TransactionKind
from controller.store.store import Store
from controller.telemetry.bearing import caller
from controller.telemetry.metrics import Metrics, reason_of

log = logging.getLogger(__name__)

DEVICE_WAIT_S = 5.0
RECOVERY_WAIT_S = 10.0
STEERED_WITHIN_S = 10.0
"""So long who changes policies is kept waiting for the cycle that carries them out."""
_MOST_NAMED = 3
SETTLE_RETRY_S = (0.2, 1.0, 5.0)


class Steering(Protocol):
    """What decides where internet traffic leaves: the egress cycle."""

    @property
    def aware(self) -> bool:
        """Whether it is known what is away."""
        ...

    async def become_aware(self, timeout_s: float) -> None: ...

    def notice(self, what: str) -> None:
        """Something has changed, in words."""
        ...

    async def caught_up(self, timeout_s: float) -> None:
        """Return when all that was noticed is dealt with, or after the time limit."""
        ...

    @property
    def why_not_steered(self) -> str:
        """Why devices may not have been told of a policy in force, in words."""
        ...


class Changes:
    """Knows what the network carries of each intent. ``deciding`` is held from a plan to the end of what that leads
    to."""

    def __init__(
        self,
        *,
        store: Store,
        planner: PlannerThread,
        plans: Plans,
        placed: Mapping[IntentKey, tuple[PlacedPath, ...]],
        devices: Devices,
        transactor: Transactor,
        watchers: Watchers,
        now: Callable[[], float],
        deciding: asyncio.Lock,
        confirm_above: ConfirmAbove,
        readings: Readings,
        drifts: Drifts,
        assurances: Assurances,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._planner = planner
        self._plans = plans
        self._placed = dict(placed)
        self._devices = devices
        self._transactor = transactor
        self._watchers = watchers
        self._network = deciding
        self._confirm_above = confirm_above
        self._readings = readings
        self._drifts = drifts
        self._assurances = assurances
        self._metrics = metrics
        self._requests: Requests[Applied] = Requests()
        self._now = now
        # Until ``recover`` has looked, there may be something left by an earlier process.
        self._unsettled = True
        self._cut_off: _CutOff | None = None
        self._steering: Steering | None = None
        self._failing = asyncio.Event()

    async def recover(self) -> None:
        """Finish or undo what an earlier process, or a full disk, left half done."""
        async with self._network:
            await self.settle()

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

    async def once(
        self, request_id: str, asked: str, decide: Callable[[], Awaitable[Decision]], confirm: int | None
    ) -> Applied:
        """Decide and carry out, unless a request with this id has done so. When a device that is needed is not there,
        or not in step yet, wait a while for it and decide anew: the network may have changed meanwhile."""
        request = Request(request_id=request_id, fingerprint=hashlib.sha256(asked.encode()).digest())
        clock = asyncio.get_running_loop().time

        async def work(begun: Begun) -> Applied:
            patience_ends = clock() + DEVICE_WAIT_S
            # After a start, lines wait for it to be known what is away: room for them is not made by guesses.
            steerable = self._steering is None or self._steering.aware
            while True:
                async with self._network:
                    await self.settle()
                    earlier = await self._answered(request)
                    if earlier is not None:
                        return earlier
                    incidents = self._devices.all_incidents()
                    decision = await decide()
                    size = len(decision.keys), len(decision.devices)
                    self._confirm_above.check(decision.kind, *size, given=confirm)
                    ready = steerable or not decision.plan.movement.lines_in
                    if ready and self._usable(decision.needed, incidents) >= decision.needed:
                        claimed = self._usable(decision.devices, incidents)
                        async with self._devices.claimed(claimed):
                            # One that came into step meanwhile is not ours to write to: nobody has claimed it.
                            usable = self._usable(claimed, incidents)
                            if usable >= decision.needed:
                                await self._run(decision, usable, request, begun)
                                if decision.keys and self._steering is not None:
                                    self._steering.notice("lines or policies have changed")
                                return Applied(intents=await self._views_of(decision.shown), plan=decision.plan)
                if not ready and self._steering is not None:
                    await self._steering.become_aware(patience_ends - clock())
                    steerable = True
                    continue
                await self._devices.wait_in_step(decision.needed, patience_ends - clock())

        applied = await self._requests.once(request, work)
        movement = Movement() if applied.plan is None else applied.plan.movement
        if self._steering is not None and (movement.policies_in or movement.policies_out):
            # Where traffic leaves is decided by a cycle; who asks wants to know that it leaves so, not that it will.
            await self._steering.caught_up(STEERED_WITHIN_S)
            return replace(applied, intents=await self._steered_now(applied.intents))
        return applied

    async def steer(self, decide: Callable[[], Awaitable[SteeringPlan]], *, urgent: bool = False) -> SteeringPlan:
        """Decide where internet traffic leaves with the network to oneself, and carry out what was decided: all of it
        or nothing. What changes on a device that was known to be away is made up for when it is back: one dead switch
        must not keep traffic on a lost gateway. Raises what ``decide`` raises; ``DeviceUnreachable`` when another
        device that is to carry something is not there, or not in step; ``DeviceError`` when one failed and all was put
        back; ``StoreError``. ``urgent``: with a full disk it has the room that is kept; so has the end of what a full
        disk cut off before."""
        with pressing(urgent):
            return await self._steer(decide)

    async def _steer(self, decide: Callable[[], Awaitable[SteeringPlan]]) -> SteeringPlan:
        async with self._network:
            await self.settle()
            incidents = self._devices.all_incidents()
            steering = await decide()
            if not steering.plan.changes_something:
                return steering
            # Rules that only go from a device need not go now.
            decision = Decision(kind=TransactionKind.STEER, keys=(), plan=steering.plan, shown=(), force=True)
            async with self._devices.claimed(self._usable(decision.devices, incidents)):
                usable = self._usable(decision.devices, incidents)
                lacking = sorted(decision.needed - usable - steering.nodes_away)
                if lacking:
                    raise DeviceUnreachable(lacking[0], "it is away, or not in step")
                away = decision.needed - usable
                await self._run(decision, usable, Request(request_id="", fingerprint=b""), lambda: None, away)
            return steering

    def steered_by(self, steering: Steering) -> None:
        """``steering`` is told, in words, of changes of lines and policies that are carried out; and waited for where
        what it does belongs to them."""
        self._steering = steering

    def _usable(self, devices: Iterable[str], incidents: Mapping[str, int]) -> set[str]:
        """Those that are in step and to which nothing has happened since ``incidents`` was read: a device that came
        anew may hold meters or groups of others that a plan made before does not know of."""
        return {
            name
            for name in devices
            if name in incidents and self._devices.in_step(name) and self._devices.incidents(name) == incidents[name]
        }

    async def _answered(self, request: Request) -> Applied | None:
        """What an earlier request with this id did."""
        answer = await self._store.answer(request.request_id) if request.request_id else None
        if answer is None:
            return None
        if answer.fingerprint != request.fingerprint:
            raise another_request(request.request_id)
        if answer.reason:
            raise TrunklineError(Reason(answer.reason), answer.message)
        return Applied(intents=await self._views_of(answer.keys), plan=None)

    async def _run(
        self, decision: Decision, usable: set[str], request: Request, begun: Begun, away: Container[str] = ()
    ) -> None:
        """``usable``: which of its devices can be worked with; all, unless it is forced. ``away``: those whose part is
        put off until they are back."""
        plan = decision.plan
        if not decision.keys and not plan.changes_something:
            if decision.fulfils:
                await self._plans.nothing_to_do(decision.fulfils)
            if request.request_id:
                await self._store.record_request(request, decision.shown, self._now())
            return
        rounds, put_off = without(device_rounds(plan), away)
        change = NetworkChange(
            txn=uuid.uuid4().hex,
            kind=decision.kind,
            keys=decision.keys,
            shown=decision.shown,
            movement=plan.movement,
            rounds=rounds,
            fulfils=decision.fulfils,
            put_off=put_off,
        )

        async def committed() -> None:
            await self._planner.adopt(plan, decision.fulfils)
            if decision.fulfils:
                self._plans.fulfilled(decision.fulfils)
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
                if decision.force and decision.kind is TransactionKind.DELETE:
                    await self._transactor.force(change, usable, request, cut_off.commit, progress)
                else:
                    await self._transactor.run(change, usable, request, cut_off.commit, progress)
            self._metrics.rule_changes.inc(decision.rules)
        except DeviceError:
            raise  # all has been put back
        except Exception:
            # The store failed, or something did that should not: whatever was begun is finished or undone from the
            # journal, as soon as that can be.
            self._unsettled, self._cut_off = True, cut_off
            self._failing.set()
            raise

    async def settle(self) -> None:
        """Finish or undo whatever transaction was cut off: by the end of an earlier process, or by a failing disk."""
        if not self._unsettled:
            return
        for saved in await self._store.unfinished():
            if saved.phase is Phase.COMMITTED and self._cut_off is not None and self._cut_off.txn == saved.txn:
                await self._cut_off.commit()
            async with self._devices.claimed(part.device for part in saved.rounds):
                await self._transactor.recover(saved, RECOVERY_WAIT_S)
        for key in await self._store.end_stray_states(self._now()):
            log.error("%s was on its way without a transaction: its state is now what the network carries", key)
        self._unsettled = False
        self._cut_off = None

    async def views(self, records: Sequence[IntentRecord]) -> list[IntentView]:
        """The intents with what the network carries of them."""
        policies = any(isinstance(record.intent, EgressPolicy) for record in records)
        leaving = await self.leaving() if policies else {}
        return [self._view(record, leaving) for record in records]

    def _view(self, record: IntentRecord, leaving: Mapping[IntentKey, Leaving]) -> IntentView:
        key, paths = record.key, self.paths_of(record.key)
        assurance = self._assurances.of(key, paths)
        return IntentView(record=record, paths=paths, assurance=assurance, leaving=leaving.get(key, NOT_LEAVING))

    async def _steered_now(self, views: Sequence[IntentView]) -> tuple[IntentView, ...]:
        """The same intents, with the ways their traffic takes by now."""
        leaving = await self.leaving()
        return tuple(replace(view, leaving=leaving.get(view.record.key, NOT_LEAVING)) for view in views)

    async def leaving(self) -> dict[IntentKey, Leaving]:
        """Of each policy in force, where its traffic leaves, or is to."""
        why_not = "nothing steers" if self._steering is None else self._steering.why_not_steered
        return await self._planner.run(lambda planner: leaving_of(planner, why_not))

    def paths_of(self, key: IntentKey) -> tuple[PlacedPath, ...]:
        """Where the network carries an intent; nothing if it does not."""
        return self._placed.get(key, ())

    async def _views_of(self, keys: Sequence[IntentKey]) -> tuple[IntentView, ...]:
        """Those of ``keys`` that exist, in their order."""
        records = await self._store.get_many(keys)
        return tuple(await self.views([records[key] for key in keys if key in records]))


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
def _told(decision: Decision) -> Iterator[None]:
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
