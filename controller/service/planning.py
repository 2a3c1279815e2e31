"""The planner's thread: the only one that touches the working network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from controller.compiler.plan import Plan
from controller.compiler.planner import Planner
from controller.domain.intents import IntentKey, PrivateLine

Result = TypeVar("Result")


class PlannerThread:
    """Runs functions of the planner one after the other, away from the event loop."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="planner")

    async def plan(self, wanted: Sequence[PrivateLine], unwanted: Sequence[IntentKey] = ()) -> Plan:
        return await self.run(lambda planner: planner.plan(wanted, unwanted))

    async def adopt(self, plan: Plan) -> None:
        await self.run(lambda planner: planner.adopt(plan))

    async def run(self, work: Callable[[Planner], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, self._planner)

    def close(self) -> None:
        self._executor.shutdown()
