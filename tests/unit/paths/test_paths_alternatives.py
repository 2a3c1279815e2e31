"""The routes beside the chosen one, against brute force: none missing, in order, and every lack a real one."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import event, given
from path_oracle import (
    all_routes,
    checks,
    feasible_routes,
    link,
    node,
    random_question,
    seeds,
    thorough,
    topology_of,
)

from controller.domain.errors import Reason, Refusal
from controller.domain.intents import Avoid, Disjointness, Objective
from controller.domain.placement import Reservation
from controller.domain.topology import Direction, PerDirection
from controller.paths.admission import least, least_pair
from controller.paths.alternatives import MOST_BETTER, MOST_NEXT, Standing, alternatives
from controller.paths.budget import Budget
from controller.paths.network import Network
from controller.paths.request import PathRequest


def around(case, request):
    """(the chosen route or ``None``, the candidates)."""
    network = case.network()
    found = least(network, request)
    chosen = None if isinstance(found, Refusal) else found
    return chosen, alternatives(network, request, chosen, Budget())


def rank(request, walked):
    value = walked.cost if request.objective is Objective.COST else sum(walked.delay_ns)
    return value, len(walked.links), walked.links


@thorough
@given(seeds)
def test_the_best_routes_come_first_and_each_lacks_what_it_is_said_to_lack(seed):
    case, request = random_question(seed)
    chosen, candidates = around(case, request)
    routes = {walked.links: walked for walked in all_routes(case, request.a, request.z)}
    in_order = sorted(routes.values(), key=lambda walked: rank(request, walked))
    shown = [candidate.path.route.links for candidate in candidates]
    places = [rank(request, routes[links]) for links in shown]
    assert places == sorted(places)
    if chosen is None:
        assert shown == [walked.links for walked in in_order[: len(shown)]]
        assert len(shown) == min(len(in_order), MOST_BETTER)
    else:
        place = rank(request, routes[chosen.route.links])
        better = [walked.links for walked in in_order if rank(request, walked) < place]
        assert shown[: len(better[:MOST_BETTER])] == better[:MOST_BETTER]
        assert shown[len(better[:MOST_BETTER])] == chosen.route.links
    for candidate in candidates:
        walked = routes[candidate.path.route.links]
        event(candidate.standing)
        assert candidate.path.delay_ns == walked.delay_ns
        assert candidate.cost == walked.cost
        keeps = all(check(walked) for check in checks(case, request))
        assert (not candidate.lacks) == keeps
        if chosen is None or walked.links != chosen.route.links:
            assert candidate.standing is (Standing.POSSIBLE if keeps else Standing.NOT_POSSIBLE)
        else:
            assert candidate.standing is Standing.CHOSEN


@thorough
@given(seeds)
def test_a_possible_route_is_among_the_next_if_there_is_any(seed):
    case, request = random_question(seed)
    chosen, candidates = around(case, request)
    possible = feasible_routes(case, request)
    if chosen is None:
        assert not possible
        return
    told = [one.path.route.links for one in candidates if one.standing is Standing.POSSIBLE]
    assert bool(told) == (len(possible) > 1)
    if told:
        event("the second best is told")
        assert told[0] == possible[1].links
    assert len(candidates) <= MOST_BETTER + 1 + MOST_NEXT + 1


@thorough
@given(seeds)
def test_explaining_leaves_the_network_as_it_was(seed):
    case, request = random_question(seed)
    network = case.network()
    before = least(network, request)
    alternatives(network, request, None, Budget())
    assert least(network, request) == before
    for one in case.topology.links:
        assert network.in_service(one) == case.network().in_service(one)


def three_ways():
    """a to z by north (4 ns), by south (10 ns), and straight on (90 ns)."""
    return topology_of(
        link("n1", "a", "north", delay_ns=2, srlgs=("duct",)),
        link("n2", "north", "z", delay_ns=2, mtu_bytes=1510),
        link("s1", "a", "south", delay_ns=5),
        link("s2", "south", "z", delay_ns=5),
        link("p1", "a", "z", delay_ns=90),
        nodes=(node("north", region="hebei"), node("south")),
    )


def ask(cir=1, **more):
    return PathRequest(a="a", z="z", cir_bps=PerDirection.both(cir), **more)


def said(network, request, chosen=None):
    found = alternatives(network, request, chosen, Budget())
    return {candidate.path.route.links: candidate for candidate in found}


def test_every_lack_names_its_link_and_what_is_missing_there():
    network = Network(three_ways())
    network.reserve("other", [Reservation(link="n1", direction=Direction.A_TO_Z, bps=7)])
    network.set_link_up(network.topology.link["s2"], False)
    request = ask(cir=5, max_delay_ns=50, avoid=Avoid(srlgs=("duct",), nodes=("south",)))
    told = said(network, request)
    north = told["n1", "n2"]
    assert [(lack.reason, lack.link, lack.message) for lack in north.lacks] == [
        (Reason.NO_PATH, "n1", "n1 is in duct, which is to be avoided"),
        (Reason.NO_BANDWIDTH, "n1", "n1 has 3bps free aToZ, 5bps needed"),
        (Reason.MTU_TOO_SMALL, "n2", "n2 carries 1510 bytes, 1522 are needed"),
    ]
    assert told["s1", "s2"].message == "south is to be avoided; s2 is out of service"
    (slow,) = told["p1",].lacks
    assert (slow.reason, slow.link, slow.message) == (
        Reason.DELAY_BOUND_UNREACHABLE,
        "",
        "90ns one way is over 50ns",
    )


def test_what_lacks_the_same_both_ways_is_said_once():
    (lack,) = said(Network(topology_of(link("x", "a", "z"))), ask(cir=11))["x",].lacks
    assert lack.message == "x has 10bps free, 11bps needed"


def test_a_possible_route_is_compared_by_the_objective():
    network = Network(three_ways())
    request = ask(mtu_bytes=1400)
    told = said(network, request, least(network, request))
    assert told["n1", "n2"].standing is Standing.CHOSEN
    assert told["s1", "s2"].message == "possible, but 12ns longer there and back"
    request = replace(request, objective=Objective.COST)
    told = said(network, request, least(network, request))
    assert told["p1",].standing is Standing.CHOSEN
    assert told["n1", "n2"].message == "possible, but its cost is 1 more"


def test_ties_are_told_as_they_are_broken():
    topology = topology_of(
        link("x", "a", "z", delay_ns=4), link("y", "a", "z", delay_ns=4), link("u", "a", "m", delay_ns=2),
        link("v", "m", "z", delay_ns=2),
    )  # fmt: skip
    network = Network(topology)
    told = said(network, ask(), least(network, ask()))
    assert told["x",].standing is Standing.CHOSEN
    assert told["y",].message == "possible, equal by delay, but the other's links come first by name"
    assert told["u", "v"].message == "possible, equal by delay, but it has 1 more link"


def test_a_placed_line_stays_where_a_better_route_has_become_free():
    network = Network(three_ways())
    request = ask(mtu_bytes=1400)
    placed = least(network, replace(request, avoid=Avoid(nodes=("north",))))
    told = said(network, request, placed)
    assert told["s1", "s2"].standing is Standing.CHOSEN
    assert told["n1", "n2"].message == "possible and better now; a line that is placed stays where it is"
    network.set_measured_delay(network.topology.link["s1"], Direction.A_TO_Z, 60)
    now = said(network, replace(request, max_delay_ns=50), placed)["s1", "s2"]
    assert now.path.delay_ns == PerDirection(65, 10)
    assert now.message == "as placed; now 65ns one way is over 50ns"


def test_of_a_pair_each_route_tells_whether_another_is_left():
    topology = topology_of(
        link("b", "a", "m", delay_ns=1), link("c", "m", "z", delay_ns=1), link("d", "m", "z", delay_ns=2),
        link("e", "a", "z", delay_ns=9),
    )  # fmt: skip
    network = Network(topology)
    request = ask(disjoint=Disjointness.LINK)
    working, _ = least_pair(network, request)
    told = said(network, request, working)
    assert told["b", "c"].standing is Standing.CHOSEN
    assert told["b", "d"].standing is Standing.POSSIBLE
    alone = Network(topology_of(link("x", "a", "m"), link("y", "m", "z"), link("w", "m", "z")))
    (lack,) = said(alone, request)["x", "y"].lacks
    assert (lack.reason, lack.message) == (Reason.NOT_DISJOINT, "leaves no second route without link in common")


def test_a_route_beside_the_nodes_to_pass_says_so():
    network = Network(three_ways())
    request = ask(via=("south",), mtu_bytes=1400)
    told = said(network, request, least(network, request))
    assert told["s1", "s2"].standing is Standing.CHOSEN
    assert told["n1", "n2"].message == "does not pass south in this order"
