"""Failures: placing again what was hit, for good, and trying what would become of it, for any failure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.answering import answer_one, bar_links, reserve
from controller.paths.kernels.book import attach, detach, riders_of
from controller.paths.kernels.compiling import kernel
from controller.paths.kernels.layout import (
    BACK,
    BARS_FROM,
    BARS_TO,
    BOUND,
    CUT_OFF,
    DELAY_BACK,
    DELAY_THERE,
    FAILURE,
    FATE,
    FATE_BACK,
    FATE_THERE,
    FOUND,
    FREE_BACK,
    FREE_THERE,
    HOPS,
    LIMIT,
    LINE,
    LINE_MASK,
    NO_BANDWIDTH,
    NOTE,
    OVER_ARC,
    OVER_BPS,
    OVER_FAILURE,
    REPLACED,
    ROUTES_USED,
    START,
    STATUS,
    THERE,
    TOO_SLOW,
    TWIN_MASK,
    UNBOUNDED,
    UNPROVED,
)

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


@kernel
def withdraw(graph: Any, book: Any, hit: Int64s) -> None:
    """Release the lines ``hit`` and take them out of the lists of their links; their answers still tell the route."""
    questions, _, answers, routes = book[0], book[1], book[2], book[3]
    for line in hit:
        answer = answers[line]
        detach(graph[2], book, line)
        reserve(graph, routes, answer[START], answer[HOPS], -questions[line, THERE], -questions[line, BACK])


@kernel
def place_again(graph: Any, trees: Any, work: Any, book: Any, hit: Int64s, begin: int) -> int:
    """Find and reserve new routes for the lines ``hit``, withdrawn before, one after the other from ``begin`` on.

    Returns the first that was not done: less than all when ``routes`` is full.
    """
    questions, bars, answers, routes, _, _, _, _, _, _, tally = book
    trail = work[5]
    for number in range(begin, len(hit)):
        used = tally[ROUTES_USED]
        if used + len(trail) > len(routes):
            return number
        line = hit[number]
        question, answer = questions[line], answers[line]
        bar_links(work, bars, question[BARS_FROM], question[BARS_TO])
        answer_one(graph, trees, work, question, answer)
        answer[START] = used
        if answer[STATUS] == FOUND:
            for index in range(answer[HOPS]):
                routes[used + index] = trail[index]
            tally[ROUTES_USED] = used + answer[HOPS]
            reserve(graph, routes, used, answer[HOPS], question[THERE], question[BACK])
            attach(graph[2], book, line)
    return len(hit)


@kernel
def show_nothing_free(graph: Any, arc: int) -> None:
    """Let the link of an arc look out of service."""
    arcs = graph[1]
    twin = arcs[arc, NOTE] & TWIN_MASK
    arcs[arc, FREE_THERE] = -1
    arcs[arc, FREE_BACK] = -1
    arcs[twin, FREE_THERE] = -1
    arcs[twin, FREE_BACK] = -1


@kernel
def put_back(graph: Any, pristine: Any, arc: int) -> None:
    """Let an arc and its twin be again as they are in ``pristine``."""
    arcs, free = graph[1], graph[6]
    arcs_then, free_then = pristine[1], pristine[6]
    one = np.int64(arc)
    for _ in range(2):
        arcs[one, FREE_THERE] = arcs_then[one, FREE_THERE]
        arcs[one, FREE_BACK] = arcs_then[one, FREE_BACK]
        free[one] = free_then[one]
        one = arcs[one, NOTE] & TWIN_MASK


@kernel
def fate_of(graph: Any, trees: Any, work: Any, question: Int64s, easier: Int64s, answer: Int64s) -> int:
    """What becomes of a line, its new route in ``trail`` and its delays in ``answer``: for NO_BANDWIDTH the route that
    it would have were there bandwidth. ``easier`` is room for another question."""
    answer_one(graph, trees, work, question, answer)
    if answer[STATUS] == FOUND:
        return REPLACED
    if answer[STATUS] == LIMIT:
        return UNPROVED
    for column in range(len(question)):
        easier[column] = question[column]
    easier[THERE] = 0
    easier[BACK] = 0
    answer_one(graph, trees, work, easier, answer)
    if answer[STATUS] == FOUND:
        return NO_BANDWIDTH
    if answer[STATUS] == LIMIT:
        return UNPROVED
    easier[BOUND] = UNBOUNDED
    answer_one(graph, trees, work, easier, answer)
    return TOO_SLOW if answer[STATUS] == FOUND else CUT_OFF


@kernel
def try_failures(
    graph: Any,
    pristine: Any,
    trees: Any,
    work: Any,
    book: Any,
    broken_from: Int64s,
    broken: Int32s,
    begin: int,
    end: int,
    desk: Any,
    outcomes: Int64s,
    overloads: Int64s,
) -> tuple[int, int, int]:
    """Try the failures from ``begin`` on, each alone: that of the arcs broken[broken_from[f]:broken_from[f + 1]], one
    of each link that fails.

    For each the lines on these links are released and placed again in order of rank, and after its outcomes are noted,
    everything is put back. A line that is left without bandwidth does not take part any further, but is laid where it
    would go: where such lines and those placed together are more than an arc can carry, it is an overload.

    ``graph`` is a copy of ``pristine`` to scribble on, alike at the beginning and at the end. ``desk`` = (found
    int64[C], answer int64[6], easier int64[10], extra int64[E] of zeros, touched int32). Returns (the first failure not
    tried: less than ``end`` when there is no room for its outcomes, outcomes, overloads).
    """
    arcs, links, free = graph[1], graph[2], graph[6]
    questions, bars, answers, old_routes = book[0], book[1], book[2], book[3]
    found, answer, easier, extra, touched = desk
    trail = work[5]
    noted = 0
    over = 0
    for failure in range(begin, end):
        arcs_broken = broken[broken_from[failure] : broken_from[failure + 1]]
        count = riders_of(links, book, arcs_broken, found)
        if noted + count > len(outcomes) or over + len(extra) > len(overloads):
            return failure, noted, over
        for arc in arcs_broken:
            show_nothing_free(graph, arc)
        for number in range(count):
            line = found[number] & LINE_MASK
            old = answers[line]
            reserve(graph, old_routes, old[START], old[HOPS], -questions[line, THERE], -questions[line, BACK])
        used = 0
        crowded = False
        for number in range(count):
            line = found[number] & LINE_MASK
            question = questions[line]
            bar_links(work, bars, question[BARS_FROM], question[BARS_TO])
            fate = fate_of(graph, trees, work, question, easier, answer)
            if fate == REPLACED:
                reserve(graph, trail, 0, answer[HOPS], question[THERE], question[BACK])
                for index in range(answer[HOPS]):
                    if used < len(touched):
                        touched[used] = trail[index]
                    used += 1
            elif fate == NO_BANDWIDTH:
                crowded = True
                for index in range(answer[HOPS]):
                    extra[trail[index]] += question[THERE]
                    extra[arcs[trail[index], NOTE] & TWIN_MASK] += question[BACK]
            outcome = outcomes[noted]
            outcome[FAILURE] = failure
            outcome[LINE] = line
            outcome[FATE] = fate
            outcome[FATE_THERE] = answer[DELAY_THERE]
            outcome[FATE_BACK] = answer[DELAY_BACK]
            noted += 1
        if crowded:
            for arc in range(len(extra)):
                if extra[arc] > free[arc]:
                    overloads[over, OVER_FAILURE] = failure
                    overloads[over, OVER_ARC] = arc
                    overloads[over, OVER_BPS] = extra[arc] - free[arc]
                    over += 1
                extra[arc] = 0
        if used > len(touched):  # more than could be remembered
            for arc in range(len(extra)):
                put_back(graph, pristine, arc)
            continue
        for index in range(used):
            put_back(graph, pristine, touched[index])
        for number in range(count):
            old = answers[found[number] & LINE_MASK]
            for place in range(old[START], old[START] + old[HOPS]):
                put_back(graph, pristine, old_routes[place])
        for arc in arcs_broken:
            put_back(graph, pristine, arc)
    return end, noted, over
