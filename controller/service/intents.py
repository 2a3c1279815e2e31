"""What can be done with intents: plan, apply, delete, roll back, get, list, watch. What every way in calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

from controller.domain.intents import IntentKey
from controller.domain.kinds import Intent
from controller.domain.placement import PlacedPath
from controller.domain.topology import Topology
from controller.service.assurance import Assurances
from controller.service.changes import Changes
from controller.service.confirming import ConfirmAbove
from controller.service.decision import Deciding, Decision, check_named_once, not_there
from controller.service.devices import Devices
from controller.service.drift import Drifts
from controller.service.outcomes import Applied, Changed, Fares, Gone, IntentView, Planned, Wanted, WatchEvent
from controller.service.planning import PlannerThread
from controller.service.plans import Plans
from controller.service.readings import Readings
from controller.service.transaction import Transactor
from controller.service.watching import Watchers
from controller.store.store import Store
from controller.telemetry.metrics import Metrics


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
        self._store = store
        self._planner = planner
        self._watchers = watchers
        self._metrics = Metrics() if metrics is None else metrics
        self._network = asyncio.Lock() if deciding is None else deciding
        self._deciding = Deciding(topology, store, planner)
        self._assurances = Assurances(devices, drifts)
        self.plans = Plans(store, planner, self._deciding, self._network, now)
        self.changes = Changes(
            store=store,
            planner=planner,
            plans=self.plans,
            placed=placed,
            devices=devices,
            transactor=transactor,
            watchers=watchers,
            now=now,
            deciding=self._network,
            confirm_above=ConfirmAbove() if confirm_above is None else confirm_above,
            readings=Readings() if readings is None else readings,
            drifts=drifts,
            assurances=self._assurances,
            metrics=self._metrics,
        )

    async def recover(self) -> None:
        """Finish or undo what an earlier process, or a full disk, left half done."""
        await self.changes.recover()

    async def keep_settled(self) -> None:
        """For ever: when a transaction was cut off in the middle, try again until it is finished or undone."""
        await self.changes.keep_settled()

    async def plan(
        self,
        wanted: Sequence[Intent],
        unwanted: Sequence[IntentKey] = (),
        *,
        save: bool = False,
        hold_s: float | None = None,
    ) -> Planned:
        """What an apply of ``wanted`` and a delete of ``unwanted`` would do, against what is reserved now. ``save``:
        keep it under an id if it is feasible; ``hold_s``: reserve what it takes for so long, too."""
        with self._metrics.request("plan") as outcome:
            self._deciding.check(wanted)
            check_named_once(wanted, unwanted)
            self.plans.check(hold_s)
            await self._deciding.check_there(unwanted)
            if save or hold_s is not None:
                planned = await self._plan_and_keep(wanted, unwanted, hold_s)
            else:
                planned = Planned(plan=await self._planner.plan(wanted, unwanted))
            refusals = (r.reason for verdict in planned.plan.verdicts for r in verdict.refusals)
            outcome.reason = next(refusals, outcome.reason)
            return planned

    async def _plan_and_keep(
        self, wanted: Sequence[Intent], unwanted: Sequence[IntentKey], hold_s: float | None
    ) -> Planned:
        async with self._network:
            await self.changes.settle()
            await self._deciding.check_there(unwanted)
            plan = await self._planner.plan(wanted, unwanted)
            if not plan.feasible:
                return Planned(plan=plan)
            return Planned(plan=plan, saved=await self.plans.keep(wanted, unwanted, plan, hold_s))

    async def apply(
        self,
        wanted: Sequence[Wanted],
        request_id: str = "",
        *,
        partial: bool = False,
        force: bool = False,
        confirm: int | None = None,
    ) -> Applied:
        """Make all of ``wanted`` so, or nothing (``partial``: what is feasible). ``force``: without those devices on
        which rules only go. ``confirm``: how many lines change, as whoever asks understands it."""
        with self._metrics.request("apply"):
            self._deciding.check([one.intent for one in wanted])

            async def decide() -> Decision:
                return await self._deciding.apply(wanted, partial=partial, force=force)

            asked = ("apply", wanted, partial) if not force else ("apply", wanted, partial, force)
            return await self.changes.once(request_id, repr(asked), decide, confirm)

    async def apply_plan(
        self, plan_id: str, request_id: str = "", *, force: bool = False, confirm: int | None = None
    ) -> Applied:
        """Carry out a plan that is kept, as it was shown. Once it has been, this does nothing more."""
        with self._metrics.request("apply"):

            async def decide() -> Decision:
                return await self.plans.decide(plan_id, force=force)

            return await self.changes.once(request_id, repr(("apply plan", plan_id, force)), decide, confirm)

    async def rollback(
        self,
        key: IntentKey,
        generation: int | None = None,
        etag: str = "",
        request_id: str = "",
        *,
        confirm: int | None = None,
    ) -> Applied:
        """Bring an intent back to an earlier specification (``None``: the one before), which is a change like any
        other."""
        with self._metrics.request("rollback"):

            async def decide() -> Decision:
                return await self._deciding.rollback(key, generation, etag)

            asked = repr(("rollback", key, generation, etag))
            return await self.changes.once(request_id, asked, decide, confirm)

    async def delete(
        self,
        keys: Sequence[IntentKey],
        etag: str = "",
        request_id: str = "",
        *,
        force: bool = False,
        confirm: int | None = None,
    ) -> Applied:
        """Take all of ``keys`` out of the network and out of the store, or nothing. ``force``: whatever devices say;
        those that cannot be reached are cleaned when they return."""
        with self._metrics.request("delete"):

            async def decide() -> Decision:
                return await self._deciding.delete(keys, etag, force=force)

            asked = ("delete", keys, etag) if not force else ("delete", keys, etag, force)
            return await self.changes.once(request_id, repr(asked), decide, confirm)

    async def get(self, key: IntentKey) -> IntentView:
        record = await self._store.get(key)
        if record is None:
            raise not_there(key)
        (view,) = await self.changes.views([record])
        return view

    async def page(self, tenant: str | None, after: IntentKey | None, size: int) -> tuple[list[IntentView], int]:
        """Up to ``size`` intents behind ``after`` in the order of their keys, and the revision they were read at."""
        records, revision = await self._store.page(tenant, after, size)
        return await self.changes.views(records), revision

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
        views = await self.changes.views([record for _, record in changed if record is not None])
        view_of = {view.record.key: view for view in views}
        events: list[WatchEvent] = [
            Gone(key=entry.key, revision=entry.revision) if record is None else Changed(view=view_of[record.key])
            for entry, record in changed
        ]
        return events, now

    def _fares(self, keys: Iterable[IntentKey]) -> list[Fares]:
        return [Fares(key=key, assurance=self._assurances.of(key, self.changes.paths_of(key))) for key in sorted(keys)]
