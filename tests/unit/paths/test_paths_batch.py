"""Many lines: admission in sequence, failures and what-if against the simple way, the same on any number of threads."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import event, given
from oracle.simple_ledger import SimpleLedger
from oracle.simple_search import Budget as SimpleBudget
from oracle.simple_search import find as simple_find
from path_oracle import link, node, random_case, random_request, seeds, thorough, topology_of

from controller.domain.intents import Disjointness
from controller.domain.placement import PlacedPath, Reservation
from controller.domain.topology import Direction, PerDirection
from controller.paths import batch, failure
from controller.paths.admission import least, least_pair
from controller.paths.budget import Budget
from controller.paths.network import Network, ReservationError
from controller.paths.questions import pack
from controller.paths.request import PathRequest
from controller.paths.single import find
from controller.paths.whatif import Element, Failure, Fate, all_single, what_if


def ask(a="a", z="z", cir=1, **more):
    return PathRequest(a=a, z=z, cir_bps=PerDirection.both(cir), **more)


def question_batch(seed, *, count):
    """A network in some state, and requests of which more fit than do not."""
    rng = random.Random(seed)
    case = random_case(rng, rng.choice((4, 6, 8)), rng.randint(8, 16), symmetric=rng.random() < 0.5)
    wide = [
        replace(one, capacity_bps=PerDirection(*(bps * rng.choice((1, 3, 9)) for bps in one.capacity_bps)))
        for one in case.topology.links
    ]
    case = replace(case, topology=replace(case.topology, links=tuple(wide)))
    requests = []
    for _ in range(count):
        request = random_request(rng, case)
        if rng.random() < 0.5:
            request = replace(request, max_delay_ns=None)
        requests.append(replace(request, mtu_bytes=64))
    orders = [(rng.randint(0, 2), -max(request.cir_bps)) for request in requests]
    return rng, case, requests, orders


def state(network):
    """All reservations, by link and direction, in the graph; and what the mirror says of the same."""
    mirror = network.mirror
    truth = {(one.name, way): bps for one, way, bps in network.reserved()}
    free = {place: network.topology.link[place[0]].capacity_bps[place[1]] - bps for place, bps in truth.items()}
    assert {place: int(mirror.free[mirror.arc(*place)]) for place in free} == free
    return truth


def owners_on(ledger, name):
    return tuple(ledger.on([name]))


@thorough
@given(seeds)
def test_answers_of_a_batch_are_those_of_single_requests(seed):
    _, case, requests, _ = question_batch(seed, count=12)
    network = case.network()
    answers = batch.answer(network, pack(network, requests))
    expected = [least(network, request) for request in requests]
    assert [answers.path(index) for index in range(len(requests))] == [
        path if isinstance(path, PlacedPath) else None for path in expected
    ]


@thorough
@given(seeds)
def test_admission_is_that_of_one_after_the_other(seed):
    _, case, requests, orders = question_batch(seed, count=25)
    network, ledger = case.network(), SimpleLedger(case.network())
    answers = batch.admit(network, range(len(requests)), requests, orders)
    expected = [ledger.admit(index, *both) for index, both in enumerate(zip(requests, orders, strict=True))]
    event(f"{sum(path is not None for path in expected)} of 25 placed")
    assert [answers.path(index) for index in range(len(requests))] == expected
    assert state(network) == state(ledger.network)
    assert set(network.lines) == set(ledger.lines)
    for name in case.topology.link:
        assert network.lines.on_link(name) == owners_on(ledger, name)
    for owner, (_, request, path) in ledger.lines.items():
        assert (network.lines.request(owner), network.lines.path(owner)) == (request, path)
        assert network.reservations(owner) == ledger.network.reservations(owner)


@thorough
@given(seeds)
def test_admission_is_the_same_on_any_number_of_threads(seed):
    _, case, requests, _ = question_batch(seed, count=40)
    alone = case.network()
    expected = batch.admit(alone, range(40), requests)
    with ThreadPoolExecutor(3) as executor:
        network = case.network()
        answers = batch.admit(network, range(40), requests, apply=executor.map, workers=3)
        assert [answers.path(index) for index in range(40)] == [expected.path(index) for index in range(40)]
        assert state(network) == state(alone)
        again = batch.answer(network, pack(network, requests), apply=executor.map, workers=3)
    single = batch.answer(network, pack(network, requests))
    assert [again.path(index) for index in range(40)] == [single.path(index) for index in range(40)]


@thorough
@given(seeds)
def test_a_life_of_lines_keeps_to_the_simple_ledger(seed):
    """Lines come in batches and alone, leave, are hit by failures; trials are undone; all the time both agree."""
    rng, case, requests, orders = question_batch(seed, count=60)
    network, ledger = case.network(), SimpleLedger(case.network())
    fresh = iter(range(60))
    for _ in range(14):
        chosen = [index for index, _ in zip(fresh, range(rng.choice((1, 1, 4, 9))), strict=False)]
        if not chosen:
            break
        kind = rng.choice(("batch", "single", "release", "release", "fail", "repair", "trial"))
        event(kind)
        if kind == "batch":
            batch.admit(network, chosen, [requests[i] for i in chosen], [orders[i] for i in chosen])
            for index in chosen:
                ledger.admit(index, requests[index], orders[index])
        elif kind == "single":
            path = least(network, requests[chosen[0]])
            expected = ledger.admit(chosen[0], requests[chosen[0]], orders[chosen[0]])
            if expected is not None:
                assert path == expected
                network.lines.place(chosen[0], requests[chosen[0]], path, orders[chosen[0]])
        elif kind == "release" and ledger.lines:
            owner = rng.choice(sorted(ledger.lines))
            network.release(owner)
            ledger.release(owner)
        elif kind == "fail":
            broken = rng.sample(sorted(case.topology.link), rng.randint(1, 2))
            down = rng.sample(sorted(case.topology.node), rng.choice((0, 0, 1)))
            restoration = failure.fail(network, links=broken, nodes=down)
            for name in broken:
                ledger.network.set_link_up(case.topology.link[name], False)
            for name in down:
                ledger.network.set_node_up(name, False)
                broken += [one.name for one in case.topology.links if name in (one.a, one.z)]
            hit = ledger.on(broken)
            old = [ledger.lines[owner][2] for owner in hit]
            new = ledger.place_again(hit)
            assert list(restoration.owners) == hit
            assert [restoration.old_path(index) for index in range(len(hit))] == old
            assert [restoration.new_path(index) for index in range(len(hit))] == list(new.values())
        elif kind == "repair":
            for name in case.topology.link:
                network.set_link_up(case.topology.link[name], True)
                ledger.network.set_link_up(case.topology.link[name], True)
            for name in case.topology.node:
                network.set_node_up(name, True)
                ledger.network.set_node_up(name, True)
        elif kind == "trial":
            with network.trial():
                batch.admit(network, chosen, [requests[i] for i in chosen], [orders[i] for i in chosen])
                if len(network.lines):
                    network.release(rng.choice(sorted(network.lines)))
                with network.trial() as inner:
                    failure.fail(network, links=rng.sample(sorted(case.topology.link), 2))
                    if rng.random() < 0.5:
                        inner.keep()
                failure.fail(network, links=rng.sample(sorted(case.topology.link), 1))
        assert state(network) == state(ledger.network)
        assert {owner: network.lines.path(owner) for owner in network.lines} == {
            owner: path for owner, (_, _, path) in ledger.lines.items()
        }
        for name in case.topology.link:
            assert network.lines.on_link(name) == owners_on(ledger, name)
    for owner in list(network.lines):
        network.release(owner)
    assert state(network) == state(case.network())


@thorough
@given(seeds)
def test_what_if_tells_what_the_simple_way_finds(seed):
    _, case, requests, orders = question_batch(seed, count=25)
    network, ledger = case.network(), SimpleLedger(case.network())
    batch.admit(network, range(25), requests, orders)
    for index, both in enumerate(zip(requests, orders, strict=True)):
        ledger.admit(index, *both)
    before = state(network)
    arrays = [array.copy() for array in (*network.mirror.graph, *network.lines.arrays[:4])]
    failures = all_single(network)
    with ThreadPoolExecutor(2) as executor:
        impacts = list(what_if(network, failures, apply=executor.map, workers=2))
    assert [impact.failure for impact in impacts] == list(failures)
    links = case.topology.links
    for impact in impacts:
        name = impact.failure.name
        broken = {
            Element.LINK: [name],
            Element.NODE: [one.name for one in links if name in (one.a, one.z)],
            Element.SRLG: [one.name for one in links if name in one.srlgs],
        }[impact.failure.element]
        fates, overloads = ledger.fates(broken, name if impact.failure.element is Element.NODE else None)
        assert {one.owner: (one.fate.name, one.delay_ns) for one in impact.outcomes} == fates
        assert {(over.link, over.direction): over.excess_bps for over in impact.overloads} == overloads
        for fate in Fate:
            assert impact.count(fate) == sum(found == fate.name for found, _ in fates.values())
            if impact.count(fate):
                event(fate)
        if overloads:
            event("overload")
    assert state(network) == before
    for array, then in zip((*network.mirror.graph, *network.lines.arrays[:4]), arrays, strict=True):
        assert np.array_equal(array, then)


def two_ways():
    """a to z by north (4 ns, 10 bps) and by south (10 ns, 6 bps)."""
    return topology_of(
        link("n1", "a", "north", delay_ns=2),
        link("n2", "north", "z", delay_ns=2),
        link("s1", "a", "south", delay_ns=5, capacity_bps=6, srlgs=("duct",)),
        link("s2", "south", "z", delay_ns=5, capacity_bps=6, srlgs=("duct",)),
    )


def test_priority_decides_who_gets_what_is_left_after_a_failure():
    network = Network(two_ways())
    requests = [ask(cir=4), ask(cir=5)]
    batch.admit(network, ["bulk", "gold"], requests, [(4,), (0,)])
    assert network.lines.on_link("n1") == ("gold", "bulk")
    restoration = failure.fail(network, links=["n2"])
    assert restoration.owners == ("gold", "bulk")
    assert [restoration.restored(index) for index in range(2)] == [True, False]
    assert restoration.new_path(0).route.links == ("s1", "s2")
    assert restoration.new_path(1) is None
    assert restoration.old_path(1).route.links == ("n1", "n2")
    assert list(network.lines) == ["gold"]
    assert not network.holds("bulk")
    assert network.residual_bps(network.topology.link["n1"], Direction.A_TO_Z) == 10


def test_what_if_names_the_link_to_widen_and_by_how_much():
    network = Network(two_ways())
    batch.admit(network, ["bulk", "gold"], [ask(cir=4), ask(cir=5, max_delay_ns=10)], [(4,), (0,)])
    north, south, duct = what_if(
        network,
        [
            Failure(element=Element.NODE, name="north"),
            Failure(element=Element.LINK, name="s1"),
            Failure(element=Element.SRLG, name="duct"),
        ],
    )
    assert {one.owner: (one.fate, one.delay_ns) for one in north.outcomes} == {
        "gold": (Fate.REPLACED, PerDirection(10, 10)),
        "bulk": (Fate.NO_BANDWIDTH, PerDirection(10, 10)),
    }
    # South carries gold's 5 of its 6 bps; bulk's 4 would be 3 too many, on both links and in both directions.
    assert {(over.link, over.excess_bps) for over in north.overloads} == {("s1", 3), ("s2", 3)}
    assert len(list(north.overloads)) == 4
    assert (len(south), len(duct)) == (0, 0)


def test_what_if_tells_a_missed_bound_from_a_cut():
    topology = topology_of(*two_ways().links, link("tail", "z", "edge"))
    network = Network(topology)
    batch.admit(network, ["tight", "far"], [ask(max_delay_ns=5), ask(z="edge")])
    failures = [Failure(element=Element.LINK, name="n1"), Failure(element=Element.LINK, name="tail")]
    slow, cut = what_if(network, failures)
    assert [(one.owner, one.fate, one.delay_ns) for one in slow.outcomes] == [
        ("tight", Fate.TOO_SLOW, PerDirection(10, 10)),
        ("far", Fate.REPLACED, PerDirection(11, 11)),
    ]
    assert [(one.owner, one.fate, one.delay_ns) for one in cut.outcomes] == [("far", Fate.CUT_OFF, None)]


def test_a_node_that_fails_takes_its_local_lines_along():
    network = Network(two_ways())
    batch.admit(network, ["local"], [ask(z="a")])
    (impact,) = what_if(network, [Failure(element=Element.NODE, name="a")])
    assert [(one.owner, one.fate) for one in impact.outcomes] == [("local", Fate.CUT_OFF)]


def test_an_owner_is_a_line_or_reserves_by_itself_but_once():
    network = Network(two_ways())
    batch.admit(network, ["line"], [ask()])
    with pytest.raises(ReservationError, match="already"):
        network.reserve("line", [])
    network.reserve("other", [Reservation(link="n1", direction=Direction.A_TO_Z, bps=1)])
    for again in (["other"], ["line"], ["new", "new"]):
        with pytest.raises(ReservationError, match="already"):
            batch.admit(network, again, [ask()] * len(again))
    path = least(network, ask())
    with pytest.raises(ReservationError, match="already"):
        network.lines.place("other", ask(), path)
    assert len(network.lines) == 1


@pytest.mark.parametrize("more", [{"via": ("north",)}, {"disjoint": Disjointness.LINK}])
def test_who_asks_for_more_than_one_plain_route_does_not_get_less(more):
    network = Network(two_ways())
    request = ask(**more)
    for place in (
        lambda: batch.answer(network, pack(network, [request])),
        lambda: find(network, request, Budget()),
    ):
        with pytest.raises(ValueError, match="more than one plain route"):
            place()


def test_a_line_has_as_many_routes_as_it_asks_for():
    network = Network(two_ways())
    working, protect = least_pair(network, ask(disjoint=Disjointness.LINK))
    with pytest.raises(ValueError, match="another number of routes"):
        network.lines.place("x", ask(disjoint=Disjointness.LINK), working)
    with pytest.raises(ValueError, match="another number of routes"):
        network.lines.place("x", ask(), working, protect=protect)
    assert not network.holds("x")


def test_unknown_things_do_not_fail_silently():
    network = Network(two_ways())
    for wrong in ({"links": ["n9"]}, {"nodes": ["nowhere"]}, {"srlgs": ["no-duct"]}):
        with pytest.raises(KeyError):
            failure.fail(network, **wrong)
    with pytest.raises(KeyError):
        list(what_if(network, [Failure(element=Element.SRLG, name="no-duct")]))


def test_a_million_steps_end_where_they_began():
    """Batches come and go, and links fail and return, until a million hops were reserved and released."""
    rng = random.Random(5)
    names = [f"n{number:02}" for number in range(40)]
    links = [
        link(f"l{number}", *rng.sample(names, 2), capacity_bps=10**6 + rng.randint(0, 9), delay_ns=rng.randint(1, 99))
        for number in range(90)
    ]
    network = Network(topology_of(*links, nodes=tuple(map(node, names))))
    untouched = state(network)
    shown = network.mirror.arcs.copy()
    steps = 0
    while steps < 1_000_000:
        requests = [
            PathRequest(a=a, z=z, cir_bps=PerDirection(rng.randint(1, 3000), rng.randint(1, 3000)))
            for a, z in (rng.sample(names, 2) for _ in range(3000))
        ]
        answers = batch.admit(network, range(3000), requests)
        steps += int(answers.rows[:, 1].sum())
        for name in rng.sample(sorted(network.topology.link), 3):
            restoration = failure.fail(network, links=[name])
            steps += int(restoration.before[:, 1].sum() + restoration.after[:, 1].sum())
            network.set_link_up(network.topology.link[name], True)
        held = list(network.lines)
        rng.shuffle(held)
        for owner in held:
            steps += len(network.release(owner)) // 2
        assert state(network) == untouched
        assert np.array_equal(network.mirror.arcs, shown)


def test_a_simple_search_agrees_on_a_network_of_two_hundred_nodes():
    rng = random.Random(11)
    case = random_case(rng, 200, 420, symmetric=False)
    network = case.network()
    for _ in range(150):
        request = replace(random_request(rng, case), max_delay_ns=rng.choice((None, 40, 60)))
        expected = simple_find(network, request, SimpleBudget(10**6))
        found = least(network, request)
        assert (found if isinstance(found, PlacedPath) else None) == expected
