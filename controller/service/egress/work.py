"""What the cycle has others do, by the planner and by transactions."""

from __future__ import annotations

from collections.abc import Sequence

from controller.compiler.steering.inputs import SteeringInputs, SteeringPlan
from controller.domain.egress import EgressPolicy
from controller.domain.steering import Steering
from controller.service.changes import Changes
from controller.service.planning import PlannerThread


class PlannedWork:
    """All of it with the network's lock held, which is the caller's."""

    def __init__(self, planner: PlannerThread, changes: Changes) -> None:
        self._planner = planner
        self._changes = changes

    async def standing(self) -> tuple[Steering, Sequence[EgressPolicy]]:
        await self._changes.settle()
        return await self._planner.run(lambda planner: (planner.steering, tuple(planner.policies.values())))

    async def plan(self, inputs: SteeringInputs) -> SteeringPlan:
        return await self._planner.run(lambda planner: planner.plan_steering(inputs))

    async def carry_out(self, plan: SteeringPlan) -> None:
        await self._changes.steer(plan.plan)
