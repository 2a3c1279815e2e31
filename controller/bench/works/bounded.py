"""``cost-bounded``: the cheapest route within a delay bound, exactly. Costs are random, and the bound is the least
delay times 1 to 1.5, so that neither decides alone.

No library has it. On small graphs networkx enumerates simple routes by cost until one keeps the bound, which is exact
as well; where that takes more than ``MOST_ROUTES`` it gives up, is not compared, and its time is too good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from random import Random
from typing import NamedTuple

import networkx as nx

from controller.bench.arcs import Arcs
from controller.bench.cases import Case
from controller.bench.checking import Disagreement, Judge
from controller.bench.demands import RATES_BPS, Query, batches, congested
from controller.bench.engine import Engine
from controller.bench.timing import Contender, timed
from controller.bench.works.asking import NOT_COMPARED, Ask, Asked, one_by_one
from controller.bench.works.setting import Setting
from controller.bench.works.shares import give_shares
from controller.domain.intents import Objective
from controller.paths.batch import answer
from controller.paths.budget import Budget
from controller.paths.single import find

MOST_ROUTES = 500
MOST_NODES = 100
"""Above, enumerating does not end."""


class BoundedQuery(NamedTuple):
    """As ``Query``, same rate both ways; ``bound_ns`` one way."""

    a: int
    z: int
    bps: int
    bound_ns: int


def contenders(setting: Setting) -> Sequence[Contender]:
    case = congested(setting.case, setting.seed)
    arcs = Arcs.of(case)
    judge = Judge(arcs)
    effort = setting.effort
    ours = OurBounded(Engine(case))
    asked = ours.bounded(
        batches(case, setting.seed, count=effort.repetitions, size=effort.queries, corouted=True), setting.seed
    )
    ours.ask(asked[0])
    symmetric = all(link.delay_ns.a_to_z == link.delay_ns.z_to_a for link in case.topology.links)
    peers = []
    if arcs.nodes <= MOST_NODES and symmetric and not arcs.parallel:
        peers.append(Asked("networkx/enumeration", _enumeration(case), asked, judge, givesUpAfter=MOST_ROUTES))
    give_shares(peers, effort, effort.queries)
    before = ours.engine.settled()
    main = Asked("trunkline", ours.ask, asked, judge, threads=1)

    def detail() -> dict[str, object]:
        found = main.detail()
        return {**found, "settledEach": round((ours.engine.settled() - before) / max(int(found["queries"]), 1), 1)}

    return [Contender(main.name, main.run, detail), *(peer.contender() for peer in peers)]


class OurBounded:
    """Ours: requests in, placed paths out."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def bounded(self, asked: Sequence[Sequence[Query]], seed: int) -> list[list[BoundedQuery]]:
        """The same queries with bounds; those that have no route have none to bound, and get an hour."""
        random = Random(f"{seed} bounds")
        found = []
        for batch in asked:
            paths = answer(self.engine.network, self.engine.pack(batch)).path
            least = [max(path.delay_ns) if (path := paths(index)) else 3_600 * 10**9 for index in range(len(batch))]
            found.append(
                [
                    BoundedQuery(*query[:3], round(delay_ns * (1 + random.random() / 2)))
                    for query, delay_ns in zip(batch, least, strict=True)
                ]
            )
        return found

    def ask(self, queries: Sequence[BoundedQuery]) -> tuple[float, Sequence[object]]:
        requests = [
            replace(
                self.engine.request(Query(query.a, query.z, query.bps, query.bps)),
                max_delay_ns=query.bound_ns,
                objective=Objective.COST,
            )
            for query in queries
        ]
        network = self.engine.network
        seconds, paths = timed(lambda: [find(network, request, Budget()) for request in requests])
        costs: list[object] = []
        for query, path in zip(queries, paths, strict=True):
            if path is not None and max(path.delay_ns) > query.bound_ns:
                raise Disagreement(f"{query}: trunkline gave a route of {max(path.delay_ns)} ns")
            costs.append(None if path is None else sum(network.topology.link[name].cost for name in path.route.links))
        return seconds, costs


def _enumeration(case: Case) -> Ask[BoundedQuery]:
    """Simple routes by cost; graphs are filtered beforehand, one for each rate."""
    number = {node.name: index for index, node in enumerate(case.topology.nodes)}
    graphs: dict[int, nx.Graph[int]] = {}
    for bps in RATES_BPS:
        graph = graphs[bps] = nx.Graph()
        graph.add_nodes_from(number.values())
        for link in case.topology.links:
            if min(link.capacity_bps) >= bps:
                delay_ns = link.delay_ns.a_to_z + case.topology.hop_delay_ns
                graph.add_edge(number[link.a], number[link.z], cost=link.cost, delay=delay_ns)

    def cheapest(query: BoundedQuery) -> object:
        graph = graphs[query.bps]
        routes = nx.shortest_simple_paths(graph, query.a, query.z, weight="cost")
        try:
            for route in islice(routes, MOST_ROUTES):
                if nx.path_weight(graph, route, "delay") <= query.bound_ns:
                    return int(nx.path_weight(graph, route, "cost"))
        except nx.NetworkXNoPath:
            return None
        return NOT_COMPARED

    return one_by_one(cheapest, lambda _, cost: cost)
