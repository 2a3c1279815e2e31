from __future__ import annotations

import pytest

from controller.domain.otn import OduType
from controller.domain.prefixes import parse_prefix
from controller.domain.rule_words import rule_words
from controller.domain.rules import (
    Bucket,
    ClientEnd,
    CrossConnect,
    EchoReply,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    LineEnd,
    Match,
    MeterRule,
    Opaque,
    Output,
    Owner,
    Police,
    PopTrunk,
    SetTrunk,
    SetVlan,
    Table,
    TellController,
    Unwrap,
    UseGroup,
    Wrap,
    cookie,
)

ANY_IPV4 = parse_prefix("0.0.0.0/0")
LINE, TRUNK = cookie(Owner.LINE, 3), cookie(Owner.TRUNK, 1_025)


def flow(match, *actions, owner=LINE, table=Table.CLASSIFY):
    return FlowRule(cookie=owner, table=table, priority=1, match=match, actions=actions)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            flow(Match(in_port=3, ip_dst=ANY_IPV4, source=parse_prefix("10.44.0.0/16")), GoTo(Table.ROUTE)),
            "line 3: port 3 IPv4 from 10.44.0.0/16 -> go to ROUTE",
        ),
        (
            CrossConnect(
                cookie=LINE,
                number=7,
                odu=OduType.ODU2E,
                a=ClientEnd(port=1),
                z=LineEnd(port=100, tributary_port=2, slots=(1, 2)),
            ),
            "line 3: cross-connect 7: ODU2e client port 1 <-> line port 100 slots 1, 2 (tributary port 2)",
        ),
        (
            CrossConnect(
                cookie=LINE, number=7, odu=Opaque("no ODU"), a=Opaque("no port"), z=ClientEnd(port=2), extra=("x is y",)
            ),
            "line 3: cross-connect 7: no ODU no port <-> client port 2, x is y",
        ),
        (
            flow(Match(in_port=11, vlan=100), Police(1), SetVlan(200), Wrap(524_288), UseGroup(1)),
            "line 3: port 11 VLAN 100 -> police by meter 1, set VLAN 200, wrap with service label 524288, group 1",
        ),
        (
            flow(Match(in_port=11, ethertype=0x8847), Police(1), Wrap(524_289, shim=True), UseGroup(1)),
            "line 3: port 11 ethertype 0x8847 -> police by meter 1, wrap with shim and shim label 524289, group 1",
        ),
        (
            flow(Match(mpls_label=524_288), Unwrap(), Output(11), table=Table.DELIVER),
            "line 3: service label 524288 -> unwrap, port 11",
        ),
        (
            flow(Match(mpls_label=524_289), Unwrap(shim=True), Output(11), table=Table.DELIVER),
            "line 3: service label 524289 -> unwrap, shim too, port 11",
        ),
        (
            flow(Match(in_port=1, mpls_label=1_025), PopTrunk(), GoTo(Table.DELIVER), owner=TRUNK),
            "trunk 1025: port 1 trunk label 1025 -> pop the trunk label, go to DELIVER",
        ),
        (
            flow(
                Match(in_port=60, echo_reply=EchoReply("203.0.113.1", "192.0.2.1")),
                Police(60_001),
                TellController(),
                owner=cookie(Owner.EDGE, 600_000),
            ),
            "edge 600000: port 60 echo replies of 203.0.113.1 for 192.0.2.1 -> police by meter 60001, "
            "tell the controller",
        ),
        (flow(Match(), owner=0xBEEF), "cookie 0xbeef: anything -> drop"),
        (flow(Match(in_port=1), Opaque("pop_vlan"), owner=cookie(Owner.DEVICE, 0)), "device: port 1 -> pop_vlan"),
        (MeterRule(meter_id=1, rate_kbps=5_000, burst_kbits=2_500), "meter 1: 5Mbps, burst 2500 kbit"),
        (
            GroupRule(group_id=1, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(SetTrunk(1_025), Output(2))),)),
            "group 1: indirect -> trunk label 1025, port 2",
        ),
        (
            GroupRule(
                group_id=2,
                kind=GroupKind.FAST_FAILOVER,
                buckets=tuple(
                    Bucket(actions=(SetTrunk(label), Output(port)), watch_port=port) for label, port in ((7, 1), (8, 2))
                ),
            ),
            "group 2: fast-failover -> while port 1 is up: trunk label 7, port 1 "
            "| while port 2 is up: trunk label 8, port 2",
        ),
    ],
)
def test_a_rule_in_words(rule, words):
    assert rule_words(rule) == words
