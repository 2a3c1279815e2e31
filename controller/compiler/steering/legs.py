"""The trunks that steered traffic rides: from each node with internet sites to each gateway, and from each node with
sites or gateways to each site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from controller.compiler.egress_routes import EgressRoutes
from controller.compiler.inventory import Inventory
from controller.compiler.plan import LinkUse
from controller.domain.placement import Route, Trunk
from controller.domain.steering import Edge, EdgeKind, Leg, Steering
from controller.domain.topology import Direction, Topology
from controller.domain.usable import usable_bps
from controller.paths.network import Network

Arc = tuple[str, Direction]


def edge_node(topology: Topology, edge: Edge) -> str:
    """Where an edge is."""
    return (topology.site if edge.kind is EdgeKind.SITE else topology.gateway)[edge.name].node


def legs(
    routes: EgressRoutes,
    inventory: Inventory,
    edges: Iterable[Edge],
    nodes_away: frozenset[str] = frozenset(),
) -> tuple[Leg, ...]:
    """A leg from each node with sites to each gateway, and from each node with sites or gateways to each site that
    packets can be handed to, by the route of least delay; none where no route is. New trunks are taken into the
    inventory.

    A node that cannot be told anything keeps the legs that it has, and no new trunk is led through it."""
    topology, before = routes.network.topology, inventory.steering.legs
    wanted = sorted(_wanted(topology, edges), key=lambda one: (one[0], one[1].name, one[1].kind))
    found: list[Leg] = [leg for leg in before if leg.source in nodes_away]
    for source, edge in wanted:
        node = edge_node(topology, edge)
        if source in nodes_away:
            continue
        if node == source:
            found.append(Leg(source=source, edge=edge.name, trunk=0))
            continue
        route = _route(routes, inventory, source, node, nodes_away)
        if route is not None:
            found.append(Leg(source=source, edge=edge.name, trunk=inventory.trunk_along(route).label))
    return tuple(sorted(found, key=lambda leg: (leg.source, leg.edge, leg.trunk)))


def inside_ns(
    network: Network, edges: Iterable[Edge], found: Iterable[Leg], trunks: Mapping[int, Trunk]
) -> dict[tuple[str, str], int]:
    """The delay of each leg to a gateway, by source and gateway."""
    topology = network.topology
    node_of = {edge.name: edge_node(topology, edge) for edge in edges if edge.kind is EdgeKind.GATEWAY}
    delays: dict[tuple[str, str], int] = {}
    for leg in found:
        end = trunks[leg.trunk].route.nodes[-1] if leg.trunk else leg.source
        if node_of.get(leg.edge) == end:
            delays[leg.source, leg.edge] = _delay_ns(network, leg, trunks)
    return delays


def longest_ns(network: Network, steering: Steering, trunks: Mapping[int, Trunk]) -> int:
    """How long a packet may be under way inside the network."""
    return max((_delay_ns(network, leg, trunks) for leg in steering.legs), default=0)


def overfull(
    topology: Topology, steering: Steering, trunks: Mapping[int, Trunk], links: Iterable[LinkUse]
) -> Iterator[Arc]:
    """The directions of links that steered traffic, as much as it is taken to be, has no room on beside the lines."""
    load: Counter[Arc] = Counter()
    # By the node that it leads to as well: a site and a gateway may have one name.
    node_of = {gateway.name: gateway.node for gateway in topology.gateways}
    ridden = ((leg, trunks[leg.trunk]) for leg in steering.legs if leg.trunk in trunks)
    by_ends = {(leg.source, leg.edge, trunk.route.nodes[-1]): trunk for leg, trunk in ridden}
    for entry in steering.entries:
        for gateway, bps in entry.bps().items() if entry.rate_bps else ():
            trunk = by_ends.get((entry.source, gateway, node_of.get(gateway, "")))
            for link, direction in trunk.route.hops(topology) if trunk is not None else ():
                load[link.name, direction] += bps
    for use in links:
        arc = (use.link, use.direction)
        if load[arc] > max(0, usable_bps(use.capacity_bps) - use.reserved_bps):
            yield arc


def _wanted(topology: Topology, edges: Iterable[Edge]) -> list[tuple[str, Edge]]:
    by_kind: dict[EdgeKind, list[Edge]] = {kind: [] for kind in EdgeKind}
    for edge in edges:
        by_kind[edge.kind].append(edge)
    with_sites = {edge_node(topology, edge) for edge in by_kind[EdgeKind.SITE]}
    with_gateways = {edge_node(topology, edge) for edge in by_kind[EdgeKind.GATEWAY]}
    reached = [edge for edge in by_kind[EdgeKind.SITE] if topology.site[edge.name].next_hop is not None]
    return [
        *((node, edge) for node in with_sites for edge in by_kind[EdgeKind.GATEWAY]),
        *((node, edge) for node in with_sites | with_gateways for edge in reached),
    ]


def _route(
    routes: EgressRoutes, inventory: Inventory, source: str, node: str, nodes_away: frozenset[str]
) -> Route | None:
    path = routes.find(source, node)
    if path is None:
        return None
    if inventory.has_trunk(path.route) or nodes_away.isdisjoint(path.route.nodes):
        return path.route
    around = routes.find_past(source, node, nodes_away)
    return None if around is None else around.route


def _delay_ns(network: Network, leg: Leg, trunks: Mapping[int, Trunk]) -> int:
    hops = trunks[leg.trunk].route.hops(network.topology) if leg.trunk else ()
    return sum(network.crossing_delay_ns(link, direction) for link, direction in hops)
