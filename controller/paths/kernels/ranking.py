"""The k best simple routes, in order and ties included: Yen (1971) with the partition of Lawler (1972), made lazy.

The routes not yet given are parted into sets: all that begin with the first INDEX arcs of a given route, go on by none
of some arcs, and come back to no node of the beginning. Each set is ranked by a lower bound on its best route, which
takes a look at the arcs of one node, and its best route is sought only when no other set can hold a better one. Most
of them need no search: from the best of those arcs on, the links that are tight on the least lengths to the end are
followed, by the smallest names; if that arrives without touching the beginning, it is the best route of the set.

What is in the group of arrays ``fan``, ``rank_layout`` says.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.answering import bar_links
from controller.paths.kernels.compiling import inlined_kernel, kernel
from controller.paths.kernels.labels import LENGTHS, spread
from controller.paths.kernels.layout import (
    BACK,
    BAR,
    BARS_FROM,
    BARS_TO,
    BOUND,
    BUDGET,
    BY,
    BY_COST,
    FOUND,
    FREE_BACK,
    FREE_THERE,
    HOP_BITS,
    HOPELESS,
    LAST_BAR,
    LIMIT,
    NEEDED_MTU,
    NODE_BITS,
    NOTE,
    SKEWED,
    SPAN_BITS,
    STEP,
    THERE,
    TWIN_MASK,
    UNBOUNDED,
    UNREACHED,
    A,
    Z,
)
from controller.paths.kernels.rank_heap import drop_best, push_set
from controller.paths.kernels.rank_layout import (
    CROWDED,
    FOUND_SO_FAR,
    GONE,
    HOPS,
    INDEX,
    LOOKS,
    NEXT,
    NOR_BY,
    NOT_BY,
    ROUTE,
    SETS,
    START,
    USED,
    WORTH,
)
from controller.paths.kernels.search import BLIND, seek, trace
from controller.paths.kernels.trees import row_towards

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


@inlined_kernel
def shut_out(sets: Int64s, number: int, arc: int) -> bool:
    """Whether the routes of a set must not go on by an arc."""
    while number >= 0:
        if sets[number, NOT_BY] == arc:
            return True
        number = sets[number, NOR_BY]
    return False


@inlined_kernel
def entry(
    graph: Any, work: Any, fan: Any, rest: Int64s, question: Int64s, number: int, node: int, look: int, last: int
) -> tuple[int, int]:
    """(least length of what follows the beginning of a set, first arc of that); (UNREACHED, -1) if nothing follows.

    ``node`` is the last one of the beginning; the nodes of it have been seen at the ``look``, up to place ``last``.
    """
    first, arcs, links, _, costs, _, _, _, scale = graph
    sets, seen = fan[1], fan[3]
    barred, bar = work[3], work[4][BAR]
    there, back, mtu, by = question[THERE], question[BACK], question[NEEDED_MTU], question[BY]
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    least = UNREACHED
    best = -1
    for arc in range(first[node], first[node + 1]):
        if arcs[arc, FREE_THERE] < there or arcs[arc, FREE_BACK] < back or arcs[arc, NOTE] < mtu:
            continue
        if bar >= 0 and barred[links[arc]] == bar:
            continue
        step = arcs[arc, STEP]
        head = step & node_mask
        if seen[head, 0] == look and seen[head, 1] <= last:
            continue
        length = rest[head] + (costs[arc] if by == BY_COST else step >> node_bits)
        if length < least and not shut_out(sets, number, arc):
            least = length
            best = arc
    return least, best


@inlined_kernel
def descend(graph: Any, work: Any, fan: Any, rest: Int64s, question: Int64s, node: int, look: int, start: int) -> int:
    """Follow tight links from ``node`` to Z, around what was seen at the ``look``; the number of arcs, -1: stuck."""
    first, arcs, links, _, costs, _, _, _, scale = graph
    store, seen = fan[0], fan[3]
    barred, bar = work[3], work[4][BAR]
    there, back, mtu, by, z = question[THERE], question[BACK], question[NEEDED_MTU], question[BY], question[Z]
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    hops = 0
    while node != z:
        onward = -1
        for arc in range(first[node], first[node + 1]):
            step = arcs[arc, STEP]
            head = step & node_mask
            if rest[head] + (costs[arc] if by == BY_COST else step >> node_bits) != rest[node]:
                continue
            if arcs[arc, FREE_THERE] < there or arcs[arc, FREE_BACK] < back or arcs[arc, NOTE] < mtu:
                continue
            if seen[head, 0] == look or (bar >= 0 and barred[links[arc]] == bar):
                continue
            onward = arc
            break
        if onward < 0:
            return -1
        store[start + hops] = onward
        hops += 1
        node = arcs[onward, STEP] & node_mask
    return hops


@inlined_kernel
def settle_set(
    graph: Any, trees: Any, work: Any, fan: Any, rest: Int64s, question: Int64s, bars: Int32s, number: int, most: int
) -> int:
    """Find the best route of a set, of a length of at most ``most``: FOUND, with ROUTE and WORTH filled in, or not."""
    first, arcs, links, _, costs, _, _, _, scale = graph
    store, sets, _, seen, _, _, count = fan
    barred, counters, trail = work[3], work[4], work[5]
    a, z, by = question[A], question[Z], question[BY]
    node_mask = (1 << scale[NODE_BITS]) - 1
    start, index, gone = sets[number, START], sets[number, INDEX], sets[number, GONE]
    route = count[USED]
    count[LOOKS] += 1
    look = count[LOOKS]
    node = a
    seen[a, 0] = look
    seen[a, 1] = 0
    for hop in range(index):
        arc = store[start + hop]
        store[route + hop] = arc
        node = arcs[arc, STEP] & node_mask
        seen[node, 0] = look
        seen[node, 1] = hop + 1
    length = sets[number, WORTH] - gone
    arc = sets[number, NEXT]
    store[route + index] = arc
    hops = descend(graph, work, fan, rest, question, arcs[arc, STEP] & node_mask, look, route + index + 1) + 1
    if hops == 0:
        # The way on is closed, or leads back: search around the beginning and the arcs that are shut out.
        counters[LAST_BAR] += 1
        counters[BAR] = counters[LAST_BAR]
        for place in range(question[BARS_FROM], question[BARS_TO]):
            barred[bars[place]] = counters[BAR]
        passed = a
        for hop in range(index):
            for other in range(first[passed], first[passed + 1]):
                barred[links[other]] = counters[BAR]
            passed = arcs[store[route + hop], STEP] & node_mask
        other_set = number
        while other_set >= 0:
            if sets[other_set, NOT_BY] >= 0:
                barred[links[sets[other_set, NOT_BY]]] = counters[BAR]
            other_set = sets[other_set, NOR_BY]
        row = BLIND if by == BY_COST else row_towards(graph, trees, work, node)
        there, back, mtu = question[THERE], question[BACK], question[NEEDED_MTU]
        status = seek(graph, trees, work, row, by, node, z, there, back, mtu, most - gone)
        bar_links(work, bars, question[BARS_FROM], question[BARS_TO])
        if status != FOUND:
            return status
        hops = trace(graph, work, node, z)
        length = 0
        for hop in range(hops):
            arc = trail[hop]
            store[route + index + hop] = arc
            length += costs[arc] if by == BY_COST else arcs[arc, STEP] >> scale[NODE_BITS]
    sets[number, WORTH] = gone + length
    sets[number, ROUTE] = route
    sets[number, HOPS] = index + hops
    count[USED] += index + hops
    return FOUND


@inlined_kernel
def part(graph: Any, work: Any, fan: Any, rest: Int64s, question: Int64s, number: int, size: int, most: int) -> int:
    """Part the routes of a set, without its best one, into sets by where they leave that; the new size of the heap."""
    _, arcs, _, _, costs, _, _, _, scale = graph
    store, sets, heap, seen, _, _, count = fan
    by = question[BY]
    node_mask = (1 << scale[NODE_BITS]) - 1
    route, hops, index = sets[number, ROUTE], sets[number, HOPS], sets[number, INDEX]
    count[LOOKS] += 1
    look = count[LOOKS]
    node = question[A]
    gone = 0
    for hop in range(hops):
        seen[node, 0] = look
        seen[node, 1] = hop
        arc = store[route + hop]
        if hop >= index:
            new = count[SETS]
            sets[new, NOT_BY] = arc
            sets[new, NOR_BY] = number if hop == index else -1
            length, onward = entry(graph, work, fan, rest, question, new, node, look, hop)
            if length < UNREACHED and gone + length <= most:
                sets[new, WORTH] = gone + length
                sets[new, START] = route
                sets[new, INDEX] = hop
                sets[new, GONE] = gone
                sets[new, ROUTE] = -1
                sets[new, NEXT] = onward
                count[SETS] += 1
                size = push_set(heap, size, sets, store, new)
        gone += costs[arc] if by == BY_COST else arcs[arc, STEP] >> scale[NODE_BITS]
        node = arcs[arc, STEP] & node_mask
    return size


@inlined_kernel
def keeps(graph: Any, store: Int32s, start: int, hops: int, bound: int) -> bool:
    """Whether a route is within the bound in both directions."""
    arcs, delays = graph[1], graph[3]
    there = 0
    back = 0
    for hop in range(start, start + hops):
        there += delays[store[hop]]
        back += delays[arcs[store[hop], NOTE] & TWIN_MASK]
    return max(there, back) <= bound


@inlined_kernel
def rank(graph: Any, trees: Any, work: Any, fan: Any, question: Int64s, bars: Int32s, k: int) -> int:
    """Find the k best routes, fewer if there are no more: FOUND, CROWDED, or LIMIT when the budget is spent.

    A look at a set is a label of the budget. Where the bound is a constraint of its own, because delays differ by
    direction or it is cost that counts, routes are taken in order and those that do not keep it left out.
    """
    alive, scale = graph[7], graph[8]
    store, sets, heap, _, own_rest, found, count = fan
    nodes = len(own_rest)
    a, z, by, bound = question[A], question[Z], question[BY], question[BOUND]
    there, back, mtu = question[THERE], question[BACK], question[NEEDED_MTU]
    span = 1 << scale[SPAN_BITS]
    count[USED] = 0
    count[SETS] = 1
    count[FOUND_SO_FAR] = 0
    if by == HOPELESS or alive[a] == 0 or alive[z] == 0:
        return FOUND
    if a == z:
        found[0, :] = 0
        count[FOUND_SO_FAR] = 1
        return FOUND
    bar_links(work, bars, question[BARS_FROM], question[BARS_TO])
    most = span - 1
    if bound < UNBOUNDED and by != BY_COST:
        most = min(most, (2 * bound + 1 << scale[HOP_BITS]) - 1)
    apart = bound < UNBOUNDED and (by == BY_COST or scale[SKEWED] > 0)
    row = -1 if by == BY_COST else row_towards(graph, trees, work, z)
    if row >= 0:
        rest = trees[2][row]
    else:
        rest = own_rest
        # Outward from the end every link is crossed against the route, hence the rates change places.
        if not spread(graph, work, LENGTHS, by, z, back, there, mtu, span - 1, rest):
            return LIMIT
    seen, looks = fan[3], 0
    sets[0, :] = -1
    sets[0, START : GONE + 1] = 0
    count[LOOKS] += 1
    seen[a, 0] = count[LOOKS]
    seen[a, 1] = 0
    sets[0, WORTH], sets[0, NEXT] = entry(graph, work, fan, rest, question, 0, a, count[LOOKS], 0)
    size = push_set(heap, 0, sets, store, 0)
    while size > 0 and count[FOUND_SO_FAR] < k:
        number = heap[0]
        size = drop_best(heap, size, sets, store)
        if sets[number, WORTH] > most:
            break
        if sets[number, ROUTE] < 0:
            if count[USED] + nodes > len(store):
                return CROWDED
            looks += 1
            if looks > question[BUDGET]:
                return LIMIT
            status = settle_set(graph, trees, work, fan, rest, question, bars, number, most)
            if status == LIMIT:
                return LIMIT
            if status == FOUND:
                size = push_set(heap, size, sets, store, number)
            continue
        if not apart or keeps(graph, store, sets[number, ROUTE], sets[number, HOPS], bound):
            found[count[FOUND_SO_FAR], 0] = sets[number, ROUTE]
            found[count[FOUND_SO_FAR], 1] = sets[number, HOPS]
            count[FOUND_SO_FAR] += 1
        if count[SETS] + nodes > len(sets):
            return CROWDED
        size = part(graph, work, fan, rest, question, number, size, most)
    return FOUND


@kernel
def rank_all(
    graph: Any, trees: Any, work: Any, fan: Any, questions: Int64s, bars: Int32s, k: int,
    answers: Int64s, spans: Int64s, routes: Int32s, begin: int, end: int, used: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Rank routes for the questions from ``begin`` on: answers[q] = (status, number of routes), spans[q, i] = (start,
    arcs) of each in ``routes``. Returns (the first question not answered, routes used, status): CROWDED when ``fan``
    has to grow, FOUND when ``routes`` has.
    """
    store, found, count = fan[0], fan[5], fan[6]
    for number in range(begin, end):
        status = rank(graph, trees, work, fan, questions[number], bars, k)
        if status == CROWDED:
            return number, used, status
        total = 0
        for index in range(count[FOUND_SO_FAR]):
            total += found[index, 1]
        if used + total > len(routes):
            return number, used, FOUND
        answers[number, 0] = status
        answers[number, 1] = count[FOUND_SO_FAR]
        for index in range(count[FOUND_SO_FAR]):
            spans[number, index, 0] = used
            spans[number, index, 1] = found[index, 1]
            for hop in range(found[index, 1]):
                routes[used] = store[found[index, 0] + hop]
                used += 1
    return end, used, FOUND
