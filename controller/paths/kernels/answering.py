"""Answers to questions: one, many, and many in sequence of which each reserves what it found.

The columns of a question and of an answer are in ``layout``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.compiling import allocating_kernel, inlined_kernel, kernel
from controller.paths.kernels.labels import within
from controller.paths.kernels.layout import (
    ANSWER,
    BACK,
    BAR,
    BARS_FROM,
    BARS_TO,
    BOUND,
    BUDGET,
    BY,
    BY_COST,
    BY_DELAY,
    BY_SLOWER,
    DELAY_BACK,
    DELAY_THERE,
    FOUND,
    FREE_BACK,
    FREE_THERE,
    HOP_BITS,
    HOPELESS,
    HOPS,
    LAST_BAR,
    LENGTH,
    NEEDED_MTU,
    NODE_BITS,
    NONE,
    NOTE,
    SKEWED,
    START,
    STATUS,
    STEP,
    THERE,
    TWIN_MASK,
    UNBOUNDED,
    A,
    Z,
)
from controller.paths.kernels.search import least
from controller.paths.kernels.trees import row_towards

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


@inlined_kernel
def bar_links(work: Any, bars: Int32s, start: int, end: int) -> None:
    """From now on the links bars[start:end], and no others, are not to be used."""
    counters, barred = work[4], work[3]
    if start == end:
        counters[BAR] = -1
        return
    counters[LAST_BAR] += 1  # a number never used before, so that nothing has to be cleared
    counters[BAR] = counters[LAST_BAR]
    for index in range(start, end):
        barred[bars[index]] = counters[BAR]


@kernel
def length_of(graph: Any, trail: Int32s, hops: int) -> int:
    """The length of a route by delay."""
    arcs, scale = graph[1], graph[8]
    length = 0
    for index in range(hops):
        length += arcs[trail[index], STEP] >> scale[NODE_BITS]
    return length


@inlined_kernel
def measure(graph: Any, trail: Int32s, hops: int, length: int, answer: Int64s) -> None:
    """Fill in the length by delay, and the delay of each direction."""
    delays, scale = graph[3], graph[8]
    total = length >> scale[HOP_BITS]
    answer[LENGTH] = length
    if scale[SKEWED] == 0:
        answer[DELAY_THERE] = total >> 1
        answer[DELAY_BACK] = total >> 1
        return
    there = 0
    for index in range(hops):
        there += delays[trail[index]]
    answer[DELAY_THERE] = there
    answer[DELAY_BACK] = total - there


@inlined_kernel
def answer_one(graph: Any, trees: Any, work: Any, question: Int64s, answer: Int64s) -> int:
    """Answer all but START; the arcs of the route are in ``trail``. Returns how many labels were expanded."""
    scale, alive = graph[8], graph[7]
    trail = work[5]
    a, z, by = question[A], question[Z], question[BY]
    there, back, mtu = question[THERE], question[BACK], question[NEEDED_MTU]
    bound = question[BOUND]
    answer[STATUS] = NONE
    answer[HOPS] = 0
    answer[DELAY_THERE] = 0
    answer[DELAY_BACK] = 0
    answer[LENGTH] = 0
    if by == HOPELESS or alive[a] == 0 or alive[z] == 0:
        return 0
    if a == z:
        answer[STATUS] = FOUND
        return 0
    spent = 0
    most = UNBOUNDED
    if bound < UNBOUNDED and by != BY_COST:
        # Whoever keeps the bound in both directions is, both together, no slower than twice the bound.
        most = (2 * bound + 1 << scale[HOP_BITS]) - 1
    objective = BY_COST if by == BY_COST else BY_DELAY
    status, hops, length = least(graph, trees, work, objective, a, z, there, back, mtu, most)
    if status == FOUND:
        if by == BY_COST:
            length = length_of(graph, trail, hops)
        measure(graph, trail, hops, length, answer)
        slower = max(answer[DELAY_THERE], answer[DELAY_BACK])
        if slower > bound or (by == BY_SLOWER and scale[SKEWED] > 0):
            # The best of all routes keeps the bound in one direction only, or not at all: ask for more than a length.
            # For the least slower direction, that of this route is a bound which the answer keeps.
            if by == BY_SLOWER:
                bound = min(bound, slower)
            status, hops, spent = within(graph, work, by, a, z, there, back, mtu, bound, question[BUDGET])
            if status == FOUND:
                measure(graph, trail, hops, length_of(graph, trail, hops), answer)
    answer[STATUS] = status
    answer[HOPS] = hops
    return spent


@kernel
def answer_all(
    graph: Any,
    trees: Any,
    work: Any,
    questions: Int64s,
    bars: Int32s,
    answers: Int64s,
    routes: Int32s,
    begin: int,
    end: int,
    used: int,
    reserving: bool,
) -> tuple[int, int]:
    """Answer the questions from ``begin`` on, one after the other, each reserving what it found if ``reserving``.

    Arcs go into ``routes`` from ``used`` on. Returns (the first question that is not answered, routes used): less
    than ``end`` when ``routes`` has no room for another route.
    """
    trail = work[5]
    for number in range(begin, end):
        if used + len(trail) > len(routes):
            return number, used
        question, answer = questions[number], answers[number]
        bar_links(work, bars, question[BARS_FROM], question[BARS_TO])
        answer_one(graph, trees, work, question, answer)
        answer[START] = used
        for index in range(answer[HOPS]):
            routes[used] = trail[index]
            used += 1
        if reserving and answer[STATUS] == FOUND:
            reserve(graph, routes, answer[START], answer[HOPS], question[THERE], question[BACK])
    return end, used


@kernel
def grow_rows(graph: Any, trees: Any, work: Any, questions: Int64s, begin: int, end: int) -> None:
    """Let there be the trees that the searches for these questions would wish for, as far as they can have them."""
    for number in range(begin, end):
        if questions[number, BY] != BY_COST:
            row_towards(graph, trees, work, questions[number, Z])
            row_towards(graph, trees, work, questions[number, A])


@inlined_kernel
def reserve(graph: Any, routes: Int32s, start: int, hops: int, there: int, back: int) -> None:
    """Take ``there`` bps from each arc of a route and ``back`` from its twin; negative amounts give back."""
    _, arcs, _, _, _, _, free, _, _ = graph
    for index in range(start, start + hops):
        arc = routes[index]
        twin = arcs[arc, NOTE] & TWIN_MASK
        free[arc] -= there
        free[twin] -= back
        if arcs[arc, FREE_THERE] >= 0:  # a link out of service shows nothing free, whatever is
            arcs[arc, FREE_THERE] = free[arc]
            arcs[arc, FREE_BACK] = free[twin]
            arcs[twin, FREE_THERE] = free[twin]
            arcs[twin, FREE_BACK] = free[arc]


@inlined_kernel
def still_free(graph: Any, routes: Int32s, start: int, hops: int, there: int, back: int) -> bool:
    """Whether every link of a route has the rates."""
    arcs = graph[1]
    for index in range(start, start + hops):
        arc = routes[index]
        if arcs[arc, FREE_THERE] < there or arcs[arc, FREE_BACK] < back:
            return False
    return True


@allocating_kernel
def commit_all(
    graph: Any,
    trees: Any,
    work: Any,
    questions: Int64s,
    bars: Int32s,
    answers: Int64s,
    routes: Int32s,
    begin: int,
    end: int,
    used: int,
) -> tuple[int, int]:
    """Reserve, in sequence, answers that were found beforehand against more than is free now; those that no longer
    fit are found again. The result is that of ``answer_all``: reservations only take routes away, so an answer that
    is still free is still the best of what is left, and a "no" stays a "no". Returns as ``answer_all`` does."""
    trail = work[5]
    spare = np.empty(ANSWER, np.int64)
    for number in range(begin, end):
        question, answer = questions[number], answers[number]
        if answer[STATUS] != FOUND:
            continue
        there, back = question[THERE], question[BACK]
        if not still_free(graph, routes, answer[START], answer[HOPS], there, back):
            if used + len(trail) > len(routes):
                return number, used
            bar_links(work, bars, question[BARS_FROM], question[BARS_TO])
            answer_one(graph, trees, work, question, spare)
            answer[:] = spare
            answer[START] = used
            for index in range(answer[HOPS]):
                routes[used] = trail[index]
                used += 1
            if answer[STATUS] != FOUND:
                continue
        reserve(graph, routes, answer[START], answer[HOPS], there, back)
    return end, used
