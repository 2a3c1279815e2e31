"""igraph: weights that are infinite where an arc is too full, or a graph without these arcs.

Over infinite weights igraph returns a route where there is none; its length tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import dist, isinf

import igraph
import numpy as np

from controller.bench.arcs import Arcs
from controller.bench.peers.way import Finder, Nodes, Way


def ways(arcs: Arcs) -> Iterator[Way]:
    builder = Builder(arcs)
    yield Way("igraph/dijkstra-infinite", lambda there, back: _infinite(builder, there, back))
    yield Way("igraph/dijkstra-copy", lambda there, back: _plain(*builder.without(there, back)))
    yield Way("igraph/dijkstra-copy-by-source", lambda there, back: _by_source(*builder.without(there, back)), False)
    if arcs.fastest_ns_per_km:
        yield Way("igraph/astar-copy", lambda there, back: _astar(arcs, *builder.without(there, back)))


class Builder:
    """The graph of all arcs, and graphs of those that qualify."""

    def __init__(self, arcs: Arcs) -> None:
        self.arcs = arcs
        self._ends = np.stack([arcs.tails, arcs.heads], axis=1)
        self.whole = igraph.Graph(n=arcs.nodes, edges=self._ends, directed=True)

    def infinite(self, there_bps: int, back_bps: int) -> list[float]:
        weights: list[float] = np.where(self.arcs.admitting(there_bps, back_bps), self.arcs.delays_ns, np.inf).tolist()
        return weights

    def without(self, there_bps: int, back_bps: int) -> tuple[igraph.Graph, list[int]]:
        """A graph and its delays; arcs that qualify both ways make one edge without direction."""
        keep = self.arcs.admitting(there_bps, back_bps)
        directed = there_bps != back_bps
        if not directed:
            keep[1::2] = False
        graph = igraph.Graph(n=self.arcs.nodes, edges=self._ends[keep], directed=directed)
        return graph, self.arcs.delays_ns[keep].tolist()


def _infinite(builder: Builder, there_bps: int, back_bps: int) -> Finder:
    graph = builder.whole
    weights = builder.infinite(there_bps, back_bps)

    def find(a: int, z: int) -> Nodes | None:
        edges = graph.get_shortest_path(a, z, weights=weights, output="epath")
        if not edges or any(isinf(weights[edge]) for edge in edges):
            return None
        return [a, *[graph.es[edge].target for edge in edges]]

    return Finder.one_by_one(find)


def _plain(graph: igraph.Graph, delays_ns: list[int]) -> Finder:
    def find(a: int, z: int) -> Nodes | None:
        return graph.get_shortest_path(a, z, weights=delays_ns) or None

    return Finder.one_by_one(find)


def _by_source(graph: igraph.Graph, delays_ns: list[int]) -> Finder:
    """One search for all queries that begin at the same node."""

    def find_all(pairs: Sequence[tuple[int, int]]) -> list[Nodes | None]:
        ends: dict[int, list[int]] = {}
        for a, z in pairs:
            ends.setdefault(a, []).append(z)
        found: dict[tuple[int, int], Nodes] = {}
        for a, targets in ends.items():
            routes = graph.get_shortest_paths(a, targets, weights=delays_ns)
            found.update(zip([(a, z) for z in targets], routes, strict=True))
        return [found[pair] or None for pair in pairs]

    return Finder(lambda a, z: find_all([(a, z)])[0], find_all)


def _astar(arcs: Arcs, graph: igraph.Graph, delays_ns: list[int]) -> Finder:
    assert arcs.positions_km is not None, "a speed is known only of arcs with positions"
    places = [tuple(place) for place in (arcs.positions_km * arcs.fastest_ns_per_km * (1 - 1e-9)).tolist()]

    def find(a: int, z: int) -> Nodes | None:
        end = places[z]
        estimate = lambda _, node, __: dist(places[node], end)  # noqa: E731
        return graph.get_shortest_path_astar(a, z, estimate, weights=delays_ns) or None

    return Finder.one_by_one(find)
