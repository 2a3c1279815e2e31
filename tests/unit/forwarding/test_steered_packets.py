"""Packets through the tables that steering fills: classified, looked up, steered, wrapped, handed over."""

from __future__ import annotations

import pytest
from ip_frames import (
    HOST,
    ROUTER,
    advertisement,
    arp_reply,
    arp_request,
    packet_frame,
    solicitation,
)

from controller.domain.prefixes import ANY_IPV4, ANY_IPV6, parse_prefix
from controller.domain.rules import (
    AnswerArp,
    AnswerNeighbour,
    Bucket,
    DecTtl,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    Match,
    Output,
    PopTrunk,
    SetClass,
    SetGroup,
    SetMacs,
    SetTrunk,
    SourceSlice,
    Table,
    Unwrap,
    UseGroup,
    Wrap,
)
from controller.forwarding import frame as frames
from controller.forwarding.switch import Sent, Switch

SITE, LINK, GATEWAY = 11, 1, 21
GOLD, BULK = 1, 3
EF = 46
TRUNK, OTHER_TRUNK, TO_GATEWAY = 2_000, 2_001, 600_000
BEYOND, OTHER_BEYOND = "02:00:00:00:99:01", "02:00:00:00:99:02"


def flow(table, *actions, priority=1, **match):
    return FlowRule(cookie=1, table=table, priority=priority, match=Match(**match), actions=actions)


def onto(number, trunk):
    return GroupRule(
        group_id=number, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(SetTrunk(trunk), Output(LINK))),)
    )


def classify(**match):
    return (
        flow(Table.CLASSIFY, SetClass(GOLD), GoTo(Table.ROUTE), in_port=SITE, dscp=EF, priority=2, **match),
        flow(Table.CLASSIFY, SetClass(BULK), GoTo(Table.ROUTE), in_port=SITE, **match),
    )


def steer(group, traffic_class, trunk_group, mac, tc, version, priority=1, **match):
    return flow(
        Table.STEER,
        DecTtl(),
        SetMacs(ROUTER, mac),
        Wrap(TO_GATEWAY, tc=tc),
        UseGroup(trunk_group),
        priority=priority,
        group=group,
        traffic_class=traffic_class,
        ip_dst=version,
        **match,
    )


HEAD = Switch(
    [
        onto(1, TRUNK),
        onto(2, OTHER_TRUNK),
        flow(Table.CLASSIFY, AnswerArp(ROUTER), in_port=SITE, arp_target="10.44.0.1", priority=3),
        flow(Table.CLASSIFY, AnswerNeighbour(ROUTER), in_port=SITE, nd_target="fd00:44::1", priority=3),
        *(rule for version in (ANY_IPV4, ANY_IPV6) for rule in classify(eth_dst=ROUTER, ip_dst=version)),
        *(
            flow(Table.ROUTE, SetGroup(5), GoTo(Table.STEER), ip_dst=parse_prefix(prefix), priority=9)
            for prefix in ("8.8.0.0/16", "2001:db8::/32")
        ),
        *(flow(Table.ROUTE, SetGroup(0), GoTo(Table.STEER), ip_dst=version) for version in (ANY_IPV4, ANY_IPV6)),
        *(
            rule
            for version in (ANY_IPV4, ANY_IPV6)
            for rule in (
                steer(5, GOLD, 1, BEYOND, 3, version),
                steer(5, BULK, 1, BEYOND, 0, version),
                steer(5, BULK, 2, OTHER_BEYOND, 0, version, priority=2, source=SourceSlice(1, 2)),
                steer(0, BULK, 2, OTHER_BEYOND, 0, version),
            )
        ),
    ]
)
END = Switch(
    [
        *(
            flow(Table.CLASSIFY, PopTrunk(), GoTo(Table.DELIVER), in_port=LINK, mpls_label=trunk)
            for trunk in (TRUNK, OTHER_TRUNK)
        ),
        flow(Table.DELIVER, Unwrap(), Output(GATEWAY), mpls_label=TO_GATEWAY),
    ]
)
V4, V6 = ("10.44.7.{}", "8.8.8.8", "9.9.9.9"), ("fd00:44::{}", "2001:db8::8", "2001:beef::1")


@pytest.mark.parametrize(("sources", "known", "unknown"), [V4, V6], ids=["IPv4", "IPv6"])
def test_packets_leave_by_group_class_and_source_with_one_hop_less(sources, known, unknown):
    for destination, dscp, host, trunk, mac, tc in (
        (known, EF, 5, TRUNK, BEYOND, 3),
        (known, 0, 4, TRUNK, BEYOND, 0),
        (known, 0, 5, OTHER_TRUNK, OTHER_BEYOND, 0),  # 5 ends in 01
        (unknown, 0, 4, OTHER_TRUNK, OTHER_BEYOND, 0),
    ):
        packet = packet_frame(sources.format(host), destination, dscp=dscp, hop_limit=64)
        (on_the_link,) = HEAD.receive(SITE, packet)
        assert on_the_link.port == LINK
        assert frames.outer_label(on_the_link.frame) == trunk
        assert frames.traffic_class(on_the_link.frame) == tc
        expected = packet_frame(sources.format(host), destination, dscp=dscp, hop_limit=63, eth_dst=mac, eth_src=ROUTER)
        assert END.receive(LINK, on_the_link.frame) == [Sent(GATEWAY, expected)]
    # Gold to elsewhere: no rule says where, and what the packets before noted is forgotten.
    assert HEAD.receive(SITE, packet_frame(sources.format(4), unknown, dscp=EF)) == []


def test_what_is_not_for_the_router_or_has_no_hop_left_goes_nowhere():
    for packet in (
        packet_frame("10.44.7.1", "8.8.8.8", eth_dst=HOST),
        packet_frame("10.44.7.1", "8.8.8.8", tagged=7),
        packet_frame("10.44.7.1", "8.8.8.8", hop_limit=1),
        packet_frame("fd00:44::9", "2001:db8::8", hop_limit=0),
        b"",
        b"\x08\x00",
    ):
        assert HEAD.receive(SITE, packet) == []
    assert HEAD.receive(SITE + 1, packet_frame("10.44.7.1", "8.8.8.8")) == []


def test_questions_for_the_routers_addresses_are_answered_by_the_port_they_came_by():
    assert HEAD.receive(SITE, arp_request("10.44.0.9", "10.44.0.1")) == [
        Sent(SITE, arp_reply("10.44.0.1", ROUTER, "10.44.0.9", HOST))
    ]
    assert HEAD.receive(SITE, solicitation("fd00:44::9", "fd00:44::1")) == [
        Sent(SITE, advertisement("fd00:44::1", ROUTER, "fd00:44::9", HOST))
    ]
    for question in (arp_request("10.44.0.9", "10.44.0.2"), solicitation("fd00:44::9", "fd00:44::2")):
        assert HEAD.receive(SITE, question) == []


def test_the_trunks_label_is_written_without_touching_the_traffic_class():
    wrapped = frames.wrap(packet_frame("10.44.7.1", "8.8.8.8"), TO_GATEWAY, tc=5)
    assert [frames.traffic_class(wrapped), frames.traffic_class(frames.set_label(wrapped, TRUNK))] == [5, 5]
    assert frames.traffic_class(frames.pop_label(frames.set_label(wrapped, TRUNK))) == 0
    assert frames.traffic_class(packet_frame("10.44.7.1", "8.8.8.8")) is None
