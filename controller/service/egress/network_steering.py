"""What the egress cycle has done: by the planner, and by the one door through which the network changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from controller.compiler.steering.inputs import SteeringInputs, SteeringPlan
from controller.domain.egress import EgressPolicy
from controller.domain.steering import Steering
from controller.service.changes import Changes
from controller.service.planning import PlannerThread


class NetworkSteering:
    """See ``cycle.SteeringWork``."""

    def __init__(self, planner: PlannerThread, changes: Changes) -> None:
        self._planner = planner
        self._changes = changes

    async def standing(self) -> tuple[Steering, Sequence[EgressPolicy]]:
        return await self._planner.run(lambda planner: (planner.steering, tuple(planner.policies.values())))

    async def plan(self, inputs: SteeringInputs) -> SteeringPlan:
        return await self._planner.run(lambda planner: planner.plan_steering(inputs))

    async def steer(self, decide: Callable[[], Awaitable[SteeringPlan]], *, urgent: bool = False) -> SteeringPlan:
        return await self._changes.steer(decide, urgent=urgent)
