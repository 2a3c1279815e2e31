"""Whatever change a device can be told, and whatever was read from one, comes out of the journal as it went in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.domain.otn import OduType
from controller.domain.rules import (
    Bucket,
    Change,
    ClientEnd,
    CrossConnect,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    LineEnd,
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
)
from controller.store.rule_json import dump_changes, dump_rule, load_changes, load_rule

numbers = st.integers(0, 2**32 - 1)
labels = st.integers(0, 2**20 - 1)
actions = st.one_of(
    st.builds(Police, numbers),
    st.builds(SetVlan, st.integers(1, 4094)),
    st.builds(Wrap, labels, st.booleans()),
    st.just(PopTrunk()),
    st.builds(Unwrap, st.booleans()),
    st.builds(SetTrunk, labels),
    st.builds(Output, numbers),
    st.builds(UseGroup, numbers),
    st.builds(GoTo, st.sampled_from(Table)),
    st.builds(Opaque, st.text(max_size=20)),
)
action_lists = st.lists(actions, max_size=4).map(tuple)
maybe = st.none() | numbers
flows = st.builds(
    FlowRule,
    cookie=st.integers(0, 2**64 - 1),
    table=st.sampled_from(Table),
    priority=st.integers(0, 2**16 - 1),
    match=st.builds(Match, in_port=maybe, ethertype=maybe, vlan=maybe, mpls_label=maybe),
    actions=action_lists,
)
meters = st.builds(MeterRule, meter_id=numbers, rate_kbps=numbers, burst_kbits=numbers)
buckets = st.builds(Bucket, actions=action_lists, watch_port=maybe, weight=st.integers(0, 2**16 - 1))
groups = st.builds(
    GroupRule, group_id=numbers, kind=st.sampled_from(GroupKind), buckets=st.lists(buckets, max_size=3).map(tuple)
)
client_ends = st.builds(ClientEnd, port=numbers)
line_ends = st.builds(
    LineEnd, port=numbers, tributary_port=numbers, slots=st.lists(st.integers(1, 80), max_size=80).map(tuple)
)
opaque = st.builds(Opaque, st.text(max_size=20))
cross_connects = st.builds(
    CrossConnect,
    cookie=st.integers(0, 2**64 - 1),
    number=numbers,
    odu=st.sampled_from(OduType) | opaque,
    a=client_ends | line_ends | opaque,
    z=client_ends | line_ends | opaque,
    extra=st.lists(st.text(max_size=20), max_size=2).map(tuple),
)
rules = flows | meters | groups | cross_connects
changes = st.one_of(
    st.builds(Change, before=st.none(), after=rules),
    st.builds(Change, before=rules, after=st.none()),
    st.builds(Change, before=rules, after=rules),
)


@given(st.lists(changes, max_size=5).map(tuple))
def test_changes_come_out_as_they_went_in(written):
    read = load_changes(dump_changes(written))
    assert read == written
    assert [change.inverse for change in read] == [change.inverse for change in written]


@given(rules)
def test_a_rule_comes_out_as_it_went_in_and_is_written_the_same_way_each_time(rule):
    text = dump_rule(rule)
    assert load_rule(text) == rule
    assert type(load_rule(text)) is type(rule)
    assert dump_rule(load_rule(text)) == text
