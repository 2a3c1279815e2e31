"""``k8``: the eight least simple routes, co-routed. Peers search graphs that were filtered beforehand, one for each
rate, and on large graphs most are asked a few times only."""

from __future__ import annotations

from collections.abc import Sequence

from controller.bench.arcs import Arcs
from controller.bench.checking import Judge
from controller.bench.demands import RATES_BPS, Query, batches, congested
from controller.bench.engine import Engine
from controller.bench.peers.ranked import rankers
from controller.bench.timing import Contender, timed
from controller.bench.works.asking import Asked, one_by_one
from controller.bench.works.setting import Setting
from controller.bench.works.shares import give_shares
from controller.paths.budget import Budget
from controller.paths.kshortest import answer, shortest

K = 8


def contenders(setting: Setting) -> Sequence[Contender]:
    case = congested(setting.case, setting.seed)
    arcs = Arcs.of(case)
    judge = Judge(arcs)
    effort = setting.effort
    engine = Engine(case)
    asked = batches(case, setting.seed, count=effort.repetitions, size=effort.queries, corouted=True)

    network = engine.network

    def ask(queries: Sequence[Query]) -> tuple[float, Sequence[object]]:
        questions = engine.pack(queries)
        seconds, ranked = timed(lambda: answer(network, questions, K))
        return seconds, [tuple(sum(path.delay_ns) for path in ranked.paths(index)) for index in range(len(queries))]

    def ask_values(queries: Sequence[Query]) -> tuple[float, Sequence[object]]:
        requests = [engine.request(query) for query in queries]
        seconds, found = timed(lambda: [shortest(network, request, K, Budget()) for request in requests])
        return seconds, [tuple(sum(path.delay_ns) for path in paths) for paths in found]

    for batch in batches(case, setting.seed, count=4, size=effort.queries, corouted=True, purpose="warm-up"):
        ask(batch)
    peers = []
    if not arcs.parallel:  # networkx and scipy rank routes by nodes
        for name, rank in rankers(arcs, RATES_BPS, K):
            call = one_by_one(lambda query, rank=rank: rank(*query[:3]), lambda _, delays: tuple(delays))  # type: ignore[misc]
            peers.append(Asked(name, call, asked, judge))
    give_shares(peers, effort, effort.queries)
    packed = Asked("trunkline", ask, asked, judge, threads=1)
    values = Asked("trunkline/values", ask_values, asked, judge, threads=1)
    return [one.contender() for one in (packed, values, *peers)]
