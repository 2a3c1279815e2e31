"""Writing what has changed of a network into its mirror."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.domain.topology import Direction, Link

if TYPE_CHECKING:
    from controller.paths.mirror import Mirror
    from controller.paths.network import Network


def reflect_arc(network: Network, mirror: Mirror, link: Link, direction: Direction, attribute: str) -> None:
    """One attribute of an arc of the graph has changed."""
    match attribute:
        case "reserved_bps":
            mirror.set_free(mirror.arc(link.name, direction), network.residual_bps(link, direction))
        case "delay_ns":
            mirror.set_delay(mirror.arc(link.name, direction), network.crossing_delay_ns(link, direction))
        case _:
            reflect_service(network, mirror, link)


def reflect_node(network: Network, mirror: Mirror, node: str) -> None:
    """The state of a node has changed, and with it that of its links."""
    mirror.set_alive(mirror.node_number[node], network.node_in_service(node))
    for link, _ in network.links_at(node):
        reflect_service(network, mirror, link)


def reflect_service(network: Network, mirror: Mirror, link: Link) -> None:
    """The state of a link, or of an end of it, has changed."""
    mirror.set_serving(mirror.link_number[link.name], network.in_service(link))


def reflect_all(network: Network, mirror: Mirror) -> None:
    """The mirror is new: write all that is not as declared."""
    hop_ns = network.topology.hop_delay_ns
    for link, direction, reserved_bps in network.reserved():
        if reserved_bps:
            reflect_arc(network, mirror, link, direction, "reserved_bps")
        if network.crossing_delay_ns(link, direction) != link.delay_ns[direction] + hop_ns:
            reflect_arc(network, mirror, link, direction, "delay_ns")
        if direction is Direction.A_TO_Z and not network.in_service(link):
            reflect_service(network, mirror, link)
    for node in network.graph.nodes:
        if not network.node_in_service(node):
            reflect_node(network, mirror, node)
