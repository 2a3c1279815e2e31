"""The k best simple routes of a request, the best first: alternatives for a person to choose from, or for a pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller.domain.placement import PlacedPath
from controller.domain.topology import PerDirection
from controller.paths.budget import Budget, SearchLimit
from controller.paths.kernels.layout import BACK, LIMIT, THERE, A
from controller.paths.kernels.rank_layout import CROWDED
from controller.paths.mirror import Mirror
from controller.paths.network import Network
from controller.paths.questions import Int32s, Int64s, Questions, pack, path_of
from controller.paths.request import PathRequest


@dataclass(frozen=True, slots=True)
class Rankings:
    """What was found, as numbers: ``rows`` int64[Q, 2] (status, how many routes), ``spans`` int64[Q, k, 2] (where each
    begins in ``routes``, and how many arcs it has); values on demand."""

    mirror: Mirror
    questions: Questions
    rows: Int64s
    spans: Int64s
    routes: Int32s

    def arcs(self, index: int) -> list[Int32s]:
        """The routes for one question, the best first. ``SearchLimit`` if the search gave up."""
        status, count = self.rows[index]
        if status == LIMIT:
            raise SearchLimit
        return [self.routes[start : start + hops] for start, hops in self.spans[index, :count].tolist()]

    def paths(self, index: int) -> tuple[PlacedPath, ...]:
        """As ``arcs``, as values."""
        question = self.questions.rows[index]
        bps = PerDirection(int(question[THERE]), int(question[BACK]))
        a = int(question[A])
        return tuple([_path(self.mirror, a, arcs, bps) for arcs in self.arcs(index)])


def shortest(network: Network, request: PathRequest, k: int, budget: Budget) -> tuple[PlacedPath, ...]:
    """The ``k`` best routes for ``request``, in the order of (objective, number of links, names of links).

    Fewer than ``k``: proved that there are no more. Each keeps the bound and has the rates by itself. Raises
    ``SearchLimit``.
    """
    return answer(network, pack(network, (request,), budget.labels), k).paths(0)


def answer(network: Network, questions: Questions, k: int) -> Rankings:
    """As ``shortest``, for many questions, each by itself."""
    from controller.paths.kernels.ranking import rank_all

    mirror = network.mirror
    room = mirror.rank_work
    room.prepare(k)
    rows = np.zeros((len(questions), 2), np.int64)
    spans = np.zeros((len(questions), k, 2), np.int64)
    routes: Int32s = np.empty(16 * k * len(questions) + len(mirror.nodes), np.int32)
    done = used = 0
    while True:
        done, used, status = rank_all(
            mirror.graph,
            mirror.potentials.arrays,
            mirror.work.arrays,
            room.arrays,
            questions.rows,
            questions.bars,
            k,
            rows,
            spans,
            routes,
            done,
            len(questions),
            used,
        )
        if done == len(questions):
            return Rankings(mirror, questions, rows, spans, routes)
        if status == CROWDED:
            room.grow()
        else:
            routes = np.concatenate((routes, np.empty(len(routes), np.int32)))


def _path(mirror: Mirror, a: int, arcs: Int32s, bps: PerDirection[int]) -> PlacedPath:
    from controller.paths.kernels.pairing import delays_of

    there_ns, back_ns = delays_of(mirror.graph, arcs, len(arcs))
    return path_of(mirror, a, arcs.tolist(), PerDirection(there_ns, back_ns), bps)
