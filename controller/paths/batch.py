"""Many requests at once: answered each by itself, or admitted in sequence, each reserving before the next is looked at.

The result never depends on how many threads there are. ``apply`` runs a function on each of a few jobs, as the builtin
``map`` does; whoever has threads passes the ``map`` of an executor of ``workers`` threads, as kernels hold no GIL.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from controller.domain.placement import PlacedPath
from controller.domain.topology import PerDirection
from controller.paths.budget import Budget, SearchLimit
from controller.paths.kernels.layout import (
    ANSWER,
    BACK,
    BUDGET,
    DELAY_BACK,
    DELAY_THERE,
    FOUND,
    HOPS,
    LIMIT,
    NONE,
    ROUTES_USED,
    START,
    STATUS,
    THERE,
    A,
)
from controller.paths.lines import Lines, Order
from controller.paths.mirror import Mirror
from controller.paths.network import Network, ReservationError
from controller.paths.questions import Questions, pack, path_of
from controller.paths.request import PathRequest
from controller.paths.workspace import Workspace

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Apply = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]

CHUNK = 1024
"""Requests that are looked at ahead of time together: the more, the more are overtaken by those before them."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was found, as numbers: ``rows`` int64[Q, 6] and ``routes`` as in ``kernels.layout``; values on demand.
    ``pairs``: working and protect path of those who asked for two routes and have them; their rows tell of the
    working one."""

    mirror: Mirror
    questions: Questions
    rows: Int64s
    routes: Int32s
    pairs: Mapping[int, tuple[PlacedPath, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def found(self, index: int) -> bool:
        """Whether there is a route; if not, and not ``unproved``, there is proved to be none."""
        return bool(self.rows[index, STATUS] == FOUND)

    def unproved(self, index: int) -> bool:
        """Whether the search gave up: SEARCH_LIMIT."""
        return bool(self.rows[index, STATUS] == LIMIT)

    def links(self, index: int) -> tuple[str, ...]:
        """The links of a route in order; none if there is no route."""
        names = self.mirror.arc_names
        return tuple([names[arc] for arc in self._arcs(index)])

    def paths(self, index: int) -> tuple[PlacedPath, ...]:
        """All routes, none or one or two: the working one and the protect one."""
        if index in self.pairs:
            return self.pairs[index]
        path = self.path(index)
        return () if path is None else (path,)

    def path(self, index: int) -> PlacedPath | None:
        """The route, of a pair the working one; ``None`` if there is none."""
        if not self.found(index):
            return None
        row, question = self.rows[index], self.questions.rows[index]
        return path_of(
            self.mirror,
            int(question[A]),
            self._arcs(index),
            PerDirection(int(row[DELAY_THERE]), int(row[DELAY_BACK])),
            PerDirection(int(question[THERE]), int(question[BACK])),
        )

    def _arcs(self, index: int) -> list[int]:
        start, hops = int(self.rows[index, START]), int(self.rows[index, HOPS])
        arcs: list[int] = self.routes[start : start + hops].tolist()
        return arcs


def answer(network: Network, asked: Questions, apply: Apply = map, workers: int = 1) -> Answers:
    """The best route for each question by itself, reserving nothing. ``ValueError`` for a request that asks for more
    than one plain route."""
    if asked.special:
        raise ValueError(f"{len(asked.special)} of the requests ask for more than one plain route")
    mirror = network.mirror
    rows = np.zeros((len(asked), ANSWER), np.int64)
    spaces = [mirror.work, *(Workspace(len(mirror.nodes), len(mirror.links)) for _ in range(1, workers))]
    return Answers(mirror, asked, rows, _answer_shares(mirror, spaces, asked, rows, (0, len(asked)), apply))


def admit(
    network: Network,
    owners: Sequence[Hashable],
    requests: Sequence[PathRequest],
    orders: Sequence[Order] | None = None,
    asked: Questions | None = None,
    apply: Apply = map,
    workers: int = 1,
) -> Answers:
    """Place the requests as lines, one after the other: each sees what those before it reserved.

    Who gets no route, or no pair who asks for one, becomes no line. ``asked``: the requests packed before, for the
    network as it is now. Raises ``ReservationError`` if an owner has reserved already or is named twice.
    """
    named = set(owners)
    if len(named) < len(owners) or network.holds_any(named):
        raise ReservationError("an owner has reserved already, or is named twice")
    asked = pack(network, requests) if asked is None else asked
    mirror = network.mirror
    free_before = mirror.free.copy()
    rows = np.zeros((len(asked), ANSWER), np.int64)
    spaces = [mirror.work, *(Workspace(len(mirror.nodes), len(mirror.links)) for _ in range(1, workers))]
    parts: list[Int32s] = []
    pairs: dict[int, tuple[PlacedPath, ...]] = {}
    used = begin = 0
    for end in (*asked.special, len(asked)):
        if begin < end:
            parts.append(_admit_plain(mirror, spaces, asked, rows, (begin, end), apply))
            rows[begin:end, START] += used
            used += len(parts[-1])
        if end < len(asked):
            paths, arcs = _admit_special(network, requests[end], asked, rows, end)
            rows[end, START] = used
            used += len(arcs)
            parts.append(arcs)
            if len(paths) == 2:
                pairs[end] = paths
        begin = end + 1
    routes = parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.int32), *parts])
    answers = Answers(mirror, asked, rows, routes, pairs)
    _keep(network.lines, owners, requests, orders, answers)
    network.take_over(free_before)
    return answers


def _admit_special(
    network: Network, request: PathRequest, asked: Questions, rows: Int64s, index: int
) -> tuple[tuple[PlacedPath, ...], Int32s]:
    """Reserve, in the mirror, for a request by way of nodes or for a pair: (its routes, the arcs of the first)."""
    from controller.paths.finding import find_paths
    from controller.paths.kernels.failing import take_arcs

    question, row = asked.rows[index], rows[index]
    try:
        paths = find_paths(network, request, Budget(int(question[BUDGET])))
    except SearchLimit:
        row[STATUS] = LIMIT
        return (), np.zeros(0, np.int32)
    if paths is None:
        row[STATUS] = NONE
        return (), np.zeros(0, np.int32)
    routes = [np.array(network.lines.arcs_of(path), np.int32) for path in paths]
    for arcs in routes:
        take_arcs(network.mirror.graph, arcs, int(question[THERE]), int(question[BACK]))
    row[:] = (FOUND, len(routes[0]), 0, *paths[0].delay_ns, 0)
    return paths, routes[0]


def _keep(
    lines: Lines,
    owners: Sequence[Hashable],
    requests: Sequence[PathRequest],
    orders: Sequence[Order] | None,
    answers: Answers,
) -> None:
    """Make lines of what was found."""
    from controller.paths.kernels.book import attach_all

    rows, asked = answers.rows, answers.questions
    placed = np.flatnonzero(rows[:, STATUS] == FOUND)
    if len(placed) < len(owners):
        chosen = placed.tolist()
        owners = [owners[index] for index in chosen]
        requests = [requests[index] for index in chosen]
        orders = None if orders is None else [orders[index] for index in chosen]
        rows, asked = rows[placed], Questions(asked.rows[placed], asked.bars, ())
    lines.remember()
    numbers = lines.enter(owners, requests, orders, asked)
    start = lines.room_for_routes(len(answers.routes))
    lines.routes[start : start + len(answers.routes)] = answers.routes
    lines.tally[ROUTES_USED] += len(answers.routes)
    lines.answers[numbers] = rows
    lines.answers[numbers, START] += start
    for index in answers.questions.special:
        if answers.found(index):
            number = int(numbers[np.searchsorted(placed, index)])
            lines.keep_special(number, answers.pairs.get(index, ())[1:])
    if len(numbers):
        attach_all(answers.mirror.arc_links, lines.arrays, int(numbers[0]), int(numbers[-1]) + 1)


def _admit_plain(
    mirror: Mirror, spaces: Sequence[Workspace], asked: Questions, rows: Int64s, span: tuple[int, int], apply: Apply
) -> Int32s:
    """Answer the questions of ``span`` in sequence, each reserving what it found; their routes."""
    if len(spaces) == 1:
        return _answer_share(mirror, mirror.work, asked, rows, span, reserving=True)
    return _admit_ahead(mirror, spaces, asked, rows, span, apply)


def _admit_ahead(
    mirror: Mirror, spaces: Sequence[Workspace], asked: Questions, rows: Int64s, span: tuple[int, int], apply: Apply
) -> Int32s:
    """Chunk by chunk: look for all routes at once, against what is free before the chunk, then reserve in sequence and
    look again for those that were overtaken. Exact, as reservations only take routes away: see ``commit_all``."""
    from controller.paths.kernels.answering import commit_all

    routes = np.zeros(0, np.int32)
    used = 0
    for begin in range(*span, CHUNK):
        end = min(begin + CHUNK, span[1])
        ahead = _answer_shares(mirror, spaces, asked, rows, (begin, end), apply)
        routes = _with_room(routes[:used], len(ahead) + len(mirror.nodes))
        rows[begin:end, START] += used
        routes[used : used + len(ahead)] = ahead
        used += len(ahead)
        number = begin
        while number < end:
            routes = _with_room(routes, len(mirror.nodes))
            number, used = commit_all(
                mirror.graph,
                mirror.potentials.arrays,
                mirror.work.arrays,
                asked.rows,
                asked.bars,
                rows,
                routes,
                number,
                end,
                used,
            )
    return routes[:used]


def _answer_shares(
    mirror: Mirror, spaces: Sequence[Workspace], asked: Questions, rows: Int64s, span: tuple[int, int], apply: Apply
) -> Int32s:
    """Answer the questions of ``span``, each workspace a share of them; their routes, one after the other."""
    from controller.paths.kernels.answering import grow_rows

    begin, end = span
    if len(spaces) == 1:
        return _answer_share(mirror, spaces[0], asked, rows, span)
    # Several threads can read trees together, not grow them.
    trees = mirror.potentials
    grow_rows(mirror.graph, trees.arrays, mirror.work.arrays, asked.rows, begin, end)
    cuts = [begin + (end - begin) * number // len(spaces) for number in range(len(spaces) + 1)]
    shares = list(pairwise(cuts))
    trees.freeze(True)
    try:
        jobs = zip(spaces, shares, strict=True)
        routes = list(apply(lambda job: _answer_share(mirror, job[0], asked, rows, job[1]), jobs))
    finally:
        trees.freeze(False)
    offset = 0
    for (first, last), part in zip(shares, routes, strict=True):
        rows[first:last, START] += offset
        offset += len(part)
    return np.concatenate(routes)


def _answer_share(
    mirror: Mirror,
    space: Workspace,
    asked: Questions,
    rows: Int64s,
    span: tuple[int, int],
    *,
    reserving: bool = False,
) -> Int32s:
    """Answer the questions of ``span`` in sequence; their routes, one after the other."""
    from controller.paths.kernels.answering import answer_all

    number, end = span
    routes = np.empty(len(mirror.nodes) + 16 * (end - number), np.int32)
    used = 0
    while number < end:
        number, used = answer_all(
            mirror.graph,
            mirror.potentials.arrays,
            space.arrays,
            asked.rows,
            asked.bars,
            rows,
            routes,
            number,
            end,
            used,
            reserving,
        )
        if number < end:
            routes = _with_room(routes, len(routes))
    return routes[:used]


def _with_room(routes: Int32s, more: int) -> Int32s:
    larger = np.empty(len(routes) + more, np.int32)
    larger[: len(routes)] = routes
    return larger
