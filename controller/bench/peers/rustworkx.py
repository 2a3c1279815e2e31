"""rustworkx: a graph of the arcs that qualify, or a cost function that makes the others infinite.

Its Dijkstra asks a Python function for the cost of arcs. Over infinite costs it returns a route where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import dist, inf
from typing import TypeAlias

import numpy as np
import rustworkx as rx

from controller.bench.arcs import Arcs
from controller.bench.peers.way import Finder, Nodes, Way

Graph: TypeAlias = "rx.PyDiGraph[int, float] | rx.PyGraph[int, float]"


def ways(arcs: Arcs) -> Iterator[Way]:
    builder = Builder(arcs)
    yield Way("rustworkx/dijkstra-infinite", lambda there, back: _infinite(builder, there, back))
    yield Way("rustworkx/dijkstra-copy", lambda there, back: _plain(builder.without(there, back)))
    yield Way("rustworkx/dijkstra-copy-by-source", lambda there, back: _by_source(builder.without(there, back)), False)
    if arcs.fastest_ns_per_km:
        yield Way("rustworkx/astar-copy", lambda there, back: _astar(arcs, builder.without(there, back)))


class Builder:
    """The graph of all arcs, whose edges bear their number, and graphs of those that qualify, with delays."""

    def __init__(self, arcs: Arcs) -> None:
        self.arcs = arcs
        self.whole: rx.PyDiGraph[int, int] = rx.PyDiGraph()
        self.whole.add_nodes_from(range(arcs.nodes))
        numbered = zip(arcs.tails.tolist(), arcs.heads.tolist(), range(len(arcs.tails)), strict=True)
        self.whole.add_edges_from(list(numbered))

    def infinite(self, there_bps: int, back_bps: int) -> list[float]:
        weights: list[float] = np.where(self.arcs.admitting(there_bps, back_bps), self.arcs.delays_ns, inf).tolist()
        return weights

    def without(self, there_bps: int, back_bps: int) -> Graph:
        """Arcs that qualify both ways make one edge without direction."""
        keep = self.arcs.admitting(there_bps, back_bps)
        graph: Graph
        if there_bps == back_bps:
            keep[1::2] = False
            graph = rx.PyGraph()
        else:
            graph = rx.PyDiGraph()
        graph.add_nodes_from(range(self.arcs.nodes))
        columns = (self.arcs.tails, self.arcs.heads, self.arcs.delays_ns.astype(np.float64))
        graph.add_edges_from(list(zip(*(column[keep].tolist() for column in columns), strict=True)))
        return graph


def _infinite(builder: Builder, there_bps: int, back_bps: int) -> Finder:
    graph = builder.whole
    weights = builder.infinite(there_bps, back_bps)

    def find(a: int, z: int) -> Nodes | None:
        routes = rx.dijkstra_shortest_paths(graph, a, target=z, weight_fn=weights.__getitem__)
        if z not in routes:
            return None
        route = list(routes[z])
        arcs = pairwise(route)
        return (
            None if any(min(map(weights.__getitem__, graph.get_all_edge_data(*arc))) == inf for arc in arcs) else route
        )

    return Finder.one_by_one(find)


def _plain(graph: Graph) -> Finder:
    def find(a: int, z: int) -> Nodes | None:
        routes = rx.dijkstra_shortest_paths(graph, a, target=z, weight_fn=float)
        return list(routes[z]) if z in routes else None

    return Finder.one_by_one(find)


def _by_source(graph: Graph) -> Finder:
    """One search for all queries that begin at the same node."""

    def find_all(pairs: Sequence[tuple[int, int]]) -> list[Nodes | None]:
        trees: dict[int, rx.PathMapping] = {}
        found: list[Nodes | None] = []
        for a, z in pairs:
            if a not in trees:
                trees[a] = rx.dijkstra_shortest_paths(graph, a, weight_fn=float)
            found.append(list(trees[a][z]) if z in trees[a] else None)
        return found

    return Finder(lambda a, z: find_all([(a, z)])[0], find_all)


def _astar(arcs: Arcs, graph: Graph) -> Finder:
    assert arcs.positions_km is not None, "a speed is known only of arcs with positions"
    places = [tuple(place) for place in (arcs.positions_km * arcs.fastest_ns_per_km * (1 - 1e-9)).tolist()]

    def find(a: int, z: int) -> Nodes | None:
        end = places[z]
        try:
            return list(rx.astar_shortest_path(graph, a, z.__eq__, float, lambda node: dist(places[node], end)))
        except rx.NoPathFound:
            return None

    return Finder.one_by_one(find)
