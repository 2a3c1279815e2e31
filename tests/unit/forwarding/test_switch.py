from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.rules import (
    Bucket,
    Change,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Opaque,
    Output,
    Police,
    PopTrunk,
    SetTrunk,
    SetVlan,
    Table,
    Unwrap,
    UseGroup,
    Wrap,
    key_of,
)
from controller.forwarding import frame as frames
from controller.forwarding.lookup import AmbiguousMatch
from controller.forwarding.switch import Sent, Switch

ADDRESSES = bytes.fromhex("020000000b01" + "020000000a01")
UNTAGGED = (ADDRESSES + b"\x08\x00").ljust(60, b"x")
VLAN_7 = (ADDRESSES + b"\x81\x00\xe0\x07\x08\x00").ljust(60, b"x")
MS = 10**6


def flow(*actions, priority=1, table=Table.CLASSIFY, **match):
    return FlowRule(cookie=1, table=table, priority=priority, match=Match(**match), actions=actions)


def labelled(label, payload=UNTAGGED):
    return frames.set_label(frames.wrap(payload, 600_000), label)


def test_a_frame_that_no_rule_matches_is_dropped_and_so_is_one_whose_rule_has_no_actions():
    switch = Switch([flow(in_port=1), flow(Output(9), in_port=2, vlan=8)])
    assert switch.receive(1, UNTAGGED) == switch.receive(2, VLAN_7) == switch.receive(3, UNTAGGED) == []


def test_the_higher_priority_wins_whatever_it_matches():
    switch = Switch([flow(Output(8), in_port=1, priority=100), flow(Output(9), in_port=1, vlan=7, priority=200)])
    assert switch.receive(1, VLAN_7) == [Sent(9, VLAN_7)]
    assert switch.receive(1, UNTAGGED) == [Sent(8, UNTAGGED)]
    switch.set(flow(Output(7), in_port=1, priority=300))
    assert switch.receive(1, VLAN_7) == [Sent(7, VLAN_7)]


def test_two_rules_of_one_priority_that_match_one_frame_are_a_fault():
    switch = Switch([flow(Output(8), in_port=1), flow(Output(9), vlan=7)])
    assert switch.receive(1, UNTAGGED) == [Sent(8, UNTAGGED)]
    with pytest.raises(AmbiguousMatch):
        switch.receive(1, VLAN_7)


fields = st.none() | st.integers(1, 2)
ethertypes = st.sampled_from((None, 0x0800, 0x8847))
matches = st.builds(Match, in_port=fields, ethertype=ethertypes, vlan=fields, mpls_label=fields)
rules = st.builds(
    FlowRule,
    cookie=st.just(1),
    table=st.just(Table.CLASSIFY),
    priority=st.integers(1, 2),
    match=matches,
    actions=st.builds(Output, st.integers(10, 99)).map(lambda output: (output,)),
)


@given(st.lists(st.tuples(st.booleans(), rules), max_size=30), st.integers(1, 3), st.booleans(), st.integers(1, 3))
def test_looking_up_by_index_finds_what_looking_at_every_rule_finds(steps, port, tagged, number):
    switch, table = Switch(), {}
    for add, rule in steps:
        if add:
            switch.set(rule)
            table[key_of(rule)] = rule
        else:
            switch.remove(key_of(rule))
            table.pop(key_of(rule), None)
    sent = ADDRESSES + b"\x81\x00" + number.to_bytes(2, "big") + b"\x08\x00" if tagged else labelled(number)
    values = {
        "in_port": port,
        "ethertype": 0x0800 if tagged else 0x8847,
        "vlan": number if tagged else None,
        "mpls_label": None if tagged else number,
    }
    found = [
        rule
        for rule in table.values()
        if all(getattr(rule.match, name) in (None, value) for name, value in values.items())
    ]
    best = [rule for rule in found if rule.priority == max(other.priority for other in found)]
    assert switch.rules == table
    if len(best) > 1:
        with pytest.raises(AmbiguousMatch):
            switch.receive(port, sent)
    else:
        assert switch.receive(port, sent) == [Sent(rule.actions[0].port, sent) for rule in best]


def test_a_rule_set_again_replaces_the_one_with_its_key_and_a_change_can_be_taken_back():
    before, after = flow(Output(8), in_port=1), flow(Output(9), in_port=1)
    switch = Switch([before])
    change = Change(before=before, after=after)
    switch.apply(change)
    assert switch.receive(1, UNTAGGED) == [Sent(9, UNTAGGED)]
    switch.apply(change.inverse)
    assert switch.receive(1, UNTAGGED) == [Sent(8, UNTAGGED)]
    switch.apply(Change(before=before, after=None))
    assert switch.receive(1, UNTAGGED) == []
    assert switch.rules == {}


def test_nothing_leaves_by_the_port_it_came_in_by():
    group = GroupRule(group_id=1, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(Output(2),)),))
    switch = Switch([flow(Output(1), in_port=1), flow(UseGroup(1), in_port=2), group])
    assert switch.receive(1, UNTAGGED) == switch.receive(2, UNTAGGED) == []


def test_a_line_from_end_to_end():
    """Enter with VLAN 7, leave with VLAN 9: police, translate, wrap, group; pop, deliver."""
    head = Switch(
        [
            flow(Police(3), SetVlan(9), Wrap(600_000), UseGroup(4), in_port=1, vlan=7),
            MeterRule(meter_id=3, rate_kbps=1_000, burst_kbits=500),
            GroupRule(group_id=4, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(SetTrunk(2_000), Output(5))),)),
        ]
    )
    end = Switch(
        [
            flow(PopTrunk(), GoTo(Table.DELIVER), in_port=6, mpls_label=2_000),
            flow(Unwrap(), Output(2), table=Table.DELIVER, mpls_label=600_000),
        ]
    )
    (on_the_link,) = head.receive(1, VLAN_7)
    translated = frames.set_vlan(VLAN_7, 9)
    assert on_the_link == Sent(5, labelled(2_000, translated))
    assert end.receive(6, on_the_link.frame) == [Sent(2, translated)]
    assert end.receive(7, on_the_link.frame) == []


@pytest.mark.parametrize(
    "action", [SetVlan(5), PopTrunk(), Unwrap(), Unwrap(shim=True), SetTrunk(5), Opaque("set_queue:1")]
)
def test_a_frame_that_does_not_fit_the_action_is_dropped(action):
    assert Switch([flow(action, Output(2), in_port=1)]).receive(1, UNTAGGED) == []


def test_a_customers_own_mpls_takes_the_shim():
    mpls = ADDRESSES + b"\x81\x00\xe0\x07\x88\x47" + bytes.fromhex("00063140") + b"payload"
    head = Switch(
        [
            flow(Wrap(600_000), Output(5), in_port=1, vlan=7),
            flow(Wrap(600_001, shim=True), Output(5), in_port=1, vlan=7, ethertype=0x8847, priority=2),
        ]
    )
    end = Switch(
        [
            flow(PopTrunk(), GoTo(Table.DELIVER), in_port=6, mpls_label=0),
            flow(Unwrap(), Output(2), table=Table.DELIVER, mpls_label=600_000),
            flow(Unwrap(shim=True), Output(3), table=Table.DELIVER, mpls_label=600_001),
        ]
    )
    for sent, leaves_by, overhead in ((VLAN_7, 2, 22), (mpls, 3, 30)):
        (on_the_link,) = head.receive(1, sent)
        assert len(on_the_link.frame) == len(sent) + overhead
        assert end.receive(6, on_the_link.frame) == [Sent(leaves_by, sent)]


def test_without_its_group_or_meter_a_rule_sends_nothing():
    switch = Switch([flow(UseGroup(4), in_port=1), flow(Police(3), Output(2), in_port=2)])
    assert switch.receive(1, UNTAGGED) == switch.receive(2, UNTAGGED) == []


def test_a_meter_polices_in_the_time_it_is_told_and_a_new_one_starts_full():
    meter = MeterRule(meter_id=3, rate_kbps=480, burst_kbits=1)  # a 60-byte frame takes 480 bits, or 1 ms to fill
    switch = Switch([flow(Police(3), Output(2), in_port=1), meter])
    passed = [bool(switch.receive(1, UNTAGGED, at * MS)) for at in (0, 0, 0, 1, 1, 100, 100, 100)]
    assert passed == [True, True, False, True, False, True, True, False]
    switch.set(meter)
    assert switch.receive(1, UNTAGGED, 100 * MS)
    assert all(switch.receive(1, UNTAGGED) for _ in range(5))


def test_fast_failover_takes_the_first_bucket_whose_port_is_up():
    up = {5, 6}
    buckets = tuple(Bucket(actions=(Output(port),), watch_port=port) for port in (5, 6))
    group = GroupRule(group_id=4, kind=GroupKind.FAST_FAILOVER, buckets=buckets)
    switch = Switch([flow(UseGroup(4), in_port=1), group], port_up=up.__contains__)
    assert switch.receive(1, UNTAGGED) == [Sent(5, UNTAGGED)]
    up.remove(5)
    assert switch.receive(1, UNTAGGED) == [Sent(6, UNTAGGED)]
    up.remove(6)
    assert switch.receive(1, UNTAGGED) == []


def test_select_spreads_by_weight_and_keeps_a_flow_where_it_is():
    buckets = tuple(Bucket(actions=(Output(port),), weight=weight) for port, weight in ((5, 3), (6, 1)))
    group = GroupRule(group_id=4, kind=GroupKind.SELECT, buckets=buckets)
    switch = Switch([flow(UseGroup(4), in_port=1), group])
    sent = [UNTAGGED + number.to_bytes(2, "big") for number in range(2_000)]
    ports = [switch.receive(1, frame)[0].port for frame in sent]
    assert ports == [switch.receive(1, frame)[0].port for frame in sent]
    assert 1_350 < Counter(ports)[5] < 1_650
    nothing = GroupRule(group_id=4, kind=GroupKind.SELECT, buckets=(Bucket(actions=(Output(5),), weight=0),))
    switch.set(nothing)
    assert switch.receive(1, UNTAGGED) == []
