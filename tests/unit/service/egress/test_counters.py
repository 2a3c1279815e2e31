"""Counters read twice tell exactly what was sent between, or that they do not tell."""

from __future__ import annotations

import pytest
from counting_switch import CountingSwitch, equally, sliced, steering_rule
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.egress import TrafficClass
from controller.domain.prefixes import ANY_IPV4, ANY_IPV6, parse_prefix
from controller.domain.rules import FlowRule, Match, SourceSlice, Table, key_of
from controller.domain.steering import SLICES, PacketClass
from controller.service.egress.counters import CounterReading, rates_between
from controller.southbound.driver import FlowCount

GOLD, BULK = TrafficClass.GOLD, TrafficClass.BULK
MBPS = 1_000_000

sources = st.one_of(
    st.none(),
    st.integers(1, 4).flatmap(lambda width: st.builds(SourceSlice, st.integers(0, 2**width - 1), st.just(width))),
)


@st.composite
def entries(draw):
    """The rules of an entry, one for all slices that no other takes, and what is sent in each slice."""
    narrow = draw(st.sets(sources.filter(lambda source: source is not None), max_size=6))
    bps = draw(st.lists(st.integers(0, 10_000).map(lambda k: k * 8_000), min_size=SLICES, max_size=SLICES))
    return [steering_rule(7, BULK), *(steering_rule(7, BULK, source) for source in sorted(narrow))], bps


@given(entries(), st.integers(1, 3600))
def test_what_rules_carry_is_what_was_sent(entry, seconds):
    rules, bps = entry
    switch = CountingSwitch()
    switch.install(*rules)
    switch.send(7, bps)
    switch.run(100)
    before = switch.reading()
    switch.run(seconds)
    rates = rates_between(before, switch.reading())[7, BULK]
    assert sum(rates) == pytest.approx(sum(bps), abs=1)
    for rule in rules:
        taken = [n for n in range(SLICES) if switch._winner(7, BULK, n) is rule]
        # What one rule carries cannot be told apart: its slices have equal parts of it.
        assert [rates[n] for n in taken] == pytest.approx(
            [sum(bps[n] for n in taken) / max(len(taken), 1)] * len(taken)
        )


@given(sources, st.sampled_from(TrafficClass), st.integers(0, 2**24 - 1), st.sampled_from([ANY_IPV4, ANY_IPV6]))
def test_the_identity_of_every_steering_rule_says_what_it_is_for(source, traffic_class, group, version):
    rule = steering_rule(group, traffic_class, source, version)
    before, now = (
        CounterReading(taken_s=at, counts={key_of(rule): FlowCount(bytes=count, packets=0, seconds=10.0 + at)})
        for at, count in ((0.0, 0), (8.0, 16_000))
    )
    rates = rates_between(before, now)
    assert rates.keys() == {(group, traffic_class)}
    assert sum(rates[group, traffic_class]) == pytest.approx(16_000)
    if source is not None:
        assert all(
            (rate > 0) == (n % (1 << source.width) == source.value)
            for n, rate in enumerate(rates[group, traffic_class])
        )


def test_both_versions_of_ip_count_together():
    v4, v6 = steering_rule(1, GOLD), steering_rule(1, GOLD, version=ANY_IPV6)
    before = CounterReading(
        taken_s=0.0, counts={key_of(one): FlowCount(bytes=0, packets=0, seconds=9.0) for one in (v4, v6)}
    )
    counts = {
        key_of(v4): FlowCount(bytes=1000, packets=1, seconds=10.0),
        key_of(v6): FlowCount(bytes=500, packets=1, seconds=10.0),
    }
    assert sum(rates_between(before, CounterReading(taken_s=1.0, counts=counts))[1, GOLD]) == pytest.approx(12_000)


def test_rules_that_steer_nothing_to_a_gateway_are_passed_over():
    returning = Match(group=3, ip_dst=ANY_IPV4)
    from_abroad = Match(group=3, traffic_class=int(PacketClass.FROM_ABROAD), ip_dst=ANY_IPV4)
    route = Match(ip_dst=parse_prefix("198.51.100.0/24"))
    rules = [
        FlowRule(cookie=0, table=table, priority=1, match=match, actions=())
        for table, match in ((Table.STEER, returning), (Table.STEER, from_abroad), (Table.ROUTE, route))
    ]
    counts = {key_of(rule): FlowCount(bytes=10**9, packets=1, seconds=100.0) for rule in rules}
    assert rates_between(CounterReading(taken_s=0.0, counts=counts), CounterReading(taken_s=1.0, counts=counts)) == {}


class TestWhatIsNotTheSame:
    @pytest.fixture
    def switch(self):
        made = CountingSwitch()
        made.install(steering_rule(1, BULK), *(steering_rule(1, BULK, source) for source in sliced(3, 5)))
        made.install(steering_rule(2, BULK))
        made.send(1, equally(10 * MBPS))
        made.send(2, equally(1 * MBPS))
        made.run(600)
        return made

    def test_a_rule_that_came_makes_its_entry_unknown_and_no_other(self, switch):
        before = switch.reading()
        switch.install(*(steering_rule(1, BULK, source) for source in sliced(9)))
        switch.run(30)
        rates = rates_between(before, switch.reading())
        assert rates[1, BULK] is None
        assert rates[2, BULK] == pytest.approx(equally(1 * MBPS))

    def test_a_rule_that_went_makes_its_entry_unknown(self, switch):
        before = switch.reading()
        switch.run(10)
        switch.remove(*(steering_rule(1, BULK, source) for source in sliced(3)))
        switch.run(20)
        assert rates_between(before, switch.reading())[1, BULK] is None

    def test_a_rule_that_was_replaced_begins_at_0(self, switch):
        before = switch.reading()
        switch.run(20)
        switch.install(steering_rule(2, BULK))
        switch.run(10)
        rates = rates_between(before, switch.reading())
        assert rates[2, BULK] == pytest.approx(equally(1 * MBPS))  # by the 10 s that it has lived, not by 30
        assert rates[1, BULK] == pytest.approx(equally(10 * MBPS))

    def test_a_device_that_restarted_counts_anew(self, switch):
        before = switch.reading()
        switch.run(25)
        switch.restart()
        switch.run(5)
        rates = rates_between(before, switch.reading())
        assert rates == {(1, BULK): pytest.approx(equally(10 * MBPS)), (2, BULK): pytest.approx(equally(1 * MBPS))}

    def test_a_rule_that_is_too_young_tells_nothing(self, switch):
        before = switch.reading()
        switch.run(30)
        switch.install(steering_rule(4, BULK))
        switch.send(4, equally(1 * MBPS))
        switch.run(0.5)
        assert rates_between(before, switch.reading())[4, BULK] is None

    def test_counters_that_go_back_are_no_negative_rate(self, switch):
        now = switch.reading()
        switch.run(30)
        later = switch.reading()
        rates = rates_between(
            CounterReading(taken_s=0.0, counts=later.counts), CounterReading(taken_s=30.0, counts=now.counts)
        )
        assert all(rate is None or min(rate) >= 0 for rate in rates.values())

    def test_two_readings_of_one_moment_tell_nothing(self, switch):
        assert set(rates_between(switch.reading(), switch.reading()).values()) == {None}
