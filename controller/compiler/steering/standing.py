"""Whether a steering that was made under another topology still says what can be done under this one."""

from __future__ import annotations

from collections.abc import Mapping

from controller.compiler.steering.edges import edges_of
from controller.domain.placement import Route, Trunk
from controller.domain.steering import Steering
from controller.domain.topology import OpenFlowDevice, Topology


def stands(topology: Topology, steering: Steering, trunks: Mapping[int, Trunk]) -> bool:
    """Whether its edges are the topology's, each trunk that it rides can be followed, and each leg ends where its edge
    is. What gateways lead to, and delays, are looked at by the next cycle."""
    places = {place.id: place for place in edges_of(topology)}
    if {(edge.kind, edge.name) for edge in steering.edges} != places.keys():
        return not steering.edges
    if not all(label in trunks and _can_be_followed(topology, trunks[label].route) for label in steering.trunks):
        return False
    nodes: dict[str, set[str]] = {}
    for place in places.values():
        nodes.setdefault(place.name, set()).add(place.node)
    return all(
        (trunks[leg.trunk].route.nodes[-1] if leg.trunk else leg.source) in nodes.get(leg.edge, ())
        for leg in steering.legs
    )


def _can_be_followed(topology: Topology, route: Route) -> bool:
    for name in route.nodes:
        node = topology.node.get(name)
        if node is None or not node.enabled or not isinstance(node.device, OpenFlowDevice):
            return False
    ends = zip(route.nodes, route.nodes[1:], route.links, strict=False)
    return all(
        (link := topology.link.get(name)) is not None and link.enabled and {link.a, link.z} == {tail, head}
        for tail, head, name in ends
    )
