"""A network of two nodes: a province at ``west``, and a gateway at either; and the rules that steer its traffic."""

from __future__ import annotations

from controller.compiler.rules import trunk_rules
from controller.compiler.steering.rules import steering_rules
from controller.domain.egress import TrafficClass
from controller.domain.placement import Route, Trunk
from controller.domain.prefixes import parse_prefix
from controller.domain.steering import DestinationGroup, Edge, EdgeKind, Entry, Leg, PrefixTable, Steering
from controller.domain.topology import (
    Gateway,
    Link,
    NextHop,
    Node,
    OpenFlowDevice,
    PerDirection,
    Role,
    Site,
    SiteService,
    Topology,
)
from controller.simulation.traffic import Stream

S = 10**9
SITE, NEAR, FAR = ("west", 11), ("west", 21), ("east", 21)
NEAR_LABEL, FAR_LABEL, SITE_LABEL, TRUNK = 600_000, 600_002, 600_004, 2_000
GROUP = 1


def gateway(name, node):
    hop = NextHop(mac="02:00:00:00:00:a1", ip="192.0.2.1")
    return Gateway(name=name, node=node, port=21, capacity_bps=S, next_hop=hop, addresses=("192.0.2.2", "2001:db8::2"))


TOPOLOGY = Topology(
    name="two",
    nodes=tuple(
        Node(name=name, role=Role.PE, device=OpenFlowDevice(datapath_id=number))
        for number, name in enumerate(("west", "east"), start=1)
    ),
    links=(
        Link(
            name="over",
            a="west",
            z="east",
            a_port=1,
            z_port=1,
            capacity_bps=PerDirection.both(S),
            delay_ns=PerDirection.both(1_000_000),
        ),
    ),
    sites=(
        Site(
            name="province",
            node="west",
            port=11,
            service=SiteService.INTERNET,
            prefixes=("10.44.0.0/16", "fd00:44::/32"),
        ),
    ),
    gateways=(gateway("near", "west"), gateway("far", "east")),
)
TRUNKS = {TRUNK: Trunk(label=TRUNK, route=Route(nodes=("west", "east"), links=("over",)), group_id=1)}
PREFIXES = PrefixTable(routes=((parse_prefix("198.51.100.0/24"), GROUP), (parse_prefix("2001:db8:ff::/48"), GROUP)))


def rules(*bulk, gold="near", topology=TOPOLOGY):
    """By device: bulk leaves by these gateways, one or one for each sixteenth of the sources."""
    steering = Steering(
        edges=(
            Edge(kind=EdgeKind.GATEWAY, name="far", label=FAR_LABEL),
            Edge(kind=EdgeKind.GATEWAY, name="near", label=NEAR_LABEL),
            Edge(kind=EdgeKind.SITE, name="province", label=SITE_LABEL, group=9),
        ),
        groups=(DestinationGroup(number=GROUP, region="abroad", gateways=("far", "near")),),
        legs=(Leg(source="west", edge="far", trunk=TRUNK),),
        entries=(
            Entry(source="west", group=GROUP, traffic_class=TrafficClass.BULK, gateways=bulk),
            Entry(source="west", group=GROUP, traffic_class=TrafficClass.GOLD, gateways=(gold,)),
        ),
    )
    yield from steering_rules(topology, steering, PREFIXES, TRUNKS)
    for trunk in TRUNKS.values():
        yield from trunk_rules(topology, trunk)


def stream(rate_bps=8_000_000, **more):
    """From the province to a prefix abroad that is known."""
    ends = {"source": "10.44.7.0", "destination": "198.51.100.7"}
    return Stream(node="west", port=11, rate_bps=rate_bps, **(ends | more))
