"""``cpp``: the batch of ``single-batch-corouted``, ours beside the same algorithm in C++ over the same arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controller.bench.arcs import Arcs
from controller.bench.checking import Judge
from controller.bench.cpp.reference import Reference, compiler_found
from controller.bench.demands import Query, batches, congested
from controller.bench.engine import Engine
from controller.bench.timing import Contender, timed
from controller.bench.works.batch import OurBatch
from controller.bench.works.setting import Setting
from controller.bench.works.threads import ONE


def contenders(setting: Setting) -> Sequence[Contender]:
    case = congested(setting.case, setting.seed)
    judge = Judge(Arcs.of(case))
    effort = setting.effort
    asked = batches(case, setting.seed, count=effort.repetitions, size=effort.queries, corouted=True)
    engine = Engine(case)
    ours = OurBatch(engine, asked, judge, ONE)
    ours.warm_up(batches(case, setting.seed, count=8, size=1_000, corouted=True, purpose="warm-up"))
    found = [Contender("trunkline", ours.run, ours.detail)]
    if compiler_found():
        reference = ReferenceBatch(engine, asked, judge)
        found.append(Contender("cpp", reference.run, reference.detail))
    return found


class ReferenceBatch:
    """Questions and answers packed as ours are; with the trees that ours has grown."""

    def __init__(self, engine: Engine, asked: Sequence[Sequence[Query]], judge: Judge) -> None:
        self._engine = engine
        self._asked = asked
        self._judge = judge
        self._packed = [engine.pack(batch) for batch in asked]
        self._reference = Reference(engine.network.mirror)
        self._settled = 0

    def run(self, repetition: int) -> float:
        questions = self._packed[repetition]
        room = self._reference.room(questions, hops=len(questions) * min(len(self._engine.names), 1_000))
        self._reference.answer(self._packed[repetition - 1], room)  # caches as in the middle of work
        seconds, settled = timed(lambda: self._reference.answer(questions, room))
        self._settled += settled
        self._judge.compare_routes("cpp", repetition, self._asked[repetition], self._engine.routes(room))
        return seconds / len(questions) * 1e6

    def detail(self) -> Mapping[str, Any]:
        asked = sum(map(len, self._asked))
        return {
            "queriesEachTime": len(self._asked[0]),
            "queries": asked,
            "threads": 1,
            "settledEach": round(self._settled / asked, 1),
        }
