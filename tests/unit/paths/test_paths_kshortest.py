"""The k best routes against brute force and networkx."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import islice, pairwise

import networkx as nx
import pytest
from hypothesis import event, given, settings
from pair_oracle import roomier, tightened
from path_oracle import Case, feasible_routes, link, node, random_case, random_request, seeds, thorough, topology_of

from controller.domain.intents import Objective
from controller.domain.topology import PerDirection
from controller.paths.admission import least
from controller.paths.budget import Budget, SearchLimit
from controller.paths.kshortest import shortest
from controller.paths.network import Network
from controller.paths.request import PathRequest


def question(seed):
    rng = random.Random(seed)
    case = random_case(rng, rng.choice((2, 3, 4, 5, 6, 6, 7)), rng.randint(4, 13), symmetric=rng.random() < 0.5)
    if rng.random() < 0.7:
        case = roomier(rng, case)
    request = random_request(rng, case)
    return case, tightened(rng, case, request), rng.choice((1, 2, 3, 8, 50, 1000))


@settings(thorough, max_examples=1000)
@given(seeds)
def test_the_routes_are_the_first_of_all_simple_routes_in_order(seed):
    case, request, k = question(seed)
    best = feasible_routes(case, request)[:k]
    event(f"{min(len(best), 9)} routes")
    answer = shortest(case.network(), request, k, Budget())
    assert [(path.route.links, path.route.nodes, path.delay_ns) for path in answer] == [
        (walked.links, walked.nodes, walked.delay_ns) for walked in best
    ]
    assert {path.reserved_bps for path in answer} <= {request.reserved_bps(case.topology)}


def larger(seed):
    """A network in which brute force would not end; single links, as networkx ranks routes in such networks only."""
    rng = random.Random(seed)
    graph = nx.gnm_random_graph(40, 90, seed=seed)
    spread = rng.choice((2, 1000))
    links = [
        link(f"l{number:03}", f"n{a}", f"n{z}", delay_ns=rng.randint(1, spread), cost=rng.randint(1, spread))
        for number, (a, z) in enumerate(sorted(map(sorted, graph.edges)))
    ]
    topology = topology_of(*links, nodes=tuple(node(f"n{number}") for number in range(40)))
    ends = rng.sample(sorted(topology.node), 2)
    return topology, PathRequest(
        a=ends[0], z=ends[1], cir_bps=PerDirection.both(1), objective=rng.choice(tuple(Objective))
    )


def value(topology, links, objective):
    return sum(
        topology.link[name].cost if objective is Objective.COST else sum(topology.link[name].delay_ns) for name in links
    )


@settings(thorough, max_examples=100)
@given(seeds)
def test_the_values_are_those_of_networkx(seed):
    topology, request = larger(seed)
    graph = nx.Graph()
    graph.add_nodes_from(topology.node)
    for one in topology.links:
        graph.add_edge(one.a, one.z, weight=value(topology, [one.name], request.objective), name=one.name)
    try:
        nodes = list(islice(nx.shortest_simple_paths(graph, request.a, request.z, weight="weight"), 12))
    except nx.NetworkXNoPath:
        nodes = []
    expected = [sum(graph.edges[pair]["weight"] for pair in pairwise(route)) for route in nodes]
    answer = shortest(Network(topology), request, 12, Budget())
    assert [value(topology, path.route.links, request.objective) for path in answer] == expected
    assert len({path.route.links for path in answer}) == len(answer)
    if answer:
        assert answer[0] == least(Network(topology), request)


def test_what_one_question_leaves_behind_does_not_matter_to_the_next():
    rng = random.Random(5)
    topology, request = larger(11)
    network, down = Network(topology), set()
    for _ in range(200):
        one = rng.choice(topology.links)
        down ^= {one.name}
        network.set_link_up(one, one.name not in down)
        request = replace(request, z=rng.choice(topology.nodes).name, objective=rng.choice(tuple(Objective)))
        fresh = Case(topology=topology, down=frozenset(down)).network()
        assert shortest(network, request, 9, Budget()) == shortest(fresh, request, 9, Budget())


def ladder(rungs):
    """Two parallel links from each node to the next: 2 to the power of ``rungs`` routes of the same value."""
    return topology_of(*(link(f"l{n:02}{side}", f"n{n:02}", f"n{n + 1:02}") for n in range(rungs) for side in "ab"))


def test_equal_routes_come_in_the_order_of_their_links():
    request = PathRequest(a="n00", z="n05", cir_bps=PerDirection.both(1))
    answer = shortest(Network(ladder(5)), request, 1000, Budget())
    names = [path.route.links for path in answer]
    assert len(names) == 32
    assert names == sorted(names)


def test_more_routes_than_there_was_room_for():
    request = PathRequest(a="n00", z="n12", cir_bps=PerDirection.both(1))
    answer = shortest(Network(ladder(12)), request, 4000, Budget())
    assert len({path.route.links for path in answer}) == 4000


def test_a_spent_budget_is_no_proof():
    topology = ladder(12)
    request = PathRequest(a="n00", z="n12", cir_bps=PerDirection.both(1), max_delay_ns=11)
    assert shortest(Network(topology), request, 3, Budget()) == ()  # too slow, and known from the lengths alone
    slow_back = [replace(one, delay_ns=PerDirection(0, 1)) for one in topology.links]
    skewed = Network(replace(topology, links=tuple(slow_back)))
    with pytest.raises(SearchLimit):
        shortest(skewed, request, 3, Budget(1000))
