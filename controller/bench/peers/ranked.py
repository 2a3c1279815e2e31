"""The k shortest simple routes, by those libraries that have them, in graphs of the links that qualify.

networkx's generator refuses multigraphs. rustworkx tells the lengths of k walks, which need not be simple, so it does
not take part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import islice
from typing import Any

import networkx as nx

from controller.bench.arcs import Arcs
from controller.bench.peers.networkx import Copier
from controller.bench.peers.roster import missing
from controller.bench.peers.way import Nodes

Rank = Callable[[int, int, int], Sequence[int]]
"""(a, z, bps) to delays in ns, ascending; fewer than k where there are no more."""


def rankers(arcs: Arcs, rates_bps: Sequence[int], k: int) -> Iterator[tuple[str, Rank]]:
    """(name, function) of every way."""
    yield "networkx/shortest-simple-paths", _networkx(arcs, rates_bps, k)
    if "igraph" not in missing():
        yield "igraph/k-shortest", _igraph(arcs, rates_bps, k)
    if "scipy" not in missing():
        yield "scipy/yen", _scipy(arcs, rates_bps, k)


def _networkx(arcs: Arcs, rates_bps: Sequence[int], k: int) -> Rank:
    copy = Copier(arcs)
    graphs = {bps: copy(bps, bps) for bps in rates_bps}

    def rank(a: int, z: int, bps: int) -> list[int]:
        graph = graphs[bps]
        try:
            routes: list[Nodes] = list(islice(nx.shortest_simple_paths(graph, a, z, weight="delay"), k))
        except nx.NetworkXNoPath:
            return []
        return [int(nx.path_weight(graph, route, "delay")) for route in routes]

    return rank


def _igraph(arcs: Arcs, rates_bps: Sequence[int], k: int) -> Rank:
    builder = import_module("controller.bench.peers.igraph").Builder(arcs)
    graphs = {bps: builder.without(bps, bps) for bps in rates_bps}

    def rank(a: int, z: int, bps: int) -> list[int]:
        graph, delays_ns = graphs[bps]
        routes = graph.get_k_shortest_paths(a, z, k=k, weights=delays_ns, output="epath")
        return [sum(map(delays_ns.__getitem__, route)) for route in routes]

    return rank


def _scipy(arcs: Arcs, rates_bps: Sequence[int], k: int) -> Rank:
    from scipy.sparse.csgraph import yen

    matrix = import_module("controller.bench.peers.scipy").Matrix(arcs)
    matrices: Mapping[int, Any] = {bps: matrix(bps, bps) for bps in rates_bps}

    def rank(a: int, z: int, bps: int) -> list[int]:
        lengths, _ = yen(matrices[bps], a, z, k, return_predecessors=True)
        return [round(length) for length in lengths]

    return rank
