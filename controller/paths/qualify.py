"""May a request use this node, this link? Asked apart from what using it costs.

A filter answers for a link and the direction in which a route, read from the request's ``a`` to its ``z``, crosses it.
A node without a region is in none, a link without SRLGs shares no risk: both are declarations, not gaps.
"""

from __future__ import annotations

from collections.abc import Callable

from controller.domain.intents import Avoid
from controller.domain.topology import Direction, Link, Node
from controller.paths.network import Network
from controller.paths.request import PathRequest

LinkFilter = Callable[[Link, Direction], bool]


def avoided(node: Node, avoid: Avoid) -> bool:
    """Named itself, or in a region that is. The ends of a line are no exception."""
    return node.name in avoid.nodes or (node.region is not None and node.region in avoid.regions)


def end_qualifies(network: Network, name: str, avoid: Avoid) -> bool:
    """In service and not avoided; the links of a route tell this of their ends, a route without links does not."""
    return network.node_in_service(name) and not avoided(network.topology.node[name], avoid)


def qualifying(network: Network, request: PathRequest) -> LinkFilter:
    """The filter of a request: in service, not avoided, the MTU, and in each direction the rate asked of it."""
    avoid = request.avoid
    banned_nodes = {node.name for node in network.topology.nodes if avoided(node, avoid)}
    banned_links, banned_srlgs = frozenset(avoid.links), frozenset(avoid.srlgs)
    mtu_bytes = request.link_mtu_bytes
    needed_bps = request.reserved_bps(network.topology)

    def qualifies(link: Link, direction: Direction) -> bool:
        return (
            network.residual_bps(link, direction) >= needed_bps.a_to_z
            and network.residual_bps(link, direction.reverse) >= needed_bps.z_to_a
            and link.mtu_bytes >= mtu_bytes
            and link.name not in banned_links
            and banned_srlgs.isdisjoint(link.srlgs)
            and link.a not in banned_nodes
            and link.z not in banned_nodes
            and network.in_service(link)
        )

    return qualifies
