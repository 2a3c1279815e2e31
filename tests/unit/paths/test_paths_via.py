"""Routes, and pairs of routes, by way of given nodes: against brute force, on traps, and what a "no" says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import event, example, given, settings
from pair_oracle import feasible_pairs, routes_by_way, via_question
from path_oracle import link, seeds, thorough, topology_of

from controller.domain.errors import Reason, Refusal, Relaxation
from controller.domain.intents import Disjointness
from controller.domain.topology import PerDirection
from controller.paths.admission import least, least_pair
from controller.paths.network import Network
from controller.paths.request import PathRequest


def ask(*via, a="a", z="z", **more):
    return PathRequest(a=a, z=z, cir_bps=PerDirection.both(1), via=via, **more)


@settings(thorough, max_examples=1000)
@given(seeds)
def test_the_route_is_the_best_of_all_that_pass_the_nodes_in_order(seed):
    case, request = via_question(seed)
    routes = routes_by_way(case, request)
    answer = least(case.network(), request)
    if not routes:
        event("none")
        assert isinstance(answer, Refusal)
        assert answer.reason is not Reason.SEARCH_LIMIT
        return
    event(f"{len(request.via)} nodes")
    assert (answer.route.nodes, answer.route.links) == (routes[0].nodes, routes[0].links)
    assert answer.delay_ns == routes[0].delay_ns


@example(823)  # by way of an end, and no other node in common
@example(1299)
@settings(thorough, max_examples=600)
@given(seeds)
def test_the_pair_is_the_best_of_all_that_pass_the_nodes_in_order(seed):
    case, request = via_question(seed)
    if request.a == request.z:
        return
    kind = (Disjointness.LINK, Disjointness.SRLG, Disjointness.LINK, Disjointness.NODE)[seed % 4]
    request = replace(request, disjoint=kind)
    pairs = feasible_pairs(case, request)
    answer = least_pair(case.network(), request)
    if not pairs:
        event("none")
        assert isinstance(answer, Refusal)
        assert answer.reason is not Reason.SEARCH_LIMIT
        return
    event(f"{kind}, {len(request.via)} nodes")
    assert tuple(path.route.links for path in answer) == tuple(walked.links for walked in pairs[0])


@thorough
@given(seeds)
def test_every_relaxation_of_the_nodes_would_do(seed):
    case, request = via_question(seed)
    network = case.network()
    answer = least(network, request)
    if isinstance(answer, Refusal):
        for option in answer.relaxations:
            if option.field == "spec.via.nodes":
                event("a node less")
                rest = tuple(json.loads(option.value))
                assert not isinstance(least(network, replace(request, via=rest)), Refusal)


SPUR = (
    link("am", "a", "m"),
    link("mv", "m", "v"),
    link("mz", "m", "z"),
    link("vx", "v", "x", delay_ns=50),
    link("xz", "x", "z", delay_ns=50),
)


def test_a_route_does_not_come_back_the_way_it_went():
    path = least(Network(topology_of(*SPUR)), ask("v"))
    assert path.route.links == ("am", "mv", "vx", "xz")


def test_a_node_at_the_end_of_a_spur_cannot_be_passed():
    refusal = least(Network(topology_of(*SPUR[:3])), ask("v"))
    assert refusal.reason is Reason.NO_PATH
    assert "by way of v" in refusal.message
    assert refusal.relaxations == (Relaxation(field="spec.via.nodes", value="[]"),)


def test_the_order_counts():
    links = (link("am", "a", "m"), link("mv", "m", "v"), link("vz", "v", "z"))
    network = Network(topology_of(*links))
    assert least(network, ask("m", "v")).route.nodes == ("a", "m", "v", "z")
    assert least(network, ask("v", "m")).reason is Reason.NO_PATH


def test_the_ends_are_passed_at_the_ends_only():
    links = (link("am", "a", "m"), link("mz", "m", "z"))
    network = Network(topology_of(*links))
    assert least(network, ask("a", "m", "z")).route.nodes == ("a", "m", "z")
    assert least(network, ask("m", "a")).reason is Reason.NO_PATH


def test_a_node_that_is_down_cannot_be_passed():
    network = Network(topology_of(*SPUR))
    network.set_node_up("v", False)
    assert least(network, ask("v")).reason is Reason.NO_PATH


@pytest.mark.parametrize(("bound_ns", "links"), [(30, ("a1", "z2")), (12, ("a2", "z2")), (11, None)])
def test_a_bound_for_each_direction_holds_for_the_whole_route(bound_ns, links):
    parts = (
        link("a1", "a", "v", delay_ns=(1, 9)),
        link("a2", "a", "v", delay_ns=(6, 6)),
        link("z1", "v", "z", delay_ns=(1, 19)),
        link("z2", "v", "z", delay_ns=(5, 6)),
    )
    answer = least(Network(topology_of(*parts)), ask("v", max_delay_ns=bound_ns))
    if links is None:
        assert answer.reason is Reason.DELAY_BOUND_UNREACHABLE
        assert Relaxation(field="spec.maxDelay", value="12ns") in answer.relaxations
    else:
        assert answer.route.links == links


def test_two_routes_by_way_of_a_node_have_it_in_common():
    links = [link(f"{a}{z}{number}", a, z) for a, z in ("av", "vz") for number in range(2)]
    network = Network(topology_of(*links))
    working, protect = least_pair(network, ask("v", disjoint=Disjointness.LINK))
    assert (working.route.links, protect.route.links) == (("av0", "vz0"), ("av1", "vz1"))
    refusal = least_pair(network, ask("v", disjoint=Disjointness.NODE))
    assert refusal.reason is Reason.NOT_DISJOINT
    assert "given in via" in refusal.message


def test_a_spent_budget_is_no_proof():
    assert least(Network(topology_of(*SPUR)), ask("v"), label_budget=1).reason is Reason.SEARCH_LIMIT
