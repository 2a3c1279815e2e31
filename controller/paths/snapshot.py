"""What changes of a network, as a value: taken where the network is owned, given to a copy of it somewhere else."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from controller.domain.placement import Reservation
from controller.domain.topology import Direction, Topology
from controller.paths.network import Network


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The attributes of every arc and node of a network's graph, in the graph's order, at one moment."""

    topology: Topology
    arcs: tuple[tuple[int, ...], ...]
    """(delay_ns, capacity_bps, reserved_bps, enabled, up)"""
    nodes: tuple[tuple[int, ...], ...]
    """(enabled, up)"""


def snapshot(network: Network) -> Snapshot:
    """All that searches depend on, whoever reserved it. Half a microsecond an arc."""
    graph = network.graph
    return Snapshot(
        network.topology,
        tuple([tuple(arc.values()) for *_, arc in graph.edges(data=True)]),
        tuple([tuple(node.values()) for _, node in graph.nodes(data=True)]),
    )


def bring(network: Network, to: Snapshot) -> None:
    """Make a network of the same topology what another one was: only what differs is written.

    What is reserved is held by one owner for each arc, ``(link, direction)``: who it was, the snapshot does not know.
    """
    graph, link_of = network.graph, network.topology.link
    for (tail, _, name, now), wanted in zip(list(graph.edges(keys=True, data=True)), to.arcs, strict=True):
        delay_ns, _, reserved_bps, enabled, up = wanted
        if tuple(now.values()) == wanted:
            continue
        link = link_of[name]
        direction = link.direction_from(tail)
        if now["delay_ns"] != delay_ns:
            network.set_measured_delay(link, direction, delay_ns)
        if now["reserved_bps"] != reserved_bps:
            _hold(network, name, direction, reserved_bps)
        if (now["enabled"], now["up"]) != (enabled, up):
            network.set_link_enabled(link, bool(enabled))
            network.set_link_up(link, bool(up))
    for node, (enabled, up) in zip(list(graph.nodes), to.nodes, strict=True):
        state = graph.nodes[node]
        if (state["enabled"], state["up"]) != (enabled, up):
            network.set_node_enabled(node, bool(enabled))
            network.set_node_up(node, bool(up))


def _hold(network: Network, link: str, direction: Direction, bps: int) -> None:
    owner: Hashable = (link, direction)
    if network.holds(owner):
        network.release(owner)
    if bps:
        network.reserve(owner, (Reservation(link=link, direction=direction, bps=bps),))
