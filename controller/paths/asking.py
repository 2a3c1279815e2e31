"""One request asked again and again, each time with other links barred: searches for several routes are made of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from controller.paths.budget import Budget, SearchLimit
from controller.paths.kernels.answering import answer_one, bar_links
from controller.paths.kernels.labels import DELAYS_BACK, DELAYS_THERE, LENGTHS, spread
from controller.paths.kernels.layout import (
    ANSWER,
    BACK,
    BOUND,
    BUDGET,
    BY,
    BY_COST,
    DELAY_BACK,
    DELAY_THERE,
    HOP_BITS,
    HOPS,
    LIMIT,
    NEEDED_MTU,
    NODE_BITS,
    NODES,
    NONE,
    SPAN_BITS,
    STATUS,
    STEP,
    THERE,
    UNREACHED,
    A,
    Z,
)
from controller.paths.questions import Int64s

Arrays = tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]
"""(graph, trees, work), as in ``kernels.layout``."""


class Answer(NamedTuple):
    """A route as arcs in order, its length by the objective asked for, and its delay each way in ns."""

    arcs: list[int]
    length: int
    there_ns: int
    back_ns: int


class Asker:
    """``question`` is one row of ``questions.pack``; ``arrays`` are what it is asked on."""

    def __init__(self, arrays: Arrays, question: Int64s, budget: Budget) -> None:
        self.graph, self.trees, self.work = arrays
        self.question = question
        self.budget = budget
        self.a, self.z = int(question[A]), int(question[Z])
        self.by = int(question[BY])
        self.bound_ns = int(question[BOUND])
        self.hop_bits = int(self.graph[8][HOP_BITS])
        self.lengths: list[int] = (
            self.graph[4] if self.by == BY_COST else self.graph[1][:, STEP] >> self.graph[8][NODE_BITS]
        ).tolist()
        self._answer = np.zeros(ANSWER, np.int64)

    def least(self, barred: Iterable[int]) -> Answer | None:
        """The best route without the links ``barred``; ``None``: there is none. Raises ``SearchLimit``."""
        self.bar(barred)
        self.question[BUDGET] = self.budget.labels
        self.budget.labels -= answer_one(self.graph, self.trees, self.work, self.question, self._answer)
        status = self._answer[STATUS]
        if status == LIMIT:
            raise SearchLimit
        if status == NONE:
            return None
        arcs = self.work[5][: self._answer[HOPS]].tolist()
        return Answer(
            arcs,
            sum([self.lengths[arc] for arc in arcs]),
            int(self._answer[DELAY_THERE]),
            int(self._answer[DELAY_BACK]),
        )

    def bar(self, barred: Iterable[int]) -> None:
        """From now on no search uses these links."""
        bars = np.array(list(barred), np.int32)
        bar_links(self.work, bars, 0, len(bars))

    def lengths_to_end(self) -> Int64s:
        """Least length from each node to the end over the links that qualify and are not barred; UNREACHED: none."""
        return self._spread(LENGTHS, (1 << int(self.graph[8][SPAN_BITS])) - 1, from_start=False)

    def delays_to_end(self) -> tuple[Int64s, Int64s]:
        """Least delay each way between a node and the end, as ``lengths_to_end``, within the bound."""
        return (
            self._spread(DELAYS_BACK, self.bound_ns, from_start=False),
            self._spread(DELAYS_THERE, self.bound_ns, from_start=False),
        )

    def delays_from_start(self) -> tuple[Int64s, Int64s]:
        """Least delay each way between the start and a node, as ``lengths_to_end``, within the bound."""
        return (
            self._spread(DELAYS_THERE, self.bound_ns, from_start=True),
            self._spread(DELAYS_BACK, self.bound_ns, from_start=True),
        )

    def _spread(self, what: int, most: int, *, from_start: bool) -> Int64s:
        least = np.full(int(self.graph[8][NODES]), UNREACHED, np.int64)
        there, back, mtu = (int(self.question[column]) for column in (THERE, BACK, NEEDED_MTU))
        # Outward from the end every link is crossed against the route, hence the rates change places.
        rates = (there, back) if from_start else (back, there)
        begin = self.a if from_start else self.z
        if not spread(self.graph, self.work, what, self.by, begin, *rates, mtu, most, least):
            raise SearchLimit
        return least
