"""What the network could carry, and what failures would do: computed on copies, away from the planner's thread.

The planner's thread only takes a snapshot. One thread of our own answers queries, another one analyses failures. Both
work in short steps, so that a large request does not hold up a small one, and one that nobody waits for any more ends.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from controller.compiler.failures import failures_to_try
from controller.compiler.whatif import FailureImpact, Laid
from controller.domain.errors import InvalidInput
from controller.domain.path_query import PathQuery, check_query
from controller.domain.topology import Topology
from controller.paths.network import Network
from controller.paths.queries import Answer, Question, each_by_itself, in_sequence
from controller.paths.request import request_of
from controller.paths.snapshot import Snapshot, bring
from controller.service.planning import PlannerThread

AT_ONCE = 16
"""Answers, or impacts of failures, in one step: a refusal takes a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A what-if analysis under way: how much there is, and the impacts as they are found."""

    lines: int
    failures: int
    impacts: AsyncIterator[FailureImpact]


class PathService:
    """Raises ``InvalidInput`` for what does not exist or cannot be; everything else is an answer."""

    def __init__(self, topology: Topology, planner: PlannerThread) -> None:
        self._topology = topology
        self._planner = planner
        self._copy = _Copy(topology)
        self._queries = ThreadPoolExecutor(max_workers=1, thread_name_prefix="paths")
        # One analysis at a time: it uses every core but one as it is.
        self._analysing = asyncio.Lock()
        self._analyses = ThreadPoolExecutor(max_workers=1, thread_name_prefix="whatif")
        self._workers = max(1, len(os.sched_getaffinity(0)) - 1)
        self._helpers = ThreadPoolExecutor(max_workers=self._workers, thread_name_prefix="whatif-helper")

    async def compute(self, queries: Sequence[PathQuery], *, sequential: bool = False) -> list[Answer]:
        """The answers in order, all for one state of the network; nothing is reserved."""
        faults = tuple(
            replace(fault, document=index)
            for index, query in enumerate(queries)
            for fault in check_query(query, self._topology, sequential=sequential)
        )
        if faults:
            raise InvalidInput(faults)
        snapshot = await self._planner.run(lambda planner: planner.snapshot())
        questions = [Question(request=request_of(query, self._topology), k=query.k) for query in queries]
        run = asyncio.get_running_loop().run_in_executor
        # What is answered in sequence is reserved meanwhile, which nobody else may see. To make a network of thousands
        # of nodes takes half a second, which is not for the event loop.
        copy = await run(self._queries, _Copy, self._topology) if sequential else self._copy
        found = (in_sequence if sequential else each_by_itself)(copy.network, questions)
        answers: dict[int, Answer] = {}

        def step() -> None:
            copy.be(snapshot)
            answers.update(islice(found, AT_ONCE))

        while len(answers) < len(questions):
            await run(self._queries, step)
        return [answers[number] for number in range(len(questions))]

    async def what_if(self, fail: Sequence[str]) -> Analysis:
        """What the failure of all that is named would do; without a name: every single failure, one after the other."""
        failures = failures_to_try(fail, self._topology)
        snapshot, placed = await self._planner.run(lambda planner: (planner.snapshot(), dict(planner.lines)))

        async def impacts() -> AsyncIterator[FailureImpact]:
            run = asyncio.get_running_loop().run_in_executor
            async with self._analysing:
                laid = await run(self._analyses, Laid, snapshot, placed)
                found = laid.impacts(failures, self._helpers.map, self._workers)
                while some := await run(self._analyses, lambda: list(islice(found, AT_ONCE))):
                    for impact in some:
                        yield impact

        return Analysis(lines=len(placed), failures=len(failures), impacts=impacts())

    def close(self) -> None:
        for executor in (self._queries, self._analyses, self._helpers):
            executor.shutdown(cancel_futures=True)


class _Copy:
    """A copy of the network, brought in step with a snapshot where it is not yet."""

    def __init__(self, topology: Topology) -> None:
        self.network = Network(topology)
        self._snapshot: Snapshot | None = None

    def be(self, snapshot: Snapshot) -> None:
        if self._snapshot is not snapshot:
            bring(self.network, snapshot)
            self._snapshot = snapshot
