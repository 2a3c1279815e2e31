"""scipy: ``csgraph.dijkstra`` fills a row of distances and predecessors for each source, in C, for many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from controller.bench.arcs import Arcs
from controller.bench.peers.way import Finder, Nodes, Way

SOURCES_AT_ONCE = 64
"""Their rows of 20,000 nodes fit into a few cache levels and 15 MB."""


def ways(arcs: Arcs) -> Iterator[Way]:
    matrix = Matrix(arcs)
    yield Way("scipy/dijkstra", lambda there, back: _finder(matrix(there, back)))


class Matrix:
    """Makes sparse matrices of the arcs that qualify."""

    def __init__(self, arcs: Arcs) -> None:
        self._arcs = arcs
        self._order = np.lexsort((arcs.delays_ns, arcs.heads, arcs.tails))
        self._heads = arcs.heads[self._order].astype(np.int32)
        self._tails = arcs.tails[self._order]
        self._delays = arcs.delays_ns[self._order].astype(np.float64)

    def __call__(self, there_bps: int, back_bps: int) -> Any:
        keep = self._arcs.admitting(there_bps, back_bps)[self._order]
        tails, heads, delays = self._tails[keep], self._heads[keep], self._delays[keep]
        if self._arcs.parallel:  # duplicates would be added up; the first one is the fastest
            fresh = np.ones(len(tails), bool)
            fresh[1:] = (tails[1:] != tails[:-1]) | (heads[1:] != heads[:-1])
            tails, heads, delays = tails[fresh], heads[fresh], delays[fresh]
        first = np.zeros(self._arcs.nodes + 1, np.int32)
        np.cumsum(np.bincount(tails, minlength=self._arcs.nodes), out=first[1:])
        return csr_array((delays, heads, first), shape=(self._arcs.nodes, self._arcs.nodes))


def _finder(matrix: Any) -> Finder:
    def find(a: int, z: int) -> Nodes | None:
        _, before = dijkstra(matrix, indices=a, return_predecessors=True)
        return traced(before, a, z)

    def find_all(pairs: Sequence[tuple[int, int]]) -> list[Nodes | None]:
        found: dict[tuple[int, int], Nodes | None] = {}
        ends: dict[int, list[int]] = {}
        for a, z in pairs:
            ends.setdefault(a, []).append(z)
        sources = list(ends)
        for start in range(0, len(sources), SOURCES_AT_ONCE):
            some = sources[start : start + SOURCES_AT_ONCE]
            _, befores = dijkstra(matrix, indices=some, return_predecessors=True)
            for a, before in zip(some, befores, strict=True):
                for z in ends[a]:
                    found[a, z] = traced(before, a, z)
        return [found[pair] for pair in pairs]

    return Finder(find, find_all)


def traced(before: npt.NDArray[np.int32], a: int, z: int) -> Nodes | None:
    """The route to ``z`` in a row of predecessors; scipy writes a negative number where there is none."""
    route = [z]
    node = z
    while node != a:
        node = before.item(node)
        if node < 0:
            return None
        route.append(node)
    route.reverse()
    return route
