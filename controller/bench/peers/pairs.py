"""Two disjoint routes of least total in networkx, which has no function for that.

* ``link_disjoint``, ``node_disjoint`` (Suurballe and Tarjan 1984): a tree of least distances, then one search on
  reduced costs in which the first route can only be undone; what both have in common cancels out. For node-disjoint
  ones in a graph in which every node is an arc from its entrance to its exit.
* ``least_flow_ns``: the same as a flow of two units at least cost, by the network simplex.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import networkx as nx

from controller.bench.arcs import Arcs
from controller.bench.peers.networkx import Copier
from controller.bench.peers.way import Nodes

Hops = list[tuple[int, int]]
"""The hops of both routes together, from node to node, in any order."""


class Pairs:
    """Filtered graphs for one rate at a time: ``plain`` without direction, ``split`` with entrances (2 v) and exits
    (2 v + 1)."""

    def __init__(self, arcs: Arcs) -> None:
        self._copy = Copier(arcs)
        self._nodes = arcs.nodes

    def plain(self, bps: int) -> Any:
        return self._copy(bps, bps)

    def split(self, bps: int) -> Any:
        graph: Any = nx.DiGraph()
        graph.add_weighted_edges_from(((2 * node, 2 * node + 1, 0) for node in range(self._nodes)), weight="delay")
        for a, z, delay in self.plain(bps).edges(data="delay"):
            graph.add_edge(2 * a + 1, 2 * z, delay=delay)
            graph.add_edge(2 * z + 1, 2 * a, delay=delay)
        return graph


def link_disjoint(plain: Any, a: int, z: int) -> Hops | None:
    """By Suurballe's algorithm; every hop can be undone in the graph as it is, for it has no directions."""
    reach, routes = _tree(plain, a)
    if z not in routes:
        return None
    first = set(pairwise(routes[z]))

    def reduced(tail: int, head: int, edge: dict[str, int]) -> int | None:
        if (tail, head) in first:
            return None
        if (head, tail) in first:
            return 0
        return edge["delay"] + reach[tail] - reach[head]

    return _second(plain, a, z, first, reduced)


def node_disjoint(split: Any, a: int, z: int) -> Hops | None:
    """By Suurballe's algorithm from the exit of ``a`` to the entrance of ``z``; the first route is turned round in the
    graph, and turned back afterwards."""
    start, end = 2 * a + 1, 2 * z
    reach, routes = _tree(split, start)
    if end not in routes:
        return None
    first = set(pairwise(routes[end]))
    delays = {hop: split[hop[0]][hop[1]]["delay"] for hop in first}
    # A link has an arc each way, between other entrances and exits, so a turned hop is never in the way of another.
    split.remove_edges_from(first)
    split.add_edges_from((head, tail, {"delay": 0}) for tail, head in first)

    def reduced(tail: int, head: int, edge: dict[str, int]) -> int | None:
        if (head, tail) in first:
            return 0
        # From a node that cannot be reached nothing ever starts.
        return edge["delay"] + reach[tail] - reach[head]

    try:
        hops = _second(split, start, end, first, reduced)
    finally:
        split.remove_edges_from([(head, tail) for tail, head in first])
        split.add_edges_from((tail, head, {"delay": delay}) for (tail, head), delay in delays.items())
    return None if hops is None else [(tail // 2, head // 2) for tail, head in hops if tail // 2 != head // 2]


def _tree(graph: Any, a: int) -> tuple[dict[int, int], dict[int, Nodes]]:
    """(distances, routes) to all nodes."""
    found: Any = nx.single_source_dijkstra(graph, a, weight="delay")
    return found[0], found[1]


def _second(graph: Any, a: int, z: int, first: set[tuple[int, int]], reduced: Any) -> Hops | None:
    try:
        second = set(pairwise(nx.dijkstra_path(graph, a, z, reduced)))
    except nx.NetworkXNoPath:
        return None
    undone = {(head, tail) for tail, head in second} & first
    return [*(first - undone), *(hop for hop in second if hop[::-1] not in undone)]


def with_capacity(graph: Any) -> Any:
    """A copy with directions, every arc of which carries one unit."""
    directed: Any = nx.DiGraph(graph)
    for _, _, arc in directed.edges(data=True):
        arc["capacity"] = 1
    return directed


def least_flow_ns(graph: Any, start: int, end: int) -> int | None:
    """The total delay of two disjoint routes, as the cost of a flow of two units in a graph ``with_capacity``."""
    graph.nodes[start]["demand"] = -2
    graph.nodes[end]["demand"] = 2
    try:
        cost: int = nx.network_simplex(graph, weight="delay")[0]
    except nx.NetworkXUnfeasible:
        return None
    finally:
        del graph.nodes[start]["demand"], graph.nodes[end]["demand"]
    return cost


def routes_of(hops: Hops, a: int, z: int) -> tuple[Nodes, Nodes]:
    """The two routes that hops make up."""
    onward: dict[int, list[int]] = {}
    for tail, head in hops:
        onward.setdefault(tail, []).append(head)
    found = []
    for _ in range(2):
        route = [a]
        while route[-1] != z:
            route.append(onward[route[-1]].pop())
        found.append(route)
    return found[0], found[1]
