"""The least route for one length: first a walk down a tree, and only if that is barred an A* search.

Exact without a bound for any delays, as the length counts both directions together; with a bound, too, when every
link has the same delay both ways. The case between is in ``labels``.
"""

from __future__ import annotations

from typing import Any

from controller.paths.kernels.compiling import inlined_kernel, kernel
from controller.paths.kernels.forward import begin_at_a, gather, seek_forward
from controller.paths.kernels.heap import drop_least, push
from controller.paths.kernels.layout import (
    BAR,
    BY_COST,
    CLIPPED,
    FOUND,
    FREE_BACK,
    FREE_THERE,
    LAST_LOOK,
    LIMIT,
    NO_SLOT,
    NODE_BITS,
    NONE,
    NOTE,
    OFFSET,
    SETTLED,
    SPAN_BITS,
    STEP,
    TWIN_MASK,
    UNREACHED,
)
from controller.paths.kernels.trees import row_towards

NO_ROW = -1
"""No tree to estimate with: the landmarks, if there are any."""
BLIND = -2
"""No estimate at all."""
PATIENCE = 64
"""After so many settled nodes, look whether the other end is walled in; and again after four times as many."""


@inlined_kernel
def walk(graph: Any, trees: Any, work: Any, row: int, a: int, z: int, there: int, back: int, mtu: int) -> int:
    """Follow the tree of ``row`` (towards ``z``) from ``a``; the number of arcs, now in ``trail``, or -1.

    A tree's route is the least of all, ties included, if every link of it qualifies and is at its floor.
    """
    first, arcs, links, _, _, _, _, _, scale = graph
    _, slots, reach, _, _, _, _, _ = trees
    _, _, _, barred, counters, trail, _ = work
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    bar = counters[BAR]
    node = a
    length = 0
    hops = 0
    while node != z:
        slot = slots[row, node] & NO_SLOT
        if slot == NO_SLOT:
            return -1
        arc = first[node] + slot
        if (
            arcs[arc, FREE_THERE] < there
            or arcs[arc, FREE_BACK] < back
            or arcs[arc, NOTE] < mtu
            or (bar >= 0 and barred[links[arc]] == bar)
        ):
            return -1
        trail[hops] = arc
        hops += 1
        step = arcs[arc, STEP]
        length += step >> node_bits
        node = step & node_mask
    return hops if length == reach[row, a] else -1


@inlined_kernel
def estimate(trees: Any, row: int, node: int, a: int) -> int:
    """A lower bound on the length between ``node`` and ``a``, the node of ``row``; UNREACHED: there is no route."""
    if row >= 0:
        return trees[2][row, node]
    if row == BLIND:
        return 0
    far = trees[7]
    most = 0
    for landmark in range(far.shape[1]):
        apart = abs(far[node, landmark] - far[a, landmark])
        if apart > most:
            most = apart
    return UNREACHED if most >= UNREACHED >> 1 else most


@inlined_kernel
def open_search(graph: Any, work: Any) -> int:
    """Begin a search; its offset. ``best`` minus the offset is a length from now on."""
    span_bits = graph[8][SPAN_BITS]
    best, _, _, _, counters, _, _ = work
    counters[OFFSET] -= 2 << span_bits  # what a search stores is less than twice the span: excess and estimate
    if counters[OFFSET] < -(1 << 61):
        counters[OFFSET] = 0
        best[:] = UNREACHED
    return counters[OFFSET]


@kernel
def enclosed(graph: Any, work: Any, a: int, z: int, there: int, back: int, mtu: int, most: int) -> bool:
    """Whether fewer than ``most`` nodes can be reached from ``a``, and ``z`` is not among them: then no route exists.

    Without this a search that cannot arrive settles everything on its own side first.
    """
    first, arcs, links, _, _, _, _, _, scale = graph
    _, _, _, barred, counters, queue, seen = work
    node_mask = (1 << scale[NODE_BITS]) - 1
    bar = counters[BAR]
    counters[LAST_LOOK] += 1
    look = counters[LAST_LOOK]
    seen[a] = look
    queue[0] = a
    done = 0
    count = 1
    while done < count:
        node = queue[done]
        done += 1
        for arc in range(first[node], first[node + 1]):
            if arcs[arc, FREE_THERE] < there or arcs[arc, FREE_BACK] < back or arcs[arc, NOTE] < mtu:
                continue
            if bar >= 0 and barred[links[arc]] == bar:
                continue
            head = arcs[arc, STEP] & node_mask
            if seen[head] != look:
                if head == z or count == most:
                    return False
                seen[head] = look
                queue[count] = head
                count += 1
    return True


@kernel
def finish(
    graph: Any, trees: Any, work: Any, row: int, node: int, a: int, there: int, back: int, mtu: int, look: int
) -> bool:
    """Whether the tree of ``row`` (towards ``a``) leads from ``node`` to ``a`` over links that qualify, are at their
    floors, and nowhere leave a choice; if so the rest of the route is entered in ``best`` and ``onward``.

    Nodes from which it does not are marked as ``seen`` at ``look``, and end the walks of others: in one search
    no node is walked over twice in vain.
    """
    first, arcs, links, _, _, _, _, _, scale = graph
    slots, reach = trees[1], trees[2]
    best, onward, _, barred, counters, _, seen = work
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    bar = counters[BAR]
    here = node
    length = 0
    while here != a:
        slot = slots[row, here]
        if slot >= NO_SLOT or seen[here] == look:  # none, or TIED
            seen[here] = look
            return False
        seen[here] = look
        arc = first[here] + slot
        # The route crosses the arc's link from its head to its tail.
        if arcs[arc, FREE_BACK] < there or arcs[arc, FREE_THERE] < back or arcs[arc, NOTE] < mtu:
            return False
        if bar >= 0 and barred[links[arc]] == bar:
            return False
        length += arcs[arc, STEP] >> node_bits
        here = arcs[arc, STEP] & node_mask
    if length != reach[row, node]:
        return False
    here = node
    while here != a:
        arc = first[here] + slots[row, here]
        step = arcs[arc, STEP]
        head = step & node_mask
        onward_arc = arcs[arc, NOTE] & TWIN_MASK
        if best[head] != best[here] + (step >> node_bits):
            best[head] = best[here] + (step >> node_bits)
            onward[head] = onward_arc
        elif onward_arc < onward[head]:
            onward[head] = onward_arc
        here = head
    return True


@kernel
def seek(
    graph: Any, trees: Any, work: Any, row: int, by: int, a: int, z: int, there: int, back: int, mtu: int, most: int
) -> int:
    """A* backward from ``z`` to ``a`` for the least length of at most ``most``: FOUND, NONE or LIMIT.

    ``row`` is the tree towards ``a``, NO_ROW or BLIND; with a tree the search ends where its route is free. Afterwards
    ``onward`` leads from ``a`` to ``z``. The search goes on until every node on any least route is settled, so that of
    these routes the one with the least links is taken.
    """
    first, arcs, links, _, costs, _, _, _, scale = graph
    best, onward, heap, barred, counters, _, _ = work
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    bar = counters[BAR]
    offset = open_search(graph, work)
    best[z] = offset
    heap[0] = z
    size = 1
    floor = estimate(trees, row, z, a)
    if floor >= UNREACHED or floor > most:
        return NONE
    span = 1 << scale[SPAN_BITS]
    ceiling = min(most - floor, span - 1)
    clipped = scale[CLIPPED] == 1
    status = NONE
    settled = 0
    patience = PATIENCE
    counters[LAST_LOOK] += 1
    look = counters[LAST_LOOK]
    held = -1
    while size > 0 or held >= 0:
        if held >= 0:
            key = held
            held = -1
            excess = key >> node_bits
        else:
            key = heap[0]
            excess = key >> node_bits
            if excess > ceiling:
                break
            size = drop_least(heap, size)
        node = key & node_mask
        length = best[node] - offset
        if length + estimate(trees, row, node, a) - floor < excess:
            continue
        settled += 1
        if row >= 0 and status == NONE and finish(graph, trees, work, row, node, a, there, back, mtu, look):
            status = FOUND
            ceiling = excess
            continue
        if settled == patience:
            if enclosed(graph, work, a, z, there, back, mtu, patience):
                break
            patience *= 4
        if node == a:
            status = FOUND
            ceiling = excess
            continue
        for leaving in range(first[node], first[node + 1]):
            arc = leaving
            so_far = length
            while True:
                note = arcs[arc, NOTE]
                # The route crosses the arc's link from its head to its tail.
                if arcs[arc, FREE_BACK] < there or arcs[arc, FREE_THERE] < back or note < mtu:
                    break
                if bar >= 0 and barred[links[arc]] == bar:
                    break
                step = arcs[arc, STEP]
                before = step & node_mask
                longer = so_far + (costs[arc] if by == BY_COST else step >> node_bits)
                known = best[before] - offset
                onward_arc = note & TWIN_MASK
                if longer >= known:
                    if longer == known and onward_arc < onward[before]:
                        onward[before] = onward_arc
                    break
                excess_before = longer + estimate(trees, row, before, a) - floor
                if excess_before > ceiling:
                    clipped |= span <= excess_before < UNREACHED >> 1
                    break
                best[before] = longer + offset
                onward[before] = onward_arc
                begin = first[before]
                if first[before + 1] - begin == 2 and before != a:
                    # Only one way leads on from here: go there at once, as if both links were one.
                    arc = begin + 1 if onward_arc == begin else begin
                    so_far = longer
                    continue
                if held < 0 and excess_before == excess:
                    held = excess_before << node_bits | before  # nothing can come before it: spare it the heap
                else:
                    size = push(heap, size, excess_before << node_bits | before)
                break
    counters[SETTLED] += settled
    return LIMIT if status == NONE and clipped and most >= span else status


@inlined_kernel
def trace(graph: Any, work: Any, a: int, z: int) -> int:
    """Write the arcs that lead ``onward`` from ``a`` to ``z`` into ``trail``; how many they are."""
    arcs, scale = graph[1], graph[8]
    onward, trail = work[1], work[5]
    node_mask = (1 << scale[NODE_BITS]) - 1
    node = a
    hops = 0
    while node != z:
        arc = onward[node]
        trail[hops] = arc
        hops += 1
        node = arcs[arc, STEP] & node_mask
    return hops


@inlined_kernel
def least(
    graph: Any, trees: Any, work: Any, by: int, a: int, z: int, there: int, back: int, mtu: int, most: int
) -> tuple[int, int, int]:
    """(FOUND, arcs in ``trail``, length) for the least route not longer than ``most``; else (NONE or LIMIT, 0, 0)."""
    row = BLIND
    if by != BY_COST:
        far_row = row_towards(graph, trees, work, z)
        if far_row >= 0:
            length = trees[2][far_row, a]
            if length > most:
                scale = graph[8]
                return (LIMIT if scale[CLIPPED] == 1 and most >= 1 << scale[SPAN_BITS] else NONE), 0, 0
            hops = walk(graph, trees, work, far_row, a, z, there, back, mtu)
            if hops >= 0:
                return FOUND, hops, length
        row = row_towards(graph, trees, work, a)
        far_row = trees[0][z]  # which the row of a may have taken the place of
        if row >= 0 and far_row >= 0 and begin_at_a(graph, trees, work, row, far_row, a, z, there, back, mtu):
            open_search(graph, work)
            status, length = seek_forward(graph, trees, work, far_row, a, z, there, back, mtu, most)
            if status != FOUND:
                return status, 0, 0
            gather(graph, work, a, z, there, back, mtu)
            return FOUND, trace(graph, work, a, z), length
    status = seek(graph, trees, work, row, by, a, z, there, back, mtu, most)
    if status != FOUND:
        return status, 0, 0
    return FOUND, trace(graph, work, a, z), work[0][a] - work[4][OFFSET]
