"""scipy with a ledger: one matrix for each rate, infinite where there is no room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from controller.bench.arcs import Arcs
from controller.bench.peers.router import Links, LinksBetween, Router, WeightRows
from controller.bench.peers.scipy import traced


def routers(arcs: Arcs, rates_bps: Sequence[int]) -> Iterator[Router]:
    if not arcs.parallel:  # a matrix has one cell for two nodes
        yield ScipyRouter(arcs, rates_bps)


class ScipyRouter:
    """The rows of weights, laid out as scipy wants them."""

    name = "scipy/dijkstra-infinite"

    def __init__(self, arcs: Arcs, rates_bps: Sequence[int]) -> None:
        self._weights = WeightRows(arcs, rates_bps)
        self._between = LinksBetween(arcs)
        self._order = np.lexsort((arcs.heads, arcs.tails))
        cell = np.empty(len(self._order), np.int64)
        cell[self._order] = np.arange(len(self._order))
        self._cells: list[list[int]] = cell.reshape(-1, 2).tolist()
        first = np.zeros(arcs.nodes + 1, np.int32)
        np.cumsum(np.bincount(arcs.tails, minlength=arcs.nodes), out=first[1:])
        shape = (arcs.nodes, arcs.nodes)
        heads = arcs.heads[self._order].astype(np.int32)
        self._matrices = {rate: csr_array((np.zeros(len(heads)), heads, first), shape=shape) for rate in rates_bps}

    def load(self, free_bps: Sequence[int]) -> None:
        self._weights.load(free_bps)
        for rate, matrix in self._matrices.items():
            matrix.data[:] = np.array(self._weights.rows[rate])[self._order // 2]

    def find(self, a: int, z: int, bps: int) -> Links | None:
        _, before = dijkstra(self._matrices[bps], indices=a, return_predecessors=True)
        nodes = traced(before, a, z)
        return None if nodes is None else self._between.along(nodes, self._weights.rows[bps])

    def take(self, links: Sequence[int], bps: int) -> None:
        self._weights.take(links, bps)
        for rate, matrix in self._matrices.items():
            row = self._weights.rows[rate]
            for link in links:
                one, other = self._cells[link]
                matrix.data[one] = matrix.data[other] = row[link]
