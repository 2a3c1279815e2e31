"""Random rules that OpenFlow can say."""

from hypothesis import strategies as st

from controller.domain.rules import (
    Bucket,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Output,
    Owner,
    Police,
    PopTrunk,
    SetTrunk,
    SetVlan,
    Table,
    Unwrap,
    UseGroup,
    Wrap,
    cookie,
)

LARGEST_LABEL = (1 << 20) - 1
ports = st.one_of(st.integers(1, 64), st.integers(1, 0xFFFFFF00))
ethertypes = st.sampled_from((0x8847, 0x8848)) | st.integers(0x0600, 0xFFFF)
vlans = st.integers(1, 4094)
labels = st.integers(0, LARGEST_LABEL)
tables = st.sampled_from(list(Table))
words = st.integers(0, 0xFFFFFFFF)

matches = st.builds(
    Match, in_port=st.none() | ports, ethertype=st.none() | ethertypes, vlan=st.none() | vlans
) | st.builds(Match, in_port=st.none() | ports, vlan=st.none() | vlans, mpls_label=labels)
middle_actions = st.one_of(
    st.builds(SetVlan, vlans),
    st.builds(Wrap, labels, st.booleans()),
    st.just(PopTrunk()),
    st.builds(Unwrap, st.booleans()),
    st.builds(SetTrunk, labels),
    st.builds(Output, ports),
    st.builds(UseGroup, st.integers(0, 0xFFFFFF00)),
)


@st.composite
def action_lists(draw):
    """Police first if at all, GoTo last if at all."""
    first = draw(st.lists(st.builds(Police, words), max_size=1))
    last = draw(st.lists(st.builds(GoTo, tables), max_size=1))
    return (*first, *draw(st.lists(middle_actions, max_size=5)), *last)


cookies = st.builds(cookie, st.sampled_from(list(Owner)), st.integers(0, (1 << 40) - 1))
flows = st.builds(
    FlowRule, cookie=cookies, table=tables, priority=st.integers(0, 0xFFFF), match=matches, actions=action_lists()
)
meters = st.builds(
    MeterRule, meter_id=st.integers(1, 0xFFFF0000), rate_kbps=st.integers(1, 0xFFFFFFFF), burst_kbits=words
)
bucket_actions = st.lists(st.one_of(st.builds(SetTrunk, labels), st.builds(Output, ports)), max_size=3).map(tuple)


@st.composite
def groups(draw):
    kind = draw(st.sampled_from(list(GroupKind)))
    watch_ports = ports if kind is GroupKind.FAST_FAILOVER else st.none()
    weights = st.integers(0, 0xFFFF) if kind is GroupKind.SELECT else st.just(0)
    buckets = st.lists(st.builds(Bucket, actions=bucket_actions, watch_port=watch_ports, weight=weights), max_size=4)
    return GroupRule(group_id=draw(st.integers(0, 0xFFFFFF00)), kind=kind, buckets=tuple(draw(buckets)))
