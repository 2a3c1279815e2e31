"""The least route when the bound on each direction is a resource of its own: label setting with dominance.

(Hansen 1980; Martins 1984; with lower bounds on the rest, as in Dumitrescu and Boland 2003.) A label is a route from
some node to the end. Labels are expanded in the order of the least length that a whole route through them can have;
one is dropped when another that was expanded before it at the same node is no slower in either direction, for
whatever comes before the dropped one could come before the other at least as well. Distances from the start, over
the links that qualify, say exactly how much each direction must still spend. The labels of a node can become many,
hence a budget of expanded labels, never of seconds.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.compiling import allocating_kernel, kernel
from controller.paths.kernels.heap import drop_least, push
from controller.paths.kernels.layout import (
    BAR,
    BY_COST,
    BY_SLOWER,
    FOUND,
    FREE_BACK,
    FREE_THERE,
    HOP_BITS,
    LIMIT,
    NODE_BITS,
    NODES,
    NONE,
    NOTE,
    SETTLED,
    SPAN_BITS,
    STEP,
    TWIN_MASK,
    UNREACHED,
)

Int64s = npt.NDArray[np.int64]

# Columns of a label.
NODE: Final = 0
LEAST: Final = 1
"""A lower bound on the length of a whole route through the label."""
SO_FAR: Final = 2
SPENT_THERE: Final = 3
SPENT_BACK: Final = 4
ARC: Final = 5
"""The first arc of the label's route, that is the one from its node."""
REST: Final = 6
"""The label of the rest of the route."""
NEIGHBOUR: Final = 7
"""The label that was expanded before this one at the same node."""
LABEL: Final = 8

# What ``spread`` measures.
LENGTHS: Final = 0
DELAYS_THERE: Final = 1
DELAYS_BACK: Final = 2


@kernel
def spread(
    graph: Any, work: Any, what: int, by: int, a: int, there: int, back: int, mtu: int, most: int, least: Int64s
) -> bool:
    """Fill ``least`` with distances from ``a`` over the links that qualify, up to ``most``; UNREACHED beyond.

    False if a distance below ``most`` was too long to be followed.
    """
    first, arcs, links, delays, costs, _, _, _, scale = graph
    _, _, heap, barred, counters, _, _ = work
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    span = 1 << (62 - node_bits)
    bar = counters[BAR]
    whole = True
    least[:] = UNREACHED
    least[a] = 0
    heap[0] = a
    size = 1
    while size > 0:
        key = heap[0]
        size = drop_least(heap, size)
        node = key & node_mask
        length = key >> node_bits
        if length > least[node]:
            continue
        for arc in range(first[node], first[node + 1]):
            note = arcs[arc, NOTE]
            if arcs[arc, FREE_THERE] < there or arcs[arc, FREE_BACK] < back or note < mtu:
                continue
            if bar >= 0 and barred[links[arc]] == bar:
                continue
            step = arcs[arc, STEP]
            if what == DELAYS_THERE:
                longer = length + delays[arc]
            elif what == DELAYS_BACK:
                longer = length + delays[note & TWIN_MASK]
            elif by == BY_COST:
                longer = length + costs[arc]
            else:
                longer = length + (step >> node_bits)
            head = step & node_mask
            if longer < least[head] and longer <= most:
                if longer >= span:
                    whole = False
                    continue
                least[head] = longer
                size = push(heap, size, longer << node_bits | head)
    return whole


@kernel
def before(labels: Int64s, one: int, other: int) -> bool:
    """Whether one label is expanded before the other: least, then shorter so far, then by the names of the links."""
    if labels[one, LEAST] != labels[other, LEAST]:
        return labels[one, LEAST] < labels[other, LEAST]
    if labels[one, SO_FAR] != labels[other, SO_FAR]:
        return labels[one, SO_FAR] < labels[other, SO_FAR]
    # The arcs of a node are in the order of their links' names, and of two nodes it does not matter which is first.
    if labels[one, ARC] != labels[other, ARC]:
        return labels[one, ARC] < labels[other, ARC]
    # By one arc: the rests begin at one node, and the label of the rest that was expanded first was made first.
    return one < other


@kernel
def push_label(queue: Int64s, size: int, labels: Int64s, label: int) -> int:
    """Add a label to the binary heap; the new size."""
    hole = size
    while hole > 0:
        above = (hole - 1) >> 1
        if not before(labels, label, queue[above]):
            break
        queue[hole] = queue[above]
        hole = above
    queue[hole] = label
    return size + 1


@kernel
def drop_first(queue: Int64s, size: int, labels: Int64s) -> int:
    """Remove ``queue[0]``, the first label of the heap; the new size."""
    size -= 1
    label = queue[size]
    hole = 0
    child = 1
    while child < size:
        if child + 1 < size and before(labels, queue[child + 1], queue[child]):
            child += 1
        if not before(labels, queue[child], label):
            break
        queue[hole] = queue[child]
        hole = child
        child = 2 * hole + 1
    queue[hole] = label
    return size


@kernel
def dominated(labels: Int64s, latest: int, there: int, back: int) -> bool:
    """Whether one of the labels expanded at a node, ``latest`` and its neighbours, is no slower in either direction."""
    while latest >= 0:
        if labels[latest, SPENT_THERE] <= there and labels[latest, SPENT_BACK] <= back:
            return True
        latest = labels[latest, NEIGHBOUR]
    return False


@allocating_kernel
def within(
    graph: Any, work: Any, by: int, a: int, z: int, there: int, back: int, mtu: int, bound: int, budget: int
) -> tuple[int, int, int]:
    """(status, arcs in ``trail``, labels expanded) of the least route no direction of which is slower than ``bound``.

    LIMIT when ``budget`` labels were expanded without a proof. By BY_SLOWER, the route whose slower
    direction is least; of several such any one.
    """
    first, arcs, links, delays, costs, _, _, _, scale = graph
    _, _, _, barred, counters, trail, _ = work
    nodes = scale[NODES]
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    span = 1 << scale[SPAN_BITS]
    bar = counters[BAR]
    rest_there = np.empty(nodes, np.int64)
    rest_back = np.empty(nodes, np.int64)
    whole = spread(graph, work, DELAYS_THERE, by, a, there, back, mtu, bound, rest_there)
    whole &= spread(graph, work, DELAYS_BACK, by, a, there, back, mtu, bound, rest_back)
    if not whole:
        return LIMIT, 0, 0
    if rest_there[z] > bound or rest_back[z] > bound:
        return NONE, 0, 0
    rest = np.zeros(nodes, np.int64)
    if by != BY_SLOWER:
        most = (2 * bound + 1 << scale[HOP_BITS]) - 1 if by != BY_COST else span - 1
        if not spread(graph, work, LENGTHS, by, a, there, back, mtu, min(most, span - 1), rest):
            return LIMIT, 0, 0

    labels = np.empty((1024, LABEL), np.int64)
    queue = np.empty(1024, np.int64)
    latest = np.full(nodes, -1, np.int64)
    labels[0] = -1
    labels[0, NODE] = z
    labels[0, LEAST] = 0
    labels[0, SO_FAR : SPENT_BACK + 1] = 0
    queue[0] = 0
    count = 1
    size = 1
    turn = 0
    while size > 0:
        label = queue[0]
        size = drop_first(queue, size, labels)
        node = labels[label, NODE]
        spent_there = labels[label, SPENT_THERE]
        spent_back = labels[label, SPENT_BACK]
        so_far = labels[label, SO_FAR]
        if node == a:
            hops = 0
            while labels[label, REST] >= 0:
                trail[hops] = labels[label, ARC]
                hops += 1
                label = labels[label, REST]
            counters[SETTLED] += turn
            return FOUND, hops, turn
        if dominated(labels, latest[node], spent_there, spent_back):
            continue
        if turn >= budget:
            counters[SETTLED] += turn
            return LIMIT, 0, turn
        turn += 1
        labels[label, NEIGHBOUR] = latest[node]
        latest[node] = label
        for arc in range(first[node], first[node + 1]):
            note = arcs[arc, NOTE]
            # The route crosses the arc's link from its head to its tail.
            if arcs[arc, FREE_BACK] < there or arcs[arc, FREE_THERE] < back or note < mtu:
                continue
            if bar >= 0 and barred[links[arc]] == bar:
                continue
            step = arcs[arc, STEP]
            head = step & node_mask
            twin = note & TWIN_MASK
            new_there = spent_there + delays[twin]
            new_back = spent_back + delays[arc]
            slower = max(new_there + rest_there[head], new_back + rest_back[head])
            if slower > bound or rest[head] >= UNREACHED or dominated(labels, latest[head], new_there, new_back):
                continue
            if count == len(labels):
                larger = np.empty((2 * count, LABEL), np.int64)
                larger[:count] = labels
                labels = larger
                longer_queue = np.empty(2 * count, np.int64)
                longer_queue[:size] = queue[:size]
                queue = longer_queue
            labels[count, NODE] = head
            if by == BY_SLOWER:
                labels[count, SO_FAR] = max(new_there, new_back)
                labels[count, LEAST] = slower
            else:
                labels[count, SO_FAR] = so_far + (costs[arc] if by == BY_COST else step >> node_bits)
                labels[count, LEAST] = labels[count, SO_FAR] + rest[head]
            labels[count, SPENT_THERE] = new_there
            labels[count, SPENT_BACK] = new_back
            labels[count, ARC] = twin
            labels[count, REST] = label
            labels[count, NEIGHBOUR] = -1
            size = push_label(queue, size, labels, count)
            count += 1
    counters[SETTLED] += turn
    return NONE, 0, turn
