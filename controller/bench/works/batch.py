"""``single-batch`` and ``single-batch-corouted``: many least-delay routes at once over a network that stays as it is.

Peers filter once for each rate of a batch; some of their ways share searches between queries that begin at one node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controller.bench.arcs import Arcs
from controller.bench.checking import Judge
from controller.bench.demands import Query, Rates, batches, by_rates, congested
from controller.bench.engine import Engine
from controller.bench.peers.roster import ways
from controller.bench.peers.way import Finder, Nodes, Way
from controller.bench.timing import Contender, timed
from controller.bench.weighing import network_mb
from controller.bench.works.setting import Setting
from controller.bench.works.shares import give_shares
from controller.bench.works.threads import Threads, threads
from controller.paths.batch import answer


def one_direction(setting: Setting) -> Sequence[Contender]:
    return _contenders(setting, corouted=False)


def corouted(setting: Setting) -> Sequence[Contender]:
    return _contenders(setting, corouted=True)


def _contenders(setting: Setting, *, corouted: bool) -> Sequence[Contender]:
    case = congested(setting.case, setting.seed)
    arcs = Arcs.of(case)
    judge = Judge(arcs)
    effort = setting.effort
    asked = batches(case, setting.seed, count=effort.repetitions, size=effort.queries, corouted=corouted)
    engine = Engine(case)
    ours = [OurBatch(engine, asked, judge, on) for on in threads()]
    ours[0].warm_up(batches(case, setting.seed, count=8, size=1_000, corouted=corouted, purpose="warm-up"))
    if not corouted:  # the same network in both works
        ours[0].network_mb = network_mb(case.name, setting.seed)
    peers = [WayBatch(way, asked, judge) for way in ways(arcs)]
    give_shares(peers, effort, effort.queries)
    return [
        *(Contender(one.on.engine, one.run, one.detail) for one in ours),
        *(Contender(peer.way.name, peer.run, peer.detail, peer.most) for peer in peers),
    ]


class OurBatch:
    """Ours: questions packed beforehand, as everybody's are, answers packed as well."""

    def __init__(self, engine: Engine, asked: Sequence[Sequence[Query]], judge: Judge, on: Threads) -> None:
        self.on = on
        self._engine = engine
        self._asked = asked
        self._judge = judge
        self._packed = [engine.pack(batch) for batch in asked]
        self._cold_us = 0.0
        self.network_mb: float | None = None
        self._settled = 0

    def warm_up(self, others: Sequence[Sequence[Query]]) -> None:
        """Compile the kernels, then let trees grow towards the sites that lines end at. The first batch after compiling
        is the cold one: it asks for trees that nobody has asked for."""
        network = self._engine.network
        answer(network, self._engine.pack(others[0][:1]))
        for batch in others:
            questions = self._engine.pack(batch)
            seconds, _ = timed(lambda questions=questions: answer(network, questions))  # type: ignore[misc]
            if batch is others[0]:
                self._cold_us = seconds / len(batch) * 1e6

    def run(self, repetition: int) -> float:
        questions = self._packed[repetition]
        network, on = self._engine.network, self.on
        # Caches as in the middle of work, not as others left them.
        answer(network, self._packed[repetition - 1], on.apply, on.workers)
        before = self._engine.settled()
        seconds, answers = timed(lambda: answer(network, questions, on.apply, on.workers))
        self._settled += self._engine.settled() - before
        self._judge.compare_routes(self.on.engine, repetition, self._asked[repetition], self._engine.routes(answers))
        return seconds / len(questions) * 1e6

    def detail(self) -> Mapping[str, Any]:
        asked = sum(map(len, self._asked))
        return {
            "queriesEachTime": len(self._asked[0]),
            "queries": asked,
            "threads": self.on.workers,
            **(self._of_the_engine(asked) if self.on.workers == 1 else {}),
        }

    def _of_the_engine(self, asked: int) -> dict[str, Any]:
        """What only one thread can count, or is the same for all."""
        return {
            "settledEach": round(self._settled / asked, 1),
            "coldUs": round(self._cold_us, 2),
            **({} if self.network_mb is None else {"networkMb": self.network_mb}),
            **self._engine.memory(),
        }


class WayBatch:
    """A peer's way; see ``works.shares`` for how many queries it gets."""

    def __init__(self, way: Way, asked: Sequence[Sequence[Query]], judge: Judge) -> None:
        self.way = way
        self.share = len(asked[0])
        self.most = len(asked)
        self._asked = asked
        self._judge = judge
        self._queries = 0
        self._kept: dict[Rates, tuple[float, Finder]] = {}

    @property
    def library(self) -> str:
        return self.way.name.partition("/")[0]

    def seconds_each(self, count: int) -> float:
        return self._solve(self._asked[0], count)[0]

    def run(self, repetition: int) -> float:
        batch = self._asked[repetition]
        seconds, routes = self._solve(batch, self.share)
        self._queries += self.share
        self._judge.compare_routes(self.way.name, repetition, batch[: self.share], routes)
        if repetition + 1 == self.most:
            self._kept.clear()
        return seconds * 1e6

    def _solve(self, batch: Sequence[Query], count: int) -> tuple[float, list[Nodes | None]]:
        """(seconds for each query, routes) of the first ``count`` queries. Filtering for all rates is shared by the
        whole batch; where only some is asked, it is done and timed once, for it may take longer than all the rest."""
        filtering = searching = 0.0
        routes: list[Nodes | None] = [None] * count
        for rates, positions in by_rates(batch).items():
            seconds, finder = self._filter(rates) if count == len(batch) else self._filter_once(rates)
            filtering += seconds
            some = [position for position in positions if position < count]
            pairs = [(batch[position].a, batch[position].z) for position in some]
            seconds, found = timed(lambda finder=finder, pairs=pairs: finder.find_all(pairs))  # type: ignore[misc]
            searching += seconds
            for position, route in zip(some, found, strict=True):
                routes[position] = route
        return filtering / len(batch) + searching / count, routes

    def _filter(self, rates: Rates) -> tuple[float, Finder]:
        return timed(lambda: self.way.filtered(*rates))

    def _filter_once(self, rates: Rates) -> tuple[float, Finder]:
        if rates not in self._kept:
            self._kept[rates] = self._filter(rates)
        return self._kept[rates]

    def detail(self) -> Mapping[str, Any]:
        return {"queriesEachTime": self.share, "queries": self._queries}
