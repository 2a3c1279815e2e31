"""``disjoint``: two routes of least total delay, co-routed, that share no link (every other question: no node either).

Peers: networkx alone, the others would have to be programmed from their shortest paths as well. It filters once for
each rate, and the graphs for that are made beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from controller.bench.arcs import Arcs
from controller.bench.checking import Disagreement, Judge
from controller.bench.demands import RATES_BPS, Query, batches, congested
from controller.bench.engine import Engine
from controller.bench.peers.pairs import (
    Hops,
    Pairs,
    least_flow_ns,
    link_disjoint,
    node_disjoint,
    routes_of,
    with_capacity,
)
from controller.bench.peers.way import Nodes
from controller.bench.timing import Contender, timed
from controller.bench.works.asking import Ask, Asked, one_by_one
from controller.bench.works.setting import Setting
from controller.bench.works.shares import give_shares
from controller.domain.intents import Disjointness
from controller.paths.budget import Budget, SearchLimit
from controller.paths.disjoint import Pair, PairAnswers, answer, find_pair, find_pairs
from controller.paths.kernels.layout import NONE
from controller.paths.kernels.pair_layout import (
    OPEN,
    PAIR_STATUS,
    PROTECT_BACK,
    PROTECT_THERE,
    WORKING_BACK,
    WORKING_THERE,
)
from controller.paths.request import PathRequest

MOST_NODES_FOR_FLOW = 1_000


class PairQuery(NamedTuple):
    """As ``Query``, same rate both ways; ``apart``: the two routes share no node either."""

    a: int
    z: int
    bps: int
    apart: bool

    @property
    def single(self) -> Query:
        return Query(self.a, self.z, self.bps, self.bps)


def contenders(setting: Setting) -> Sequence[Contender]:
    case = congested(setting.case, setting.seed)
    arcs = Arcs.of(case)
    judge = Judge(arcs)
    ours = OurPairs(Engine(case))
    effort = setting.effort

    def asked(purpose: str, count: int) -> list[list[PairQuery]]:
        made = batches(case, setting.seed, count=count, size=effort.queries, corouted=True, purpose=purpose)
        return [[PairQuery(*query[:3], index % 2 == 1) for index, query in enumerate(batch)] for batch in made]

    for batch in asked("warm-up", 8):
        ours.ask(batch)
    questions = asked("measured", effort.repetitions)
    # networkx has pairs of shortest paths on graphs without parallel links only.
    others = {} if arcs.parallel else _networkx(arcs, judge)
    peers = [Asked(name, ask, questions, judge) for name, ask in others.items()]
    give_shares(peers, effort, effort.queries)
    packed = Asked("trunkline", ours.ask, questions, judge, threads=1)
    values = Asked("trunkline/values", ours.ask_values, questions, judge, threads=1)
    return [one.contender() for one in (packed, values, *peers)]


class OurPairs:
    """Ours: questions and answers packed, or from requests to placed paths."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ask(self, queries: Sequence[PairQuery]) -> tuple[float, Sequence[object]]:
        """Packed; what the kernels leave open is searched for as well."""
        network = self._engine.network
        requests = self._requests(queries)
        questions = self._engine.pack([query.single for query in queries])
        apart = [query.apart for query in queries]

        def solve() -> tuple[PairAnswers, dict[int, Pair | None]]:
            answers = answer(network, questions, apart)
            open_ones = np.flatnonzero(answers.rows[:, PAIR_STATUS] == OPEN).tolist()
            return answers, {index: find_pair(network, requests[index], Budget()) for index in open_ones}

        seconds, (answers, settled) = timed(solve)
        totals: list[int | None] = []
        for index, (query, row) in enumerate(zip(queries, answers.rows, strict=True)):
            if index in settled:
                totals.append(_total_ns(settled[index]))
            elif row[PAIR_STATUS] == NONE:
                totals.append(None)
            else:
                self._check(query, *answers.arcs(index))
                totals.append(int(row[[WORKING_THERE, WORKING_BACK, PROTECT_THERE, PROTECT_BACK]].sum()))
        return seconds, totals

    def ask_values(self, queries: Sequence[PairQuery]) -> tuple[float, Sequence[object]]:
        requests = self._requests(queries)
        seconds, pairs = timed(lambda: list(find_pairs(self._engine.network, requests)))
        return seconds, [pair if isinstance(pair, SearchLimit) else _total_ns(pair) for pair in pairs]

    def _requests(self, queries: Sequence[PairQuery]) -> list[PathRequest]:
        kinds = {True: Disjointness.NODE, False: Disjointness.LINK}
        return [replace(self._engine.request(query.single), disjoint=kinds[query.apart]) for query in queries]

    def _check(self, query: PairQuery, working: Sequence[int], protect: Sequence[int]) -> None:
        mirror = self._engine.network.mirror
        links = [mirror.link_list[arc] for arc in (*working, *protect)]
        inner = [mirror.head_list[arc] for route in (working, protect) for arc in route[:-1]]
        if len(set(links)) < len(links) or (query.apart and len(set(inner)) < len(inner)):
            raise Disagreement(f"{query}: trunkline gave two routes that are not disjoint: {links}")


def _total_ns(pair: Pair | None) -> int | None:
    return None if pair is None else sum(sum(path.delay_ns) for path in pair)


def _networkx(arcs: Arcs, judge: Judge) -> dict[str, Ask[PairQuery]]:
    pairs = Pairs(arcs)
    plain = {bps: pairs.plain(bps) for bps in RATES_BPS}
    split = {bps: pairs.split(bps) for bps in RATES_BPS}

    def suurballe(query: PairQuery) -> Hops | None:
        a, z, bps, apart = query
        return node_disjoint(split[bps], a, z) if apart else link_disjoint(plain[bps], a, z)

    def total_ns(query: PairQuery, hops: Hops | None) -> int | None:
        return None if hops is None else _checked_total_ns(judge, query, *routes_of(hops, query.a, query.z))

    ways = {"networkx/suurballe": one_by_one(suurballe, total_ns)}
    if arcs.nodes <= MOST_NODES_FOR_FLOW:
        flows = {bps: (with_capacity(plain[bps]), with_capacity(split[bps])) for bps in RATES_BPS}

        def flow(query: PairQuery) -> int | None:
            a, z, bps, apart = query
            return least_flow_ns(flows[bps][1], 2 * a + 1, 2 * z) if apart else least_flow_ns(flows[bps][0], a, z)

        ways["networkx/network-simplex"] = one_by_one(flow, lambda _, cost: cost)
    return ways


def _checked_total_ns(judge: Judge, query: PairQuery, one: Nodes, other: Nodes) -> int:
    """Both delays together; ``Disagreement`` if the routes are no pair of disjoint ones."""
    hops = [frozenset(hop) for hop in chain(pairwise(one), pairwise(other))]
    if len(set(hops)) < len(hops) or (query.apart and set(one[1:-1]) & set(other[1:-1])):
        raise Disagreement(f"{query}: networkx gave two routes that are not disjoint: {one}, {other}")
    return sum(judge.delay_ns("networkx", query.single, route) for route in (one, other))
