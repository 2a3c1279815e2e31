"""Plans that are kept on the server, by id: made, listed, held for a while, released, made again to be carried out."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from controller.compiler.plan import Plan
from controller.domain.errors import Conflict, Fault, InvalidInput, NotFound, Reason, TrunklineError
from controller.domain.intents import IntentKey
from controller.domain.kinds import Intent
from controller.domain.lifecycle import IntentState
from controller.paths.network import ReservationError
from controller.service.decision import Deciding, Decision
from controller.service.finishing import to_the_end
from controller.service.planning import PlannerThread
from controller.store.database import StoreError
from controller.store.records import SavedPlan, TransactionKind
from controller.store.store import Store
from controller.telemetry.bearing import caller

log = logging.getLogger(__name__)

KEPT_S = 24 * 3600.0
"""How long a plan is kept, whether or not it is carried out."""
LONGEST_HOLD_S = KEPT_S
SHORTEST_HOLD_S = 1.0
MOST_PLANS = 100
MOST_LINES = 20_000
"""In all plans that are kept and not carried out: their numbers are given to nobody else."""
_LONGEST_SLEEP_S = 60.0
"""The clock may be set while we sleep."""
_RETRY_S = 1.0


class Plans:
    """What is on disk and what the planner keeps, in step. Whoever changes something holds ``deciding``."""

    def __init__(
        self,
        store: Store,
        planner: PlannerThread,
        decisions: Deciding,
        deciding: asyncio.Lock,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._planner = planner
        self._decisions = decisions
        self._deciding = deciding
        self._now = now
        self._plans: dict[str, SavedPlan] = {}
        self._changed = asyncio.Event()

    async def restore(self, saved: Iterable[SavedPlan]) -> None:
        """Take in what an earlier process kept. Where this topology has no room for a hold, it is given up; when the
        plan is to be carried out, what has changed is named."""
        for plan in saved:
            self._plans[plan.plan_id] = plan
            if plan.applied_at is not None:
                continue
            try:
                await self._keep(plan)
            except (ReservationError, KeyError, ValueError) as error:
                log.warning("plan %s has no place in this topology: %s", plan.plan_id, error)
                if plan.held_until is not None:
                    self._plans[plan.plan_id] = unheld = await self._without_hold(plan)
                    with suppress(KeyError, ValueError):  # its numbers at least, if what bears them is there
                        await self._keep(unheld)

    def check(self, hold_s: float | None) -> None:
        """Raises ``InvalidInput`` for a hold that is too short or too long."""
        if hold_s is not None and not SHORTEST_HOLD_S <= hold_s <= LONGEST_HOLD_S:
            message = f"{hold_s:g} s is not possible: a hold lasts {SHORTEST_HOLD_S:g} s to {LONGEST_HOLD_S / 3600:g} h"
            raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field="hold", message=message),))

    async def keep(
        self, wanted: Sequence[Intent], unwanted: Sequence[IntentKey], plan: Plan, hold_s: float | None
    ) -> SavedPlan:
        """Keep a feasible plan that was made just before; ``hold_s``: for how long what it takes is reserved."""
        await self._make_room(len(plan.movement.lines_in))
        now = self._now()
        held_until = None if hold_s is None else now + hold_s
        saved = SavedPlan(
            plan_id=uuid.uuid4().hex[:12],
            wanted=tuple(wanted),
            unwanted=tuple(unwanted),
            etags=tuple((await self._decisions.etags([*(intent.key for intent in wanted), *unwanted])).items()),
            movement=plan.movement,
            caller=caller(),
            created_at=now,
            expires_at=now + KEPT_S,
            held_until=held_until,
        )

        async def both() -> None:
            await self._keep(saved)
            try:
                await self._store.save_plan(saved)
            except BaseException:
                await self._planner.run(lambda planner: planner.kept.let_go(saved.plan_id))
                raise
            self._plans[saved.plan_id] = saved
            self._changed.set()

        await to_the_end(both())
        log.info("plan %s is kept%s", saved.plan_id, "" if hold_s is None else f" and held for {hold_s:g} s")
        return saved

    def all(self) -> list[SavedPlan]:
        """In the order in which they were made."""
        return sorted(self._plans.values(), key=lambda plan: (plan.created_at, plan.plan_id))

    def get(self, plan_id: str) -> SavedPlan:
        plan = self._plans.get(plan_id)
        if plan is None:
            raise NotFound(f"there is no plan {plan_id[:40]!r}: it never was, was released, or its time is over")
        return plan

    async def release(self, plan_id: str) -> SavedPlan:
        """Forget a plan and free what it keeps."""
        async with self._deciding:
            plan = self.get(plan_id)
            await to_the_end(self._forget(plan_id))
            return plan

    async def decide(self, plan_id: str, *, force: bool) -> Decision:
        """The plan as it was shown, against the network as it is; ``Conflict`` (PLAN_STALE) that names what it rests
        on and has changed. One that was carried out already comes to nothing more."""
        saved = self.get(plan_id)
        shown = tuple(intent.key for intent in saved.wanted)
        if saved.applied_at is not None:
            nothing = await self._planner.plan(())
            return Decision(kind=TransactionKind.APPLY, keys=(), plan=nothing, shown=shown, force=force)
        await self._check_unchanged(saved)
        try:
            self._decisions.check(saved.wanted)
            plan = await self._planner.run(
                lambda planner: planner.plan_again(plan_id, saved.wanted, saved.unwanted, saved.movement)
            )
        except InvalidInput as error:  # it was right when it was planned: the topology, or what else is there, changed
            raise _stale(plan_id, error.message) from error
        if not plan.feasible:
            why = "; ".join(f"{one.key}: {no.message}" for one in plan.verdicts for no in one.refusals)
            raise _stale(plan_id, why)
        return Decision(
            kind=TransactionKind.APPLY,
            keys=(*(intent.key for intent in plan.movement.intents_in), *saved.unwanted),
            plan=plan,
            shown=shown,
            fulfils=plan_id,
            force=force,
        )

    def fulfilled(self, plan_id: str) -> None:
        """The plan is carried out, on disk and in the planner."""
        self._plans[plan_id] = replace(self._plans[plan_id], held_until=None, applied_at=self._now())

    async def nothing_to_do(self, plan_id: str) -> None:
        """All is as the plan wants it."""
        await self._store.plan_applied(plan_id, self._now())
        await self._planner.run(lambda planner: planner.kept.let_go(plan_id))
        self.fulfilled(plan_id)

    async def run(self) -> None:
        """For ever: end holds and forget plans when their time has come."""
        while True:
            self._changed.clear()
            wait_s = self._next() - self._now()
            if wait_s > 0:
                try:
                    async with asyncio.timeout(min(wait_s, _LONGEST_SLEEP_S)):
                        await self._changed.wait()
                except TimeoutError:
                    pass
                continue
            try:
                await self.expire()
            except StoreError as error:
                log.error("%s; holds are ended a little later", error)
                await asyncio.sleep(_RETRY_S)

    async def expire(self) -> None:
        """End what should have ended by now."""
        async with self._deciding:
            now = self._now()
            for plan in self.all():
                if plan.expires_at <= now:
                    await to_the_end(self._forget(plan.plan_id))
                elif plan.held_until is not None and plan.held_until <= now:
                    await to_the_end(self._end_hold(plan))

    def _next(self) -> float:
        moments = [plan.expires_at for plan in self._plans.values()]
        moments += [plan.held_until for plan in self._plans.values() if plan.held_until is not None]
        return min(moments, default=self._now() + _LONGEST_SLEEP_S)

    async def _check_unchanged(self, saved: SavedPlan) -> None:
        there = await self._store.get_many([key for key, _ in saved.etags])
        wanted = {intent.key: intent for intent in saved.wanted}
        changed = []
        for key, etag in saved.etags:
            record = there.get(key)
            if record is None:
                changed += [f"{key} was deleted"] if etag else []
            elif record.etag == etag or (record.state is IntentState.FAILED and record.intent == wanted.get(key)):
                continue  # as it was; or this very plan was tried, and a device did not let it happen
            else:
                changed.append(f"{key} was {'changed' if etag else 'created'} (etag {record.etag} now)")
        if changed:
            raise _stale(saved.plan_id, "; ".join(changed))

    async def _make_room(self, lines: int) -> None:
        """Forget the plan that was carried out first, if that stands in the way: only repeated requests ask for it."""
        done = [(plan.applied_at, plan.plan_id) for plan in self._plans.values() if plan.applied_at is not None]
        open_plans = [plan for plan in self._plans.values() if plan.applied_at is None]
        if len(open_plans) >= MOST_PLANS:
            what = f"{MOST_PLANS} plans are kept already"
        elif sum(len(plan.movement.lines_in) for plan in open_plans) + lines > MOST_LINES:
            what = f"the plans that are kept would have more than {MOST_LINES} lines together"
        else:
            if len(self._plans) >= MOST_PLANS:
                await to_the_end(self._forget(min(done)[1]))
            return
        raise TrunklineError(
            Reason.TENANT_QUOTA, f"{what}: release some (trunkline get plans, trunkline delete plan ID), or wait"
        )

    async def _keep(self, plan: SavedPlan) -> None:
        hold = plan.held_until is not None
        await self._planner.run(lambda planner: planner.kept.keep(plan.plan_id, plan.movement, hold=hold))

    async def _without_hold(self, plan: SavedPlan) -> SavedPlan:
        await self._store.end_hold(plan.plan_id)
        return replace(plan, held_until=None)

    async def _end_hold(self, plan: SavedPlan) -> None:
        self._plans[plan.plan_id] = await self._without_hold(plan)
        await self._planner.run(lambda planner: planner.kept.end_hold(plan.plan_id))
        log.info("the hold of plan %s has ended", plan.plan_id)

    async def _forget(self, plan_id: str) -> None:
        await self._store.drop_plan(plan_id)
        del self._plans[plan_id]
        await self._planner.run(lambda planner: planner.kept.let_go(plan_id))


def _stale(plan_id: str, why: str) -> Conflict:
    return Conflict(
        Reason.PLAN_STALE, f"plan {plan_id} is stale, nothing was changed: {why}; plan anew (trunkline plan)"
    )
