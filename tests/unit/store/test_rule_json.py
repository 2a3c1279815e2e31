"""Whatever change a device can be told, and whatever was read from one, comes out of the journal as it went in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.domain.otn import OduType
from controller.domain.prefixes import Prefix
from controller.domain.rules import (
    AnswerArp,
    AnswerNeighbour,
    Bucket,
    Change,
    ClientEnd,
    CrossConnect,
    DecTtl,
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
    SetClass,
    SetGroup,
    SetMacs,
    SetTrunk,
    SetVlan,
    SourceSlice,
    Table,
    Unwrap,
    UseGroup,
    Wrap,
)
from controller.store.rule_json import dump_changes, dump_rule, load_changes, load_rule

numbers = st.integers(0, 2**32 - 1)
labels = st.integers(0, 2**20 - 1)
words = st.text(max_size=20)
actions = st.one_of(
    st.builds(Police, numbers),
    st.builds(SetVlan, st.integers(1, 4094)),
    st.builds(Wrap, labels, st.booleans(), st.integers(0, 7)),
    st.just(PopTrunk()),
    st.builds(Unwrap, st.booleans()),
    st.builds(SetTrunk, labels),
    st.builds(Output, numbers),
    st.builds(UseGroup, numbers),
    st.builds(GoTo, st.sampled_from(Table)),
    st.builds(SetClass, numbers),
    st.builds(SetGroup, numbers),
    st.just(DecTtl()),
    st.builds(SetMacs, words, words),
    st.builds(AnswerArp, words),
    st.builds(AnswerNeighbour, words),
    st.builds(Opaque, words),
)
action_lists = st.lists(actions, max_size=4).map(tuple)
maybe = st.none() | numbers
matches = st.one_of(
    st.builds(Match, in_port=maybe, ethertype=maybe, vlan=maybe, mpls_label=maybe),
    st.builds(
        Match,
        in_port=maybe,
        eth_dst=st.none() | words,
        ip_dst=st.none() | st.builds(Prefix, numbers, st.integers(0, 2**128 - 1), numbers),
        dscp=maybe,
        source=st.none()
        | st.builds(SourceSlice, numbers, numbers)
        | st.builds(Prefix, numbers, st.integers(0, 2**128 - 1), numbers),
        arp_target=st.none() | words,
        nd_target=st.none() | words,
        traffic_class=maybe,
        group=maybe,
    ),
)
flows = st.builds(
    FlowRule,
    cookie=st.integers(0, 2**64 - 1),
    table=st.sampled_from(Table),
    priority=st.integers(0, 2**16 - 1),
    match=matches,
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


WRITTEN_EARLIER = (
    '["flow",6074230097415956480,0,200,[11,null,100,null],'
    '[["Police",7],["SetVlan",200],["Wrap",70000,false],["UseGroup",3]]]'
)


def test_a_rule_that_an_earlier_version_wrote_is_read():
    rule = load_rule(WRITTEN_EARLIER)
    assert rule.match == Match(in_port=11, vlan=100)
    assert rule.actions == (Police(7), SetVlan(200), Wrap(70_000), UseGroup(3))


def test_a_prefix_takes_little_room():
    """There are 100,000 of them."""
    rule = FlowRule(
        cookie=0x544C_0400_0000_0005,
        table=Table.ROUTE,
        priority=124,
        match=Match(ip_dst=Prefix(4, 0x08080800, 24)),
        actions=(SetGroup(5), GoTo(Table.STEER)),
    )
    assert dump_rule(rule) == (
        '["flow",6074234395462467589,2,124,{"ip_dst":[4,134744064,24]},[["SetGroup",5],["GoTo",3]]]'
    )
