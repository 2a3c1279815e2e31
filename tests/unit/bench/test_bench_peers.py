"""Every way of every peer against all simple routes of small networks: a peer that is wrong would be no measure."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest
from small_networks import RATES, length_ns, link_routes, small_case

from controller.bench.arcs import Arcs
from controller.bench.checking import Judge
from controller.bench.demands import Query
from controller.bench.peers.pairs import (
    Pairs,
    least_flow_ns,
    link_disjoint,
    node_disjoint,
    routes_of,
    with_capacity,
)
from controller.bench.peers.ranked import rankers
from controller.bench.peers.roster import missing, ways
from controller.bench.peers.router import routers
from controller.bench.works.ledger import Ledger

pytestmark = pytest.mark.filterwarnings("ignore:Couldn't reach:RuntimeWarning")
SEEDS = range(25)


def pairs_of(arcs):
    return [(a, z) for a in range(arcs.nodes) for z in range(arcs.nodes) if a != z]


@pytest.mark.parametrize("corouted", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_way_finds_the_least_route_or_that_there_is_none(seed, corouted):
    arcs = Arcs.of(small_case(seed))
    judge = Judge(arcs)
    for way in ways(arcs):
        for rate in RATES:
            finder = way.filtered(rate, rate if corouted else 0)
            asked = pairs_of(arcs)
            at_once = finder.find_all(asked)
            for (a, z), one_of_many in zip(asked, at_once, strict=True):
                query = Query(a, z, rate, rate if corouted else 0)
                routes = link_routes(arcs, *query)
                for route in (one_of_many, finder.find(a, z)):
                    found = None if route is None else judge.delay_ns(way.name, query, route)
                    assert found == (length_ns(arcs, routes[0]) if routes else None), (way.name, query)


def test_all_libraries_take_part_and_each_in_several_ways():
    names = [way.name for way in ways(Arcs.of(small_case(1, parallel=False)))]
    assert len(names) == len(set(names))
    libraries = {name.partition("/")[0] for name in names}
    assert libraries == {"networkx", "rustworkx", "igraph", "scipy"} - set(missing())
    assert sum(name.startswith("networkx/") for name in names) == 9


@pytest.mark.parametrize("seed", SEEDS)
def test_every_router_keeps_its_ledger(seed):
    """A random sequence of takes and releases; after each the route asked for is the least with room."""
    arcs = Arcs.of(small_case(seed, same_both_ways=True))
    for router in routers(arcs, RATES):
        draw = random.Random(seed)
        free = arcs.free_bps[::2].tolist()
        router.load(free)
        ledger = Ledger(arcs, free)
        held = []
        for _ in range(30):
            if held and draw.random() < 0.3:
                links, bps = held.pop(draw.randrange(len(held)))
                router.take(links, -bps)
                for link in links:
                    ledger.free_bps[link] += bps
                continue
            a, z = draw.choice(pairs_of(arcs))
            bps = draw.choice(RATES)
            now = Arcs(
                arcs.nodes,
                arcs.tails,
                arcs.heads,
                arcs.delays_ns,
                arcs.costs,
                arcs.free_bps * 0 + [free for free in ledger.free_bps for _ in range(2)],
                None,
            )
            routes = link_routes(now, a, z, bps, bps)
            found = router.find(a, z, bps)
            assert found == (list(routes[0]) if routes else None), router.name
            if found is not None:
                router.take(found, bps)
                ledger.take(router.name, Query(a, z, bps, bps), found)
                held.append((found, bps))


@pytest.mark.parametrize("seed", SEEDS)
def test_pairs_of_networkx_are_the_least_disjoint_ones(seed):
    case = small_case(seed, parallel=False, same_both_ways=True)
    arcs = Arcs.of(case)
    made = Pairs(arcs)
    for rate in RATES:
        plain, split = made.plain(rate), made.split(rate)
        flows = with_capacity(plain), with_capacity(split)
        for a, z in pairs_of(arcs):
            routes = link_routes(arcs, a, z, rate, rate)
            two = list(combinations(routes, 2))
            by_link = [pair for pair in two if not set(pair[0]) & set(pair[1])]
            by_node = [pair for pair in by_link if not inner(arcs, pair[0], a, z) & inner(arcs, pair[1], a, z)]
            for pairs, hops, flow in (
                (by_link, link_disjoint(plain, a, z), least_flow_ns(flows[0], a, z)),
                (by_node, node_disjoint(split, a, z), least_flow_ns(flows[1], 2 * a + 1, 2 * z)),
            ):
                least = min((sum(length_ns(arcs, route) for route in pair) for pair in pairs), default=None)
                judge = Judge(arcs)
                found = None
                if hops is not None:
                    query = Query(a, z, rate, rate)
                    found = sum(judge.delay_ns("networkx", query, route) for route in routes_of(hops, a, z))
                assert found == least
                assert flow == least


def test_pairs_of_networkx_do_not_fall_into_the_trap():
    """The shortest route, 0-1-2-3, is in no least pair; the detour by 4 is what a greedy second search would take."""
    delays = {(0, 1): 1, (1, 2): 1, (2, 3): 1, (1, 3): 4, (0, 2): 4, (0, 4): 50, (4, 3): 50}
    ends = [end for pair in delays for end in pair]
    free = np.ones(len(ends), np.int64)
    arcs = Arcs(
        nodes=5,
        tails=np.array(ends),
        heads=np.array([end for pair in delays for end in reversed(pair)]),
        delays_ns=np.repeat(list(delays.values()), 2),
        costs=free,
        free_bps=free,
        positions_km=None,
    )
    made = Pairs(arcs)
    for hops in (link_disjoint(made.plain(1), 0, 3), node_disjoint(made.split(1), 0, 3)):
        assert sorted(map(tuple, routes_of(hops, 0, 3))) == [(0, 1, 3), (0, 2, 3)]


def inner(arcs, route, a, z):
    """The nodes between the ends."""
    return {int(end) for link in route for end in (arcs.tails[2 * link], arcs.heads[2 * link])} - {a, z}


@pytest.mark.parametrize("seed", SEEDS)
def test_ranked_routes_are_the_k_shortest_simple_ones(seed):
    arcs = Arcs.of(small_case(seed, parallel=False, same_both_ways=True))
    for name, rank in rankers(arcs, RATES, 4):
        for rate in RATES:
            for a, z in pairs_of(arcs):
                routes = link_routes(arcs, a, z, rate, rate)
                assert list(rank(a, z, rate)) == [length_ns(arcs, route) for route in routes[:4]], name
