"""Pairs of routes against brute force, networkx and a mixed-integer program, on traps, and what a "no" says."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import event, given, settings
from pair_oracle import feasible_pairs, pair_question
from path_oracle import Case, link, node, seeds, thorough, topology_of
from scipy.optimize import LinearConstraint, milp

from controller.domain.errors import Reason, Refusal, Relaxation
from controller.domain.intents import Avoid, Disjointness, Objective
from controller.domain.topology import PerDirection
from controller.paths import disjoint
from controller.paths.admission import least_pair
from controller.paths.budget import Budget, SearchLimit
from controller.paths.network import Network
from controller.paths.request import PathRequest


def ask(a="a", z="z", kind=Disjointness.LINK, **more):
    return PathRequest(a=a, z=z, cir_bps=PerDirection.both(1), disjoint=kind, **more)


def links_of(pair):
    assert not isinstance(pair, Refusal), pair
    return tuple(path.route.links for path in pair)


def solve(topology, request):
    return least_pair(Network(topology), request)


@settings(thorough, max_examples=600)
@given(seeds)
def test_the_pair_is_the_best_of_all_pairs(seed):
    case, request = pair_question(seed)
    pairs = feasible_pairs(case, request)
    answer = least_pair(case.network(), request)
    if not pairs:
        event("none")
        assert isinstance(answer, Refusal)
        assert answer.reason is not Reason.SEARCH_LIMIT
        return
    event(f"{request.disjoint}, {'one pair' if len(pairs) == 1 else 'several pairs'}")
    for path, best, role in zip(answer, pairs[0], ("working", "protect"), strict=True):
        assert (path.route.nodes, path.route.links) == (best.nodes, best.links)
        assert path.delay_ns == best.delay_ns
        assert path.reserved_bps == request.reserved_bps(case.topology)
        assert path.role == role


@thorough
@given(seeds)
def test_every_relaxation_of_a_refused_pair_would_do(seed):
    case, request = pair_question(seed)
    network = case.network()
    answer = least_pair(network, request)
    if not isinstance(answer, Refusal):
        return
    event(answer.reason)
    for option in answer.relaxations:
        if option.field == "spec.disjoint":
            changed = replace(request, disjoint=Disjointness(option.value))
        elif option.field == "spec.protection":
            changed = replace(request, disjoint=None)
        else:
            continue
        event(option.field)
        assert disjoint_or_single(network, changed)


def disjoint_or_single(network, request):
    from controller.paths.finding import feasible

    return feasible(network, request, Budget())


# Larger networks than brute force can look at.


def larger(seed, nodes, links):
    """A connected network with measured capacities, few ties, and SRLGs of neighbouring links."""
    rng = random.Random(seed)
    names = [f"n{number}" for number in range(nodes)]
    ends = [(names[rng.randrange(number)], names[number]) for number in range(1, nodes)]
    while len(ends) < links:
        ends.append(tuple(rng.sample(names, 2)))
    spread = rng.choice((3, 1000))
    made = [
        link(
            f"l{number:03}",
            *pair,
            delay_ns=rng.randint(1, spread),
            cost=rng.randint(1, spread),
            capacity_bps=rng.choice((0, 10, 10, 10, 10)),
            srlgs=tuple(sorted({f"s{rng.randrange(links)}" for _ in range(rng.randint(0, 2))})),
        )
        for number, pair in enumerate(ends)
    ]
    kind, objective = rng.choice(tuple(Disjointness)), rng.choice(tuple(Objective))
    return topology_of(*made, nodes=tuple(map(node, names))), ask(*rng.sample(names, 2), kind=kind, objective=objective)


def length(topology, name, objective):
    one = topology.link[name]
    return one.cost if objective is Objective.COST else sum(one.delay_ns)


def total(topology, pair, objective):
    return sum(length(topology, name, objective) for links in links_of(pair) for name in links)


def least_flow(topology, request):
    """The least total of two routes by networkx: a minimum cost flow of two units; ``None``: there are none."""
    graph = nx.DiGraph()
    for one in topology.nodes:
        ends = one.name in (request.a, request.z)
        graph.add_edge((one.name, "in"), (one.name, "out"), weight=0)
        if ends or request.disjoint is Disjointness.LINK:
            graph.edges[(one.name, "in"), (one.name, "out")]["capacity"] = 2
        else:
            graph.edges[(one.name, "in"), (one.name, "out")]["capacity"] = 1
    for one in topology.links:
        if min(one.capacity_bps) < 1:
            continue
        for tail, head in ((one.a, one.z), (one.z, one.a)):
            middle = (one.name, tail)  # parallel links are told apart by a node of their own
            graph.add_edge((tail, "out"), middle, capacity=1, weight=length(topology, one.name, request.objective))
            graph.add_edge(middle, (head, "in"), capacity=1, weight=0)
    graph.nodes[request.a, "in"]["demand"] = -2
    graph.nodes[request.z, "out"]["demand"] = 2
    try:
        return nx.min_cost_flow_cost(graph)
    except nx.NetworkXUnfeasible:
        return None


@settings(thorough, max_examples=200)
@given(seeds)
def test_the_total_is_that_of_a_minimum_cost_flow(seed):
    topology, request = larger(seed, 40, 50 + seed % 40)  # from few rings and many spurs to well meshed
    if request.disjoint is Disjointness.SRLG:
        request = replace(request, disjoint=Disjointness.NODE)
    answer = solve(topology, request)
    expected = least_flow(topology, request)
    event("none" if expected is None else "some")
    if expected is None:
        assert answer.reason in (Reason.NOT_DISJOINT, Reason.NO_BANDWIDTH, Reason.NO_PATH)
    else:
        assert total(topology, answer, request.objective) == expected


def least_program(topology, request):
    """The least total of two routes without a common SRLG by a mixed-integer program; ``None``: there are none.

    Variables: each of two routes crosses a link one way or the other; each of two routes uses an SRLG.
    """
    links = [one for one in topology.links if min(one.capacity_bps) >= 1]
    nodes = sorted(topology.node)
    srlgs = sorted({srlg for one in links for srlg in one.srlgs})
    arcs = [(one, tail, head) for one in links for tail, head in ((one.a, one.z), (one.z, one.a))]
    size = 2 * len(arcs) + 2 * len(srlgs)
    rows, low, high = [], [], []

    def constrain(entries, least, most):
        row = np.zeros(size)
        for place, factor in entries:
            row[place] += factor
        rows.append(row)
        low.append(least)
        high.append(most)

    for which in range(2):
        base = which * len(arcs)
        for name in nodes:
            balance = (name == request.a) - (name == request.z)
            entries = [(base + place, 1) for place, (_, tail, _) in enumerate(arcs) if tail == name]
            entries += [(base + place, -1) for place, (_, _, head) in enumerate(arcs) if head == name]
            constrain(entries, balance, balance)
        for place, (one, _, _) in enumerate(arcs):
            for srlg in one.srlgs:
                used = 2 * len(arcs) + which * len(srlgs) + srlgs.index(srlg)
                constrain([(used, 1), (base + place, -1)], 0, 1)
    for number in range(len(links)):
        crossed = [(base + 2 * number + way, 1) for base in (0, len(arcs)) for way in range(2)]
        constrain(crossed, 0, 1)
    for place in range(len(srlgs)):
        constrain([(2 * len(arcs) + place, 1), (2 * len(arcs) + len(srlgs) + place, 1)], 0, 1)
    weights = [length(topology, one.name, request.objective) for one, _, _ in arcs] * 2 + [0] * (2 * len(srlgs))
    found = milp(weights, integrality=np.ones(size), bounds=(0, 1), constraints=LinearConstraint(rows, low, high))
    return None if found.x is None else round(found.fun)


@settings(thorough, max_examples=200)
@given(seeds)
def test_the_total_without_a_common_srlg_is_that_of_a_program(seed):
    topology, request = larger(seed, 12, 24)
    request = replace(request, disjoint=Disjointness.SRLG)
    answer = solve(topology, request)
    expected = least_program(topology, request)
    event("none" if expected is None else "some")
    if expected is None:
        assert answer.reason in (Reason.NOT_DISJOINT, Reason.NO_BANDWIDTH, Reason.NO_PATH)
    else:
        assert total(topology, answer, request.objective) == expected


@settings(thorough, max_examples=40)
@given(seeds)
def test_many_at_once_are_answered_as_one_by_one(seed):
    topology, request = larger(seed, 20, 40)
    requests = [replace(request, a=one.name) for one in topology.nodes if one.name != request.z]
    network = Network(topology)
    together = list(disjoint.find_pairs(network, requests))
    assert together == [disjoint.find_pair(network, one, Budget()) for one in requests]


# Traps.


TRAP = (
    link("ab", "a", "b", delay_ns=1),
    link("bc", "b", "c", delay_ns=1),
    link("cz", "c", "z", delay_ns=1),
    link("ac", "a", "c", delay_ns=9),
    link("bz", "b", "z", delay_ns=9),
)
"""The fastest route, a-b-c-z, leaves no second one."""


@pytest.mark.parametrize("kind", Disjointness)
def test_the_fastest_route_is_given_up_for_a_pair(kind):
    assert links_of(solve(topology_of(*TRAP), ask(kind=kind))) == (("ab", "bz"), ("ac", "cz"))


@pytest.mark.parametrize("kind", Disjointness)
def test_a_second_route_may_have_to_come_a_long_way_and_back_along_the_first(kind):
    names = ["a", *(f"far{number:02}" for number in range(20)), "c"]
    detour = [link(f"d{number:02}", *pair) for number, pair in enumerate(pairwise(names))]
    pair = links_of(solve(topology_of(*TRAP[:3], TRAP[4], *detour), ask(kind=kind)))
    assert pair == (("ab", "bz"), (*(one.name for one in detour), "cz"))


def test_the_working_route_is_the_shorter_one():
    slow, quick = link("a1", "a", "z", delay_ns=5), link("a2", "a", "z", delay_ns=4)
    assert links_of(solve(topology_of(slow, quick), ask())) == (("a2",), ("a1",))


def test_routes_that_meet_change_over_there_if_that_makes_the_working_one_shorter():
    links = (
        link("m1", "a", "m", delay_ns=1),
        link("m2", "a", "m", delay_ns=9),
        link("n1", "m", "z", delay_ns=9),
        link("n2", "m", "z", delay_ns=1),
    )
    # Of (m1, n2) + (m2, n1) and (m1, n1) + (m2, n2) the working routes may be as long as half of the total, 10.
    assert links_of(solve(topology_of(*links), ask())) == (("m1", "n1"), ("m2", "n2"))
    bounded = ask(max_delay_ns=2 + 8)
    assert links_of(solve(topology_of(*links), bounded)) == (("m1", "n1"), ("m2", "n2"))
    assert solve(topology_of(*links), ask(max_delay_ns=9)).reason is Reason.DELAY_BOUND_UNREACHABLE


def test_where_routes_meet_the_smallest_name_is_taken_only_if_the_rest_still_makes_the_shorter_route():
    links = (
        link("m1", "a", "m", delay_ns=5),
        link("m2", "a", "m", delay_ns=1),
        link("n1", "m", "z", delay_ns=4),
        link("n2", "m", "z", delay_ns=5),
    )
    assert links_of(solve(topology_of(*links), ask())) == (("m2", "n1"), ("m1", "n2"))


def test_parallel_links_are_different_links_and_share_no_node_between_the_ends():
    links = (link("l1", "a", "z"), link("l2", "a", "z"))
    for kind in Disjointness:
        assert links_of(solve(topology_of(*links), ask(kind=kind))) == (("l1",), ("l2",))


def test_parallel_links_in_one_cable_are_not_apart():
    links = (link("l1", "a", "z", srlgs=("cable",)), link("l2", "a", "z", srlgs=("cable",)))
    refusal = solve(topology_of(*links), ask(kind=Disjointness.SRLG))
    assert refusal.reason is Reason.NOT_DISJOINT
    assert "SRLG cable" in refusal.message
    assert Relaxation(field="spec.disjoint", value="node") in refusal.relaxations
    assert Relaxation(field="spec.disjoint", value="link") in refusal.relaxations
    assert Relaxation(field="spec.protection", value="none") in refusal.relaxations


def test_a_bound_that_the_least_pair_misses_takes_the_next_one():
    links = (
        link("p", "a", "z", delay_ns=1),
        link("q1", "a", "q", delay_ns=(2, 20)),
        link("q2", "q", "z", delay_ns=(2, 20)),
        link("r1", "a", "r", delay_ns=(15, 15)),
        link("r2", "r", "z", delay_ns=(15, 15)),
    )
    assert links_of(solve(topology_of(*links), ask())) == (("p",), ("q1", "q2"))
    assert links_of(solve(topology_of(*links), ask(max_delay_ns=39))) == (("p",), ("r1", "r2"))
    refusal = solve(topology_of(*links), ask(max_delay_ns=29))
    assert refusal.reason is Reason.DELAY_BOUND_UNREACHABLE
    assert Relaxation(field="spec.maxDelay", value="30ns") in refusal.relaxations


def test_a_bound_is_lost_only_when_both_routes_in_both_directions_come_to_more_than_four_times_it():
    links = (
        link("l1", "a", "z", delay_ns=(5, 11)),
        link("l2", "a", "z", delay_ns=(8, 8)),
        link("l3", "a", "z", delay_ns=(9, 9)),
    )
    assert links_of(solve(topology_of(*links), ask(max_delay_ns=10))) == (("l2",), ("l3",))


def test_both_routes_need_the_rates_of_both_directions():
    links = (link("l1", "a", "z"), link("l2", "a", "z", capacity_bps=(10, 3)))
    request = replace(ask(), cir_bps=PerDirection(10, 4))
    refusal = solve(topology_of(*links), request)
    assert refusal.reason is Reason.NO_BANDWIDTH
    assert "every route uses link l1" in refusal.message
    assert Relaxation(field="spec.bandwidth.zToA", value="3bps") in refusal.relaxations


def test_a_bridge_is_named():
    links = (
        link("l1", "a", "b"),
        link("l2", "a", "b"),
        link("bridge", "b", "c"),
        link("l4", "c", "z"),
        link("l5", "c", "z"),
    )
    refusal = solve(topology_of(*links), ask())
    assert refusal.reason is Reason.NOT_DISJOINT
    assert "every route uses link bridge" in refusal.message
    assert refusal.relaxations == (Relaxation(field="spec.protection", value="none"),)


def test_a_node_that_every_route_passes_is_named():
    links = (link("l1", "a", "b"), link("l2", "a", "b"), link("l4", "b", "z"), link("l5", "b", "z"))
    refusal = solve(topology_of(*links), ask(kind=Disjointness.NODE))
    assert refusal.reason is Reason.NOT_DISJOINT
    assert "every route uses node b" in refusal.message
    assert Relaxation(field="spec.disjoint", value="link") in refusal.relaxations


def test_what_is_to_be_avoided_binds_both_routes():
    refusal = solve(topology_of(*TRAP), ask(avoid=Avoid(links=("bz",))))
    assert refusal.reason is Reason.NOT_DISJOINT
    assert Relaxation(field="spec.avoid.links", value="[]") in refusal.relaxations


def test_an_end_that_no_route_reaches_is_no_question_of_pairs():
    refusal = solve(topology_of(*TRAP, nodes=(node("far"),)), ask(z="far"))
    assert refusal.reason is Reason.NO_PATH


def test_two_sites_of_one_node_need_no_link():
    assert links_of(solve(topology_of(*TRAP), ask(z="a"))) == ((), ())


def test_a_spent_budget_is_no_proof():
    links = [
        link(f"{a}{z}{number}", a, z, srlgs=(f"{a}{number}",)) for a, z in ("ab", "bc", "cz") for number in range(3)
    ]
    topology = topology_of(*links)
    request = ask(kind=Disjointness.SRLG, objective=Objective.COST)
    assert links_of(solve(topology, request)) == (("ab0", "bc0", "cz0"), ("ab1", "bc1", "cz1"))
    assert least_pair(Network(topology), request, label_budget=1).reason is Reason.SEARCH_LIMIT
    with pytest.raises(SearchLimit):
        disjoint.find_pair(Network(topology), request, Budget(1))


def test_a_request_for_a_pair_says_how_far_apart():
    with pytest.raises(ValueError, match="in common"):
        solve(topology_of(*TRAP), ask(kind=None))


def test_nothing_is_left_behind_for_the_next_question():
    """A network that has answered is asked again, after each change: a fresh one answers alike."""
    rng = random.Random(7)
    topology, request = larger(3, 15, 40)
    network = Network(topology)
    case = Case(topology=topology)
    down: set[str] = set()
    for _ in range(300):
        one = rng.choice(topology.links)
        down ^= {one.name}
        network.set_link_up(one, one.name not in down)
        request = replace(request, z=rng.choice(topology.nodes).name, disjoint=rng.choice(tuple(Disjointness)))
        fresh = replace(case, down=frozenset(down)).network()
        assert disjoint.find_pair(network, request, Budget()) == disjoint.find_pair(fresh, request, Budget())
