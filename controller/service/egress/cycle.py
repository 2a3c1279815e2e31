"""The cycle: every 30 s, and at once when something happens, decide anew where internet traffic leaves.

Each cycle starts from the network as it is (what is steered where, what lines reserve, what is away) and from what is
known to be sent; nothing but the damping's memory is handed from one to the next. One at a time, and never beside
another change of the network.

* Something lost that traffic may still be sent to (a link, a gateway that is down or drained) makes a cycle *urgent*:
  what must move does so past hysteresis and bounds. It stays urgent until a cycle has dealt with it.
* What the inputs cannot be relied on for changes nothing: with too much of the traffic held at old rates, only what is
  urgent is done, or what came back or other policies ask for, with the last good rates.
* Frozen means frozen, for what is urgent, too: it is computed and reported, and waits.
* One that fails, at a device or at the state file, is tried again, later and later.
* Tables of prefixes go to devices portion by portion, a cycle each, one after the other at once: what is lost meanwhile
  is dealt with by the next, which writes no prefixes. They wait for devices that are about to be put right.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from controller.compiler.plan import Movement
from controller.compiler.steering.inputs import SteeringInputs, SteeringPlan
from controller.compiler.steering.measured_rows import measured_rows
from controller.domain.egress import EgressPolicy
from controller.domain.errors import TrunklineError
from controller.domain.steering import Steering
from controller.domain.topology import Topology
from controller.egress.billing import Month
from controller.service.egress.agenda import Agenda
from controller.service.egress.measuring import MeasuredDemand
from controller.service.egress.portions import PortionSize
from controller.service.egress.quality import MeasuredQuality
from controller.service.egress.report import CycleReport, Ending, Losses, Mode, Reports, figures_of
from controller.service.egress.telling import (
    doubts,
    first,
    log_cycle,
    much_elsewhere,
    not_carried,
    prefixes_left,
    unknown_regions,
)
from controller.service.egress.turn import Turn
from controller.service.egress.waiting import why_not_steered
from controller.service.freeze import Freeze
from controller.store.database import StoreError

log = logging.getLogger(__name__)

PREFIXES_LEFT: Final = "prefixes are still to be led elsewhere"
WITH_A_LOSS: Final = 500
"""So many rules of prefixes may change, if that is all of them, together with what leaves something that was lost. More
wait for the next cycle: those of a full table for as many as it takes."""
MOST_HELD: Final = 0.25
"""With more than this share of the traffic held at old rates, nothing but what is urgent is decided."""


class SteeringWork(Protocol):
    """What the cycle has others do."""

    async def standing(self) -> tuple[Steering, Sequence[EgressPolicy]]:
        """How traffic is steered now, and the policies in force."""
        ...

    async def plan(self, inputs: SteeringInputs) -> SteeringPlan:
        """``TrunklineError`` when it cannot be planned."""
        ...

    async def steer(self, decide: Callable[[], Awaitable[SteeringPlan]], *, urgent: bool = False) -> SteeringPlan:
        """Decide with the network to itself, and carry out what is decided: all of it or nothing. Raises what
        ``decide`` raises, ``DeviceError`` or ``StoreError``. ``urgent``: not even a full disk keeps it from that."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """``every_s``: ``None`` for no cycle without an event; then nothing is measured, either. ``settle_s``: devices come
    back together; so long after the first one they are read. ``patience_s``: so long it is waited for all devices after
    a start."""

    every_s: float | None = 30.0
    settle_s: float = 1.0
    patience_s: float = 5.0


class EgressCycle:
    """``away`` tells what is away at this moment, drained gateways included;
    ``read`` has the counters of all sources read into ``demand``. ``now`` tells the time of day, ``clock`` one that
    does not jump; both in seconds. ``changed`` returns when a device has come or gone. ``told`` sees every report.
    ``route_doubts`` says, in words, which routes are not what they should be; ``months``, what gateways have billed so
    far. ``quality``: what is measured beyond gateways."""

    def __init__(
        self,
        *,
        topology: Topology,
        work: SteeringWork,
        demand: MeasuredDemand,
        read: Callable[[], Awaitable[None]],
        away: Callable[[], Losses],
        changed: Callable[[], Awaitable[None]],
        freeze: Freeze,
        mode: Mode,
        pace: Pace,
        now: Callable[[], float],
        clock: Callable[[], float],
        reports: Reports,
        told: Callable[[CycleReport], None],
        agenda: Agenda | None = None,
        route_doubts: Callable[[], Iterable[str]] = tuple,
        months: Callable[[], Mapping[str, Month]] = dict,
        quality: MeasuredQuality | None = None,
    ) -> None:
        self.mode = mode
        self.reports = reports
        self._topology = topology
        self._work = work
        self._demand = demand
        self._read = read
        self._away = away
        self._changed = changed
        self._freeze = freeze
        self._pace = pace
        self._now = now
        self._clock = clock
        self._told = told
        self._route_doubts = route_doubts
        self._months = months
        self._quality = quality
        self._agenda = Agenda() if agenda is None else agenda
        self._noticed = asyncio.Event()
        self._ended = asyncio.Event()
        self._first_ended = asyncio.Event()
        self._heard = self._known = self._answered = 0
        """How many notices there were, how many of them the last cycle knew of, and the last that has ended."""
        self._came_back = asyncio.Event()
        self._dealt_with = Losses()
        self._policies: Sequence[EgressPolicy] | None = None
        self._memory: object | None = None
        self._portion = PortionSize()
        self._number = 0
        freeze.on_thaw(lambda: self.notice("automatic changes go on"))

    @property
    def memory(self) -> object | None:
        """What the next cycle is told of those before it: for how long moves have been worth it."""
        return self._memory

    def notice(self, what: str, *, urgent: bool = False) -> None:
        """Something has happened (in words) that may ask for traffic to leave elsewhere: look at once. What is away is
        looked up, so that nobody has to say whether it is a loss; ``urgent`` is for other reasons."""
        if self.mode is Mode.OFF:
            return
        urgent = urgent or bool(self._away().beyond(self._dealt_with))
        self._agenda.tell(self._clock(), what, urgent=urgent)
        self._heard += 1
        self._noticed.set()

    async def caught_up(self, timeout_s: float) -> None:
        """Return when a cycle has ended that knew of all that has been noticed by now, or after the time limit; at once
        if there are no cycles."""
        if self.mode is Mode.OFF or not self._topology.gateways:
            return
        wanted = self._heard
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._answered < wanted:
                    self._ended.clear()
                    await self._ended.wait()

    @property
    def aware(self) -> bool:
        """Whether it is known what is away, as far as it matters: a cycle has looked since the start, or none will."""
        return self._first_ended.is_set() or self.mode is Mode.OFF or not self._topology.gateways

    async def become_aware(self, timeout_s: float) -> None:
        """Return when ``aware`` holds, or after the time limit."""
        if not self.aware:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._first_ended.wait()

    @property
    def why_not_steered(self) -> str:
        """Why a policy may be planned otherwise than its traffic leaves, in words."""
        return why_not_steered(self._topology, self.mode, self._freeze, self.reports.latest)

    async def run(self) -> None:
        """For ever."""
        if self.mode is Mode.OFF or not self._topology.gateways:
            return
        await self._wait_for_devices()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_to_schedule())
            tasks.create_task(self._keep_watching())
            tasks.create_task(self._keep_deciding())

    async def _wait_for_devices(self) -> None:
        """After a start they all come within moments, and until then there is nobody to tell anything."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pace.patience_s):
                while self._away().unreachable:
                    await self._changed()

    async def _keep_to_schedule(self) -> None:
        """Measure, and have it decided on what was measured. What is urgent does not wait for devices to be read."""
        every_s = self._pace.every_s
        if every_s is None:
            self.notice("the controller has started")
            return
        due_s = self._clock()
        while True:
            scheduled = self._clock() >= due_s
            await self.measure()
            why = f"it is looked at every {every_s:g} s" if scheduled else "devices that came back were read"
            self._agenda.tell(self._clock(), why, scheduled=scheduled)
            self._noticed.set()
            if scheduled:
                due_s = max(due_s + every_s, self._clock())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(due_s - self._clock()):
                    await self._came_back.wait()
                    await asyncio.sleep(self._pace.settle_s)
            self._came_back.clear()

    async def _keep_watching(self) -> None:
        """What a device could not be told while it was away is decided when it is back; and its counters are read, for
        as long as they are not known little is decided."""
        away = self._away()
        while True:
            await self._changed()
            before, away = away, self._away()
            if before.unreachable - away.unreachable:
                self._came_back.set()
                self.notice("a device can be worked with again")
            elif before.settling - away.settling:
                self.notice("a device cannot be put right for now")

    async def measure(self) -> None:
        """Read what devices have counted."""
        try:
            await self._read()
        except Exception:
            # Whatever it was: what is known already stays, and gets old.
            log.exception("counters could not be read")

    async def _keep_deciding(self) -> None:
        while True:
            await self._wait_until_due()
            await self.turn()

    async def _wait_until_due(self) -> None:
        while True:
            self._noticed.clear()
            due_s = self._agenda.due_s
            wait_s = None if due_s is None else due_s - self._clock()
            if wait_s is not None and wait_s <= 0:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._noticed.wait()

    async def turn(self) -> CycleReport:
        """One cycle, for all the reasons that have come up until the network is free for it."""
        self._number += 1
        turn = Turn(number=self._number, at=self._now(), mode=self.mode, occasion=self._agenda.take())
        self._known = self._heard
        report = await self._end(turn)
        self._agenda.ended(self._clock(), turn.occasion, failed=report.ending is Ending.FAILED)
        self.reports.add(report)
        log_cycle(report)
        self._told(report)
        # One that is not carried out would have the next one find the same for ever.
        goes_on = turn.goes_on and turn.carried_out and report.ending in (Ending.CHANGED, Ending.UNCHANGED)
        if goes_on:
            self._agenda.go_on(self._clock(), PREFIXES_LEFT)
        else:
            self._answered = self._known
        self._ended.set()
        self._first_ended.set()
        return report

    async def _end(self, turn: Turn) -> CycleReport:
        """Go through with it, and report how it ended."""
        try:
            urgent = turn.occasion.urgent or bool(self._away().beyond(self._dealt_with))
            await self._work.steer(lambda: self._decide(turn), urgent=urgent)
            assert turn.plan is not None, "nothing was decided"
            carried_out_s = self._clock()
        except _Held:
            return turn.report(Ending.HELD)
        except Exception as error:
            expected = isinstance(error, TrunklineError | StoreError)
            if not expected:
                # One cycle's trouble, whatever it is, must not end the care for the network.
                log.exception("the egress cycle failed")
            turn.reasons.insert(0, str(error) if expected else f"{type(error).__name__}: {error}")
            return turn.report(Ending.FAILED)
        await self._add_figures(turn, turn.plan)
        ending = self._ending(turn.plan, carried_out=turn.carried_out)
        if turn.occasion.scheduled:
            # Other cycles come at any time: what must hold for some cycles in a row is counted by the schedule alone.
            self._memory = turn.plan.memory
        if ending in (Ending.CHANGED, Ending.UNCHANGED):
            self._dealt_with, self._policies = turn.losses, turn.policies
        if ending is Ending.CHANGED:
            turn.carrying_out_s = carried_out_s - turn.decided_s
            self._portion.took(sum(len(changes) for _, changes in turn.plan.plan.changes()), turn.carrying_out_s)
        turn.reasons += prefixes_left(turn.prefixes_left, turn.waited_for)
        return turn.report(ending)

    async def _add_figures(self, turn: Turn, plan: SteeringPlan) -> None:
        """For the report only: without them the cycle has done what it has done."""
        try:
            turn.figures = await asyncio.to_thread(figures_of, plan.egress)
        except Exception as error:
            log.exception("the figures of an egress cycle could not be worked out")
            turn.reasons.append(f"figures could not be worked out: {type(error).__name__}: {error}")

    async def _decide(self, turn: Turn) -> SteeringPlan:
        """Nothing else changes the network meanwhile. Raises ``_Held``; what is not to be carried out now is returned
        as a plan that changes nothing."""
        turn.occasion = turn.occasion.and_then(self._agenda.take())
        self._known = self._heard
        start_s = self._clock()
        losses, measured = self._away(), self._demand.measured(start_s)
        turn.losses, turn.measured = losses, measured
        lost = bool(losses.beyond(self._dealt_with))
        turn.urgent = turn.occasion.urgent or lost
        # With each portion these devices would have to be read again: as long as there are any they would never be in
        # step, and what enters there could not leave a gateway that is lost.
        turn.waited_for = frozenset() if turn.urgent else losses.settling
        quality = self._quality
        turn.reasons += (*doubts(measured), *self._route_doubts(), *first(() if quality is None else quality.doubts()))
        steering, policies = await self._work.standing()
        if measured.held_share > MOST_HELD and not turn.urgent and not self._must_decide(losses, policies):
            why = f"{measured.held_share:.0%} of the traffic is not known for now: all stays as it is"
            turn.reasons.insert(0, why)
            raise _Held
        turn.policies = policies
        # Of hundreds of thousands of flows this takes a second, which the event loop has not.
        rows = await asyncio.to_thread(measured_rows, measured.bps, steering.groups, policies, self._topology)
        inputs = SteeringInputs(
            rows=rows,
            measured=measured.bps,
            links_down=losses.links,
            gateways_away=losses.gateways,
            nodes_away=losses.unreachable,
            urgent=turn.urgent,
            scheduled=turn.occasion.scheduled,
            memory=self._memory,
            months=self._months(),
            quality={} if quality is None else quality.counting(),
            most_route_rules=WITH_A_LOSS if lost else 0 if turn.waited_for else self._portion.rules,
            routes_wait=lost or bool(turn.waited_for),
        )
        turn.plan = plan = await self._work.plan(inputs)
        turn.decided_s = self._clock()
        turn.deciding_s = turn.decided_s - start_s
        after = plan.plan.movement.steering_in
        missing = await asyncio.to_thread(lambda: tuple(not_carried(plan.egress)))  # looks at every flow, too
        turn.reasons[:0] = (
            *missing,
            *first(plan.held),
            *unknown_regions(steering if after is None else after, policies),
            *much_elsewhere(plan.egress.taken, self._topology),
        )
        turn.carried_out = self.mode is Mode.ON and not self._freeze.on
        return plan if turn.carried_out else _without_changes(plan)

    def _must_decide(self, losses: Losses, policies: Sequence[EgressPolicy]) -> bool:
        """What is back may be all that some traffic has, and what somebody has ordered is to be so: neither waits for a
        device far away from it."""
        ordered = self._policies is not None and list(policies) != list(self._policies)
        return ordered or bool(losses.back_since(self._dealt_with))

    def _ending(self, plan: SteeringPlan, *, carried_out: bool) -> Ending:
        if not plan.plan.rounds:
            return Ending.UNCHANGED
        if carried_out:
            return Ending.CHANGED
        return Ending.SHADOW if self.mode is Mode.SHADOW else Ending.FROZEN


class _Held(Exception):
    """What there is to start from is not to be relied on."""


def _without_changes(plan: SteeringPlan) -> SteeringPlan:
    return replace(plan, plan=replace(plan.plan, movement=Movement(), rounds=()))
