"""What would become of the lines, failure by failure: tried on a copy, so the network stays as it is.

For each failure alone, as if it were sudden and lasting: the lines on what is broken are released and placed again in
their order, each on the best route for its request that is left, with bandwidth reserved (``kernels.failing``). A line

* is REPLACED when there is such a route;
* has NO_BANDWIDTH when only bandwidth is missing: it is then laid on the route that it would have without regard to
  bandwidth, reserving nothing. A link that such lines, and what is reserved of it after all others were placed,
  would fill beyond its capacity is *overloaded*: these are the links to widen;
* is TOO_SLOW when no route within its bound is left, whatever the bandwidth; the least delay is told;
* is CUT_OFF when no route is left at all; UNPROVED when the search limit was reached.

A line with two routes that loses one of them is SWITCHED: it keeps the other, and nothing is placed or released. If it
loses both, it is REPLACED by another pair, or UNPROTECTED on a single route if there is no pair; what it would
take to have one route decides between the other fates.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from controller.domain.topology import Direction, PerDirection, Topology
from controller.paths.batch import Apply
from controller.paths.kernels import layout
from controller.paths.kernels.layout import ANSWER, OUTCOME, OVERLOAD, QUESTION
from controller.paths.lines import Lines
from controller.paths.network import Network
from controller.paths.workspace import Workspace

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

OUTCOMES_AT_ONCE = 2**16
TOUCHED_AT_ONCE = 2**20
SHARE = 32
"""Failures that a thread tries before it asks for more, at most."""


class Element(StrEnum):
    LINK = "link"
    NODE = "node"
    SRLG = "srlg"


class Fate(StrEnum):
    REPLACED = "REPLACED"
    SWITCHED = "SWITCHED"
    UNPROTECTED = "UNPROTECTED"
    NO_BANDWIDTH = "NO_BANDWIDTH"
    TOO_SLOW = "DELAY_BOUND_UNREACHABLE"
    CUT_OFF = "NO_PATH"
    UNPROVED = "SEARCH_LIMIT"


FATES = {
    layout.REPLACED: Fate.REPLACED,
    layout.NO_BANDWIDTH: Fate.NO_BANDWIDTH,
    layout.TOO_SLOW: Fate.TOO_SLOW,
    layout.CUT_OFF: Fate.CUT_OFF,
    layout.UNPROVED: Fate.UNPROVED,
    layout.SWITCHED: Fate.SWITCHED,
    layout.UNPROTECTED: Fate.UNPROTECTED,
}
WITHOUT_A_ROUTE = (Fate.CUT_OFF, Fate.UNPROVED)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Failure:
    """One thing that fails."""

    element: Element
    name: str


Failures = Failure | tuple[Failure, ...]
"""One thing that fails, or several at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One line after a failure. ``delay_ns``: on its new route, of a pair the working one; for SWITCHED on the route
    that is left, for NO_BANDWIDTH and TOO_SLOW on the route it would have; ``None`` if there is none."""

    owner: Hashable
    fate: Fate
    delay_ns: PerDirection[int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """By how much one direction of a link would carry more than it can."""

    link: str
    direction: Direction
    excess_bps: int


@dataclass(frozen=True, slots=True)
class Impact:
    """A failure and what it does, as numbers; values on demand. ``rows`` int64[K, 5] are the outcomes of the lines
    that were hit, in their order, ``excess`` int64[K, 3] the overloads; see ``kernels.layout``."""

    failure: Failures
    lines: Lines
    rows: Int64s
    excess: Int64s

    def __len__(self) -> int:
        """How many lines are hit."""
        return len(self.rows)

    def count(self, fate: Fate) -> int:
        """How many lines have this fate."""
        return int(np.count_nonzero(self.rows[:, layout.FATE] == _CODES[fate]))

    @property
    def outcomes(self) -> Iterator[Outcome]:
        for _, number, code, there, back in self.rows.tolist():
            fate = FATES[code]
            delay_ns = None if fate in WITHOUT_A_ROUTE else PerDirection(there, back)
            yield Outcome(owner=self.lines.owner(number), fate=fate, delay_ns=delay_ns)

    @property
    def overloads(self) -> Iterator[Overload]:
        for _, arc, bps in self.excess.tolist():
            link, direction = self.lines.network.mirror.place_of(arc)
            yield Overload(link=link, direction=direction, excess_bps=bps)


_CODES = {fate: code for code, fate in FATES.items()}


def all_single(network: Network) -> tuple[Failure, ...]:
    """Every link, node and SRLG of the topology, each kind by name."""
    return single_failures(network.topology)


def single_failures(topology: Topology) -> tuple[Failure, ...]:
    """As ``all_single``, before there is a network."""
    return (
        *(Failure(element=Element.LINK, name=name) for name in sorted(topology.link)),
        *(Failure(element=Element.NODE, name=name) for name in sorted(topology.node)),
        *(Failure(element=Element.SRLG, name=name) for name in sorted(topology.srlgs)),
    )


def what_if(network: Network, failures: Sequence[Failures], apply: Apply = map, workers: int = 1) -> Iterator[Impact]:
    """Try each failure alone (a tuple: all of it together); the impacts come in order, bit by bit. The network must not
    change on the way.

    ``KeyError`` for what is not in the topology. ``apply`` and ``workers``: see ``batch``.
    """
    arcs = [_arcs_of(network, failure) for failure in failures]
    network.lines.rank()
    if workers > 1:
        _grow_trees(network)
    # Whoever is free takes the next share at a bench that is free, so that nobody waits for the slowest.
    benches = [_Bench(network, alone=workers == 1) for _ in range(workers)]
    share = max(1, min(SHARE, len(failures) // (4 * workers)))
    shares = [slice(start, start + share) for start in range(0, len(failures), share)]

    def attempt(share: slice) -> list[tuple[Int64s, Int64s]]:
        try:
            bench = benches.pop()
        except IndexError:  # more threads than were announced
            bench = _Bench(network, alone=False)
        impacts = bench.attempt(arcs[share])
        benches.append(bench)
        return impacts

    for share_tried, impacts in zip(shares, apply(attempt, shares), strict=True):
        for failure, (rows, excess) in zip(failures[share_tried], impacts, strict=True):
            yield Impact(failure, network.lines, _with_ends(network.lines, failure, rows), excess)


def _grow_trees(network: Network) -> None:
    """Let the trees grow that the searches will wish for: several threads can read trees together, not grow them."""
    from controller.paths.kernels.answering import grow_rows

    mirror, lines = network.mirror, network.lines
    asked = lines.questions[lines.answers[:, layout.STATUS] == layout.FOUND]
    grow_rows(mirror.graph, mirror.potentials.arrays, mirror.work.arrays, asked, 0, len(asked))


def _arcs_of(network: Network, failure: Failures) -> list[int]:
    """One arc of each link that fails."""
    if isinstance(failure, tuple):
        return list(dict.fromkeys(arc for part in failure for arc in _arcs_of(network, part)))
    match failure.element:
        case Element.LINK:
            names = [network.topology.link[failure.name].name]
        case Element.NODE:
            names = [link.name for link, _ in network.links_at(failure.name)]
        case Element.SRLG:
            names = [link.name for link in network.links_of_srlg(failure.name)]
            if not names:
                raise KeyError(failure.name)
    return [network.mirror.arc(name, Direction.A_TO_Z) for name in names]


class _Bench:
    """A copy of the network's state, and room, for one thread."""

    def __init__(self, network: Network, *, alone: bool) -> None:
        """``alone``: no other bench is at work, so that trees may grow on the way."""
        mirror = network.mirror
        self._trees = mirror.potentials.arrays if alone else mirror.potentials.frozen()
        self._network, self._mirror, self._lines = network, mirror, network.lines
        graph: list[Any] = list(mirror.graph)
        for index in (layout.GRAPH_ARCS, layout.GRAPH_FREE):
            graph[index] = graph[index].copy()
        self._graph = tuple(graph)
        self._work = Workspace(len(mirror.nodes), len(mirror.links))
        book: list[Any] = list(self._lines.arrays)
        for index in (layout.BOOK_MARKS, layout.BOOK_TALLY):
            book[index] = book[index].copy()
        self._book = tuple(book)
        count = len(self._lines.answers)
        self._outcomes = np.empty((count + OUTCOMES_AT_ONCE, OUTCOME), np.int64)
        self._overloads = np.empty((len(mirror.arcs) + 4096, OVERLOAD), np.int64)
        self._desk = (
            np.empty(count, np.int64),
            np.empty(ANSWER, np.int64),
            np.empty(QUESTION, np.int64),
            np.zeros(len(mirror.arcs), np.int64),
            np.empty(TOUCHED_AT_ONCE, np.int32),
            np.zeros((layout.MEMO_ROWS, layout.MEMO), np.int64),
        )

    def attempt(self, failures: Sequence[Sequence[int]]) -> list[tuple[Int64s, Int64s]]:
        """(outcomes, overloads) of each of these sets of arcs."""
        from controller.paths.kernels.failing import try_failures

        bounds = np.zeros(len(failures) + 1, np.int64)
        np.cumsum([len(arcs) for arcs in failures], out=bounds[1:])
        broken = np.array([arc for arcs in failures for arc in arcs], np.int32)
        impacts: list[tuple[Int64s, Int64s]] = []
        done = 0
        while done < len(failures):
            end, noted, over, by_hand = try_failures(
                self._graph,
                self._mirror.graph,
                self._trees,
                self._work.arrays,
                self._book,
                bounds,
                broken,
                done,
                len(failures),
                self._desk,
                self._outcomes,
                self._overloads,
            )
            outcomes, overloads = self._outcomes[:noted].copy(), self._overloads[:over].copy()
            cuts = np.arange(done, end + 1)
            rows = np.searchsorted(outcomes[:, layout.FAILURE], cuts).tolist()
            excess = np.searchsorted(overloads[:, layout.OVER_FAILURE], cuts).tolist()
            impacts += [
                (outcomes[begin:stop], overloads[first:last])
                for (begin, stop), (first, last) in zip(pairwise(rows), pairwise(excess), strict=True)
            ]
            if by_hand:
                impacts.append(self._attempt_by_hand(broken[bounds[end] : bounds[end + 1]]))
                end += 1
            done = end
        return impacts

    def _attempt_by_hand(self, broken: Int32s) -> tuple[Int64s, Int64s]:
        """The same for a failure that takes all routes of a special line: its turn comes between those of others."""
        from controller.paths.kernels import failing
        from controller.paths.kernels.book import riders_of

        lines, graph, book, found = self._lines, self._graph, self._book, self._desk[0]
        hit = found[: riders_of(graph[2], book, broken, found)] & layout.LINE_MASK
        mates = lines.mates[hit]
        switched = {
            number for number in hit[mates != layout.PLAIN].tolist() if failing.keeps_a_route(graph, book, number)
        }
        # A pair is looked at once, and a route of it that was broken before is released, too.
        hit = np.array([one for one in hit.tolist() if one in switched or self._is_first(one, hit)], np.int64)
        given_up = [both for one in hit.tolist() if one not in switched for both in lines.numbers_of(one)]
        failing.break_links(graph, broken)
        failing.free_routes(graph, book, np.array(given_up, np.int64))
        outcomes = np.empty((len(hit), OUTCOME), np.int64)
        special = np.flatnonzero(lines.mates[hit] != layout.PLAIN).tolist()
        done = used = 0
        for index in (*special, len(hit)):
            used = failing.try_lines(
                graph,
                self._trees,
                self._work.arrays,
                book,
                self._desk,
                0,
                hit[done:index],
                outcomes[done:index],
                used,
            )
            if index < len(hit) and int(hit[index]) in switched:
                failing.note_switch(graph, book, 0, int(hit[index]), outcomes[index])
            elif index < len(hit):
                self._try_special(int(hit[index]), outcomes[index])
            done = index + 1
        over = failing.note_overloads(graph, self._desk[3], 0, self._overloads, 0)
        for index in (layout.GRAPH_ARCS, layout.GRAPH_FREE):
            np.copyto(graph[index], self._mirror.graph[index])
        return outcomes, self._overloads[:over].copy()

    def _is_first(self, number: int, hit: Int64s) -> bool:
        """Whether no number before this one in ``hit`` is of the same line."""
        mate = self._lines.mates[number]
        return bool(mate >= number or mate == layout.PLAIN or mate not in hit)

    def _try_special(self, number: int, outcome: Int64s) -> None:
        from controller.paths.kernels.failing import lay_extra, take_arcs
        from controller.paths.replacing import fate_of

        question = self._lines.questions[number]
        again = fate_of(self._shown, self._lines.request(self._lines.owner(number)), int(question[layout.BUDGET]))
        for path in again.paths:
            arcs = np.array(self._lines.arcs_of(path), np.int32)
            if again.fate in (layout.REPLACED, layout.UNPROTECTED):
                take_arcs(self._graph, arcs, *question[[layout.THERE, layout.BACK]].tolist())
            elif again.fate == layout.NO_BANDWIDTH:
                lay_extra(self._graph, arcs, question, self._desk[3])
        delay_ns = again.paths[0].delay_ns if again.paths else (0, 0)
        outcome[:] = (0, number, again.fate, *delay_ns)

    @cached_property
    def _shown(self) -> Network:
        """The network as this copy shows it."""
        return self._network.seen_in(self._mirror.redrawn(self._graph, self._trees, self._work))


def _with_ends(lines: Lines, failure: Failures, rows: Int64s) -> Int64s:
    """With the lines that begin and end at a very node that fails: they ride on no link."""
    number = lines.network.mirror.node_number
    parts = failure if isinstance(failure, tuple) else (failure,)
    nodes = [number[part.name] for part in parts if part.element is Element.NODE]
    if not nodes:
        return rows
    questions = lines.questions
    placed = lines.answers[:, layout.STATUS] == layout.FOUND
    placed &= lines.mates <= np.arange(len(placed))  # of a pair one number
    ends_there = np.isin(questions[:, layout.A], nodes)
    within = np.flatnonzero(placed & ends_there & (questions[:, layout.A] == questions[:, layout.Z]))
    if not len(within):
        return rows
    more = np.zeros((len(within), OUTCOME), np.int64)
    more[:, layout.LINE] = within
    more[:, layout.FATE] = layout.CUT_OFF
    return np.concatenate((rows, more))
