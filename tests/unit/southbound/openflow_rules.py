"""Rules that OpenFlow can say: some, and random ones."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

from controller.domain.prefixes import ADDRESS_BITS, ANY_IPV6, Prefix
from controller.domain.rules import (
    AnswerArp,
    AnswerNeighbour,
    Bucket,
    DecTtl,
    EchoReply,
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
    SetClass,
    SetGroup,
    SetMacs,
    SetTrunk,
    SetVlan,
    SourceSlice,
    Table,
    TellController,
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

macs = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
classes = st.integers(0, 0xFF)
numbers = st.integers(0, 0xFFFFFF)


@st.composite
def prefixes(draw, versions=(4, 6)):
    version = draw(st.sampled_from(versions))
    width = ADDRESS_BITS[version]
    length = draw(st.sampled_from((0, width)) | st.integers(0, width))
    return Prefix(version, draw(st.integers(0, (1 << length) - 1)) << width - length, length)


@st.composite
def slices(draw):
    width = draw(st.integers(1, 31))
    return SourceSlice(draw(st.integers(0, (1 << width) - 1)), width)


@st.composite
def echo_replies(draw):
    kind, bits = draw(st.sampled_from(((IPv4Address, 32), (IPv6Address, 128))))
    source, destination = draw(st.tuples(*[st.integers(0, (1 << bits) - 1)] * 2))
    return EchoReply(str(kind(source)), str(kind(destination)))


anything = {
    "in_port": st.none() | ports,
    "eth_dst": st.none() | macs,
    "traffic_class": st.none() | classes,
    "group": st.none() | numbers,
}


@st.composite
def packet_matches(draw):
    destination = draw(prefixes())
    sources = prefixes((destination.version,)).filter(lambda prefix: prefix.length > 0)
    asked = {name: draw(strategy) for name, strategy in anything.items()}
    return Match(
        **asked,
        ip_dst=destination,
        dscp=draw(st.none() | st.integers(0, 63)),
        source=draw(st.none() | slices() | sources),
    )


matches = st.one_of(
    st.builds(Match, **anything, ethertype=st.none() | ethertypes, vlan=st.none() | vlans),
    st.builds(Match, **anything, vlan=st.none() | vlans, mpls_label=labels),
    packet_matches(),
    st.builds(Match, **anything, arp_target=st.integers(0, (1 << 32) - 1).map(lambda bits: str(IPv4Address(bits)))),
    st.builds(Match, **anything, nd_target=st.integers(0, (1 << 128) - 1).map(lambda bits: str(IPv6Address(bits)))),
    st.builds(Match, **anything, echo_reply=echo_replies()),
)
middle_actions = st.one_of(
    st.builds(SetVlan, vlans),
    st.builds(Wrap, labels, st.booleans(), st.integers(0, 7)),
    st.just(PopTrunk()),
    st.builds(Unwrap, st.booleans()),
    st.builds(SetTrunk, labels),
    st.builds(Output, ports),
    st.builds(UseGroup, st.integers(0, 0xFFFFFF00)),
    st.just(DecTtl()),
    st.builds(SetMacs, macs, macs),
    st.builds(AnswerArp, macs),
    st.builds(AnswerNeighbour, macs),
    st.just(TellController()),
)
notes = st.builds(SetClass, classes) | st.builds(SetGroup, numbers)


@st.composite
def action_lists(draw):
    """Police first if at all, GoTo last if at all, a note right before it."""
    first = draw(st.lists(st.builds(Police, words), max_size=1))
    last = draw(st.lists(st.builds(GoTo, tables), max_size=1))
    noted = draw(st.lists(notes, max_size=len(last)))
    return (*first, *draw(st.lists(middle_actions, max_size=5)), *noted, *last)


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


LINE = cookie(Owner.LINE, 1)
SENT = FlowRule(
    cookie=LINE, table=Table.DELIVER, priority=200, match=Match(mpls_label=7), actions=(Unwrap(), Output(3))
)

ROUTED = FlowRule(
    cookie=LINE,
    table=Table.ROUTE,
    priority=124,
    match=Match(ip_dst=Prefix(4, 0xC6336400, 24)),
    actions=(SetGroup(5), GoTo(Table.STEER)),
)
STEERED = FlowRule(
    cookie=LINE,
    table=Table.STEER,
    priority=104,
    match=Match(group=5, traffic_class=3, ip_dst=ANY_IPV6, source=SourceSlice(3, 4)),
    actions=(DecTtl(), SetMacs("02:54:4c:00:00:0a", "02:00:00:00:00:a1"), Wrap(70_000, tc=3), UseGroup(4)),
)
