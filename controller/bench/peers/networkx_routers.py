"""networkx with a ledger: what is free is an attribute of the edge, which the weight function reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import dist
from typing import Any

import networkx as nx

from controller.bench.arcs import Arcs
from controller.bench.peers.router import Links, Router
from controller.bench.peers.way import Nodes

Search = Callable[[Any, int, int, Any], Nodes]


def routers(arcs: Arcs, rates_bps: Sequence[int]) -> Iterator[Router]:
    yield NetworkxRouter("networkx/dijkstra-weight", arcs, nx.dijkstra_path)
    yield NetworkxRouter("networkx/bidirectional-weight", arcs, lambda *of: nx.bidirectional_dijkstra(*of)[1])
    if arcs.positions_km is not None and arcs.fastest_ns_per_km:
        places = [tuple(place) for place in (arcs.positions_km * arcs.fastest_ns_per_km * (1 - 1e-9)).tolist()]

        def astar(graph: Any, a: int, z: int, weight: Any) -> Nodes:
            end = places[z]
            route: Nodes = nx.astar_path(graph, a, z, lambda node, _: dist(places[node], end), weight)
            return route

        yield NetworkxRouter("networkx/astar-weight", arcs, astar)


class NetworkxRouter:
    """On a graph, or where links are parallel on a multigraph."""

    def __init__(self, name: str, arcs: Arcs, search: Search) -> None:
        self.name = name
        self._search = search
        self._parallel = arcs.parallel
        self._graph: Any = nx.MultiGraph() if arcs.parallel else nx.Graph()
        self._graph.add_nodes_from(range(arcs.nodes))
        columns = (arcs.tails[::2].tolist(), arcs.heads[::2].tolist(), arcs.delays_ns[::2].tolist())
        self._edges: list[dict[str, int]] = []
        for link, (a, z, delay) in enumerate(zip(*columns, strict=True)):
            key: Any = self._graph.add_edge(a, z, delay=delay, link=link, free=0)
            self._edges.append(self._graph[a][z] if key is None else self._graph[a][z][key])

    def load(self, free_bps: Sequence[int]) -> None:
        for edge, free in zip(self._edges, free_bps, strict=True):
            edge["free"] = free

    def find(self, a: int, z: int, bps: int) -> Links | None:
        def weight(_tail: int, _head: int, edge: dict[str, int]) -> int | None:
            return edge["delay"] if edge["free"] >= bps else None

        def least(_tail: int, _head: int, edges: dict[int, dict[str, int]]) -> int | None:
            return min((edge["delay"] for edge in edges.values() if edge["free"] >= bps), default=None)

        graph = self._graph
        try:
            nodes = self._search(graph, a, z, least if self._parallel else weight)
        except nx.NetworkXNoPath:
            return None
        if not self._parallel:
            return [graph[tail][head]["link"] for tail, head in pairwise(nodes)]
        fitting = (
            [edge for edge in graph[tail][head].values() if edge["free"] >= bps] for tail, head in pairwise(nodes)
        )
        return [min(edges, key=lambda edge: edge["delay"])["link"] for edges in fitting]

    def take(self, links: Sequence[int], bps: int) -> None:
        edges = self._edges
        for link in links:
            edges[link]["free"] -= bps
