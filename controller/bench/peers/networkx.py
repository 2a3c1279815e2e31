"""networkx: a weight function that hides arcs, a view, a filtered copy; Dijkstra from one end, from both, and A*.

The weight function of a multigraph is given all parallel arcs at once, as ``{key: attributes}``; an arc is hidden by
returning ``None``. A copy holds arcs that qualify and nothing else, so that plain attribute weights do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import dist
from typing import Any, TypeAlias

import networkx as nx
import numpy as np

from controller.bench.arcs import Arcs
from controller.bench.peers.way import Finder, Nodes, Way

Graph: TypeAlias = "nx.Graph[int]"
Weight = Callable[[int, int, dict[str, Any]], int | None]
Search = Callable[[Graph, int, int, Any], Nodes]


def ways(arcs: Arcs) -> Iterator[Way]:
    multigraph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    _fill(multigraph, arcs)
    yield _weighing("networkx/dijkstra-multigraph", multigraph, _hiding_parallel, _dijkstra)
    if not arcs.parallel:
        graph: nx.DiGraph[int] = nx.DiGraph()
        _fill(graph, arcs)
        yield _weighing("networkx/dijkstra-weight", graph, _hiding, _dijkstra)
        yield _weighing("networkx/bidirectional-weight", graph, _hiding, _bidirectional)
        if arcs.fastest_ns_per_km:
            yield _weighing("networkx/astar-weight", graph, _hiding, _astar(arcs))
        yield Way("networkx/dijkstra-view", lambda there, back: _finder(_view(graph, there, back), _dijkstra))
    copying: dict[str, Search] = {"dijkstra": _dijkstra, "bidirectional": _bidirectional}
    if arcs.fastest_ns_per_km:
        copying["astar"] = _astar(arcs)
    copy = Copier(arcs)
    for name, search in copying.items():
        yield _copying(f"networkx/{name}-copy", copy, search)
    yield Way("networkx/dijkstra-copy-by-source", lambda there, back: _by_source(copy(there, back)), calls=False)


def _fill(graph: Graph, arcs: Arcs) -> None:
    graph.add_nodes_from(range(arcs.nodes))
    columns = (arcs.tails, arcs.heads, arcs.delays_ns, arcs.free_bps, arcs.free_back_bps)
    for tail, head, delay, there, back in zip(*(column.tolist() for column in columns), strict=True):
        graph.add_edge(tail, head, delay=delay, there=there, back=back)


class Copier:
    """Makes graphs of the arcs that qualify; those that qualify both ways make edges without direction."""

    def __init__(self, arcs: Arcs) -> None:
        self._arcs = arcs
        # Of parallel arcs the last one stays, which must be the fastest.
        self._order = np.argsort(-arcs.delays_ns, kind="stable")
        ends = np.stack([arcs.tails, arcs.heads, arcs.delays_ns], axis=1)
        self._triples = ends[self._order]

    def __call__(self, there_bps: int, back_bps: int) -> Graph:
        graph: Graph = nx.Graph() if there_bps == back_bps else nx.DiGraph()
        graph.add_nodes_from(range(self._arcs.nodes))
        kept = self._triples[self._arcs.admitting(there_bps, back_bps)[self._order]]
        graph.add_weighted_edges_from(kept.tolist(), weight="delay")
        return graph


def _hiding(there_bps: int, back_bps: int) -> Weight:
    def weight(tail: int, head: int, arc: dict[str, int]) -> int | None:
        return arc["delay"] if arc["there"] >= there_bps and arc["back"] >= back_bps else None

    return weight


def _hiding_parallel(there_bps: int, back_bps: int) -> Weight:
    def weight(tail: int, head: int, arcs: dict[str, dict[str, int]]) -> int | None:
        return min(
            (arc["delay"] for arc in arcs.values() if arc["there"] >= there_bps and arc["back"] >= back_bps),
            default=None,
        )

    return weight


def _view(graph: Graph, there_bps: int, back_bps: int) -> Graph:
    def admits(tail: int, head: int) -> bool:
        arc = graph.edges[tail, head]
        return bool(arc["there"] >= there_bps and arc["back"] >= back_bps)

    view: Graph = nx.subgraph_view(graph, filter_edge=admits)
    return view


def _weighing(name: str, graph: Graph, hiding: Callable[[int, int], Weight], search: Search) -> Way:
    return Way(name, lambda there, back: _finder(graph, search, hiding(there, back)))


def _copying(name: str, copy: Copier, search: Search) -> Way:
    return Way(name, lambda there, back: _finder(copy(there, back), search))


def _finder(graph: Graph, search: Search, weight: Weight | str = "delay") -> Finder:
    def find(a: int, z: int) -> Nodes | None:
        try:
            return search(graph, a, z, weight)
        except nx.NetworkXNoPath:
            return None

    return Finder.one_by_one(find)


def _dijkstra(graph: Graph, a: int, z: int, weight: Any) -> Nodes:
    route: Nodes = nx.dijkstra_path(graph, a, z, weight)
    return route


def _bidirectional(graph: Graph, a: int, z: int, weight: Any) -> Nodes:
    route: Nodes = nx.bidirectional_dijkstra(graph, a, z, weight)[1]
    return route


def _astar(arcs: Arcs) -> Search:
    """With the straight line at the speed of the fastest arc: a lower bound that positions give for nothing."""
    assert arcs.positions_km is not None, "a speed is known only of arcs with positions"
    # Rounding must not lift an estimate above the truth.
    places = [tuple(place) for place in (arcs.positions_km * arcs.fastest_ns_per_km * (1 - 1e-9)).tolist()]

    def search(graph: Graph, a: int, z: int, weight: Any) -> Nodes:
        end = places[z]
        route: Nodes = nx.astar_path(graph, a, z, lambda node, _: dist(places[node], end), weight)
        return route

    return search


def _by_source(graph: Graph) -> Finder:
    """One search for all queries that begin at the same node."""

    def find_all(pairs: Sequence[tuple[int, int]]) -> list[Nodes | None]:
        trees: dict[int, dict[int, Nodes]] = {}
        found: list[Nodes | None] = []
        for a, z in pairs:
            if a not in trees:
                trees[a] = nx.single_source_dijkstra_path(graph, a, weight="delay")
            found.append(trees[a].get(z))
        return found

    return Finder(lambda a, z: find_all([(a, z)])[0], find_all)
