"""Look-ups by what steering matches, beside a straightforward reading of every rule."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ip_frames import HOST, ROUTER, arp_request, packet_frame, solicitation

from controller.domain.prefixes import ANY_IPV4, ANY_IPV6, Prefix, parse_prefix
from controller.domain.rules import FlowRule, GoTo, Match, SetGroup, SourceSlice, Table
from controller.forwarding.lookup import AmbiguousMatch, FlowTable, Noted, see
from controller.forwarding.switch import Switch

PREFIXES = ["0.0.0.0/0", "8.0.0.0/8", "8.8.0.0/16", "8.8.8.8/32", "::/0", "2001:db8::/32", "2001:db8::8/128"]
ADDRESSES = ["8.8.8.8", "8.8.9.9", "8.1.1.1", "10.0.0.1", "2001:db8::8", "2001:db8::9", "fd00::7"]
SOURCES = {4: ["10.0.0.1", "10.0.0.6", "10.0.0.9"], 6: ["fd00::1", "fd00::6", "fd00::9"]}
SLICES = (SourceSlice(1, 4), SourceSlice(2, 2), SourceSlice(1, 1))
PREFIXES_OF_SOURCES = {
    4: [parse_prefix(text) for text in ("10.0.0.0/8", "10.0.0.0/29", "10.0.0.6/32")],
    6: [parse_prefix(text) for text in ("fd00::/16", "fd00::/125", "fd00::6/128")],
}


def some(*values):
    return st.none() | st.sampled_from(values)


@st.composite
def packet_matches(draw):
    prefix = draw(some(*PREFIXES))
    return Match(
        in_port=draw(some(1, 2)),
        vlan=draw(some(7)),
        eth_dst=draw(some(HOST, ROUTER)),
        ip_dst=None if prefix is None else parse_prefix(prefix),
        dscp=None if prefix is None else draw(some(0, 46)),
        source=None if prefix is None else draw(some(*SLICES, *PREFIXES_OF_SOURCES[ip_network(prefix).version])),
        traffic_class=draw(some(0, 1)),
        group=draw(some(0, 5)),
    )


resolution_matches = st.builds(
    Match, in_port=some(1), arp_target=some("10.44.0.1", "10.44.0.2"), nd_target=some("fd00::1", "fd00::2")
)


def from_there(asked, source):
    if isinstance(asked, Prefix):
        return source in ip_network(str(asked))
    return asked is None or int(source) % (1 << asked.width) == asked.value


def matches_packet(match, port, noted, source, destination, dscp, eth_dst, tagged):
    """As a person would read a match."""
    return (
        match.in_port in (None, port)
        and match.vlan in (None, tagged)
        and match.eth_dst in (None, eth_dst)
        and (match.ip_dst is None or (tagged is None and ip_address(destination) in ip_network(str(match.ip_dst))))
        and match.dscp in (None, dscp)
        and from_there(match.source, ip_address(source))
        and match.traffic_class in (None, noted.traffic_class)
        and match.group in (None, noted.group)
        and match.arp_target is None
        and match.nd_target is None
    )


def rules_of(matches):
    """One rule each, of another priority."""
    return [
        FlowRule(cookie=1, table=Table.STEER, priority=priority, match=match, actions=())
        for priority, match in enumerate(matches)
    ]


def table_of(rules):
    table = FlowTable()
    for rule in rules:
        table.add(rule)
    return table


@given(
    st.lists(packet_matches() | resolution_matches, max_size=12),
    st.sampled_from(ADDRESSES),
    st.data(),
    st.booleans(),
)
def test_a_look_up_finds_what_reading_every_rule_finds(matches, destination, data, tagged):
    source = data.draw(st.sampled_from(SOURCES[ip_address(destination).version]))
    port, dscp, eth_dst = data.draw(
        st.tuples(st.integers(1, 2), st.sampled_from((0, 46)), st.sampled_from((HOST, ROUTER)))
    )
    vid = 7 if tagged else None
    noted = data.draw(st.builds(Noted, st.integers(0, 1), st.sampled_from((0, 5))))
    rules = rules_of(matches)
    frame = packet_frame(source, destination, dscp=dscp, eth_dst=eth_dst, tagged=vid)
    table = table_of(rules)
    for _ in range(2):
        found = table.look_up(see(port, frame, noted))
        fitting = [
            rule for rule in rules if matches_packet(rule.match, port, noted, source, destination, dscp, eth_dst, vid)
        ]
        assert found == (fitting[-1] if fitting else None)
        if found is not None:  # and without the one that was found, the next
            table.remove(found)
            rules.remove(found)


@given(st.lists(resolution_matches, max_size=8), st.sampled_from(("10.44.0.1", "10.44.0.3", "fd00::1", "fd00::3")))
def test_questions_for_addresses_are_found_by_their_target(matches, target):
    rules = rules_of(matches)
    asked = solicitation("fd00::9", target) if ":" in target else arp_request("10.44.0.9", target)
    fitting = [
        rule
        for rule in rules
        if rule.match.arp_target in (None, target)
        and rule.match.nd_target in (None, target)
        and rule.match.in_port in (None, 1)
    ]
    assert table_of(rules).look_up(see(1, asked, Noted())) == (fitting[-1] if fitting else None)


def test_the_longest_of_many_prefixes():
    """As many lengths as there are in real tables; the oracle asks of each prefix whether it holds the address."""
    dice = random.Random(7)
    prefixes = {ANY_IPV4, ANY_IPV6}
    while len(prefixes) < 3_000:
        version, length = dice.choice(((4, dice.randint(8, 32)), (6, dice.randint(19, 64))))
        first = 8 << 24 if version == 4 else 0x2001 << 112  # close together: they cover each other
        spread = dice.getrandbits(22) << 2 if version == 4 else dice.getrandbits(20) << 60
        network = Prefix(version, 0, length)
        prefixes.add(Prefix(version, (first | spread) & network.mask, length))
    numbered = {prefix: number for number, prefix in enumerate(sorted(prefixes))}
    table = table_of(
        FlowRule(
            cookie=1,
            table=Table.ROUTE,
            priority=prefix.length,
            match=Match(ip_dst=prefix),
            actions=(SetGroup(number), GoTo(Table.STEER)),
        )
        for prefix, number in numbered.items()
    )
    for prefix in dice.sample(sorted(prefixes), 100):
        host = prefix.bits | dice.getrandbits(128) & ~prefix.mask & ((1 << (32 if prefix.version == 4 else 128)) - 1)
        ends = ("10.0.0.1", str(IPv4Address(host))) if prefix.version == 4 else ("fd00::1", str(IPv6Address(host)))
        best = max(
            (other for other in prefixes if other.version == prefix.version and other.holds(host)),
            key=lambda other: other.length,
        )
        found = table.look_up(see(1, packet_frame(*ends), Noted()))
        assert found is not None
        assert found.match.ip_dst == best
        assert found.actions[0] == SetGroup(numbered[best])


def test_two_slices_that_overlap_at_one_priority_are_a_fault():
    rules = [
        FlowRule(cookie=1, table=Table.STEER, priority=1, match=Match(ip_dst=ANY_IPV4, source=slice_), actions=())
        for slice_ in (SourceSlice(1, 2), SourceSlice(1, 1))
    ]
    table = table_of(rules)
    assert table.look_up(see(1, packet_frame("10.0.0.3", "8.8.8.8"), Noted())) == rules[1]
    with pytest.raises(AmbiguousMatch):
        table.look_up(see(1, packet_frame("10.0.0.5", "8.8.8.8"), Noted()))


def test_a_match_that_asks_of_packets_without_saying_which_is_refused():
    with pytest.raises(ValueError, match="IP version"):
        Switch([FlowRule(cookie=1, table=Table.STEER, priority=1, match=Match(dscp=46), actions=())])
