"""What is measured is what was sent, smoothed; in doubt it is what it was, and never nothing because of silence."""

from __future__ import annotations

import pytest
from counting_switch import CountingSwitch, equally, sliced, steering_rule
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.egress import TrafficClass
from controller.domain.rules import key_of
from controller.domain.steering import SLICES, Entry
from controller.domain.topology import Gateway, Link, Node, PerDirection, Role, Topology
from controller.service.egress.counters import CounterReading
from controller.service.egress.measuring import (
    BELIEVED_AFTER,
    HALF_LIFE_S,
    MOST_OF_CAPACITY,
    STALE_AFTER,
    MeasuredDemand,
    carried_away_bps,
)
from controller.southbound.driver import FlowCount

BULK, GOLD = TrafficClass.BULK, TrafficClass.GOLD
MBPS, GBPS = 10**6, 10**9
CAPACITY_BPS = 30 * GBPS

TOPOLOGY = Topology(
    name="two",
    nodes=tuple(Node(name=name, role=Role.PE) for name in ("pe-a", "pe-b")),
    links=(
        Link(
            name="a-b",
            a="pe-a",
            z="pe-b",
            a_port=1,
            z_port=1,
            capacity_bps=PerDirection(10 * GBPS, 40 * GBPS),
            delay_ns=PerDirection.both(1),
        ),
    ),
    gateways=(Gateway(name="igw-a", node="pe-a", port=9, capacity_bps=20 * GBPS),),
)


def demand(*entries):
    return MeasuredDemand(TOPOLOGY, ["pe-a"], entries)


class Province:
    """A source that is read again and again."""

    def __init__(self, made):
        self.demand = made
        self.switch = CountingSwitch()
        self.switch.install(steering_rule(1, BULK))
        self.switch.run(100)

    def send(self, bps, group=1):
        self.switch.send(group, equally(bps / SLICES))

    def read(self, times=1, every_s=30):
        for _ in range(times):
            self.switch.run(every_s)
            self.demand.read("pe-a", self.switch.reading())
        return self

    @property
    def now(self):
        return self.demand.measured(self.switch.clock_s)

    @property
    def bps(self):
        return sum(map(sum, self.now.bps.values()))

    @property
    def why(self):
        return [one.why for one in self.now.held]


@pytest.fixture
def province():
    return Province(demand())


def test_a_source_could_carry_away_what_its_links_and_gateways_can():
    assert carried_away_bps(TOPOLOGY, "pe-a") == 30 * GBPS
    assert carried_away_bps(TOPOLOGY, "pe-b") == 40 * GBPS


def test_the_first_reading_tells_nothing_and_the_second_what_was_sent_between(province):
    province.send(800 * MBPS)
    assert province.read().now.bps == {}
    assert province.now.age_s is None
    assert province.read().now.bps == {("pe-a", 1, BULK): equally(50 * MBPS)}
    assert (province.now.age_s, province.now.held) == (0.0, ())


def test_slices_are_told_apart_where_rules_do(province):
    province.switch.install(*(steering_rule(1, BULK, source) for source in sliced(1, width=1)))
    province.switch.send(1, [1 * MBPS, 3 * MBPS] * 8)
    assert province.read(2).now.bps["pe-a", 1, BULK] == (1 * MBPS, 3 * MBPS) * 8


def test_half_of_what_falls_counts_after_a_half_life(province):
    province.send(200 * MBPS)
    province.read(3)
    province.send(100 * MBPS)
    assert province.read(every_s=HALF_LIFE_S).bps == pytest.approx(150 * MBPS, abs=SLICES)
    assert province.read(every_s=2 * HALF_LIFE_S).bps == pytest.approx(112.5 * MBPS, abs=SLICES)


def test_what_was_counted_is_not_smoothed_and_stays_while_nothing_new_is_told(province):
    assert province.demand.counted() == {}
    province.send(200 * MBPS)
    province.read(3)
    province.send(100 * MBPS)
    province.read()
    assert province.demand.counted() == {("pe-a", 1, BULK): pytest.approx(equally(100 * MBPS / SLICES), rel=1e-6)}
    before = province.demand.counted()
    province.demand.silent("pe-a", "its device is not connected")
    assert province.demand.counted() == before
    province.switch.install(*(steering_rule(1, BULK, source) for source in sliced(1, width=1)))
    province.read()  # its rules have changed: nobody knows which of them counted what
    assert province.demand.counted() == before


def test_what_grows_counts_at_once(province):
    province.send(100 * MBPS)
    province.read(3)
    province.send(200 * MBPS)
    assert province.read(every_s=2).bps == pytest.approx(200 * MBPS, abs=SLICES)


@given(st.lists(st.tuples(st.integers(1, 5 * 10**9), st.integers(5, 120)), min_size=1, max_size=12))
def test_it_is_always_between_the_least_and_the_most_that_was_sent(sendings):
    province = Province(demand())
    province.send(sendings[0][0])
    province.read()
    for bps, seconds in sendings:
        province.send(bps)
        province.read(every_s=seconds)
    lowest, highest = min(bps for bps, _ in sendings), max(bps for bps, _ in sendings)
    assert lowest - SLICES - 8 <= province.bps <= highest + SLICES + 8


class TestSilence:
    @pytest.fixture
    def province(self):
        made = Province(demand())
        made.send(800 * MBPS)
        return made.read(3)

    def test_a_device_that_does_not_answer_goes_on_sending_what_it_sent(self, province):
        before = province.now.bps
        for times in range(1, STALE_AFTER + 2):
            province.switch.run(30)
            province.demand.silent("pe-a", "its device is not connected")
            (held,) = province.now.held
            assert (held.readings, held.stale, held.age_s) == (times, times >= STALE_AFTER, 30.0 * times)
            assert (held.why, held.bps) == ("its device is not connected", 800 * MBPS)
        assert province.now.bps == before
        assert province.now.held_share == 1.0

    def test_it_is_believed_again_when_it_answers(self, province):
        province.demand.silent("pe-a", "away")
        province.send(400 * MBPS)
        assert province.read(8).now.held == ()
        assert province.bps == pytest.approx(400 * MBPS, rel=0.01)

    def test_a_device_that_restarted_is_measured_by_its_new_counters(self, province):
        province.switch.run(20)
        province.switch.restart()
        assert province.read(every_s=10).bps == pytest.approx(800 * MBPS, abs=SLICES)
        assert province.now.held == ()

    def test_an_entry_whose_rules_change_keeps_its_rate_meanwhile(self, province):
        province.switch.run(10)
        province.switch.install(*(steering_rule(1, BULK, source) for source in sliced(2, 3)))
        assert province.read(every_s=20).bps == 800 * MBPS
        assert province.read().bps == pytest.approx(800 * MBPS, abs=SLICES)

    def test_what_is_steered_no_more_is_measured_no_more(self, province):
        province.switch.install(steering_rule(2, BULK))
        province.switch.remove(steering_rule(1, BULK))
        province.send(0)
        province.send(800 * MBPS, group=2)
        assert set(province.read(2).now.bps) == {("pe-a", 2, BULK)}


class TestNowhereToGo:
    """No gateway is left for a group: nothing steers it any more, so that nothing counts it."""

    @pytest.fixture
    def province(self):
        made = Province(demand())
        made.send(8 * GBPS)
        return made.read(3)

    def test_what_nothing_counts_has_not_fallen_and_is_known_when_a_gateway_is_back(self, province):
        province.switch.remove(steering_rule(1, BULK))
        for _ in range(2):
            assert province.read().bps == 8 * GBPS
            assert province.why == []
        province.switch.install(steering_rule(1, BULK))
        assert province.read().bps == pytest.approx(8 * GBPS, abs=SLICES)
        assert province.why == []

    def test_a_group_among_others_neither_falls_nor_jumps(self, province):
        province.switch.install(steering_rule(2, BULK))
        province.switch.remove(steering_rule(1, BULK))
        assert province.read(2).why == []
        assert set(province.now.bps) == {("pe-a", 2, BULK)}
        province.switch.install(steering_rule(1, BULK))
        assert province.read(2).why == []
        assert province.bps == pytest.approx(8 * GBPS, abs=SLICES)


class TestOtherGroups:
    """Policies come and go, and prefixes with them from group to group."""

    @pytest.fixture
    def province(self):
        made = Province(demand())
        made.send(8 * GBPS)
        return made.read(3)

    def test_what_goes_to_a_new_group_has_not_fallen(self, province):
        province.switch.install(steering_rule(2, BULK))
        province.send(0)
        province.send(8 * GBPS, group=2)
        province.switch.run(29.5)
        province.switch.install(steering_rule(2, BULK))  # the reading comes too early to tell what the new rule carries
        assert province.read(every_s=0.5).why == []
        assert province.read(2).why == []

    def test_what_a_group_that_was_there_takes_over_has_not_risen(self, province):
        province.switch.install(steering_rule(2, BULK))
        assert province.read(2).now.bps["pe-a", 2, BULK] == equally(0)
        province.switch.remove(steering_rule(1, BULK))
        province.send(8 * GBPS, group=2)
        assert province.read().why == []
        assert province.bps == pytest.approx(8 * GBPS, abs=SLICES)


class TestImplausible:
    @pytest.fixture
    def province(self):
        made = Province(demand())
        made.send(100 * MBPS)
        return made.read(3)

    def test_more_than_could_be_carried_away_is_never_believed(self, province):
        province.send(MOST_OF_CAPACITY * CAPACITY_BPS * 1.01)
        for _ in range(2 * BELIEVED_AFTER):
            assert province.read().bps == 100 * MBPS
            assert "could carry 30Gbps" in province.why[0]
        assert province.now.held[0].stale

    def test_more_than_there_is_room_for_is_believed_as_far_as_it_can_be(self, province):
        province.send(CAPACITY_BPS / 5)
        province.read(6)
        province.send(CAPACITY_BPS * 1.5)
        assert province.read(12).bps == pytest.approx(CAPACITY_BPS * 1.5, rel=0.01)

    @pytest.mark.parametrize("after", [0, 20 * GBPS])
    def test_a_jump_is_believed_when_it_stays(self, province, after):
        province.send(after)
        for _ in range(BELIEVED_AFTER - 1):
            assert province.read().bps == 100 * MBPS
            assert "after 100Mbps" in province.why[0]
        assert province.read().bps == pytest.approx(after)
        assert province.why == []

    def test_a_jump_that_goes_away_was_none(self, province):
        for _ in range(3):
            province.send(20 * GBPS)
            province.read(BELIEVED_AFTER - 1)
            province.send(100 * MBPS)
            assert province.read().bps == pytest.approx(100 * MBPS, rel=0.01)
            assert province.why == []

    def test_jumps_to_ever_other_levels_are_not_believed(self, province):
        for bps in (12 * GBPS, 50 * GBPS, 12 * GBPS, 50 * GBPS):
            province.send(bps)
            assert province.read().bps == 100 * MBPS

    def test_traffic_that_starts_is_no_jump(self):
        province = Province(demand())
        province.send(0)
        province.read(3)
        province.send(CAPACITY_BPS / 20)
        province.read()
        assert province.why == []

    @given(st.lists(st.tuples(st.integers(0, 2**63), st.floats(0, 10**6), st.booleans()), max_size=10))
    def test_whatever_a_device_says_it_is_never_below_0_nor_beyond_belief(self, readings):
        made = demand()
        key = key_of(steering_rule(1, BULK))
        for number, (count, seconds, silent) in enumerate(readings):
            if silent:
                made.silent("pe-a", "away")
            else:
                counts = {key: FlowCount(bytes=count, packets=0, seconds=seconds)}
                made.read("pe-a", CounterReading(taken_s=30.0 * number, counts=counts))
            bps = [one for slices in made.measured(30.0 * number).bps.values() for one in slices]
            assert all(one >= 0 for one in bps)
            assert sum(bps) <= MOST_OF_CAPACITY * CAPACITY_BPS + SLICES


class TestAfterARestart:
    ENTRY = Entry(source="pe-a", group=1, traffic_class=BULK, gateways=("igw-a",), rate_bps=1600 * MBPS)

    def test_what_was_decided_on_counts_until_it_is_measured(self):
        province = Province(demand(self.ENTRY))
        assert province.now.bps == {("pe-a", 1, BULK): equally(100 * MBPS)}
        assert province.demand.counted() == {}
        province.send(1600 * MBPS)
        assert province.read().now.bps == {("pe-a", 1, BULK): equally(100 * MBPS)}
        assert province.read().now.age_s == 0.0
        assert province.bps == pytest.approx(1600 * MBPS, abs=SLICES)

    def test_a_device_that_stays_away_counts_as_it_was_decided_on(self):
        made = demand(self.ENTRY)
        made.silent("pe-a", "its device is not connected")
        measured = made.measured(30.0)
        assert measured.held_share == 1.0
        assert (measured.held[0].bps, measured.held[0].age_s) == (1600 * MBPS, None)

    def test_entries_of_what_is_no_source_any_more_are_passed_over(self):
        assert MeasuredDemand(TOPOLOGY, ["pe-b"], [self.ENTRY]).measured(0.0).bps == {}
