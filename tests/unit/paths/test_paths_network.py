"""The working network: exact reservations by owner, state that never admits when it should not, trials that undo."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from path_oracle import link, node, random_question, seeds, thorough, topology_of

from controller.domain.placement import Reservation
from controller.domain.topology import Direction
from controller.paths.kernels.layout import FREE_THERE, SKEWED, STEP
from controller.paths.mirror import Mirror
from controller.paths.network import Network, ReservationError
from controller.paths.reflection import reflect_all


def hold(name, bps, direction=Direction.A_TO_Z):
    return Reservation(link=name, direction=direction, bps=bps)


def everything(network):
    """All that a network can be asked, as one comparable value."""
    return (
        {arc: dict(values) for *arc_, values in network.graph.edges(keys=True, data=True) for arc in [tuple(arc_)]},
        {name: dict(values) for name, values in network.graph.nodes(data=True)},
        [(one.name, direction, bps) for one, direction, bps in network.reserved()],
    )


def assert_mirrored(network):
    """The arrays say what the graph says: as if they had been made from it just now."""
    mirror = network.mirror
    fresh = Mirror(network.graph.nodes, mirror.links, network.topology.hop_delay_ns)
    reflect_all(network, fresh)
    for name in ("first", "arcs", "arc_links", "delays", "costs", "free", "alive"):
        assert np.array_equal(getattr(mirror, name), getattr(fresh, name)), name
    assert mirror.scale[SKEWED] == fresh.scale[SKEWED]
    assert (mirror.floors <= mirror.arcs[:, STEP] >> mirror.node_bits).all()
    for one, direction, reserved_bps in network.reserved():
        arc = mirror.arc(one.name, direction)
        assert mirror.place_of(arc) == (one.name, direction)
        free_bps = one.capacity_bps[direction] - reserved_bps
        assert mirror.free[arc] == free_bps
        assert mirror.arcs[arc, FREE_THERE] == (free_bps if network.in_service(one) else -1)
        assert mirror.delays[arc] == network.crossing_delay_ns(one, direction)


def two_links():
    return Network(topology_of(link("x", "a", "z", capacity_bps=(10, 7)), link("y", "a", "z")))


def test_the_graph_has_one_arc_per_link_and_direction():
    network = Network(topology_of(link("x", "a", "z", capacity_bps=(10, 7), delay_ns=(3, 4)), link("y", "z", "a")))
    assert sorted(network.graph.edges(keys=True)) == [
        ("a", "z", "x"),
        ("a", "z", "y"),
        ("z", "a", "x"),
        ("z", "a", "y"),
    ]
    there, back = network.graph.edges["a", "z", "x"], network.graph.edges["z", "a", "x"]
    assert (there["delay_ns"], there["capacity_bps"], there["reserved_bps"]) == (3, 10, 0)
    assert (back["delay_ns"], back["capacity_bps"], back["reserved_bps"]) == (4, 7, 0)


def test_a_release_is_exactly_the_reverse_of_its_reservation():
    network = two_links()
    before = everything(network)
    network.reserve("one", [hold("x", 4), hold("x", 7, Direction.Z_TO_A)])
    network.reserve("two", [hold("x", 6), hold("y", 1)])
    x = network.topology.link["x"]
    assert network.residual_bps(x, Direction.A_TO_Z) == 0
    assert network.graph.edges["a", "z", "x"]["reserved_bps"] == 10
    assert network.release("one") == (hold("x", 4), hold("x", 7, Direction.Z_TO_A))
    assert [network.residual_bps(x, direction) for direction in Direction] == [4, 7]
    network.release("two")
    assert everything(network) == before
    assert not network.holds("two")


@pytest.mark.parametrize(
    "wanted",
    [
        [hold("y", 3), hold("x", 11)],
        [hold("y", 3), hold("x", 6), hold("x", 5)],
        [hold("y", 3), hold("x", -1)],
        [hold("x", 8, Direction.Z_TO_A)],
    ],
    ids=["too much", "too much together", "negative", "the other direction"],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing_behind(wanted):
    network = two_links()
    before = everything(network)
    with pytest.raises(ReservationError, match="are free"):
        network.reserve("one", wanted)
    assert everything(network) == before
    assert not network.holds("one")


def test_an_owner_reserves_once_and_releases_what_it_has():
    network = two_links()
    network.reserve("one", [hold("x", 1)])
    with pytest.raises(ReservationError, match="already"):
        network.reserve("one", [hold("y", 1)])
    assert network.reservations("one") == (hold("x", 1),)
    with pytest.raises(ReservationError, match="nothing"):
        network.release("two")


def test_an_owner_of_nothing_is_still_an_owner():
    network = two_links()
    network.reserve("local", [])
    assert network.holds("local")
    assert network.release("local") == ()


def test_reservations_given_at_the_start_count():
    network = Network(topology_of(link("x", "a", "z")), {"one": [hold("x", 10)]})
    assert network.residual_bps(network.topology.link["x"], Direction.A_TO_Z) == 0
    assert [(one.name, direction, bps) for one, direction, bps in network.reserved()] == [
        ("x", Direction.A_TO_Z, 10),
        ("x", Direction.Z_TO_A, 0),
    ]


@pytest.mark.parametrize(
    "wrong",
    [link("x", "a", "z", delay_ns=(1, -1)), link("x", "a", "z", capacity_bps=-1), link("x", "a", "z", cost=-1)],
    ids=["delay", "capacity", "cost"],
)
def test_a_topology_on_which_no_search_is_exact_is_refused(wrong):
    with pytest.raises(ValueError, match="negative"):
        Network(topology_of(wrong))


def test_a_link_needs_two_ends():
    with pytest.raises(ValueError, match="begins and ends"):
        Network(topology_of(link("x", "a", "a")))


@pytest.mark.parametrize("declared", [True, False])
def test_a_link_serves_when_all_states_say_so(declared):
    topology = topology_of(link("x", "a", "z", enabled=declared), nodes=(node("a"), node("z")))
    network, x = Network(topology), topology.link["x"]
    assert network.in_service(x) is declared
    network.set_link_enabled(x, True)
    assert network.in_service(x)
    for withdraw, restore in (
        (lambda: network.set_link_up(x, False), lambda: network.set_link_up(x, True)),
        (lambda: network.set_link_enabled(x, False), lambda: network.set_link_enabled(x, True)),
        (lambda: network.set_node_up("z", False), lambda: network.set_node_up("z", True)),
        (lambda: network.set_node_enabled("a", False), lambda: network.set_node_enabled("a", True)),
    ):
        withdraw()
        assert not network.in_service(x)
        restore()
        assert network.in_service(x)


def test_a_negative_measurement_is_refused():
    network = two_links()
    with pytest.raises(ValueError, match="-1 ns"):
        network.set_measured_delay(network.topology.link["x"], Direction.A_TO_Z, -1)


def test_a_trial_is_undone_after_an_exception_even_when_it_was_kept():
    network = two_links()
    before = everything(network)

    def plan():
        with network.trial() as trial:
            network.reserve("one", [hold("x", 1)])
            trial.keep()
            raise RuntimeError("planner")

    with pytest.raises(RuntimeError, match="planner"):
        plan()
    assert everything(network) == before
    assert not network.holds("one")


def test_what_was_reserved_before_a_trial_and_released_in_it_is_held_again():
    network = two_links()
    network.reserve("one", [hold("x", 10)])
    before = everything(network)
    with network.trial():
        network.release("one")
        network.reserve("two", [hold("x", 9)])
    assert everything(network) == before
    assert network.reservations("one") == (hold("x", 10),)
    assert not network.holds("two")


@thorough
@given(seeds, st.data())
def test_reserving_all_that_is_free_and_releasing_it_changes_nothing(seed, data):
    case, _ = random_question(seed)
    network = case.network()
    before = everything(network)
    free = [hold(one.name, network.residual_bps(one, way), way) for one, way, _ in network.reserved()]
    order = data.draw(st.permutations(free))
    for number, reservation in enumerate(order):
        network.reserve(number, [reservation])
    assert all(network.residual_bps(one, way) == 0 for one, way, _ in network.reserved())
    for number in data.draw(st.permutations(range(len(order)))):
        network.release(number)
    assert everything(network) == before
    assert_mirrored(network)


class Trials(RuleBasedStateMachine):
    """Nested trials, each undone or kept, over all that can change; the model keeps a whole copy for each trial."""

    @initialize()
    def begin(self):
        self.network = two_links()
        self.open = []

    owners = st.sampled_from(("one", "two", "three"))
    names = st.sampled_from(("x", "y"))
    directions = st.sampled_from(Direction)

    @rule(owner=owners, name=names, direction=directions, bps=st.integers(0, 6))
    def reserve(self, owner, name, direction, bps):
        fits = bps <= self.network.residual_bps(self.network.topology.link[name], direction)
        if fits and not self.network.holds(owner):
            self.network.reserve(owner, [hold(name, bps, direction)])
        else:
            with pytest.raises(ReservationError):
                self.network.reserve(owner, [hold(name, bps, direction)])

    @rule(owner=owners)
    def release(self, owner):
        if self.network.holds(owner):
            self.network.release(owner)

    @rule(name=names, direction=directions, delay_ns=st.one_of(st.none(), st.integers(0, 9)))
    def measure(self, name, direction, delay_ns):
        self.network.set_measured_delay(self.network.topology.link[name], direction, delay_ns)

    @rule(name=names, up=st.booleans(), enabled=st.booleans())
    def change_state(self, name, up, enabled):
        self.network.set_link_up(self.network.topology.link[name], up)
        self.network.set_node_enabled("a", enabled)

    @precondition(lambda self: len(self.open) < 3)
    @rule()
    def enter_trial(self):
        context = self.network.trial()
        self.open.append((context, context.__enter__(), self.observe()))

    @precondition(lambda self: self.open)
    @rule(keep=st.booleans())
    def leave_trial(self, keep):
        context, trial, before = self.open.pop()
        at_end = self.observe()
        if keep:
            trial.keep()
        context.__exit__(None, None, None)
        assert self.observe() == (at_end if keep else before)

    @invariant()
    def sums_agree_with_owners(self):
        for one, direction, bps in self.network.reserved():
            held = [r for owner in self.held() for r in self.network.reservations(owner)]
            assert bps == sum(r.bps for r in held if (r.link, r.direction) == (one.name, direction))

    @invariant()
    def the_mirror_shows_the_graph(self):
        assert_mirrored(self.network)

    def held(self):
        return [owner for owner in ("one", "two", "three") if self.network.holds(owner)]

    def observe(self):
        return everything(self.network), {owner: self.network.reservations(owner) for owner in self.held()}


TestTrials = Trials.TestCase
TestTrials.settings = settings(deadline=None)
