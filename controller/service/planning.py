"""The planner's thread: the only one that touches the working network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from controller.compiler.plan import Plan
from controller.compiler.planner import Planner
from controller.domain.intents import IntentKey
from controller.domain.kinds import Intent
from controller.telemetry.bearing import carried
from controller.telemetry.metrics import Metrics

Result = TypeVar("Result")


class PlannerThread:
    """Runs functions of the planner one after the other, away from the event loop."""

    def __init__(self, planner: Planner, metrics: Metrics | None = None) -> None:
        self._planner = planner
        self._metrics = Metrics() if metrics is None else metrics
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="planner")

    async def plan(self, wanted: Sequence[Intent], unwanted: Sequence[IntentKey] = ()) -> Plan:
        """As ``Planner.plan``; what of ``unwanted`` is not carried when the plan is made is passed over."""

        def timed(planner: Planner) -> Plan:
            with self._metrics.plan_duration.time():
                carried = [key for key in unwanted if key in planner.lines or key in planner.policies]
                return planner.plan(wanted, carried)

        return await self.run(timed)

    async def adopt(self, plan: Plan, fulfils: str = "") -> None:
        await self.run(lambda planner: planner.adopt(plan, fulfils))

    async def run(self, work: Callable[[Planner], Result]) -> Result:
        bound = carried(lambda: work(self._planner))
        return await asyncio.get_running_loop().run_in_executor(self._executor, bound)

    def close(self) -> None:
        self._executor.shutdown()
