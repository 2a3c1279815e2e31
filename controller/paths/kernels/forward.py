"""A* from the other end: forward from ``a``, with the tree towards ``z``.

A search has to get past every link that does not qualify, and most of what it settles lies before the last one. So it
is worth much to begin at the end that has them near. Of ties, only a search backward knows which to take (``search``):
this one finds the length of all least routes, and ``gather`` then goes back over just their nodes.
"""

from __future__ import annotations

from typing import Any

from controller.paths.kernels.compiling import inlined_kernel, kernel
from controller.paths.kernels.heap import drop_least, push
from controller.paths.kernels.layout import (
    BAR,
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


@inlined_kernel
def free_until(
    graph: Any, trees: Any, work: Any, row: int, node: int, end: int, there: int, back: int, mtu: int
) -> int:
    """The first node on the tree's route from ``node`` to ``end``, the node of ``row``, after which it is barred."""
    first, arcs, links, _, _, _, _, _, scale = graph
    slots = trees[1]
    barred, bar = work[3], work[4][BAR]
    node_mask = (1 << scale[NODE_BITS]) - 1
    while node != end:
        slot = slots[row, node] & NO_SLOT
        if slot == NO_SLOT:
            break
        arc = first[node] + slot
        if arcs[arc, FREE_THERE] < there or arcs[arc, FREE_BACK] < back or arcs[arc, NOTE] < mtu:
            break
        if bar >= 0 and barred[links[arc]] == bar:
            break
        node = arcs[arc, STEP] & node_mask
    return node


@inlined_kernel
def begin_at_a(
    graph: Any, trees: Any, work: Any, row: int, far_row: int, a: int, z: int, there: int, back: int, mtu: int
) -> bool:
    """Whether what bars the trees' routes between ``a`` (of ``row``) and ``z`` (of ``far_row``) is nearer to ``a``."""
    reach = trees[2]
    barred_from_a = free_until(graph, trees, work, far_row, a, z, there, back, mtu)
    barred_from_z = free_until(graph, trees, work, row, z, a, back, there, mtu)
    return reach[far_row, barred_from_a] > reach[row, barred_from_z]


@kernel
def leads_on(
    graph: Any, trees: Any, work: Any, row: int, node: int, z: int, there: int, back: int, mtu: int, look: int
) -> bool:
    """Whether the tree of ``row`` (towards ``z``) leads from ``node`` to ``z`` over links that qualify, are at their
    floors, and nowhere leave a choice; if so the rest of the route is entered in ``best``. See ``search.finish``."""
    first, arcs, links, _, _, _, _, _, scale = graph
    slots, reach = trees[1], trees[2]
    best, barred, bar, seen = work[0], work[3], work[4][BAR], work[6]
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    here = node
    length = 0
    while here != z:
        slot = slots[row, here]
        if slot >= NO_SLOT or seen[here] == look:  # none, or TIED
            seen[here] = look
            return False
        seen[here] = look
        arc = first[here] + slot
        if arcs[arc, FREE_THERE] < there or arcs[arc, FREE_BACK] < back or arcs[arc, NOTE] < mtu:
            return False
        if bar >= 0 and barred[links[arc]] == bar:
            return False
        length += arcs[arc, STEP] >> node_bits
        here = arcs[arc, STEP] & node_mask
    if length != reach[row, node]:
        return False
    here = node
    while here != z:
        step = arcs[first[here] + slots[row, here], STEP]
        best[step & node_mask] = best[here] + (step >> node_bits)
        here = step & node_mask
    return True


@kernel
def seek_forward(
    graph: Any, trees: Any, work: Any, row: int, a: int, z: int, there: int, back: int, mtu: int, most: int
) -> tuple[int, int]:
    """(FOUND, least length) of a route of at most ``most``, else (NONE or LIMIT, 0); ``row`` is the tree towards ``z``.

    Afterwards ``best`` holds, from ``a``, the length to every node on any least route.
    """
    first, arcs, links, _, _, _, _, _, scale = graph
    best, _, heap, barred, counters, _, _ = work
    reach = trees[2]
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    span = 1 << scale[SPAN_BITS]
    bar = counters[BAR]
    offset = counters[OFFSET]
    best[a] = offset
    heap[0] = a
    size = 1
    floor = reach[row, a]
    ceiling = min(most - floor, span - 1)
    clipped = scale[CLIPPED] == 1
    status = NONE
    settled = 0
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
        if length + reach[row, node] - floor < excess:
            continue
        settled += 1
        if node == z or (status == NONE and leads_on(graph, trees, work, row, node, z, there, back, mtu, look)):
            status = FOUND
            ceiling = excess
            continue
        for leaving in range(first[node], first[node + 1]):
            arc = leaving
            so_far = length
            while True:
                note = arcs[arc, NOTE]
                if arcs[arc, FREE_THERE] < there or arcs[arc, FREE_BACK] < back or note < mtu:
                    break
                if bar >= 0 and barred[links[arc]] == bar:
                    break
                step = arcs[arc, STEP]
                head = step & node_mask
                longer = so_far + (step >> node_bits)
                if longer >= best[head] - offset:
                    break
                excess_there = longer + reach[row, head] - floor
                if excess_there > ceiling:
                    clipped |= span <= excess_there < UNREACHED >> 1
                    break
                best[head] = longer + offset
                begin = first[head]
                if first[head + 1] - begin == 2 and head != z:
                    # Only one way leads on from here: go there at once, as if both links were one.
                    twin = note & TWIN_MASK
                    arc = begin + 1 if twin == begin else begin
                    so_far = longer
                    continue
                if held < 0 and excess_there == excess:
                    held = excess_there << node_bits | head  # nothing can come before it: spare it the heap
                else:
                    size = push(heap, size, excess_there << node_bits | head)
                break
    counters[SETTLED] += settled
    if status == NONE:
        return (LIMIT if clipped and most >= span else NONE), 0
    return FOUND, floor + ceiling


@kernel
def gather(graph: Any, work: Any, a: int, z: int, there: int, back: int, mtu: int) -> None:
    """After ``seek_forward``: ``onward`` leads from each node on a least route to ``z``, by the least first link."""
    first, arcs, links, _, _, _, _, _, scale = graph
    best, onward, queue, barred, counters, _, seen = work
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    bar = counters[BAR]
    counters[LAST_LOOK] += 1
    look = counters[LAST_LOOK]
    queue[0] = z
    seen[a] = look
    onward[a] = TWIN_MASK >> 1
    count = 1
    while count > 0:
        count -= 1
        node = queue[count]
        for arc in range(first[node], first[node + 1]):
            step = arcs[arc, STEP]
            before = step & node_mask
            if best[before] + (step >> node_bits) != best[node]:
                continue
            # The route crosses the arc's link from its head to its tail.
            if arcs[arc, FREE_BACK] < there or arcs[arc, FREE_THERE] < back or arcs[arc, NOTE] < mtu:
                continue
            if bar >= 0 and barred[links[arc]] == bar:
                continue
            onward_arc = arcs[arc, NOTE] & TWIN_MASK
            if seen[before] != look:
                seen[before] = look
                onward[before] = onward_arc
                queue[count] = before
                count += 1
            elif onward_arc < onward[before]:
                onward[before] = onward_arc
