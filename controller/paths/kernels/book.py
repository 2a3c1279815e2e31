"""Which lines ride on which links: kept up as lines come, go and move, so that a failure finds its lines at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.compiling import inlined_kernel, kernel
from controller.paths.kernels.heap import sort
from controller.paths.kernels.layout import FOUND, GARBAGE, HOPS, LOOKS, ROUTES_USED, START, STATUS

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


@inlined_kernel
def attach(links: Int32s, book: Any, line: int) -> None:
    """Enter a line into the lists of the links on its route."""
    _, _, answers, routes, following, leading, riders, firsts, _, _, _, _ = book
    start = answers[line, START]
    for place in range(start, start + answers[line, HOPS]):
        link = links[routes[place]]
        behind = firsts[link]
        following[place] = behind
        leading[place] = -1
        if behind >= 0:
            leading[behind] = place
        firsts[link] = place
        riders[place] = line


@inlined_kernel
def detach(links: Int32s, book: Any, line: int) -> None:
    """Take a line out of the lists of the links on its route."""
    _, _, answers, routes, following, leading, _, firsts, _, _, tally, _ = book
    start = answers[line, START]
    for place in range(start, start + answers[line, HOPS]):
        behind, ahead = following[place], leading[place]
        if behind >= 0:
            leading[behind] = ahead
        if ahead >= 0:
            following[ahead] = behind
        else:
            firsts[links[routes[place]]] = behind
    tally[GARBAGE] += answers[line, HOPS]


@kernel
def attach_all(links: Int32s, book: Any, begin: int, end: int) -> None:
    """Enter the lines from ``begin`` to ``end`` that are placed."""
    answers = book[2]
    for line in range(begin, end):
        if answers[line, STATUS] == FOUND:
            attach(links, book, line)


@kernel
def riders_of(links: Int32s, book: Any, broken: Int32s, found: Int64s) -> int:
    """Collect the lines that ride on the links of any of the ``broken`` arcs, each once: rank << 32 | line, sorted.

    Returns how many there are; ``found`` must have room for all lines.
    """
    _, _, _, _, following, _, riders, firsts, ranks, marks, tally, _ = book
    tally[LOOKS] += 1
    count = 0
    for arc in broken:
        place = firsts[links[arc]]
        while place >= 0:
            line = riders[place]
            if marks[line] != tally[LOOKS]:
                marks[line] = tally[LOOKS]
                found[count] = ranks[line] << 32 | line
                count += 1
            place = following[place]
    sort(found, count)
    return count


@kernel
def sweep(book: Any, room: Int32s) -> None:
    """Write the routes of placed lines into ``room``, one after the other, without what no line rides on any more.

    The lists of the links have to be made anew.
    """
    answers, routes, tally = book[2], book[3], book[10]
    used = 0
    for line in range(len(answers)):
        if answers[line, STATUS] == FOUND:
            start = answers[line, START]
            answers[line, START] = used
            for place in range(start, start + answers[line, HOPS]):
                room[used] = routes[place]
                used += 1
    tally[ROUTES_USED] = used
    tally[GARBAGE] = 0
