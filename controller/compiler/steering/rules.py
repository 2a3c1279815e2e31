"""Which rules steer internet traffic: everything of it on a device follows from a steering and a table of prefixes.

A packet is classified where it enters (``CLASSIFY``), gets the destination group of its address (``ROUTE``), and is
wrapped and sent to the edge that its group and class leave by (``STEER``); at the edge's node it is unwrapped and
handed over (``DELIVER``). All edges are one router to those outside: one MAC address, and the hop limit falls once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from controller.compiler.rules import DELIVER_PRIORITY, DeviceRule
from controller.compiler.steering.edges import EdgePlace, edges_of
from controller.compiler.steering.probes import probe_meters, probes_of
from controller.compiler.steering.slices import told_apart
from controller.domain.egress import TrafficClass
from controller.domain.placement import Trunk
from controller.domain.prefixes import ANY_IPV4, ANY_IPV6, Prefix
from controller.domain.qos import DSCP_OF_CLASS, TC_OF_CLASS
from controller.domain.rules import (
    Action,
    AnswerArp,
    AnswerNeighbour,
    DecTtl,
    EchoReply,
    FlowRule,
    GoTo,
    Match,
    Output,
    Owner,
    Police,
    SetClass,
    SetGroup,
    SetMacs,
    Table,
    TellController,
    Unwrap,
    UseGroup,
    Wrap,
    cookie,
)
from controller.domain.steering import ELSEWHERE, Edge, EdgeKind, Entry, PacketClass, PrefixTable, Steering
from controller.domain.topology import Topology

VIRTUAL_MAC: Final = "02:54:4c:00:00:0a"
"""We, as a router, at every edge; locally administered."""

# In CLASSIFY, above rules of lines for a whole port and below those for trunks. A neighbour solicitation may be sent to
# our MAC address (RFC 4861, 7.3: is it still there?), so that answers stand above packets to be carried.
PACKET_PRIORITY = 120
DSCP_PRIORITY = 130
ANSWER_PRIORITY = 140
PROBE_PRIORITY = 150
# In ROUTE the longest prefix counts: its length is added. Our own prefixes stand above all others, whatever anybody
# abroad announces within them.
ROUTE_PRIORITY = 100
OWN_ROUTE_PRIORITY = 300
# In STEER the rule for part of the sources stands above the one for all by the number of bits that tell it apart.
STEER_PRIORITY = 100

ANY_IP = (ANY_IPV4, ANY_IPV6)


def steering_rules(
    topology: Topology, steering: Steering, prefixes: PrefixTable, trunks: Mapping[int, Trunk]
) -> Iterator[DeviceRule]:
    """All of them. A rule that many nodes have is one object. ``KeyError``: the steering names an edge that the
    topology has not, rides a trunk that is not among ``trunks``, or sends traffic by an edge that no leg leads to."""
    places = {place.id: place for place in edges_of(topology)}
    edges = [(edge, places[edge.kind, edge.name]) for edge in steering.edges]
    for edge, place in edges:
        yield from _edge_rules(edge, place)
    yield from _probe_rules(topology, steering)
    yield from _route_rules(edges, prefixes)
    ways = Ways(topology, steering, trunks)
    yield from _to_sites(edges, ways)
    yield from rules_of_entries(steering.entries, ways)


class Ways:
    """What becomes of a packet that leaves a node by an edge. Raises ``KeyError`` as ``steering_rules`` does."""

    def __init__(self, topology: Topology, steering: Steering, trunks: Mapping[int, Trunk]) -> None:
        places = {place.id: place for place in edges_of(topology)}
        self._edges = {(edge.kind, edge.name): (edge, places[edge.kind, edge.name]) for edge in steering.edges}
        self._trunks = trunks
        # By the node that it leads to as well: a site and a gateway may have one name.
        self._legs: dict[tuple[str, str, str], int] = {}
        for leg in steering.legs:
            end = trunks[leg.trunk].route.nodes[-1] if leg.trunk else leg.source
            self._legs[leg.source, leg.edge, end] = leg.trunk

    def trunk(self, source: str, kind: EdgeKind, name: str) -> int:
        """The label of the trunk that leads there; 0: the edge is at the node itself. ``KeyError``: none leads."""
        _, place = self._edges[kind, name]
        return 0 if place.node == source else self._legs[source, name, place.node]

    def leads(self, source: str, kind: EdgeKind, name: str) -> bool:
        """Whether packets can get there."""
        _, place = self._edges[kind, name]
        return place.next_hop is not None and (place.node == source or (source, name, place.node) in self._legs)

    def actions(self, source: str, kind: EdgeKind, name: str, tc: int) -> tuple[Action, ...]:
        """Lower the hop limit, address the edge's next hop, send it there."""
        edge, place = self._edges[kind, name]
        if place.next_hop is None:
            raise KeyError(f"{name} has no next hop")
        routed = (DecTtl(), SetMacs(VIRTUAL_MAC, place.next_hop))
        if place.node == source:
            return (*routed, Output(place.port))
        group_id = self._trunks[self.trunk(source, kind, name)].group_id
        return (*routed, Wrap(edge.label, tc=tc), UseGroup(group_id))


def rules_of_entries(entries: Iterable[Entry], ways: Ways) -> Iterator[DeviceRule]:
    """Of all entries, in their order. ``KeyError`` as ``steering_rules``."""
    for entry in entries:
        tc = TC_OF_CLASS[entry.traffic_class]
        actions = {name: ways.actions(entry.source, EdgeKind.GATEWAY, name, tc) for name in set(entry.gateways)}
        for rule in entry_rules(entry.group, entry.traffic_class, [actions[name] for name in entry.gateways]):
            yield entry.source, rule


def entry_rules(group: int, traffic_class: TrafficClass, actions: Sequence[tuple[Action, ...]]) -> Iterator[FlowRule]:
    """What becomes of packets of a group and a class: for all of them, or for each of ``SLICES`` parts by source."""
    owner, number = cookie(Owner.EGRESS, group), PacketClass.of(traffic_class)
    for part, doing in told_apart(actions):
        for any_ip in ANY_IP:
            yield FlowRule(
                cookie=owner,
                table=Table.STEER,
                priority=STEER_PRIORITY if part is None else STEER_PRIORITY + part.width,
                match=Match(group=group, traffic_class=number, ip_dst=any_ip, source=part),
                actions=doing,
            )


def _edge_rules(edge: Edge, place: EdgePlace) -> Iterator[DeviceRule]:
    owner = cookie(Owner.EDGE, edge.label)

    def classify(priority: int, match: Match, actions: tuple[Action, ...]) -> DeviceRule:
        return place.node, FlowRule(cookie=owner, table=Table.CLASSIFY, priority=priority, match=match, actions=actions)

    for address in place.addresses:
        if ":" in address:
            asked, answer = Match(in_port=place.port, nd_target=address), AnswerNeighbour(VIRTUAL_MAC)
            yield classify(ANSWER_PRIORITY, asked, (answer,))
        else:
            yield classify(ANSWER_PRIORITY, Match(in_port=place.port, arp_target=address), (AnswerArp(VIRTUAL_MAC),))
    every = PacketClass.BULK if place.kind is EdgeKind.SITE else PacketClass.FROM_ABROAD
    for any_ip, source in _allowed(place):
        packet = Match(in_port=place.port, eth_dst=VIRTUAL_MAC, ip_dst=any_ip, source=source)
        yield classify(PACKET_PRIORITY, packet, (SetClass(every), GoTo(Table.ROUTE)))
        if place.kind is EdgeKind.SITE:  # nobody abroad says how we treat what he sends
            for traffic_class, code_points in DSCP_OF_CLASS.items():
                for dscp in code_points:
                    noted = SetClass(PacketClass.of(traffic_class))
                    yield classify(DSCP_PRIORITY, replace(packet, dscp=dscp), (noted, GoTo(Table.ROUTE)))
    if place.next_hop is not None:
        yield (
            place.node,
            FlowRule(
                cookie=owner,
                table=Table.DELIVER,
                priority=DELIVER_PRIORITY,
                match=Match(mpls_label=edge.label),
                actions=(Unwrap(), Output(place.port)),
            ),
        )


def _probe_rules(topology: Topology, steering: Steering) -> Iterator[DeviceRule]:
    """Of all that comes from abroad, the controller is told of answers to its pings alone, and of few of these."""
    labels = {edge.name: edge.label for edge in steering.edges if edge.kind is EdgeKind.GATEWAY}
    meters = probe_meters(topology)
    for gateway in topology.gateways:
        if gateway.name in labels and gateway.name in meters:
            yield gateway.node, meters[gateway.name]
    for probe in probes_of(topology):
        if probe.gateway in labels:
            answer = EchoReply(source=probe.destination, destination=probe.source)
            rule = FlowRule(
                cookie=cookie(Owner.EDGE, labels[probe.gateway]),
                table=Table.CLASSIFY,
                priority=PROBE_PRIORITY,
                match=Match(in_port=probe.port, eth_dst=VIRTUAL_MAC, echo_reply=answer),
                actions=(Police(meters[probe.gateway].meter_id), TellController()),
            )
            yield probe.node, rule


def _allowed(place: EdgePlace) -> Iterator[tuple[Prefix, Prefix | None]]:
    """Any address of a version of IP, and the sources that packets of it may have; ``None``: whatever they have."""
    if not place.sources:
        yield from ((any_ip, None) for any_ip in ANY_IP)
    for source in place.sources:
        yield ANY_IPV4 if source.version == 4 else ANY_IPV6, source


def _route_rules(edges: Sequence[tuple[Edge, EdgePlace]], prefixes: PrefixTable) -> Iterator[DeviceRule]:
    nodes = sorted({place.node for _, place in edges})
    with_sites = sorted({place.node for _, place in edges if place.kind is EdgeKind.SITE})
    for edge, place in edges:
        for prefix in place.prefixes:
            rule = _route_rule(OWN_ROUTE_PRIORITY, prefix, edge.group)
            for node in nodes:
                yield node, rule
    known = {prefix for prefix, _ in prefixes.routes if not prefix.length}
    everything_else = [(any_ip, ELSEWHERE) for any_ip in ANY_IP if any_ip not in known]
    for routes in (prefixes.routes, everything_else):
        for prefix, group in routes:
            rule = _route_rule(ROUTE_PRIORITY, prefix, group)
            for node in with_sites:
                yield node, rule


def _route_rule(above: int, prefix: Prefix, group: int) -> FlowRule:
    return FlowRule(
        cookie=cookie(Owner.EGRESS, group),
        table=Table.ROUTE,
        priority=above + prefix.length,
        match=Match(ip_dst=prefix),
        actions=(SetGroup(group), GoTo(Table.STEER)),
    )


def _to_sites(edges: Sequence[tuple[Edge, EdgePlace]], ways: Ways) -> Iterator[DeviceRule]:
    """How packets for a site get there from every edge. A site that nobody can be reached at has none: what is for it
    is dropped where it enters, and never sent abroad."""
    by_node: defaultdict[str, list[EdgePlace]] = defaultdict(list)
    for _, place in edges:
        by_node[place.node].append(place)
    for edge, place in edges:
        if place.kind is not EdgeKind.SITE:
            continue
        versions = sorted({prefix.version for prefix in place.prefixes})
        for node in sorted(by_node):
            if not ways.leads(node, EdgeKind.SITE, edge.name):
                continue
            actions = ways.actions(node, EdgeKind.SITE, edge.name, TC_OF_CLASS[TrafficClass.BULK])
            for version in versions:
                yield (
                    node,
                    FlowRule(
                        cookie=cookie(Owner.EGRESS, edge.group),
                        table=Table.STEER,
                        priority=STEER_PRIORITY,
                        match=Match(group=edge.group, ip_dst=ANY_IPV4 if version == 4 else ANY_IPV6),
                        actions=actions,
                    ),
                )
