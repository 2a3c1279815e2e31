"""The cycle: every 30 s, and at once when something happens, decide anew where internet traffic leaves.

Each cycle starts from the network as it is (what is steered where, what lines reserve, what is away) and from what is
known to be sent; nothing but the damping's memory is handed from one to the next. One at a time, and never beside
another change of the network.

* Something lost that traffic may still be sent to (a link, a gateway that is down or drained) makes a cycle *urgent*:
  what must move does so past hysteresis and bounds. It stays urgent until a cycle has dealt with it.
* What the inputs cannot be relied on for changes nothing: with too much of the traffic held at old rates, only what is
  urgent is done, with the last good rates.
* Frozen means frozen, for what is urgent, too: it is computed and reported, and waits.
* One that fails, at a device or at the state file, is tried again, later and later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from controller.compiler.steering.inputs import SteeringInputs, SteeringPlan
from controller.compiler.steering.measured_rows import measured_rows
from controller.domain.egress import EgressPolicy
from controller.domain.errors import TrunklineError
from controller.domain.steering import Steering
from controller.domain.topology import Topology
from controller.service.egress.agenda import Agenda, Occasion
from controller.service.egress.measuring import Measured, MeasuredDemand
from controller.service.egress.report import CycleReport, Ending, Figures, Losses, Mode, Reports, figures_of
from controller.service.freeze import Freeze
from controller.store.database import StoreError

log = logging.getLogger(__name__)

MOST_HELD: Final = 0.25
"""With more than this share of the traffic held at old rates, nothing but what is urgent is decided."""


_MOST_TOLD: Final = 3


class SteeringWork(Protocol):
    """What the cycle has others do. All three are called with the network to itself."""

    async def standing(self) -> tuple[Steering, Sequence[EgressPolicy]]:
        """How traffic is steered now, and the policies there are."""
        ...

    async def plan(self, inputs: SteeringInputs) -> SteeringPlan:
        """``TrunklineError`` when it cannot be planned."""
        ...

    async def carry_out(self, plan: SteeringPlan) -> None:
        """All of it or nothing. Raises ``DeviceError`` or ``StoreError``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """``every_s``: ``None`` for no cycle without an event."""

    every_s: float | None = 30.0


class EgressCycle:
    """``deciding`` is the network's lock; ``away`` tells what is away at this moment, drained gateways included;
    ``read`` has the counters of all sources read into ``demand``. ``now`` tells the time of day, ``clock`` one that
    does not jump; both in seconds. ``changed`` returns when a device has come or gone. ``told`` sees every report."""

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
        deciding: asyncio.Lock,
        mode: Mode,
        pace: Pace,
        now: Callable[[], float],
        clock: Callable[[], float],
        reports: Reports,
        told: Callable[[CycleReport], None],
        agenda: Agenda | None = None,
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
        self._deciding = deciding
        self._pace = pace
        self._now = now
        self._clock = clock
        self._told = told
        self._agenda = Agenda() if agenda is None else agenda
        self._noticed = asyncio.Event()
        self._dealt_with = Losses()
        self._memory: object | None = None
        self._number = 0
        freeze.on_thaw(lambda: self.notice("automatic changes go on"))

    def notice(self, what: str, *, urgent: bool = False) -> None:
        """Something has happened (in words) that may ask for traffic to leave elsewhere: look at once. What is away is
        looked up, so that nobody has to say whether it is a loss; ``urgent`` is for other reasons."""
        if self.mode is Mode.OFF:
            return
        urgent = urgent or bool(self._away().beyond(self._dealt_with))
        self._agenda.tell(self._clock(), what, urgent=urgent)
        self._noticed.set()

    async def run(self) -> None:
        """For ever."""
        if self.mode is Mode.OFF or not self._topology.gateways:
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_to_schedule())
            tasks.create_task(self._keep_watching())
            tasks.create_task(self._keep_deciding())

    async def _keep_to_schedule(self) -> None:
        """Measure, and have it decided on what was measured. What is urgent does not wait for devices to be read."""
        every_s = self._pace.every_s
        if every_s is None:
            self.notice("the controller has started")
            return
        due_s = self._clock()
        while True:
            await self.measure()
            self._agenda.tell(self._clock(), f"it is looked at every {every_s:g} s", scheduled=True)
            self._noticed.set()
            due_s = max(due_s + every_s, self._clock())
            await asyncio.sleep(due_s - self._clock())

    async def _keep_watching(self) -> None:
        """What a device could not be told while it was away is decided when it is back."""
        unreachable = self._away().unreachable
        while True:
            await self._changed()
            before, unreachable = unreachable, self._away().unreachable
            for device in sorted(before - unreachable):
                self.notice(f"device {device} can be worked with again")

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
            try:
                async with asyncio.timeout(wait_s):
                    await self._noticed.wait()
            except TimeoutError:
                pass

    async def turn(self) -> CycleReport:
        """One cycle, for all the reasons that have come up until the network is free for it."""
        async with self._deciding:
            occasion = self._agenda.take()
            report = await self._turn(occasion)
        self._agenda.ended(self._clock(), occasion, failed=report.ending is Ending.FAILED)
        self.reports.add(report)
        _log(report)
        self._told(report)
        return report

    async def _turn(self, occasion: Occasion) -> CycleReport:
        self._number += 1
        losses, measured = self._away(), self._demand.measured(self._clock())
        urgent = occasion.urgent or bool(losses.beyond(self._dealt_with))
        report = CycleReport(
            number=self._number,
            at=self._now(),
            causes=occasion.causes,
            mode=self.mode,
            ending=Ending.HELD,
            urgent=urgent,
            losses=losses,
            age_s=measured.age_s,
            held=measured.held,
            reasons=_doubts(measured),
        )
        if measured.held_share > MOST_HELD and not urgent:
            why = f"{measured.held_share:.0%} of the traffic is not known for now: all stays as it is"
            return replace(report, reasons=(why, *report.reasons))
        start_s = decided_s = self._clock()
        try:
            steering, policies = await self._work.standing()
            inputs = SteeringInputs(
                rows=measured_rows(measured.bps, steering.groups, policies, self._topology),
                measured=measured.bps,
                links_down=losses.links,
                gateways_away=losses.gateways,
                nodes_away=losses.unreachable,
                urgent=urgent,
                memory=self._memory,
            )
            plan = await self._work.plan(inputs)
            decided_s = self._clock()
            figures = await asyncio.to_thread(figures_of, plan.egress)
            report = _decided(report, plan, figures, decided_s - start_s)
            ending = self._ending(plan)
            if ending is Ending.MOVED or (ending is Ending.UNCHANGED and plan.plan.changes_something):
                await self._work.carry_out(plan)  # rates may be other ones where no rule is
        except Exception as error:
            expected = isinstance(error, TrunklineError | StoreError)
            if not expected:
                # One cycle's trouble, whatever it is, must not end the care for the network.
                log.exception("the egress cycle failed")
            why = str(error) if expected else f"{type(error).__name__}: {error}"
            return replace(report, ending=Ending.FAILED, reasons=(why, *report.reasons))
        if occasion.scheduled:
            # Other cycles come at any time: what must hold for some cycles in a row is counted by the schedule alone.
            self._memory = plan.memory
        if ending in (Ending.MOVED, Ending.UNCHANGED):
            self._dealt_with = losses
        carried_s = self._clock() - decided_s if ending is Ending.MOVED else 0.0
        return replace(report, ending=ending, carrying_out_s=carried_s)

    def _ending(self, plan: SteeringPlan) -> Ending:
        """What is to become of it."""
        if not plan.plan.rounds:
            return Ending.UNCHANGED
        if self.mode is Mode.SHADOW:
            return Ending.SHADOW
        return Ending.FROZEN if self._freeze.on else Ending.MOVED


def why_it_waits(mode: Mode, freeze: Freeze) -> str:
    """Why nothing that is decided is carried out for now, in words; empty: it is."""
    if mode is Mode.OFF:
        return "egress is off (serve --egress): nothing is steered anew"
    if mode is Mode.SHADOW:
        return "egress is in shadow (serve --egress): what would move is only reported"
    return "the controller is frozen: traffic moves after trunkline freeze --off" if freeze.on else ""


def _decided(report: CycleReport, plan: SteeringPlan, figures: Figures | None, seconds: float) -> CycleReport:
    return replace(
        report,
        figures=figures,
        moved_bps=plan.moved_bps,
        rounds=len(plan.plan.rounds),
        rules=sum(len(changes) for _, changes in plan.plan.changes()),
        reasons=(*plan.held, *report.reasons),
        deciding_s=seconds,
    )


def _doubts(measured: Measured) -> tuple[str, ...]:
    """Of each source that is held, why, in words."""
    return tuple(
        f"{one.source}: {one.why}; its last good rates count{', which are stale' if one.stale else ''}"
        for one in measured.held
    )


def _log(report: CycleReport) -> None:
    """One line a cycle; louder when it needs somebody."""
    figures = report.figures
    told: dict[str, object] = {
        "cycle": report.number,
        "ending": str(report.ending),
        "urgent": report.urgent,
        "causes": _abridged(report.causes, ", "),
        "carried_bps": None if figures is None else figures.carried_bps,
        "demand_bps": None if figures is None else figures.demand_bps,
        "moved_bps": report.moved_bps,
        "rounds": report.rounds,
        "rules": report.rules,
        "seconds": round(report.deciding_s + report.carrying_out_s, 6),
        "reasons": _abridged(report.reasons, "; "),
    }
    level = logging.WARNING if report.ending in (Ending.FAILED, Ending.HELD) else logging.INFO
    log.log(
        level,
        "egress cycle %(cycle)d (%(causes)s): %(ending)s, %(moved_bps)d bps moved by %(rules)d rules in %(rounds)d "
        "rounds, %(seconds).3f s%(why)s",
        {**told, "why": f": {told['reasons']}" if told["reasons"] else ""},
        extra=told,
    )


def _abridged(words: Sequence[str], between: str) -> str:
    """The first few; whoever wants all has them from the report."""
    more = len(words) - _MOST_TOLD
    return between.join((*words[:_MOST_TOLD], *((f"and {more} more",) if more > 0 else ())))
