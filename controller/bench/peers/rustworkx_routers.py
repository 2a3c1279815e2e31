"""rustworkx with a ledger: infinite costs where there is no room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import dist

import rustworkx as rx

from controller.bench.arcs import Arcs
from controller.bench.peers.router import Links, LinksBetween, Router, WeightRows


def routers(arcs: Arcs, rates_bps: Sequence[int]) -> Iterator[Router]:
    yield RustworkxRouter("rustworkx/dijkstra-infinite", arcs, rates_bps, astar=False)
    if arcs.fastest_ns_per_km:
        yield RustworkxRouter("rustworkx/astar-infinite", arcs, rates_bps, astar=True)


class RustworkxRouter:
    """Edges bear their number, from which the cost function looks up the weight of the day."""

    def __init__(self, name: str, arcs: Arcs, rates_bps: Sequence[int], *, astar: bool) -> None:
        self.name = name
        self._graph: rx.PyGraph[int, int] = rx.PyGraph()
        self._graph.add_nodes_from(range(arcs.nodes))
        links = range(len(arcs.tails) // 2)
        self._graph.add_edges_from(list(zip(arcs.tails[::2].tolist(), arcs.heads[::2].tolist(), links, strict=True)))
        self._weights = WeightRows(arcs, rates_bps)
        self._between = LinksBetween(arcs)
        self._places: list[tuple[float, ...]] | None = None
        if astar and arcs.positions_km is not None:
            scaled = arcs.positions_km * arcs.fastest_ns_per_km * (1 - 1e-9)
            self._places = [tuple(place) for place in scaled.tolist()]

    def load(self, free_bps: Sequence[int]) -> None:
        self._weights.load(free_bps)

    def find(self, a: int, z: int, bps: int) -> Links | None:
        row = self._weights.rows[bps]
        places = self._places
        if places is None:
            routes = rx.dijkstra_shortest_paths(self._graph, a, target=z, weight_fn=row.__getitem__)
            return self._between.along(list(routes[z]), row) if z in routes else None
        end = places[z]
        try:
            nodes = rx.astar_shortest_path(
                self._graph, a, z.__eq__, row.__getitem__, lambda node: dist(places[node], end)
            )
        except rx.NoPathFound:
            return None
        return self._between.along(list(nodes), row)

    def take(self, links: Sequence[int], bps: int) -> None:
        self._weights.take(links, bps)
