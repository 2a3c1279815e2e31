"""Failures: placing again what was hit, for good, and trying what would become of it, for any failure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.answering import answer_one, bar_links, reserve, still_free
from controller.paths.kernels.book import attach, detach, riders_of
from controller.paths.kernels.compiling import inlined_kernel, kernel
from controller.paths.kernels.layout import (
    ANSWER,
    BACK,
    BARS_FROM,
    BARS_TO,
    BOUND,
    BY,
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
    LAST_LOOK,
    LIMIT,
    LINE,
    LINE_MASK,
    LOOKS,
    MEMO_BACK,
    MEMO_FATE,
    MEMO_HOPS,
    MEMO_LINE,
    MEMO_LOOK,
    MEMO_START,
    MEMO_THERE,
    NEEDED_MTU,
    NO_BANDWIDTH,
    NODE_BITS,
    NODES,
    NONE,
    NOTE,
    OVER_ARC,
    OVER_BPS,
    OVER_FAILURE,
    PLAIN,
    REPLACED,
    ROUTES_USED,
    SPECIALS,
    START,
    STATUS,
    STEP,
    SWITCHED,
    THERE,
    TOO_SLOW,
    TWIN_MASK,
    UNBOUNDED,
    UNPROVED,
    A,
    Z,
)

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


@inlined_kernel
def answer_none(answer: Int64s) -> None:
    for column in range(ANSWER):
        answer[column] = 0
    answer[STATUS] = NONE


@inlined_kernel
def recalled(graph: Any, questions: Int64s, memo: Int64s, look: int, question: Int64s, arcs: Int32s) -> int:
    """The row of ``memo`` that answers a question, the arcs of its route in ``arcs``; -1: it has to be searched for.

    Since ``look`` began, only routes have been taken away. So what was found for the same question with no more
    bandwidth is still the best if it has room, and a "no" is still one, with more bandwidth all the more; what was
    refused whatever the bandwidth needs no such comparison. ``memo`` int64[M, 7], M a power of two, has one row
    for many pairs of ends: look, line, fate, start and hops in ``arcs``, and delays.
    """
    row = question[A] * graph[8][NODES] + question[Z] & len(memo) - 1
    if memo[row, MEMO_LOOK] != look:
        return -1
    other = questions[memo[row, MEMO_LINE]]
    if (
        other[A] != question[A]
        or other[Z] != question[Z]
        or other[NEEDED_MTU] != question[NEEDED_MTU]
        or other[BOUND] != question[BOUND]
        or other[BY] != question[BY]
        or other[BARS_FROM] != question[BARS_FROM]
        or other[BARS_TO] != question[BARS_TO]
    ):
        return -1
    fate = memo[row, MEMO_FATE]
    there, back = question[THERE], question[BACK]
    if fate in (REPLACED, NO_BANDWIDTH) and (there < other[THERE] or back < other[BACK]):
        return -1
    if fate == REPLACED and not still_free(graph, arcs, memo[row, MEMO_START], memo[row, MEMO_HOPS], there, back):
        return -1
    return row


@inlined_kernel
def memorise(
    graph: Any, memo: Int64s, look: int, question: Int64s, line: int, fate: int, start: int, answer: Int64s
) -> None:
    """Keep what has become of a line for the next one between the same ends."""
    row = question[A] * graph[8][NODES] + question[Z] & len(memo) - 1
    memo[row, MEMO_LOOK] = look
    memo[row, MEMO_LINE] = line
    memo[row, MEMO_FATE] = fate
    memo[row, MEMO_START] = start
    memo[row, MEMO_HOPS] = answer[HOPS]
    memo[row, MEMO_THERE] = answer[DELAY_THERE]
    memo[row, MEMO_BACK] = answer[DELAY_BACK]


@kernel
def severed(graph: Any, work: Any, broken: int) -> int:
    """Look around from both ends of a link, by turns, over all links in service: the number under which the nodes of
    one side are marked in ``seen`` if no way leads to the other side, else -1."""
    first, arcs, scale = graph[0], graph[1], graph[8]
    counters, queue, seen = work[4], work[5], work[6]
    node_mask = (1 << scale[NODE_BITS]) - 1
    look = counters[LAST_LOOK] + 1
    counters[LAST_LOOK] += 2
    last = len(queue) - 1
    done, count, done_there, count_there = 0, 1, 0, 1
    queue[0] = arcs[arcs[broken, NOTE] & TWIN_MASK, STEP] & node_mask
    queue[last] = arcs[broken, STEP] & node_mask  # both queues in one, from both ends: no node is in both
    seen[queue[0]] = look
    seen[queue[last]] = look + 1
    while True:
        if done == count:
            return look
        node = queue[done]
        done += 1
        for arc in range(first[node], first[node + 1]):
            head = arcs[arc, STEP] & node_mask
            if arcs[arc, FREE_THERE] < 0 or seen[head] == look:
                continue
            if seen[head] == look + 1:
                return -1
            seen[head] = look
            queue[count] = head
            count += 1
        if done_there == count_there:
            return look + 1
        node = queue[last - done_there]
        done_there += 1
        for arc in range(first[node], first[node + 1]):
            head = arcs[arc, STEP] & node_mask
            if arcs[arc, FREE_THERE] < 0 or seen[head] == look + 1:
                continue
            if seen[head] == look:
                return -1
            seen[head] = look + 1
            queue[last - count_there] = head
            count_there += 1


@kernel
def all_cut_off(graph: Any, work: Any, book: Any, broken: Int32s, hit: Int64s) -> bool:
    """Whether a single link that is broken was the only way between the ends of each of these lines (rank << 32 | line
    or line alone): a bridge, told at the price of one look around on the smaller side."""
    questions, seen = book[0], work[6]
    if len(broken) != 1:
        return False
    look = severed(graph, work, broken[0])
    apart = look >= 0
    if apart:
        for number in range(len(hit)):
            question = questions[hit[number] & LINE_MASK]
            apart &= (seen[question[A]] == look) != (seen[question[Z]] == look)
    return apart


@kernel
def withdraw(graph: Any, book: Any, hit: Int64s) -> None:
    """Release the lines ``hit`` and take them out of the lists of their links; their answers still tell the route."""
    questions, _, answers, routes = book[0], book[1], book[2], book[3]
    for line in hit:
        answer = answers[line]
        detach(graph[2], book, line)
        reserve(graph, routes, answer[START], answer[HOPS], -questions[line, THERE], -questions[line, BACK])


@kernel
def place_again(graph: Any, trees: Any, work: Any, book: Any, memo: Int64s, look: int, hit: Int64s, begin: int) -> int:
    """Find and reserve new routes for the lines ``hit``, withdrawn before, one after the other from ``begin`` on.

    ``memo``: see ``recalled``. Returns the first that was not done: less than all when ``routes`` is full.
    """
    questions, bars, answers, routes, _, _, _, _, _, _, tally, _ = book
    trail = work[5]
    for number in range(begin, len(hit)):
        used = tally[ROUTES_USED]
        if used + len(trail) > len(routes):
            return number
        line = hit[number]
        question, answer = questions[line], answers[line]
        known = recalled(graph, questions, memo, look, question, routes)
        if known >= 0 and memo[known, MEMO_FATE] == REPLACED:
            other = answers[memo[known, MEMO_LINE]]
            for index in range(other[HOPS]):
                routes[used + index] = routes[other[START] + index]
            for column in range(ANSWER):
                answer[column] = other[column]
        elif known >= 0:
            answer_none(answer)
        else:
            bar_links(work, bars, question[BARS_FROM], question[BARS_TO])
            answer_one(graph, trees, work, question, answer)
            for index in range(answer[HOPS]):
                routes[used + index] = trail[index]
            if answer[STATUS] == FOUND:
                memorise(graph, memo, look, question, line, REPLACED, used, answer)
            elif answer[STATUS] == NONE:
                memorise(graph, memo, look, question, line, NO_BANDWIDTH, used, answer)
        answer[START] = used
        if answer[STATUS] == FOUND:
            tally[ROUTES_USED] = used + answer[HOPS]
            reserve(graph, routes, used, answer[HOPS], question[THERE], question[BACK])
            attach(graph[2], book, line)
    return len(hit)


@kernel
def give_up(book: Any, hit: Int64s) -> None:
    """Let lines that were withdrawn have no route."""
    for line in hit:
        answer_none(book[2][line])


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
    if easier[BOUND] >= UNBOUNDED:
        return CUT_OFF
    easier[BOUND] = UNBOUNDED
    answer_one(graph, trees, work, easier, answer)
    return TOO_SLOW if answer[STATUS] == FOUND else CUT_OFF


@inlined_kernel
def stands(graph: Any, book: Any, line: int) -> bool:
    """Whether a route was not found by the last look around, and all its links are in service."""
    arcs, answers, routes, marks, tally = graph[1], book[2], book[3], book[9], book[10]
    whole = marks[line] != tally[LOOKS]
    start = answers[line, START]
    for place in range(start, start + answers[line, HOPS]):
        whole &= arcs[routes[place], FREE_THERE] >= 0
    return whole


@kernel
def keeps_a_route(graph: Any, book: Any, line: int) -> bool:
    """Whether a line, one route of which was found by the last look around, has another one that stands."""
    mate = book[11][line]
    return mate != PLAIN and mate != line and stands(graph, book, mate)


@kernel
def take_route(graph: Any, book: Any, line: int) -> None:
    """Reserve what a line asks for along its route."""
    question, answer = book[0][line], book[2][line]
    reserve(graph, book[3], answer[START], answer[HOPS], question[THERE], question[BACK])


@kernel
def take_arcs(graph: Any, arcs: Int32s, there: int, back: int) -> None:
    """Reserve along a route of these arcs."""
    reserve(graph, arcs, 0, len(arcs), there, back)


@inlined_kernel
def free_route(graph: Any, book: Any, line: int) -> None:
    """Release what a line holds along its route."""
    question, answer = book[0][line], book[2][line]
    reserve(graph, book[3], answer[START], answer[HOPS], -question[THERE], -question[BACK])


@inlined_kernel
def lay_beside(graph: Any, arcs_taken: Int32s, start: int, hops: int, question: Int64s, extra: Int64s) -> None:
    """Count what a line without bandwidth would put on the arcs of a route, and on their twins."""
    arcs = graph[1]
    for index in range(start, start + hops):
        arc = arcs_taken[index]
        extra[arc] += question[THERE]
        extra[arcs[arc, NOTE] & TWIN_MASK] += question[BACK]


@kernel
def lay_extra(graph: Any, arcs_taken: Int32s, question: Int64s, extra: Int64s) -> None:
    """``lay_beside`` for who has arcs."""
    lay_beside(graph, arcs_taken, 0, len(arcs_taken), question, extra)


@inlined_kernel
def note_outcome(outcome: Int64s, failure: int, line: int, fate: int, there: int, back: int) -> None:
    outcome[FAILURE] = failure
    outcome[LINE] = line
    outcome[FATE] = fate
    outcome[FATE_THERE] = there
    outcome[FATE_BACK] = back


@inlined_kernel
def try_line(
    graph: Any,
    trees: Any,
    work: Any,
    book: Any,
    desk: Any,
    look: int,
    failure: int,
    line: int,
    outcome: Int64s,
    used: int,
) -> tuple[int, int]:
    """Place a plain line again, or lay it beside, and note its outcome: (its fate, arcs touched so far)."""
    questions, bars = book[0], book[1]
    _, answer, easier, extra, touched, memo = desk
    question = questions[line]
    known = recalled(graph, questions, memo, look, question, touched)
    if known >= 0:
        fate, start, hops = memo[known, MEMO_FATE], memo[known, MEMO_START], memo[known, MEMO_HOPS]
        if fate == REPLACED:
            reserve(graph, touched, start, hops, question[THERE], question[BACK])
        elif fate == NO_BANDWIDTH:
            lay_beside(graph, touched, start, hops, question, extra)
        note_outcome(outcome, failure, line, fate, memo[known, MEMO_THERE], memo[known, MEMO_BACK])
        return fate, used
    trail = work[5]
    bar_links(work, bars, question[BARS_FROM], question[BARS_TO])
    fate = fate_of(graph, trees, work, question, easier, answer)
    if fate == REPLACED:
        reserve(graph, trail, 0, answer[HOPS], question[THERE], question[BACK])
    elif fate == NO_BANDWIDTH:
        lay_beside(graph, trail, 0, answer[HOPS], question, extra)
    start = used
    for index in range(answer[HOPS]):
        if used < len(touched):
            touched[used] = trail[index]
        used += 1
    if fate != UNPROVED and used <= len(touched):
        memorise(graph, memo, look, question, line, fate, start, answer)
    note_outcome(outcome, failure, line, fate, answer[DELAY_THERE], answer[DELAY_BACK])
    return fate, used


@kernel
def try_lines(
    graph: Any,
    trees: Any,
    work: Any,
    book: Any,
    desk: Any,
    failure: int,
    lines: Int64s,
    outcomes: Int64s,
    used: int,
) -> int:
    """``try_line`` for these lines one after the other; outcomes int64[lines, 5]. Returns the arcs touched so far."""
    for number in range(len(lines)):
        _, used = try_line(
            graph, trees, work, book, desk, book[10][LOOKS], failure, lines[number], outcomes[number], used
        )
    return used


@kernel
def note_switch(graph: Any, book: Any, failure: int, line: int, outcome: Int64s) -> None:
    """Note that a line keeps its other route, which has these delays now."""
    arcs, delays = graph[1], graph[3]
    answers, routes, mates = book[2], book[3], book[11]
    there = 0
    back = 0
    start = answers[mates[line], START]
    for place in range(start, start + answers[mates[line], HOPS]):
        there += delays[routes[place]]
        back += delays[arcs[routes[place], NOTE] & TWIN_MASK]
    note_outcome(outcome, failure, line, SWITCHED, there, back)


@kernel
def note_overloads(graph: Any, extra: Int64s, failure: int, overloads: Int64s, over: int) -> int:
    """Note the arcs that would carry more than they can, of which ``extra`` is clean then; the overloads so far."""
    free = graph[6]
    for arc in range(len(extra)):
        if extra[arc] > free[arc]:
            overloads[over, OVER_FAILURE] = failure
            overloads[over, OVER_ARC] = arc
            overloads[over, OVER_BPS] = extra[arc] - free[arc]
            over += 1
        extra[arc] = 0
    return over


@kernel
def needs_more(graph: Any, book: Any, found: Int64s, count: int) -> bool:
    """Whether one of the lines found is special and has lost all its routes."""
    mates, tally = book[11], book[10]
    if tally[SPECIALS] == 0:
        return False
    for number in range(count):
        line = found[number] & LINE_MASK
        if mates[line] != PLAIN and not keeps_a_route(graph, book, line):
            return True
    return False


@kernel
def break_links(graph: Any, arcs_broken: Int32s) -> None:
    """Let links look out of service, one arc of each given."""
    for arc in arcs_broken:
        show_nothing_free(graph, arc)


@kernel
def free_routes(graph: Any, book: Any, lines: Int64s) -> None:
    for line in lines:
        free_route(graph, book, line)


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
) -> tuple[int, int, int, bool]:
    """Try the failures from ``begin`` on, each alone: that of the arcs broken[broken_from[f]:broken_from[f + 1]], one
    of each link that fails.

    For each the lines on these links are released and placed again in order of rank, and after its outcomes are noted,
    everything is put back. A line that is left without bandwidth does not take part any further, but is laid where it
    would go: where such lines and those placed together are more than an arc can carry, it is an overload. A pair that
    keeps one of its routes stays as it is.

    ``graph`` is a copy of ``pristine`` to scribble on, alike at the beginning and at the end. ``desk`` = (found
    int64[C], answer int64[6], easier int64[10], extra int64[E] of zeros, touched int32, memo int64[M, 7]). Returns
    (the first failure not tried, outcomes, overloads, why): less than ``end`` when there is no room for its outcomes,
    or, ``why`` being true, when it takes all routes of a line that is more than one plain route.
    """
    links = graph[2]
    questions, answers, old_routes, mates = book[0], book[2], book[3], book[11]
    found, extra, touched = desk[0], desk[3], desk[4]
    noted = 0
    over = 0
    for failure in range(begin, end):
        arcs_broken = broken[broken_from[failure] : broken_from[failure + 1]]
        count = riders_of(links, book, arcs_broken, found)
        if noted + count > len(outcomes) or over + len(extra) > len(overloads):
            return failure, noted, over, False
        if needs_more(graph, book, found, count):
            return failure, noted, over, True
        break_links(graph, arcs_broken)
        if count > 0 and all_cut_off(graph, work, book, arcs_broken, found[:count]):
            for number in range(count):
                line = found[number] & LINE_MASK
                if mates[line] == PLAIN:
                    note_outcome(outcomes[noted], failure, line, CUT_OFF, 0, 0)
                else:
                    note_switch(graph, book, failure, line, outcomes[noted])
                noted += 1
            for arc in arcs_broken:
                put_back(graph, pristine, arc)
            continue
        look = book[10][LOOKS]
        for number in range(count):
            line = found[number] & LINE_MASK
            if mates[line] == PLAIN:
                old = answers[line]
                reserve(graph, old_routes, old[START], old[HOPS], -questions[line, THERE], -questions[line, BACK])
        used = 0
        crowded = False
        for number in range(count):
            line = found[number] & LINE_MASK
            if mates[line] == PLAIN:
                fate, used = try_line(graph, trees, work, book, desk, look, failure, line, outcomes[noted], used)
                crowded |= fate == NO_BANDWIDTH
            else:
                note_switch(graph, book, failure, line, outcomes[noted])
            noted += 1
        if crowded:
            over = note_overloads(graph, extra, failure, overloads, over)
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
    return end, noted, over, False
