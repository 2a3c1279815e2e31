"""igraph with a ledger: infinite weights where there is no room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import dist, inf

import igraph
import numpy as np

from controller.bench.arcs import Arcs
from controller.bench.peers.router import Links, Router, WeightRows


def routers(arcs: Arcs, rates_bps: Sequence[int]) -> Iterator[Router]:
    yield IgraphRouter("igraph/dijkstra-infinite", arcs, rates_bps, astar=False)
    if arcs.fastest_ns_per_km:
        yield IgraphRouter("igraph/astar-infinite", arcs, rates_bps, astar=True)


class IgraphRouter:
    """igraph tells edges, which are our links."""

    def __init__(self, name: str, arcs: Arcs, rates_bps: Sequence[int], *, astar: bool) -> None:
        self.name = name
        self._graph = igraph.Graph(n=arcs.nodes, edges=np.stack([arcs.tails[::2], arcs.heads[::2]], axis=1))
        self._weights = WeightRows(arcs, rates_bps)
        self._places: list[tuple[float, ...]] | None = None
        if astar and arcs.positions_km is not None:
            scaled = arcs.positions_km * arcs.fastest_ns_per_km * (1 - 1e-9)
            self._places = [tuple(place) for place in scaled.tolist()]

    def load(self, free_bps: Sequence[int]) -> None:
        self._weights.load(free_bps)

    def find(self, a: int, z: int, bps: int) -> Links | None:
        row = self._weights.rows[bps]
        places = self._places
        route: Links
        if places is None:
            route = self._graph.get_shortest_path(a, z, weights=row, output="epath")
        else:
            end = places[z]
            route = self._graph.get_shortest_path_astar(
                a, z, lambda _, node, __: dist(places[node], end), weights=row, output="epath"
            )
        # Over infinite weights igraph returns a route where there is none.
        return None if not route or any(row[link] == inf for link in route) else route

    def take(self, links: Sequence[int], bps: int) -> None:
        self._weights.take(links, bps)
