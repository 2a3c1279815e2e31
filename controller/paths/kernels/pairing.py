"""Answers to questions for pairs, one or many: decided here whenever the pair of least total settles it.

Columns of a question are those of ``layout``, those of an answer in ``pair_layout``. What is left OPEN, because several
pairs have the least total or because that pair does not keep the bound, is for the search in ``paths.pair_search``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.answering import bar_links
from controller.paths.kernels.compiling import inlined_kernel, kernel
from controller.paths.kernels.layout import (
    BACK,
    BARS_FROM,
    BARS_TO,
    BOUND,
    BY,
    BY_DELAY,
    FOUND,
    HOP_BITS,
    HOPELESS,
    NEEDED_MTU,
    NONE,
    NOTE,
    THERE,
    TWIN_MASK,
    A,
    Z,
)
from controller.paths.kernels.pair_layout import (
    OPEN,
    PAIR_START,
    PAIR_STATUS,
    PROTECT_BACK,
    PROTECT_HOPS,
    PROTECT_THERE,
    TOTAL,
    WORKING_BACK,
    WORKING_HOPS,
    WORKING_THERE,
)
from controller.paths.kernels.pairs import forget, least_pair
from controller.paths.kernels.ties import arrange, only_pair

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Uint8s = npt.NDArray[np.uint8]


@inlined_kernel
def delays_of(graph: Any, trail: Int32s, hops: int) -> tuple[int, int]:
    """ns from the first node to the last, and back."""
    arcs, delays = graph[1], graph[3]
    there = 0
    back = 0
    for hop in range(hops):
        there += delays[trail[hop]]
        back += delays[arcs[trail[hop], NOTE] & TWIN_MASK]
    return there, back


@inlined_kernel
def answer_pair(graph: Any, trees: Any, work: Any, room: Any, question: Int64s, apart: bool, answer: Int64s) -> None:
    """Answer all but PAIR_START; the arcs of the routes are in ``trails``, the working one first."""
    alive, scale = graph[7], graph[8]
    trails = room[13]
    a, z, by, bound = question[A], question[Z], question[BY], question[BOUND]
    there, back, mtu = question[THERE], question[BACK], question[NEEDED_MTU]
    answer[:] = 0
    answer[PAIR_STATUS] = NONE
    if by == HOPELESS or alive[a] == 0 or alive[z] == 0:
        return
    if a == z:
        answer[PAIR_STATUS] = FOUND
        return
    status, total, hops, others, laid, row = least_pair(graph, trees, work, room, by, a, a, z, there, back, mtu, apart)
    if status == FOUND:
        only = only_pair(
            graph, trees, work, room, row, by, a, z, there, back, mtu, apart, laid, total - laid, hops, others
        )
        hops, others = arrange(graph, room, by, a, z, hops, others)
        answer[WORKING_THERE], answer[WORKING_BACK] = delays_of(graph, trails[0], hops)
        answer[PROTECT_THERE], answer[PROTECT_BACK] = delays_of(graph, trails[1], others)
        slower = max(max(answer[WORKING_THERE], answer[WORKING_BACK]), max(answer[PROTECT_THERE], answer[PROTECT_BACK]))
        answer[WORKING_HOPS] = hops
        answer[PROTECT_HOPS] = others
        answer[TOTAL] = total
        if slower > bound and by == BY_DELAY and total >> scale[HOP_BITS] > 4 * bound:
            status = NONE  # two routes within the bound, both directions together, come to no more than that
        elif slower > bound or not only:
            status = OPEN
    answer[PAIR_STATUS] = status
    forget(graph, room)


@kernel
def answer_pairs(
    graph: Any,
    trees: Any,
    work: Any,
    room: Any,
    questions: Int64s,
    bars: Int32s,
    aparts: Uint8s,
    answers: Int64s,
    routes: Int32s,
    begin: int,
    end: int,
    used: int,
) -> tuple[int, int]:
    """Answer the questions from ``begin`` on; ``aparts`` says of each whether nodes must not be shared.

    Returns (the first question that is not answered, routes used), as ``answering.answer_all``.
    """
    trails = room[13]
    for number in range(begin, end):
        if used + 2 * trails.shape[1] > len(routes):
            return number, used
        question, answer = questions[number], answers[number]
        bar_links(work, bars, question[BARS_FROM], question[BARS_TO])
        answer_pair(graph, trees, work, room, question, aparts[number] == 1, answer)
        answer[PAIR_START] = used
        for which in range(2):
            for hop in range(answer[WORKING_HOPS + which]):
                routes[used] = trails[which, hop]
                used += 1
    return end, used


@kernel
def joined_total(
    graph: Any, trees: Any, work: Any, room: Any, question: Int64s, one: int, apart: bool
) -> tuple[int, int]:
    """(status, least total length) of two routes to Z, from ``one`` and from A, whatever the bound."""
    there, back, mtu = question[THERE], question[BACK], question[NEEDED_MTU]
    status, total, _, _, _, _ = least_pair(
        graph, trees, work, room, question[BY], one, question[A], question[Z], there, back, mtu, apart
    )
    forget(graph, room)
    return status, total
