"""Refusals: the right reason, links that a person can act on, and relaxations that hold to the last unit."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from itertools import combinations

from hypothesis import assume, event, given
from path_oracle import (
    Case,
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

from controller.domain.errors import Binding, BindingLink, Reason, Refusal, Relaxation
from controller.domain.intents import Avoid, Disjointness
from controller.domain.placement import PlacedPath, Reservation
from controller.domain.topology import Direction, PerDirection
from controller.domain.units import parse_delay_ns, parse_rate_bps
from controller.paths.admission import least
from controller.paths.budget import Budget
from controller.paths.cut import blocking_links
from controller.paths.explain import explain
from controller.paths.explain_more import explain_more
from controller.paths.network import Network
from controller.paths.qualify import qualifying
from controller.paths.request import PathRequest

REASONS = (Reason.NO_PATH, Reason.NO_PATH, Reason.MTU_TOO_SMALL, Reason.NO_BANDWIDTH, Reason.DELAY_BOUND_UNREACHABLE)


def ask(a="a", z="z", cir=1, **more):
    return PathRequest(a=a, z=z, cir_bps=PerDirection.both(cir), **more)


def free(name, there, back):
    return BindingLink(link=name, free_bps=PerDirection(there, back))


def refusal(network, request):
    answer = least(network, request)
    assert isinstance(answer, Refusal), answer
    return answer


def refused(case, request):
    assume(not feasible_routes(case, request))
    return refusal(case.network(), request)


def plugged_in(request, relaxation):
    """The request with the value of a relaxation written into its document."""
    value = relaxation.value
    match relaxation.field.split("."):
        case ["spec", "maxDelay"]:
            return replace(request, max_delay_ns=parse_delay_ns(value))
        case ["spec", "mtu"]:
            return replace(request, mtu_bytes=int(value))
        case ["spec", "avoid", kind]:
            return replace(request, avoid=replace(request.avoid, **{kind: tuple(json.loads(value))}))
        case ["spec", "bandwidth"] if value.startswith("{"):
            there, back = value.strip("{}").split(", ")
            pair = parse_rate_bps(there.removeprefix("aToZ: ")), parse_rate_bps(back.removeprefix("zToA: "))
            return replace(request, cir_bps=PerDirection(*pair))
        case ["spec", "bandwidth"]:
            return replace(request, cir_bps=PerDirection.both(parse_rate_bps(value)))
        case ["spec", "bandwidth", "aToZ"]:
            return replace(request, cir_bps=PerDirection(parse_rate_bps(value), request.cir_bps.z_to_a))
        case ["spec", "bandwidth", "zToA"]:
            return replace(request, cir_bps=PerDirection(request.cir_bps.a_to_z, parse_rate_bps(value)))
    raise AssertionError(f"a field that no document has: {relaxation.field}")


def a_little_less_relaxed(asked, request, relaxation):
    """``request`` is ``asked`` with the relaxation; this is the next value towards what was asked."""
    match relaxation.field.split("."):
        case ["spec", "maxDelay"]:
            return replace(request, max_delay_ns=request.max_delay_ns - 1)
        case ["spec", "mtu"]:
            return replace(request, mtu_bytes=request.mtu_bytes + 1)
        case ["spec", "bandwidth", direction]:
            there, back = request.cir_bps
            more = PerDirection(there + 1, back) if direction == "aToZ" else PerDirection(there, back + 1)
            return replace(request, cir_bps=more)
        case ["spec", "bandwidth"]:
            larger = max(request.cir_bps) + 1
            there, back = (larger * cir // max(asked.cir_bps) for cir in asked.cir_bps)
            return replace(request, cir_bps=PerDirection(there, back))
    return asked


@thorough
@given(seeds)
def test_the_reason_is_the_first_constraint_that_takes_the_last_route(seed):
    case, request = random_question(seed)
    answer = refused(case, request)
    left = list(all_routes(case, request.a, request.z))
    expected = Reason.NO_PATH
    for check, reason in zip(checks(case, request), REASONS, strict=True):
        left = [walked for walked in left if check(walked)]
        if not left:
            expected = reason
            break
    event(expected)
    assert answer.reason is expected


@thorough
@given(seeds)
def test_every_relaxation_would_do_and_nothing_nearer_would(seed):
    case, request = random_question(seed)
    for relaxation in refused(case, request).relaxations:
        event(relaxation.field)
        relaxed = plugged_in(request, relaxation)
        assert feasible_routes(case, relaxed)
        assert isinstance(least(case.network(), relaxed), PlacedPath)
        assert not feasible_routes(case, a_little_less_relaxed(request, relaxed, relaxation))


@thorough
@given(seeds)
def test_every_single_constraint_that_alone_would_do_is_offered(seed):
    """Each constraint is given up as far as a document can: who finds a route then must have been offered one."""
    case, request = random_question(seed)
    fields = {relaxation.field for relaxation in refused(case, request).relaxations}
    expected = set()
    if feasible_routes(case, replace(request, max_delay_ns=None)):
        expected.add("spec.maxDelay")
    if feasible_routes(case, replace(request, mtu_bytes=64)):
        expected.add("spec.mtu")
    for kind in ("nodes", "links", "srlgs", "regions"):
        entries = getattr(request.avoid, kind)
        for entry in entries:
            shorter = replace(request.avoid, **{kind: tuple(other for other in entries if other != entry)})
            if feasible_routes(case, replace(request, avoid=shorter)):
                expected.add(f"spec.avoid.{kind}")
    there, back = request.cir_bps
    if there == back:
        if feasible_routes(case, replace(request, cir_bps=PerDirection(1, 1))):
            expected.add("spec.bandwidth")
    else:
        if feasible_routes(case, replace(request, cir_bps=PerDirection(1, back))):
            expected.add("spec.bandwidth.aToZ")
        if feasible_routes(case, replace(request, cir_bps=PerDirection(there, 1))):
            expected.add("spec.bandwidth.zToA")
        # Both together only when neither alone does; the least pair in proportion that has no zero in it.
        least_pair = next(
            pair
            for larger in range(1, max(there, back) + 1)
            if min(pair := PerDirection(larger * there // max(there, back), larger * back // max(there, back))) > 0
        )
        alone = {"spec.bandwidth.aToZ", "spec.bandwidth.zToA"} & expected
        if not alone and feasible_routes(case, replace(request, cir_bps=least_pair)):
            expected.add("spec.bandwidth")
    assert fields == expected


@thorough
@given(seeds)
def test_relaxations_are_ordered_by_relative_change(seed):
    case, request = random_question(seed)
    answer = refused(case, request)

    def change(relaxation):
        relaxed = plugged_in(request, relaxation)
        if relaxation.field == "spec.maxDelay":
            return Fraction(relaxed.max_delay_ns - request.max_delay_ns, request.max_delay_ns)
        if relaxation.field == "spec.mtu":
            return Fraction(request.mtu_bytes - relaxed.mtu_bytes, request.mtu_bytes)
        if relaxation.field.startswith("spec.bandwidth"):
            if relaxation.value.startswith("{"):
                return 1 - Fraction(max(relaxed.cir_bps), max(request.cir_bps))
            pairs = zip(relaxed.cir_bps, request.cir_bps, strict=True)
            return max(1 - Fraction(now, asked) for now, asked in pairs)
        return Fraction(1)

    changes = [change(relaxation) for relaxation in answer.relaxations]
    assert changes == sorted(changes)


@thorough
@given(seeds)
def test_blocking_links_are_the_fewest_that_every_route_must_cross(seed):
    case, request = random_question(seed)
    request = replace(request, max_delay_ns=None)
    assume(request.a != request.z)
    assume(not feasible_routes(case, request))
    network = case.network()
    admits = qualifying(network, request)
    barred = []  # for each route, what of it the request may not use
    for walked in all_routes(case, request.a, request.z):
        barred.append({one.name for one, way in walked.crossed if not admits(one, way)})
    found = blocking_links(network, request.a, request.z, wanted=lambda one, way: True, admits=admits)
    names = {one.name for one in found}
    event(f"{len(names)} links")
    assert [one.name for one in found] == sorted(names)
    assert all(names & route for route in barred)
    smaller = combinations(sorted(case.topology.link), len(names) - 1) if names else ()
    assert not any(all(set(few) & route for route in barred) for few in smaller)


def square():
    """a to z by north (4 ns, 20 bps), by south (10 ns, 5 bps), and by two parallel slow links of small MTU."""
    return topology_of(
        link("n1", "a", "north", delay_ns=2, capacity_bps=20, srlgs=("duct",)),
        link("n2", "north", "z", delay_ns=2, capacity_bps=20),
        link("s1", "a", "south", delay_ns=5, capacity_bps=5),
        link("s2", "south", "z", delay_ns=5, capacity_bps=5, srlgs=("duct",)),
        link("p1", "a", "z", delay_ns=90, capacity_bps=50, mtu_bytes=1500),
        nodes=(node("north", region="hebei"), node("south")),
    )


def test_over_the_bound_at_this_rate_while_a_faster_route_is_full():
    network = Network(square())
    answer = refusal(network, ask(cir=5, max_delay_ns=3))
    assert answer.reason is Reason.DELAY_BOUND_UNREACHABLE
    assert "with 5bps free is within 3ns one way: the least is 4ns, by n1, n2" in answer.message
    assert "full" not in answer.message
    assert answer.relaxations == (Relaxation(field="spec.maxDelay", value="4ns"),)

    placed = least(network, ask(cir=18))
    network.reserve("big", [Reservation(link=name, direction=Direction.A_TO_Z, bps=18) for name in placed.route.links])
    answer = refusal(network, ask(cir=5, max_delay_ns=8))
    assert "the least is 10ns, by s1, s2; a route of 4ns exists, but on it is full" in answer.message
    assert answer.binding == Binding(links=(free("n1", 2, 20), free("n2", 2, 20)), least_delay_ns=10)
    assert "n1 (free: 2bps aToZ, 20bps zToA), n2 (free: 2bps aToZ, 20bps zToA)" in answer.message
    assert answer.relaxations == (
        Relaxation(field="spec.maxDelay", value="10ns"),
        Relaxation(field="spec.bandwidth", value="2bps"),
    )


def test_no_bandwidth_names_the_saturated_links_of_the_cut():
    answer = refusal(Network(square()), ask(cir=25))
    assert answer.reason is Reason.NO_BANDWIDTH
    assert "no route from a to z has 25bps free; every route would have to cross one of" in answer.message
    assert "n2 (free: 20bps aToZ, 20bps zToA), s2 (free: 5bps aToZ, 5bps zToA)" in answer.message
    assert answer.binding == Binding(links=(free("n2", 20, 20), free("s2", 5, 5)))
    assert answer.relaxations == (
        # The wide parallel link carries 1,500 bytes with the encapsulation: 1,478 of the customer's.
        Relaxation(field="spec.mtu", value="1478"),
        Relaxation(field="spec.bandwidth", value="20bps"),
    )


def test_the_overhead_of_a_reservation_is_taken_off_a_rate_that_is_offered():
    topology = topology_of(link("x", "a", "z", capacity_bps=10**9), overhead_factor=Fraction(103, 100))
    answer = refusal(Network(topology), ask(cir=10**9))
    assert "1.03Gbps free" in answer.message
    assert answer.relaxations == (Relaxation(field="spec.bandwidth", value="970.873786Mbps"),)


def test_a_cut_of_many_links_is_counted_not_listed():
    links = [link(f"x{number}", "a", "z") for number in range(6)]
    answer = refusal(Network(topology_of(*links)), ask(cir=11))
    assert "at least 6 links stand in the way" in answer.message
    assert "x0" not in answer.message
    assert [one.link for one in answer.binding.links] == [one.name for one in links]


def test_asymmetric_rates_are_relaxed_in_the_direction_that_alone_would_do():
    network = Network(topology_of(link("x", "a", "z", capacity_bps=(10, 4))))
    answer = refusal(network, PathRequest(a="a", z="z", cir_bps=PerDirection(9, 6)))
    assert answer.relaxations == (Relaxation(field="spec.bandwidth.zToA", value="4bps"),)


def test_asymmetric_rates_shrink_in_proportion_when_neither_alone_would_do():
    network = Network(topology_of(link("x", "a", "z", capacity_bps=(10, 4))))
    answer = refusal(network, PathRequest(a="a", z="z", cir_bps=PerDirection(30, 15)))
    # 9 to 4: at 10 to 5 the smaller rate would not fit.
    assert answer.relaxations == (Relaxation(field="spec.bandwidth", value="{aToZ: 9bps, zToA: 4bps}"),)


def test_the_least_bound_is_the_least_slower_direction_not_the_least_sum():
    topology = topology_of(link("skew", "a", "z", delay_ns=(10, 2)), link("even", "a", "z", delay_ns=(7, 7)))
    answer = refusal(Network(topology), ask(max_delay_ns=6))
    assert answer.relaxations == (Relaxation(field="spec.maxDelay", value="7ns"),)


def test_what_is_avoided_is_named_and_each_sufficient_removal_offered():
    avoid = Avoid(regions=("hebei",), srlgs=("duct", "other"), links=("p1",))
    answer = refusal(Network(square()), ask(avoid=avoid, mtu_bytes=1400))
    assert answer.reason is Reason.NO_PATH
    assert "every route from a to z uses what is to be avoided" in answer.message
    # One link of each way, nearest to z; of what is to be avoided, the node and the SRLG that bar them.
    assert answer.binding == Binding(
        links=(free("n2", 20, 20), free("p1", 50, 50), free("s2", 5, 5)), nodes=("north",), srlgs=("duct",)
    )
    assert "p1 (spec.avoid.links) or duct (spec.avoid.srlgs)" in answer.message
    assert answer.relaxations == (
        Relaxation(field="spec.avoid.links", value="[]"),
        Relaxation(field="spec.avoid.srlgs", value='["other"]'),
    )


def test_an_end_that_is_to_be_avoided_is_said_to_be_so():
    answer = refusal(Network(square()), ask(a="north", avoid=Avoid(regions=("hebei",))))
    assert answer.reason is Reason.NO_PATH
    assert answer.message.startswith("north is to be avoided, but the line ends there")
    assert answer.binding == Binding(nodes=("north",))
    assert answer.relaxations == (Relaxation(field="spec.avoid.regions", value="[]"),)


def test_the_mtu_names_what_is_too_small_and_what_would_fit():
    only = topology_of(link("x", "a", "m", mtu_bytes=1510), link("y", "m", "z"))
    answer = refusal(Network(only), ask(wrap_bytes=26))
    assert answer.reason is Reason.MTU_TOO_SMALL
    assert "an MTU of 1526 bytes (1500 and 26 for the encapsulation)" in answer.message
    assert "every route would have to cross x (1510 bytes)" in answer.message
    assert answer.relaxations == (Relaxation(field="spec.mtu", value="1484"),)


def test_no_path_tells_a_gap_in_the_topology_from_a_failure():
    topology = topology_of(link("x", "a", "z"), nodes=(node("island"),))
    network = Network(topology)
    gap = refusal(network, ask(z="island"))
    assert (gap.reason, gap.message) == (Reason.NO_PATH, "no route joins a and island in this topology")
    network.set_link_up(topology.link["x"], False)
    failure = refusal(network, ask())
    assert failure.message == "no route joins a and z in service; every route would have to cross x"
    network.set_node_up("z", False)
    assert refusal(network, ask()).message == "z is out of service (disabled or down)"
    assert not any(answer.relaxations for answer in (gap, failure))


def test_a_spent_budget_is_told_and_what_was_found_before_is_kept():
    skewed = [
        link(f"{way}{number}", f"n{number}", f"n{number + 1}", delay_ns=delay_ns)
        for number in range(4)
        for way, delay_ns in (("there", (10 * 2**number, 0)), ("back", (0, 10 * 2**number)))
    ]
    network = Network(topology_of(*skewed, link("narrow", "n0", "n4", capacity_bps=3)))
    # Half of both directions together would do; but whether a route has just that, takes labels to find out.
    short = explain(network, ask("n0", "n4", cir=5, max_delay_ns=76), Budget(1))
    assert short.reason is Reason.DELAY_BOUND_UNREACHABLE
    assert "not everything that would do was found" in short.message
    # For less bandwidth there is a route that needs no label.
    assert short.relaxations == (Relaxation(field="spec.bandwidth", value="3bps"),)


def test_what_the_budget_does_not_tell_is_no_other_reason():
    """Whatever is left of the budget when it is known that there is none: the reason is the right one, or that."""
    skewed = [
        link(f"{way}{number}", f"n{number}", f"n{number + 1}", delay_ns=delay_ns)
        for number in range(4)
        for way, delay_ns in (("there", (10 * 2**number, 0)), ("back", (0, 10 * 2**number)))
    ]
    network = Network(topology_of(*skewed))
    by_way = ask("n0", "n4", max_delay_ns=76, via=("n2",))  # both ways together take 150, the slower one 80
    for request in (by_way, ask("n0", "n4", max_delay_ns=76, disjoint=Disjointness.LINK)):
        reasons = [explain_more(network, request, Budget(labels)).reason for labels in range(200)]
        assert set(reasons) == {Reason.SEARCH_LIMIT, Reason.DELAY_BOUND_UNREACHABLE}
        assert reasons == sorted(reasons, reverse=True)  # the more labels, the more is known


def test_explaining_changes_nothing():
    case = Case(topology=square())
    network = case.network()
    request = ask(cir=25, max_delay_ns=3, avoid=Avoid(nodes=("north",)))
    assert refusal(network, request) == refusal(network, request) == refusal(case.network(), request)
