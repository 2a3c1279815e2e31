"""What searches rely on before they begin: trees and landmarks in little memory, floors that have to move, lengths that
are too long to be followed. None of it may change an answer."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from oracle.simple_search import Budget as SimpleBudget
from oracle.simple_search import find as simple_find
from path_oracle import link, random_case, random_request, seeds, thorough, topology_of

from controller.domain.errors import Reason, Refusal
from controller.domain.placement import PlacedPath
from controller.domain.topology import Direction, PerDirection
from controller.paths import potentials
from controller.paths.admission import least
from controller.paths.network import Network
from controller.paths.request import PathRequest


def ask(a="a", z="z", cir=1, **more):
    return PathRequest(a=a, z=z, cir_bps=PerDirection.both(cir), **more)


def found(network, request):
    answer = least(network, request)
    return answer if isinstance(answer, PlacedPath) else None


def agree(network, request):
    assert found(network, request) == simple_find(network, request, SimpleBudget(10**6))


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_answers_do_not_depend_on_how_many_trees_there_is_room_for(rows, monkeypatch):
    rng = random.Random(rows)
    case = random_case(rng, 60, 130, symmetric=False)
    monkeypatch.setattr(potentials, "MEMORY_BYTES", rows * 60 * potentials.ROW_BYTES_PER_NODE)
    network = case.network()
    trees = network.mirror.potentials
    assert (len(trees.owners), len(trees.landmarks)) == (rows, potentials.LANDMARKS)
    favourites = rng.sample(sorted(case.topology.node), 3)
    owners = set()
    for _ in range(600):
        request = replace(random_request(rng, case), max_delay_ns=rng.choice((None, 30)))
        agree(network, replace(request, z=rng.choice(favourites)) if rng.random() < 0.7 else request)
        owners |= {mirror_node for mirror_node, row in enumerate(trees.row_of) if row >= 0}
    assert (trees.row_of >= 0).sum() == rows
    assert rows == 0 or len(owners) > rows  # some had to make room for others


@thorough
@given(seeds)
def test_delays_may_rise_and_fall_below_what_was_declared(seed):
    rng = random.Random(seed)
    case = random_case(rng, rng.choice((6, 12)), 20, symmetric=rng.random() < 0.5)
    network = case.network()
    for _ in range(8):
        for _ in range(rng.randint(1, 6)):
            one, way = rng.choice(case.topology.links), rng.choice(tuple(Direction))
            network.set_measured_delay(one, way, rng.choice((None, 0, 1, 3, 9)))
        agree(network, random_request(rng, case))


def test_floors_move_only_when_they_have_to():
    links = [link(f"l{number:02}", f"n{number:02}", f"n{number + 1:02}", delay_ns=10) for number in range(40)]
    network = Network(topology_of(*links))
    first = network.topology.link["l00"]
    floors = network.mirror.floors.copy()
    network.set_measured_delay(first, Direction.A_TO_Z, 11)
    assert (network.mirror.floors == floors).all()
    network.set_measured_delay(first, Direction.A_TO_Z, 9)
    assert (network.mirror.floors == floors).sum() == 78
    for one in network.topology.links:
        network.set_measured_delay(one, Direction.Z_TO_A, 12)
    assert not (network.mirror.floors == floors).any()


def test_a_route_too_long_to_be_followed_is_no_proof():
    far = 2**46
    topology = topology_of(link("x", "a", "m", delay_ns=far), link("y", "m", "z", delay_ns=far), link("w", "a", "b"))
    network = Network(topology)
    assert least(network, ask()).reason is Reason.SEARCH_LIMIT
    # What a bound rules out is ruled out, however far it is.
    within = least(network, ask(max_delay_ns=100))
    assert isinstance(within, Refusal)
    assert within.reason is Reason.DELAY_BOUND_UNREACHABLE
    assert found(network, ask(z="b")).route.links == ("w",)
    network.set_measured_delay(topology.link["y"], Direction.A_TO_Z, 1)
    network.set_measured_delay(topology.link["y"], Direction.Z_TO_A, 1)
    network.set_measured_delay(topology.link["x"], Direction.A_TO_Z, 1)
    network.set_measured_delay(topology.link["x"], Direction.Z_TO_A, 1)
    assert found(network, ask()).delay_ns == PerDirection.both(2)


def test_a_search_that_cannot_arrive_gives_up_early():
    """The end is walled in by a full link; what is reachable on the other side is not all looked at."""
    rng = random.Random(3)
    links = [link(f"l{number:04}", f"n{number}", f"n{number + 1}") for number in range(1000)]
    links += [link(f"k{number:04}", f"n{rng.randrange(1000)}", f"n{rng.randrange(1000)}x") for number in range(1000)]
    network = Network(topology_of(*links, link("wall", "a", "n0", capacity_bps=0)))
    settled = network.mirror.work.counters[2]
    assert found(network, ask(a="a", z="n999")) is None
    assert network.mirror.work.counters[2] - settled < 100
