"""What leaves where now, why, and what if: computed on a copy of the network, away from the planner's thread.

The planner's thread only takes a snapshot. What is decided for it is what the next cycle would decide for the same
inputs; nothing of it is carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

from controller.compiler.steering.inputs import SteeringInputs
from controller.compiler.steering.measured_rows import measured_rows
from controller.domain.egress import TrafficClass
from controller.domain.steering import Steering
from controller.domain.topology import Topology
from controller.paths.network import Network
from controller.paths.snapshot import bring
from controller.service.egress.billed import Bill, BilledGateways
from controller.service.egress.cycle import EgressCycle
from controller.service.egress.drains import Drains
from controller.service.egress.measuring import Measured, MeasuredDemand
from controller.service.egress.quality import MeasuredQuality
from controller.service.egress.report import CycleReport, Losses, Mode
from controller.service.egress.waiting import why_it_waits
from controller.service.freeze import Freeze
from controller.service.planning import PlannerThread
from controller.store.records import Drained

if TYPE_CHECKING:  # the optimiser's kernels are for those who ask for them
    from controller.compiler.egress import EgressPlan
    from controller.compiler.egress_now import EgressState, Simulation
    from controller.compiler.egress_options import Reasons

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All of one moment. ``waits``: why nothing that is decided is carried out, or empty."""

    plan: EgressPlan
    steering: Steering
    losses: Losses
    measured: Measured
    mode: Mode
    waits: str
    drained: tuple[tuple[str, Drained], ...]
    latest: CycleReport | None
    bills: tuple[Bill, ...] = ()


class Showing:
    """``clock`` tells seconds and does not jump. Raises ``InvalidInput`` for what does not exist."""

    def __init__(
        self,
        *,
        topology: Topology,
        planner: PlannerThread,
        cycle: EgressCycle,
        demand: MeasuredDemand,
        away: Callable[[], Losses],
        drains: Drains,
        freeze: Freeze,
        billed: BilledGateways,
        clock: Callable[[], float],
        quality: MeasuredQuality | None = None,
    ) -> None:
        self._topology = topology
        self._planner = planner
        self._cycle = cycle
        self._demand = demand
        self._away = away
        self._drains = drains
        self._freeze = freeze
        self._billed = billed
        self._clock = clock
        self._quality = quality
        self._network: Network | None = None
        # One at a time: each may take a core for a second.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="egress-showing")

    async def picture(self) -> Picture:
        from controller.compiler.egress_now import decided

        moment = await self._moment()
        plan = await self.apart(lambda: decided(self._copy(moment.state), moment.state, moment.inputs))
        return Picture(
            plan=plan,
            steering=moment.state.steering,
            losses=moment.losses,
            measured=moment.measured,
            mode=self._cycle.mode,
            waits=why_it_waits(self._cycle.mode, self._freeze),
            drained=self._drains.all,
            latest=self._cycle.reports.latest,
            bills=self._billed.bills(),
        )

    async def why(self, source: str, destination: str, traffic_class: TrafficClass | None) -> tuple[Reasons, ...]:
        """Of every aggregate from a node, or the nodes of a region, to a region abroad, of one class or all."""
        from controller.compiler.egress_now import decided
        from controller.compiler.egress_options import why

        moment = await self._moment()

        def found() -> tuple[Reasons, ...]:
            plan = decided(self._copy(moment.state), moment.state, moment.inputs)
            return why(plan, self._topology, source, destination, traffic_class)

        return await self.apart(found)

    async def simulate(self, fail: Sequence[str], scale: Fraction) -> Simulation:
        """What the cycle would do at once if all of ``fail`` were lost, with ``scale`` times the traffic."""
        from controller.compiler.egress_now import simulated

        moment = await self._moment()
        return await self.apart(lambda: simulated(self._copy(moment.state), moment.state, moment.inputs, fail, scale))

    async def apart(self, work: Callable[[], Result]) -> Result:
        """Have something done that takes long, where nobody else has to wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def close(self) -> None:
        self._executor.shutdown(cancel_futures=True)

    async def _moment(self) -> _Moment:
        from controller.compiler.egress_now import state_of

        losses, measured = self._away(), self._demand.measured(self._clock())
        state = await self._planner.run(state_of)
        inputs = SteeringInputs(
            rows=await self.apart(
                lambda: measured_rows(measured.bps, state.steering.groups, state.policies, self._topology)
            ),
            measured=measured.bps,
            links_down=losses.links,
            gateways_away=losses.gateways,
            nodes_away=losses.unreachable,
            memory=self._cycle.memory,
            months=self._billed.months(),
            quality={} if self._quality is None else self._quality.counting(),
        )
        return _Moment(state=state, inputs=inputs, losses=losses, measured=measured)

    def _copy(self, state: EgressState) -> Network:
        """Of the network as it is then. Not for the event loop: one of thousands of nodes takes half a second."""
        if self._network is None:
            self._network = Network(self._topology)
        bring(self._network, state.snapshot)
        return self._network


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    state: EgressState
    inputs: SteeringInputs
    losses: Losses
    measured: Measured
