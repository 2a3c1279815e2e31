"""Lines by way of nodes and with two routes, among plain ones: against the slow way, and the cases it is about."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from hypothesis import event, given, settings
from mixed_ledger import MixedLedger, broken_by, everything_reserved, mixed_batch, routes_of, walks_of
from path_oracle import link, seeds, thorough, topology_of

from controller.domain.intents import Disjointness
from controller.domain.topology import Direction, PerDirection
from controller.paths import batch, failure
from controller.paths.admission import least_pair
from controller.paths.network import Network
from controller.paths.request import PathRequest
from controller.paths.whatif import Element, Failure, Fate, all_single, what_if


def ask(a="a", z="z", cir=1, **more):
    return PathRequest(a=a, z=z, cir_bps=PerDirection.both(cir), **more)


def agree(network, ledger):
    """Both know the same lines, on the same routes and links, and everything else is reserved alike."""
    assert {owner: routes_of(network.lines.paths(owner)) for owner in network.lines} == {
        owner: walks_of(routes) for owner, (_, _, routes) in ledger.lines.items()
    }
    for owner in network.lines:
        assert [path.role for path in network.lines.paths(owner)] in (["working"], ["working", "protect"])
        assert network.reservations(owner) == ledger.reservations(owner)
    for name in network.topology.link:
        assert list(network.lines.on_link(name)) == ledger.on([name])
    truth = everything_reserved(network)
    assert truth == everything_reserved(ledger.network)
    capacity = {name: one.capacity_bps for name, one in network.topology.link.items()}
    free = {place: int(network.mirror.free[network.mirror.arc(*place)]) for place in truth}
    assert free == {(name, way): capacity[name][way] - bps for (name, way), bps in truth.items()}


@settings(thorough, max_examples=120)
@given(seeds)
def test_admission_places_each_kind_in_its_turn_on_any_number_of_threads(seed):
    _, case, requests, orders = mixed_batch(seed, count=12)
    network, ledger = case.network(), MixedLedger(case)
    answers = batch.admit(network, range(12), requests, orders)
    expected = [walks_of(ledger.admit(index, requests[index], orders[index])) for index in range(12)]
    event(f"{sum(len(routes) == 2 for routes in expected)} pairs")
    assert [routes_of(answers.paths(index)) for index in range(12)] == expected
    agree(network, ledger)
    with ThreadPoolExecutor(3) as executor:
        other = case.network()
        again = batch.admit(other, range(12), requests, orders, apply=executor.map, workers=3)
    assert [routes_of(again.paths(index)) for index in range(12)] == expected
    agree(other, ledger)


@settings(thorough, max_examples=120)
@given(seeds)
def test_a_life_of_lines_of_every_kind_keeps_to_the_slow_way(seed):
    rng, case, requests, orders = mixed_batch(seed, count=30)
    network, ledger = case.network(), MixedLedger(case)
    fresh = iter(range(30))
    for _ in range(9):
        kind = rng.choice(("batch", "batch", "release", "fail", "fail", "repair", "trial"))
        if kind == "batch":
            chosen = [index for index, _ in zip(fresh, range(rng.choice((1, 3, 6))), strict=False)]
            batch.admit(network, chosen, [requests[i] for i in chosen], [orders[i] for i in chosen])
            for index in chosen:
                ledger.admit(index, requests[index], orders[index])
        elif kind == "release" and ledger.lines:
            owner = rng.choice(sorted(ledger.lines))
            network.release(owner)
            ledger.release(owner)
        elif kind == "fail":
            broken = rng.sample(sorted(case.topology.link), rng.randint(1, 2))
            old = {owner: routes for owner, (_, _, routes) in ledger.lines.items()}
            restoration = failure.fail(network, links=broken)
            for name in broken:
                ledger.network.set_link_up(case.topology.link[name], False)
            fates = ledger.place_again(broken)
            assert list(restoration.owners) == list(fates)
            for index, (owner, (fate, routes)) in enumerate(fates.items()):
                event(fate if routes else "lost")
                assert routes_of(restoration.new_paths(index)) == walks_of(routes)
                assert restoration.restored(index) == bool(routes)
                assert restoration.switched(index) == (fate == "SWITCHED")
                lost = [walked for walked in old[owner] if fate != "SWITCHED" or walked not in routes]
                assert routes_of(restoration.old_paths(index)) == walks_of(lost)
        elif kind == "repair":
            for name in case.topology.link:
                network.set_link_up(case.topology.link[name], True)
                ledger.network.set_link_up(case.topology.link[name], True)
        elif kind == "trial":
            with network.trial():
                failure.fail(network, links=rng.sample(sorted(case.topology.link), 2))
                if len(network.lines):
                    network.release(rng.choice(sorted(network.lines)))
                with network.trial() as inner:
                    failure.fail(network, nodes=rng.sample(sorted(case.topology.node), 1))
                    if rng.random() < 0.5:
                        inner.keep()
                batch.admit(network, ["x", "y"], requests[-2:])
        agree(network, ledger)
    for owner in list(network.lines):
        network.release(owner)
    assert everything_reserved(network) == everything_reserved(case.network())


@settings(thorough, max_examples=120)
@given(seeds)
def test_what_if_tries_each_kind_in_its_turn(seed):
    rng, case, requests, orders = mixed_batch(seed, count=10)
    network, ledger = case.network(), MixedLedger(case)
    batch.admit(network, range(10), requests, orders)
    for index, both in enumerate(zip(requests, orders, strict=True)):
        ledger.admit(index, *both)
    if rng.random() < 0.5:  # a pair may go without one of its routes already
        name = rng.choice(sorted(case.topology.link))
        failure.fail(network, links=[name])
        ledger.network.set_link_up(case.topology.link[name], False)
        ledger.place_again([name])
    arrays = [array.copy() for array in (*network.mirror.graph, *network.lines.arrays[:4])]
    failures = all_single(network)
    with ThreadPoolExecutor(2) as executor:
        impacts = list(what_if(network, failures, apply=executor.map, workers=2))
    alone = list(what_if(network, failures))
    for impact, same in zip(impacts, alone, strict=True):
        assert (impact.failure, list(impact.outcomes)) == (same.failure, list(same.outcomes))
        assert list(impact.overloads) == list(same.overloads)
        node = impact.failure.name if impact.failure.element is Element.NODE else None
        fates, overloads = ledger.fates(broken_by(case, impact.failure), node)
        assert {one.owner: (one.fate.name, one.delay_ns) for one in impact.outcomes} == fates
        assert len(impact) == len(fates)
        assert {(over.link, over.direction): over.excess_bps for over in impact.overloads} == overloads
        for fate in Fate:
            if impact.count(fate):
                event(fate)
    for array, then in zip((*network.mirror.graph, *network.lines.arrays[:4]), arrays, strict=True):
        assert np.array_equal(array, then)


def three_ways():
    """a to z by one (2 ns), two (4 ns) and three (6 ns), 10 bps each."""
    return topology_of(
        *(
            link(f"{name}{half}", *ends, delay_ns=delay_ns)
            for name, delay_ns in (("one", 1), ("two", 2), ("three", 3))
            for half, ends in ((1, ("a", name)), (2, (name, "z")))
        )
    )


def pair_on(network, **more):
    request = ask(cir=6, disjoint=Disjointness.LINK, **more)
    working, protect = least_pair(network, request)
    network.lines.place("pair", request, working, protect=protect)


def test_a_pair_that_loses_a_route_keeps_the_other_and_what_it_holds():
    network = Network(three_ways())
    pair_on(network)
    network.set_measured_delay(network.topology.link["two2"], Direction.A_TO_Z, 9)
    restoration = failure.fail(network, links=["one1"])
    assert restoration.switched(0)
    assert restoration.new_path(0).route.links == ("two1", "two2")
    assert restoration.new_path(0).delay_ns == PerDirection(11, 4)
    assert network.residual_bps(network.topology.link["one2"], Direction.A_TO_Z) == 4
    assert network.lines.path("pair").route.links == ("one1", "one2")


def test_a_pair_that_loses_both_routes_one_after_the_other_is_placed_again():
    network = Network(three_ways())
    pair_on(network)
    failure.fail(network, links=["one1"])
    restoration = failure.fail(network, links=["two1"])
    assert [path.route.links for path in restoration.old_paths(0)] == [("one1", "one2"), ("two1", "two2")]
    assert [path.route.links for path in restoration.new_paths(0)] == [("three1", "three2")]
    assert [path.role for path in network.lines.paths("pair")] == ["working"]
    assert network.residual_bps(network.topology.link["one2"], Direction.A_TO_Z) == 10
    # Its cables mended, the line gets its protection back when it next has to move.
    for name in ("one1", "two1"):
        network.set_link_up(network.topology.link[name], True)
    restoration = failure.fail(network, links=["three1"])
    assert [path.role for path in restoration.new_paths(0)] == ["working", "protect"]


def test_a_pair_between_plain_lines_is_placed_again_in_its_turn():
    network = Network(three_ways())
    batch.admit(
        network,
        ["bulk", "pair", "gold"],
        [ask(cir=3), ask(cir=6, disjoint=Disjointness.LINK), ask(cir=1)],
        [(4,), (2,), (0,)],
    )
    assert [len(network.lines.paths(owner)) for owner in ("bulk", "pair", "gold")] == [1, 2, 1]
    (impact,) = what_if(network, [Failure(element=Element.NODE, name="one")])
    assert [one.owner for one in impact.outcomes] == ["gold", "pair", "bulk"]
    assert [one.fate for one in impact.outcomes] == [Fate.REPLACED, Fate.SWITCHED, Fate.REPLACED]
    failure.fail(network, links=["three1"])
    both = failure.fail(network, links=["one1", "two2"])
    assert both.owners == ("gold", "pair", "bulk")
    assert not any(both.restored(index) for index in range(3))
    assert len(network.lines) == 0


def test_a_bridge_cuts_off_all_lines_on_it_and_none_beside_it():
    network = Network(topology_of(*three_ways().links, link("bridge", "z", "edge"), link("tail", "edge", "end")))
    batch.admit(network, ["over", "far", "beside"], [ask(z="edge"), ask(a="end", z="a"), ask()])
    failures = [Failure(element=Element.LINK, name=name) for name in ("bridge", "one1")]
    cut, around = what_if(network, failures)
    assert {one.owner: one.fate for one in cut.outcomes} == {"over": Fate.CUT_OFF, "far": Fate.CUT_OFF}
    assert {one.owner: one.fate for one in around.outcomes} == dict.fromkeys(("over", "far", "beside"), Fate.REPLACED)
    restoration = failure.fail(network, links=["bridge"])
    assert [restoration.new_paths(index) for index in range(2)] == [(), ()]
    assert list(network.lines) == ["beside"]
    assert network.residual_bps(network.topology.link["one1"], Direction.A_TO_Z) == 9


def test_what_was_found_for_one_line_is_not_taken_for_another_that_fits_elsewhere():
    """Between the same ends, one after the other: as much again, more than is left there, and less once more."""
    links = [
        replace(one, capacity_bps=PerDirection.both(20)) if one.name[:3] == "one" else one for one in three_ways().links
    ]
    network = Network(topology_of(*links))
    batch.admit(network, range(5), [ask(cir=4), ask(cir=4), ask(cir=5), ask(cir=2), ask(cir=5, max_delay_ns=4)])
    assert {network.lines.path(owner).route.links[0] for owner in range(5)} == {"one1"}
    restoration = failure.fail(network, links=["one1"])
    taken = [path and path.route.links[0] for path in map(restoration.new_path, range(5))]
    assert taken == ["two1", "two1", "three1", "two1", None]
