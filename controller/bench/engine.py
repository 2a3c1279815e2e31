"""Ourselves, under measure: the engine's own interface, and the way from the bench's node numbers to it and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from controller.bench.cases import Case
from controller.bench.demands import Query
from controller.bench.peers.way import Nodes
from controller.domain.topology import PerDirection
from controller.paths.batch import Answers
from controller.paths.kernels.layout import FOUND, HOPS, ROWS_USED, SETTLED, START, STATUS, A
from controller.paths.network import Network
from controller.paths.questions import Questions, pack
from controller.paths.request import PathRequest


class Engine:
    """A network of ours for a case."""

    def __init__(self, case: Case) -> None:
        self.network = Network(case.topology)
        self.names = [node.name for node in case.topology.nodes]
        self._number = {name: index for index, name in enumerate(self.names)}
        self._number_of_link = {link.name: index for index, link in enumerate(case.topology.links)}
        self._ours = np.array([self._number[name] for name in self.network.mirror.nodes])

    def request(self, query: Query) -> PathRequest:
        """Without regard to MTU: the peers know none."""
        return PathRequest(
            a=self.names[query.a],
            z=self.names[query.z],
            cir_bps=PerDirection(query.there_bps, query.back_bps),
            mtu_bytes=0,
            wrap_bytes=0,
        )

    def pack(self, queries: Sequence[Query]) -> Questions:
        return pack(self.network, map(self.request, queries))

    def routes(self, answers: Answers) -> list[Nodes | None]:
        """The routes as every other engine gives them."""
        heads, ours = self.network.mirror.heads, self._ours
        found: list[Nodes | None] = []
        for question, row in zip(answers.questions.rows, answers.rows, strict=True):
            arcs = answers.routes[row[START] : row[START] + row[HOPS]]
            known = row[STATUS] == FOUND
            found.append([int(ours[question[A]]), *ours[heads[arcs]].tolist()] if known else None)
        return found

    def route_along(self, a: int, links: Sequence[str]) -> Nodes:
        """The nodes of a route that begins at ``a``."""
        topology = self.network.topology
        route = [a]
        for name in links:
            link = topology.link[name]
            route.append(self._number[link.z if link.a == self.names[route[-1]] else link.a])
        return route

    def links(self, names: Sequence[str]) -> list[int]:
        """By number, in the order of the topology."""
        return [self._number_of_link[name] for name in names]

    def settled(self) -> int:
        """Nodes and labels expanded by all searches so far; a walk down a tree expands none."""
        return int(self.network.mirror.work.counters[SETTLED])

    def memory(self) -> dict[str, float]:
        """MB of the arrays; trees grow row by row into the room that they may take at most."""
        mirror = self.network.mirror
        trees = mirror.potentials
        grown = int(trees.state[ROWS_USED]) / max(len(trees.owners), 1)
        return {
            "graphMb": _megabytes(mirror.graph),
            "treesMb": round(_megabytes(trees.arrays) * grown, 3),
            "treesMostMb": _megabytes(trees.arrays),
            "workspaceMb": _megabytes(mirror.work.arrays),
        }


def _megabytes(arrays: Sequence[npt.NDArray[np.generic]]) -> float:
    return round(sum(array.nbytes for array in arrays) / 1e6, 3)
