"""What would become of the lines, failure by failure: tried on a copy, so the network stays as it is.

For each failure alone, as if it were sudden and lasting: the lines on what is broken are released and placed again in
their order, each on the best route for its request that is left, with bandwidth reserved (``kernels.failing``). A line

* is REPLACED when there is such a route;
* has NO_BANDWIDTH when only bandwidth is missing: it is then laid on the route that it would have without regard to
  bandwidth, reserving nothing. A link that such lines, and what is reserved of it after all others were placed,
  would fill beyond its capacity is *overloaded*: these are the links to widen;
* is TOO_SLOW when no route within its bound is left, whatever the bandwidth; the least delay is told;
* is CUT_OFF when no route is left at all; UNPROVED when the search limit was reached.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from controller.domain.topology import Direction, PerDirection
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


class Element(StrEnum):
    LINK = "link"
    NODE = "node"
    SRLG = "srlg"


class Fate(StrEnum):
    REPLACED = "REPLACED"
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
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Failure:
    """One thing that fails, alone."""

    element: Element
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One line after a failure. ``delay_ns``: on its new route, for NO_BANDWIDTH and TOO_SLOW on the route it would
    have; ``None`` if there is none."""

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

    failure: Failure
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
            known = fate in (Fate.REPLACED, Fate.NO_BANDWIDTH, Fate.TOO_SLOW)
            yield Outcome(
                owner=self.lines.owner(number), fate=fate, delay_ns=PerDirection(there, back) if known else None
            )

    @property
    def overloads(self) -> Iterator[Overload]:
        for _, arc, bps in self.excess.tolist():
            link, direction = self.lines.network.mirror.place_of(arc)
            yield Overload(link=link, direction=direction, excess_bps=bps)


_CODES = {fate: code for code, fate in FATES.items()}


def all_single(network: Network) -> tuple[Failure, ...]:
    """Every link, node and SRLG of the topology, each kind by name."""
    topology = network.topology
    srlgs = sorted({srlg for link in topology.links for srlg in link.srlgs})
    return (
        *(Failure(element=Element.LINK, name=name) for name in sorted(topology.link)),
        *(Failure(element=Element.NODE, name=name) for name in sorted(topology.node)),
        *(Failure(element=Element.SRLG, name=name) for name in srlgs),
    )


def what_if(network: Network, failures: Sequence[Failure], apply: Apply = map, workers: int = 1) -> Iterator[Impact]:
    """Try each failure alone; the impacts come in order, bit by bit. The network must not change on the way.

    ``KeyError`` for what is not in the topology. ``apply`` and ``workers``: see ``batch``.
    """
    arcs = [_arcs_of(network, failure) for failure in failures]
    network.lines.rank()
    benches = [_Bench(network) for _ in range(workers)]
    share = max(1, min(64, len(failures) // (4 * workers)))
    starts = range(0, len(failures), share)
    for begin in range(0, len(starts), workers):
        jobs = [(bench, arcs[start : start + share]) for bench, start in zip(benches, starts[begin:], strict=False)]
        mirror = network.mirror
        mirror.potentials.freeze(workers > 1)
        try:
            tried = list(apply(lambda job: job[0].attempt(job[1]), jobs))
        finally:
            mirror.potentials.freeze(False)
        for start, impacts in zip(starts[begin:], tried, strict=False):
            for offset, (rows, excess) in enumerate(impacts):
                failure = failures[start + offset]
                yield Impact(failure, network.lines, _with_ends(network.lines, failure, rows), excess)


def _arcs_of(network: Network, failure: Failure) -> list[int]:
    """One arc of each link that fails."""
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

    def __init__(self, network: Network) -> None:
        mirror = network.mirror
        self._mirror, self._lines = mirror, network.lines
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
            end, noted, over = try_failures(
                self._graph,
                self._mirror.graph,
                self._mirror.potentials.arrays,
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
            for failure in range(done, end):
                impacts.append(
                    (
                        outcomes[slice(*np.searchsorted(outcomes[:, layout.FAILURE], (failure, failure + 1)))],
                        overloads[slice(*np.searchsorted(overloads[:, layout.OVER_FAILURE], (failure, failure + 1)))],
                    )
                )
            done = end
        return impacts


def _with_ends(lines: Lines, failure: Failure, rows: Int64s) -> Int64s:
    """With the lines that begin and end at the very node that fails: they ride on no link."""
    if failure.element is not Element.NODE:
        return rows
    node = lines.network.mirror.node_number[failure.name]
    questions = lines.questions
    placed = lines.answers[:, layout.STATUS] == layout.FOUND
    within = np.flatnonzero(placed & (questions[:, layout.A] == node) & (questions[:, layout.Z] == node))
    if not len(within):
        return rows
    more = np.zeros((len(within), OUTCOME), np.int64)
    more[:, layout.LINE] = within
    more[:, layout.FATE] = layout.CUT_OFF
    return np.concatenate((rows, more))
