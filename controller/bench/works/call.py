"""``single-call``: one co-routed least-delay route at a time, as a planner asks while the network changes in between:
nothing is shared by two calls, so whoever needs a filtered graph filters for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controller.bench.arcs import Arcs
from controller.bench.checking import Judge
from controller.bench.demands import Query, batches, congested
from controller.bench.engine import Engine
from controller.bench.peers.roster import ways
from controller.bench.peers.way import Nodes, Way
from controller.bench.timing import Contender, timed
from controller.bench.works.setting import Setting
from controller.bench.works.shares import give_shares
from controller.paths.batch import answer
from controller.paths.budget import Budget
from controller.paths.single import find, route


def contenders(setting: Setting) -> Sequence[Contender]:
    case = congested(setting.case, setting.seed)
    arcs = Arcs.of(case)
    judge = Judge(arcs)
    effort = setting.effort
    asked = batches(case, setting.seed, count=effort.repetitions, size=effort.queries, corouted=True)
    engine = Engine(case)
    ours = OurCalls(engine, asked, judge)
    ours.warm_up(batches(case, setting.seed, count=8, size=1_000, corouted=True, purpose="warm-up"))
    values = OurPlacings(engine, asked, judge)
    peers = [WayCalls(way, asked, judge) for way in ways(arcs) if way.calls]
    give_shares(peers, effort, effort.queries)
    return [
        Contender("trunkline", ours.run, ours.detail),
        Contender("trunkline/values", values.run, values.detail),
        *(Contender(peer.way.name, peer.run, peer.detail, peer.most) for peer in peers),
    ]


class OurCalls:
    """Ours: nodes by name and rates in, the links of the route by name and its delays out."""

    def __init__(self, engine: Engine, asked: Sequence[Sequence[Query]], judge: Judge) -> None:
        self._engine = engine
        self._asked = asked
        self._judge = judge
        names = engine.names
        self._calls = [[(names[a], names[z], there, back) for a, z, there, back in batch] for batch in asked]

    def warm_up(self, others: Sequence[Sequence[Query]]) -> None:
        """Compile, and let trees grow towards the sites."""
        for batch in others:
            answer(self._engine.network, self._engine.pack(batch))
        route(self._engine.network, *self._calls[0][0])

    def run(self, repetition: int) -> float:
        network, calls = self._engine.network, self._calls[repetition]
        seconds, found = timed(lambda: [route(network, a, z, there, back) for a, z, there, back in calls])
        queries = self._asked[repetition]
        routes = [
            None if one is None else self._engine.route_along(query.a, one.links)
            for query, one in zip(queries, found, strict=True)
        ]
        self._judge.compare_routes("trunkline", repetition, queries, routes)
        return seconds / len(calls) * 1e6

    def detail(self) -> Mapping[str, Any]:
        return {"queriesEachTime": len(self._asked[0]), "queries": sum(map(len, self._asked))}


class OurPlacings:
    """Ours, as the planner asks: from a request to a placed path."""

    def __init__(self, engine: Engine, asked: Sequence[Sequence[Query]], judge: Judge) -> None:
        self._engine = engine
        self._asked = asked
        self._judge = judge
        self._requests = [[engine.request(query) for query in batch] for batch in asked]

    def run(self, repetition: int) -> float:
        network, requests = self._engine.network, self._requests[repetition]
        seconds, found = timed(lambda: [find(network, request, Budget()) for request in requests])
        queries = self._asked[repetition]
        routes = [
            None if path is None else self._engine.route_along(query.a, path.route.links)
            for query, path in zip(queries, found, strict=True)
        ]
        self._judge.compare_routes("trunkline/values", repetition, queries, routes)
        return seconds / len(requests) * 1e6

    def detail(self) -> Mapping[str, Any]:
        return {"queriesEachTime": len(self._asked[0]), "queries": sum(map(len, self._asked))}


class WayCalls:
    """A peer's way, filtering included in each call."""

    def __init__(self, way: Way, asked: Sequence[Sequence[Query]], judge: Judge) -> None:
        self.way = way
        self.share = len(asked[0])
        self.most = len(asked)
        self._asked = asked
        self._judge = judge
        self._queries = 0

    @property
    def library(self) -> str:
        return self.way.name.partition("/")[0]

    def seconds_each(self, count: int) -> float:
        return self._solve(self._asked[0][:count])[0] / count

    def run(self, repetition: int) -> float:
        queries = self._asked[repetition][: self.share]
        seconds, routes = self._solve(queries)
        self._queries += len(queries)
        self._judge.compare_routes(self.way.name, repetition, queries, routes)
        return seconds / len(queries) * 1e6

    def _solve(self, queries: Sequence[Query]) -> tuple[float, list[Nodes | None]]:
        filtered = self.way.filtered
        return timed(lambda: [filtered(there, back).find(a, z) for a, z, there, back in queries])

    def detail(self) -> Mapping[str, Any]:
        return {"queriesEachTime": self.share, "queries": self._queries}
