"""The search against brute force, against networkx, and on the traps that greedy searches fall into."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import event, given
from path_oracle import (
    Case,
    feasible_routes,
    link,
    node,
    random_question,
    seeds,
    thorough,
    topology_of,
    two_resource_question,
)

from controller.domain.errors import InvalidInput, Reason, Refusal, Relaxation
from controller.domain.intents import Attachment, Avoid, Disjointness, Objective, PrivateLine, Protection
from controller.domain.placement import PlacedPath, Reservation
from controller.domain.topology import Direction, PerDirection, Site
from controller.paths.admission import least
from controller.paths.budget import Budget
from controller.paths.network import Network
from controller.paths.request import PathRequest, request_for
from controller.paths.single import fastest


def ask(a="a", z="z", cir=1, **more):
    return PathRequest(a=a, z=z, cir_bps=PerDirection.both(cir), **more)


def links_of(answer):
    assert isinstance(answer, PlacedPath), answer
    return answer.route.links


def assert_best(case, request):
    """The engine's answer is the first of all simple routes, each looked at."""
    routes = feasible_routes(case, request)
    answer = least(case.network(), request)
    if not routes:
        event("infeasible")
        assert isinstance(answer, Refusal)
        assert answer.reason is not Reason.SEARCH_LIMIT
        return
    best = routes[0]
    event(f"{len(best.links)} links, {'one route' if len(routes) == 1 else 'several routes'}")
    assert (answer.route.nodes, answer.route.links) == (best.nodes, best.links)
    assert answer.delay_ns == best.delay_ns
    assert answer.reserved_bps == PerDirection(*map(case.topology.reservation_bps, request.cir_bps))


@thorough
@given(seeds)
def test_the_answer_is_the_best_of_all_simple_routes(seed):
    assert_best(*random_question(seed))


@thorough
@given(seeds)
def test_the_answer_is_the_best_when_a_bound_holds_for_each_direction(seed):
    assert_best(*two_resource_question(seed))


@thorough
@given(seeds)
def test_the_fastest_route_has_the_least_slower_direction(seed):
    case, request = two_resource_question(seed)
    routes = feasible_routes(case, replace(request, max_delay_ns=None))
    found = fastest(case.network(), request, Budget())
    assert max(found.delay_ns) == min(max(walked.delay_ns) for walked in routes)


@thorough
@given(seeds)
def test_the_order_of_the_input_does_not_matter(seed):
    rng = random.Random(seed)
    case, request = random_question(seed)
    nodes, links = list(case.topology.nodes), list(case.topology.links)
    rng.shuffle(nodes)
    rng.shuffle(links)
    shuffled = replace(case, topology=replace(case.topology, nodes=tuple(nodes), links=tuple(links)))
    assert least(shuffled.network(), request) == least(case.network(), request)


@thorough
@given(seeds)
def test_with_symmetric_delays_networkx_finds_the_same_least_delay(seed):
    case, request = random_question(seed, symmetric=True)
    network = case.network()
    request = replace(request, objective=Objective.DELAY, avoid=Avoid(), mtu_bytes=0)
    needed = request.reserved_bps(case.topology)

    def usable_arc(tail, head, name):
        there, back = network.graph.edges[tail, head, name], network.graph.edges[head, tail, name]
        free_there, free_back = (arc["capacity_bps"] - arc["reserved_bps"] for arc in (there, back))
        fits = free_there >= needed.a_to_z and free_back >= needed.z_to_a
        return there["enabled"] and there["up"] and fits and case.topology.link[name].mtu_bytes >= request.wrap_bytes

    def usable_node(name):
        return network.graph.nodes[name]["enabled"] and network.graph.nodes[name]["up"]

    view = nx.subgraph_view(network.graph, filter_node=usable_node, filter_edge=usable_arc)

    def weight(tail, head, parallel):
        return min(arc["delay_ns"] for arc in parallel.values()) + case.topology.hop_delay_ns

    try:
        expected = nx.dijkstra_path_length(view, request.a, request.z, weight=weight)
    except (nx.NetworkXNoPath, nx.NodeNotFound):
        expected = None
    if expected is not None and request.max_delay_ns is not None and expected > request.max_delay_ns:
        expected = None
    answer = least(network, request)
    found = answer.delay_ns if isinstance(answer, PlacedPath) else None
    assert found == (None if expected is None else PerDirection.both(expected))


def test_a_bound_for_each_direction_is_not_a_bound_on_the_sum():
    topology = topology_of(link("skew", "a", "z", delay_ns=(10, 2)), link("even", "a", "z", delay_ns=(7, 7)))
    network = Network(topology)
    assert links_of(least(network, ask())) == ("skew",)
    assert links_of(least(network, ask(max_delay_ns=8))) == ("even",)
    assert links_of(least(network, ask(a="z", z="a", max_delay_ns=8))) == ("even",)
    assert least(network, ask(max_delay_ns=6)).reason is Reason.DELAY_BOUND_UNREACHABLE


def test_a_prefix_with_the_worse_sum_is_kept_while_the_bound_may_need_it():
    # To m, (4, 0) has the least sum, but only (3, 3) leaves room for the (5, 1) that follows.
    topology = topology_of(
        link("one", "a", "m", delay_ns=(4, 0)),
        link("two", "a", "m", delay_ns=(3, 3)),
        link("on", "m", "z", delay_ns=(5, 1)),
    )
    assert links_of(least(Network(topology), ask(max_delay_ns=9))) == ("one", "on")
    assert links_of(least(Network(topology), ask(max_delay_ns=8))) == ("two", "on")


def test_the_cheapest_route_within_the_bound_need_not_begin_with_the_cheapest_prefix():
    topology = topology_of(
        link("cheap-slow", "a", "m", cost=1, delay_ns=9),
        link("dear-fast", "a", "m", cost=5, delay_ns=1),
        link("on", "m", "z", cost=1, delay_ns=3),
        link("direct", "a", "z", cost=20, delay_ns=1),
    )
    network = Network(topology)
    cheapest = ask(objective=Objective.COST)
    assert links_of(least(network, cheapest)) == ("cheap-slow", "on")
    assert links_of(least(network, replace(cheapest, max_delay_ns=11))) == ("dear-fast", "on")
    assert links_of(least(network, replace(cheapest, max_delay_ns=3))) == ("direct",)


def test_links_without_delay_neither_loop_nor_win_over_fewer_links():
    topology = topology_of(
        link("b1", "a", "b", delay_ns=0),
        link("b2", "b", "z", delay_ns=0),
        link("x1", "a", "z", delay_ns=0),
        link("x0", "a", "z", delay_ns=0),
    )
    assert links_of(least(Network(topology), ask())) == ("x0",)
    only = topology_of(
        link("b1", "a", "b", delay_ns=0), link("b2", "b", "z", delay_ns=0), link("c", "b", "c", delay_ns=0)
    )
    assert least(Network(only), ask(max_delay_ns=0)).route.nodes == ("a", "b", "z")


def test_equal_routes_are_compared_from_a_even_where_the_search_comes_from_z():
    # Seen from x the way by m2 begins with the smaller name, seen from a that by m1. Past x the fast link is full, so
    # that no walk from a leads through.
    topology = topology_of(
        link("b1", "a", "m1"),
        link("c9", "m1", "x"),
        link("b2", "a", "m2"),
        link("c1", "m2", "x"),
        link("d1", "x", "z", capacity_bps=0),
        link("d2", "x", "z", delay_ns=5),
    )
    assert links_of(least(Network(topology), ask())) == ("b1", "c9", "d2")
    assert links_of(least(Network(topology), ask(a="z", z="a"))) == ("d2", "c1", "b2")


def test_the_delay_of_a_hop_counts_for_each_link():
    two = (link("b1", "a", "b", delay_ns=1), link("b2", "b", "z", delay_ns=1))
    topology = topology_of(*two, link("direct", "a", "z", delay_ns=5))
    assert links_of(least(Network(topology), ask())) == ("b1", "b2")
    slow_hops = replace(topology, hop_delay_ns=10)
    answer = least(Network(slow_hops), ask())
    assert links_of(answer) == ("direct",)
    assert answer.delay_ns == PerDirection.both(15)


def test_a_measured_delay_replaces_the_declared_one_in_its_direction_only():
    topology = topology_of(link("x", "a", "z", delay_ns=5))
    network = Network(topology)
    network.set_measured_delay(topology.link["x"], Direction.Z_TO_A, 9)
    assert least(network, ask()).delay_ns == PerDirection(5, 9)
    assert least(network, ask(a="z", z="a")).delay_ns == PerDirection(9, 5)
    network.set_measured_delay(topology.link["x"], Direction.Z_TO_A, None)
    assert least(network, ask()).delay_ns == PerDirection(5, 5)


def test_both_directions_need_their_rate_however_the_link_lies():
    topology = topology_of(link("x", "z", "a", capacity_bps=(2, 9)))
    network = Network(topology)
    assert links_of(least(network, PathRequest(a="a", z="z", cir_bps=PerDirection(9, 2)))) == ("x",)
    refused = least(network, PathRequest(a="a", z="z", cir_bps=PerDirection(2, 9)))
    assert refused.reason is Reason.NO_BANDWIDTH


def test_two_sites_of_one_node_need_no_link():
    network = Network(topology_of(link("x", "a", "z")))
    answer = least(network, ask(z="a", cir=10**9, max_delay_ns=0))
    assert (answer.route.nodes, answer.route.links, answer.delay_ns) == (("a",), (), PerDirection.both(0))
    network.set_node_up("a", False)
    assert least(network, ask(z="a")).reason is Reason.NO_PATH
    avoiding = Avoid(regions=("north",))
    in_north = Network(topology_of(nodes=(node("a", region="north"),)))
    assert least(in_north, ask(z="a", avoid=avoiding)).reason is Reason.NO_PATH


def ladder(rungs):
    """Between consecutive nodes two links, (10, 0) and (0, 10): on all routes the two directions together have the
    same delay, and only how many links of either kind a route has tells whether it keeps a bound."""
    names = ["a", *(f"m{number}" for number in range(1, rungs)), "z"]
    links = []
    for number, (tail, head) in enumerate(pairwise(names)):
        links.append(link(f"there{number}", tail, head, delay_ns=(10, 0)))
        links.append(link(f"back{number}", tail, head, delay_ns=(0, 10)))
    return links


def test_an_exhausted_budget_is_never_a_proof():
    # The two directions have 130 together, and each a multiple of 10: half of it is out of reach.
    network, hard = Network(topology_of(*ladder(13))), ask(max_delay_ns=66)
    refusal = least(network, hard, label_budget=30)
    assert refusal.reason is Reason.SEARCH_LIMIT
    assert "30 labels" in refusal.message
    # With the whole budget the same question has a proved answer.
    answer = least(network, hard)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.DELAY_BOUND_UNREACHABLE
    assert answer.relaxations == (Relaxation(field="spec.maxDelay", value="70ns"),)
    assert sorted(least(network, ask(max_delay_ns=70)).delay_ns) == [60, 70]


def test_a_search_without_a_bound_expands_no_label():
    assert isinstance(least(Network(topology_of(*ladder(12))), ask(), label_budget=0), PlacedPath)


def private_line(**more):
    ends = {"a": Attachment(site="sa"), "z": Attachment(site="sz")}
    return PrivateLine(**{"tenant": "acme", "name": "x", "cir_bps": PerDirection(3, 4), **ends, **more})


def test_a_line_becomes_a_request():
    sites = (Site(name="sa", node="a", port=1), Site(name="sz", node="z", port=1))
    topology = topology_of(link("x", "a", "z"), sites=sites)
    epl = request_for(private_line(max_delay_ns=7), topology)
    assert (epl.a, epl.z, epl.cir_bps, epl.max_delay_ns) == ("a", "z", PerDirection(3, 4), 7)
    assert epl.link_mtu_bytes == 1522
    evpl = private_line(a=Attachment(site="sa", vlan=10), z=Attachment(site="sz", vlan=20), mtu_bytes=9000)
    assert request_for(evpl, topology).link_mtu_bytes == 9026


def test_a_protected_line_asks_for_two_routes():
    sites = (Site(name="sa", node="a", port=1), Site(name="sz", node="z", port=1))
    topology = topology_of(link("x", "a", "z"), sites=sites)
    apart = Disjointness.SRLG
    assert request_for(private_line(protection=Protection.ONE_TO_ONE, disjoint=apart), topology).disjoint is apart
    assert request_for(private_line(disjoint=apart), topology).disjoint is None


def test_what_nobody_would_keep_is_refused_not_ignored():
    with pytest.raises(InvalidInput) as caught:
        request_for(private_line(protection=Protection.RESTORE), topology_of(link("x", "a", "z")))
    assert [fault.field for fault in caught.value.faults] == ["spec.protection"]


def test_admitting_one_after_the_other_fills_the_network_exactly():
    """Each decision is replayed by brute force against what the earlier ones left."""
    rng = random.Random(7)
    names = [f"n{number}" for number in range(6)]
    links = [
        link(
            f"l{n}",
            *rng.sample(names, 2),
            capacity_bps=(rng.randint(3, 9), rng.randint(3, 9)),
            delay_ns=rng.randint(1, 4),
        )
        for n in range(10)
    ]
    case = Case(topology=topology_of(*links, nodes=tuple(map(node, names))))
    network = case.network()
    placed = refused = 0
    for number in range(60):
        a, z = rng.sample(names, 2)
        request = PathRequest(a=a, z=z, cir_bps=PerDirection(rng.randint(1, 3), rng.randint(1, 3)))
        left = replace(case, reserved_bps={(one.name, way): bps for one, way, bps in network.reserved()})
        routes = feasible_routes(left, request)
        answer = least(network, request)
        if isinstance(answer, Refusal):
            assert not routes
            refused += 1
            continue
        assert answer.route.links == routes[0].links
        network.reserve(number, _reservations(case.topology, answer))
        placed += 1
    assert placed > 5
    assert refused > 5
    for owner in range(60):
        if network.holds(owner):
            network.release(owner)
    assert all(bps == 0 for *_, bps in network.reserved())


def _reservations(topology, placed):
    for crossed, way in placed.route.hops(topology):
        yield Reservation(link=crossed.name, direction=way, bps=placed.reserved_bps.a_to_z)
        yield Reservation(link=crossed.name, direction=way.reverse, bps=placed.reserved_bps.z_to_a)
