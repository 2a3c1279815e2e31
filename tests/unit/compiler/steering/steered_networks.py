"""A small network with internet sites and gateways, and steerings of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from controller.compiler.rules import trunk_rules
from controller.compiler.steering.edges import edges_of
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
    PerDirection,
    Role,
    Site,
    SiteService,
    Topology,
)
from controller.forwarding.fabric import Fabric
from controller.forwarding.switch import Switch

GBPS = 10**9
MS = 10**6
SITES = {"gd": "10.44.0.0/16", "zj": "10.33.0.0/16"}
CUSTOMER_MAC = {"gd": "02:00:00:00:44:01", "zj": "02:00:00:00:33:01"}
ABROAD_MAC = {"sh": "02:00:00:00:00:a1", "gz": "02:00:00:00:00:a2", "bj": "02:00:00:00:00:a3"}
SITE_PORT, GATEWAY_PORT = 11, 21
REGION = "north-america"
ABROAD = (parse_prefix("198.51.100.0/24"), parse_prefix("203.0.113.0/24"), parse_prefix("2001:db8:ff::/48"))


def network(capacity_bps: int = 10 * GBPS) -> Topology:
    """PEs ``gd`` and ``zj`` with a site each, a ring of them and ``sh``, ``gz`` and ``bj``, which have a gateway each;
    ``gz`` has a site, too, at which nobody can be reached."""
    ring = ("gd", "gz", "zj", "sh", "bj")
    links = tuple(
        Link(
            name=f"{a}-{z}",
            a=a,
            z=z,
            a_port=1,
            z_port=2,
            capacity_bps=PerDirection.both(capacity_bps),
            delay_ns=PerDirection.both(MS),
        )
        for a, z in zip(ring, (*ring[1:], ring[0]), strict=True)
    )
    sites = tuple(
        Site(
            name=f"prov-{node}",
            node=node,
            port=SITE_PORT,
            service=SiteService.INTERNET,
            prefixes=(prefix, f"fd00:{prefix.split('.')[1]}::/32"),
            next_hop=NextHop(mac=CUSTOMER_MAC[node], ip="10.0.0.2"),
        )
        for node, prefix in SITES.items()
    )
    silent = Site(name="prov-gz", node="gz", port=SITE_PORT, service=SiteService.INTERNET, prefixes=("10.55.0.0/16",))
    gateways = tuple(
        Gateway(
            name=f"igw-{node}",
            node=node,
            port=GATEWAY_PORT,
            capacity_bps=capacity_bps,
            delays_ns=((REGION, 60 * MS),),
            next_hop=NextHop(mac=mac, ip="192.0.2.1"),
            addresses=("192.0.2.2", "2001:db8::2"),
        )
        for node, mac in ABROAD_MAC.items()
    )
    nodes = tuple(Node(name=name, role=Role.PE) for name in ring)
    return Topology(name="ring", nodes=nodes, links=links, sites=(*sites, silent), gateways=gateways)


def edges(topology: Topology) -> tuple[Edge, ...]:
    """With labels from 600,000 on, and groups of sites from 9,000 on."""
    return tuple(
        Edge(
            kind=place.kind,
            name=place.name,
            label=600_000 + 2 * number,
            group=9_000 + number if place.kind is EdgeKind.SITE else 0,
        )
        for number, place in enumerate(edges_of(topology))
    )


def legs(topology: Topology, first_label: int = 2_000, clockwise: bool = True) -> tuple[list[Leg], dict[int, Trunk]]:
    """From every edge's node to every edge elsewhere, one way round the ring."""
    places = edges_of(topology)
    found: list[Leg] = []
    trunks: dict[int, Trunk] = {}
    by_ends: dict[tuple[str, str], int] = {}
    for source in sorted({place.node for place in places}):
        for place in sorted(places, key=lambda place: place.name):
            label = 0
            if place.node != source:
                label = by_ends.setdefault((source, place.node), first_label + len(by_ends))
                trunks[label] = Trunk(label=label, route=route(topology, source, place.node, clockwise), group_id=label)
            found.append(Leg(source=source, edge=place.name, trunk=label))
    return found, trunks


def route(topology: Topology, source: str, target: str, clockwise: bool = True) -> Route:
    nodes, links = [source], []
    while nodes[-1] != target:
        step = next(one for one in topology.links if (one.a if clockwise else one.z) == nodes[-1])
        nodes.append(step.z if clockwise else step.a)
        links.append(step.name)
    return Route(nodes=tuple(nodes), links=tuple(links))


def group(number: int = 1, gateways: Iterable[str] = ("igw-bj", "igw-gz", "igw-sh")) -> DestinationGroup:
    return DestinationGroup(number=number, region=REGION, gateways=tuple(gateways))


def entry(source: str, *gateways: str, number: int = 1, rate_bps: int = GBPS, traffic_class=TrafficClass.BULK) -> Entry:
    return Entry(source=source, group=number, traffic_class=traffic_class, gateways=gateways, rate_bps=rate_bps)


def steered(
    topology: Topology, entries: Iterable[Entry], groups: Iterable[DestinationGroup] = (), clockwise: bool = True
) -> tuple[Steering, Mapping[int, Trunk]]:
    """A steering with these entries, and its trunks."""
    found, trunks = legs(topology, clockwise=clockwise)
    return (
        Steering(edges=edges(topology), groups=tuple(groups), legs=tuple(found), entries=tuple(entries)),
        trunks,
    )


def everything(topology: Topology, steering: Steering, table: PrefixTable, trunks: Mapping[int, Trunk]):
    """All rules, those of trunks, too: (device, rule)."""
    for trunk in trunks.values():
        yield from trunk_rules(topology, trunk)
    yield from steering_rules(topology, steering, table, trunks)


def installed(topology: Topology, steering: Steering, table: PrefixTable, trunks: Mapping[int, Trunk]) -> Fabric:
    """Switches that hold all that."""
    switches = {node.name: Switch() for node in topology.nodes}
    for device, rule in everything(topology, steering, table, trunks):
        switches[device].set(rule)
    return Fabric(topology, switches)


TABLE = PrefixTable(routes=tuple((prefix, 1) for prefix in ABROAD))
