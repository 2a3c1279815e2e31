"""Two routes that no single failure takes both: the pair of least total, the working one first.

Without a bound, and when one pair alone has the least total, two searches in a kernel are the whole of it (a few to
a few tens of microseconds); else ``pair_search`` goes on from there, as far as the budget reaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from controller.domain.intents import Disjointness
from controller.domain.placement import PlacedPath
from controller.domain.topology import PerDirection
from controller.paths.asking import Asker
from controller.paths.budget import LABEL_BUDGET, Budget, SearchLimit
from controller.paths.kernels.layout import BACK, BARS_FROM, BARS_TO, FOUND, LIMIT, NONE, THERE, A
from controller.paths.kernels.pair_layout import (
    PAIR_ANSWER,
    PAIR_START,
    PAIR_STATUS,
    PROTECT_BACK,
    PROTECT_HOPS,
    PROTECT_THERE,
    WORKING_BACK,
    WORKING_HOPS,
    WORKING_THERE,
)
from controller.paths.kernels.pairing import answer_pairs
from controller.paths.mirror import Mirror
from controller.paths.network import Network
from controller.paths.pair_search import PairSearch
from controller.paths.questions import Int32s, Int64s, Questions, pack, path_of
from controller.paths.request import PathRequest
from controller.paths.risks import Risks

Pair = tuple[PlacedPath, PlacedPath]


@dataclass(frozen=True, slots=True)
class PairAnswers:
    """What the kernels found: ``rows`` int64[Q, 9] and ``routes`` as in ``kernels.pairing``."""

    questions: Questions
    rows: Int64s
    routes: Int32s

    def arcs(self, index: int) -> tuple[list[int], list[int]]:
        """Of the working and of the protect route."""
        row = self.rows[index]
        start = int(row[PAIR_START])
        middle = start + int(row[WORKING_HOPS])
        end = middle + int(row[PROTECT_HOPS])
        return self.routes[start:middle].tolist(), self.routes[middle:end].tolist()


def answer(network: Network, questions: Questions, nodes_apart: Sequence[bool]) -> PairAnswers:
    """The pairs of least total by the kernels alone; a row is OPEN where that does not settle it.

    ``nodes_apart`` says of each question whether the routes must not share nodes. SRLGs are not looked at here. Each
    question by itself; nothing is reserved.
    """
    mirror = network.mirror
    rows = np.zeros((len(questions), PAIR_ANSWER), np.int64)
    longest = 2 * len(mirror.nodes)
    routes: Int32s = np.empty(longest + 32 * len(questions), np.int32)
    done = used = 0
    while True:
        done, used = answer_pairs(
            mirror.graph,
            mirror.potentials.arrays,
            mirror.work.arrays,
            mirror.pair_work.arrays,
            questions.rows,
            questions.bars,
            np.array(nodes_apart, np.uint8),
            rows,
            routes,
            done,
            len(questions),
            used,
        )
        if done == len(questions):
            return PairAnswers(questions, rows, routes)
        routes = np.concatenate((routes, np.empty(len(routes) + longest, np.int32)))


def find_pair(network: Network, request: PathRequest, budget: Budget) -> Pair | None:
    """(working, protect) for ``request``, apart as its ``disjoint`` says; ``None``: proved that there is no such pair.

    Of equal totals: fewest links together, then the smallest sequence of link names, of the working route first. The
    working route is the shorter one by the objective. Raises ``SearchLimit``.
    """
    answers = answer(network, pack(network, (request,), budget.labels), (_nodes_apart(request),))
    return _settled(network, request, answers, 0, budget)


def find_pairs(
    network: Network, requests: Sequence[PathRequest], label_budget: int = LABEL_BUDGET
) -> Iterator[Pair | SearchLimit | None]:
    """As ``find_pair``, for many requests, each by itself; a ``SearchLimit`` is returned in its place."""
    questions = pack(network, requests, label_budget)
    answers = answer(network, questions, [_nodes_apart(request) for request in requests])
    for index, request in enumerate(requests):
        try:
            yield _settled(network, request, answers, index, Budget(label_budget))
        except SearchLimit as limit:
            yield limit


def _settled(network: Network, request: PathRequest, answers: PairAnswers, index: int, budget: Budget) -> Pair | None:
    """What the kernels left open, searched for."""
    mirror = network.mirror
    question, row = answers.questions.rows[index], answers.rows[index]
    if row[PAIR_STATUS] == LIMIT:
        raise SearchLimit
    if row[PAIR_STATUS] == NONE:
        return None
    if request.disjoint is None:
        raise ValueError("a request for a pair says what the two routes must not have in common")
    risks = Risks(network, request.disjoint)
    working, protect = answers.arcs(index)
    if row[PAIR_STATUS] == FOUND and not risks.in_common(_links(mirror, working), _links(mirror, protect)):
        delays = (
            PerDirection(int(row[WORKING_THERE]), int(row[WORKING_BACK])),
            PerDirection(int(row[PROTECT_THERE]), int(row[PROTECT_BACK])),
        )
        return _placed(mirror, question, (working, protect), delays)
    arrays = (mirror.graph, mirror.potentials.arrays, mirror.work.arrays)
    avoided = answers.questions.bars[question[BARS_FROM] : question[BARS_TO]]
    best = PairSearch(mirror, Asker(arrays, question, budget), risks, frozenset(avoided.tolist())).best()
    if best is None:
        return None
    first, second = best
    delays = PerDirection(first.there_ns, first.back_ns), PerDirection(second.there_ns, second.back_ns)
    return _placed(mirror, question, (first.arcs, second.arcs), delays)


def _nodes_apart(request: PathRequest) -> bool:
    return request.disjoint is Disjointness.NODE


def _links(mirror: Mirror, arcs: Sequence[int]) -> list[int]:
    return [mirror.link_list[arc] for arc in arcs]


def _placed(
    mirror: Mirror,
    question: Int64s,
    arcs: tuple[Sequence[int], Sequence[int]],
    delays_ns: tuple[PerDirection[int], PerDirection[int]],
) -> Pair:
    a = int(question[A])
    bps = PerDirection(int(question[THERE]), int(question[BACK]))
    working = path_of(mirror, a, arcs[0], delays_ns[0], bps)
    return working, replace(path_of(mirror, a, arcs[1], delays_ns[1], bps), role="protect")
