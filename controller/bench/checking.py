"""Do the engines agree? Each route is added up arc by arc, whoever found it, and all engines' sums must be equal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from controller.bench.arcs import Arcs
from controller.bench.demands import Query
from controller.bench.peers.way import Nodes


class Disagreement(Exception):
    """Two engines answered one question differently, or one took an arc that it must not take: no figure counts."""


class Judge:
    """Holds the delays that the first engine found to each question; those of all others have to be the same."""

    def __init__(self, arcs: Arcs) -> None:
        self._arcs = arcs
        self._free = arcs.free_bps.tolist()
        self._delays = arcs.delays_ns.tolist()
        self._known: dict[object, tuple[str, object]] = {}

    def compare(self, engine: str, question: object, answer: object) -> None:
        """``answer`` is what every engine must find whichever route it takes: the least delay; ``None``: no route."""
        other, known = self._known.setdefault(question, (engine, answer))
        if known != answer:
            raise Disagreement(f"{question}: {engine} found {answer}, but {other} found {known} (ns; None: no route)")

    def compare_routes(
        self, engine: str, batch: object, queries: Sequence[Query], routes: Sequence[Nodes | None]
    ) -> None:
        """``queries`` are the first of a batch."""
        for position, (query, route) in enumerate(zip(queries, routes, strict=True)):
            self.compare(
                engine, (batch, position, *query), None if route is None else self.delay_ns(engine, query, route)
            )

    def delay_ns(self, engine: str, query: Query, route: Nodes) -> int:
        """Of the fastest arcs that qualify along the nodes of a route."""
        if not route or route[0] != query.a or route[-1] != query.z or len(set(route)) < len(route):
            raise Disagreement(f"{query}: {engine} gave {route}, which is no simple route between its ends")
        free, delays, between = self._free, self._delays, self._arcs.arcs_between
        there, back = query.there_bps, query.back_bps
        total = 0
        for ends in pairwise(route):
            fits = [delays[arc] for arc in between.get(ends, ()) if free[arc] >= there and free[arc ^ 1] >= back]
            if not fits:
                raise Disagreement(f"{query}: {engine} went from {ends[0]} to {ends[1]}, where no arc has the rates")
            total += min(fits)
        return total
