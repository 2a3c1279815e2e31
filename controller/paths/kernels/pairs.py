"""Two routes without a link, or without an inner node, in common: the least total of both, exactly.

Successive shortest paths (Suurballe 1974; Bhandari 1999): the least route first, then the least one in what it leaves,
where to go back along the first route is allowed and gives back the length it took. Potentials keep all lengths at
least 0, so that both searches are A*: first the distances to the end on floor delays, then these together with the
distances that the first search found. If the first route was a walk down the tree, all its links are tight already, and
the second search can do with the tree.

The routes may begin at two nodes, ``one`` and ``home``: the same node for a pair, two when the beginning of one of the
routes is given. Both end at ``z``, and neither comes back to ``home``. A link has the same length both ways, so
two routes of the least total never cross one link against each other: without it both would be shorter.

``room`` = (near, far, came, before, carry, into, heap, marks, cursor, stack, reached, tally, routed, trails)::

    near     int64[N]   how far the first search went to a node; UNREACHED: not there
    far      int64[2N]  how far the second one went to a state
    came     int32[2N]  how a state was reached: by an arc, by going BACK along one, or from the node's other state
    before   int32[2N]  from which state
    carry    int8[E]    not 0 for an arc that a route crosses
    into     int32[N]   the arc by which the first route enters an inner node, else -1
    heap     int64[2 E + 3 N + 8]
    marks    int8[2N], cursor int32[2N], stack int32[2N]: for ``ties``; marks are 0 between two uses
    reached  int32[4N]  states to be forgotten before the next pair: those of ``near``, then those of ``far``
    tally    int64[3]   how many were reached by NEAR and FAR, and how many arcs there are in ROUTED
    routed   int32[4N]  arcs that carry something, or did
    trails   int32[2, N]  the arcs of the two routes

A *state* is a node, or node + N for the entrance of an inner node of the first route when nodes must not be shared:
from there one can only go back along that route.
"""

from __future__ import annotations

from typing import Any, Final

from controller.paths.kernels.compiling import inlined_kernel
from controller.paths.kernels.heap import drop_least, push
from controller.paths.kernels.layout import (
    BAR,
    BY_COST,
    FOUND,
    FREE_BACK,
    FREE_THERE,
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
from controller.paths.kernels.pockets import pocket
from controller.paths.kernels.search import BLIND, estimate, walk
from controller.paths.kernels.trees import row_towards

NEAR: Final = 0
FAR: Final = 1
ROUTED: Final = 2

FROM_OTHER_STATE: Final = -1
BACK_ALONG: Final = -2
"""Back along arc x is BACK_ALONG - x."""

PATIENCE: Final = 8
"""After so many settled states, look whether the end can be reached at all; and again after four times as many."""


@inlined_kernel
def length_of(graph: Any, arc: int, by: int) -> int:
    """What crossing an arc adds to a route."""
    return graph[4][arc] if by == BY_COST else graph[1][arc, STEP] >> graph[8][NODE_BITS]


@inlined_kernel
def forget(graph: Any, room: Any) -> None:
    """Make the arrays again what they were before the pair."""
    near, far, _, _, carry, into, _, _, _, _, reached, tally, routed, _ = room
    arcs, scale = graph[1], graph[8]
    nodes = scale[NODES]
    node_mask = (1 << scale[NODE_BITS]) - 1
    for index in range(tally[NEAR]):
        near[reached[index]] = UNREACHED
    for index in range(tally[FAR]):
        far[reached[nodes + index]] = UNREACHED
    for index in range(tally[ROUTED]):
        carry[routed[index]] = 0
        into[arcs[routed[index], STEP] & node_mask] = -1
    tally[:] = 0


@inlined_kernel
def route(room: Any, arc: int) -> None:
    """From now on the arc carries something."""
    carry, tally, routed = room[4], room[11], room[12]
    carry[arc] = 1
    routed[tally[ROUTED]] = arc
    tally[ROUTED] += 1


@inlined_kernel
def first_route(
    graph: Any, trees: Any, work: Any, room: Any, row: int, by: int, one: int, home: int, z: int,
    there: int, back: int, mtu: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Lay the least route from ``one`` or ``home`` to ``z``: (status, length, where it begins)."""
    first, arcs, links, _, costs, _, _, _, scale = graph
    near, _, came, before, _, into, heap, _, _, _, reached, tally, _, _ = room
    barred, bar, reach = work[3], work[4][BAR], trees[2]
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    key_bits = node_bits + 1
    span = 1 << min(scale[SPAN_BITS], 61 - node_bits)
    nearer = home if estimate(trees, row, home, z) <= estimate(trees, row, one, z) else one
    if row >= 0:
        hops = walk(graph, trees, work, row, nearer, z, there, back, mtu)
        if hops >= 0:
            trail = work[5]
            for index in range(hops):
                arc = trail[index]
                route(room, arc)
                head = arcs[arc, STEP] & node_mask
                if head != z:
                    into[head] = arc
            return FOUND, trees[2][row, nearer], nearer
    size = 0
    clipped = False
    for source in (one, home):
        rest = estimate(trees, row, source, z)
        if near[source] == UNREACHED and rest < UNREACHED:
            near[source] = 0
            before[source] = -1
            reached[tally[NEAR]] = source
            tally[NEAR] += 1
            if rest < span:
                size = push(heap, size, rest << key_bits | source)
            else:
                clipped = True
    while size > 0:
        key = heap[0]
        size = drop_least(heap, size)
        node = key & node_mask
        length = near[node]
        rest = reach[row, node] if row >= 0 else estimate(trees, row, node, z)
        if length + rest < key >> key_bits:
            continue
        work[4][SETTLED] += 1
        if node == z:
            while before[node] >= 0:
                arc = came[node]
                route(room, arc)
                if node != z:
                    into[node] = arc
                node = before[node]
            return FOUND, length, node
        for arc in range(first[node], first[node + 1]):
            if arcs[arc, FREE_THERE] < there or arcs[arc, FREE_BACK] < back or arcs[arc, NOTE] < mtu:
                continue
            if bar >= 0 and barred[links[arc]] == bar:
                continue
            step = arcs[arc, STEP]
            head = step & node_mask
            longer = length + (costs[arc] if by == BY_COST else step >> node_bits)
            if longer < near[head]:
                rest = reach[row, head] if row >= 0 else estimate(trees, row, head, z)
                if rest >= UNREACHED:
                    continue
                if longer + rest >= span:
                    clipped = True
                    continue
                if near[head] == UNREACHED:
                    reached[tally[NEAR]] = head
                    tally[NEAR] += 1
                near[head] = longer
                came[head] = arc
                before[head] = node
                size = push(heap, size, (longer + rest) << key_bits | head)
    return (LIMIT if clipped else NONE), 0, one


@inlined_kernel
def lifted(rest: int, near: int, laid: int) -> int:
    """The potential of a node in the second search, from its potential in the first one, how far that went to reach it,
    and how long the route is that it laid. UNREACHED: no route goes on from there."""
    if rest >= UNREACHED:
        return UNREACHED
    return max(rest - laid, -near) if near < UNREACHED else rest - laid


@inlined_kernel
def second_route(
    graph: Any, trees: Any, work: Any, room: Any, row: int, by: int, start: int, one: int, home: int, z: int,
    there: int, back: int, mtu: int, apart: bool, laid: int,
) -> tuple[int, int]:  # fmt: skip
    """Lay a second route from ``start``, with what the first one of length ``laid`` gives back: (status, added length).

    ``apart``: the routes share no inner node.
    """
    first, arcs, links, _, costs, _, _, _, scale = graph
    near, far, came, before, carry, into, heap, _, _, _, reached, tally, _, _ = room
    barred, bar, reach = work[3], work[4][BAR], trees[2]
    nodes = scale[NODES]
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    key_bits = node_bits + 1
    state_mask = (1 << key_bits) - 1
    span = 1 << min(scale[SPAN_BITS], 61 - node_bits)
    far[start] = 0
    before[start] = -1
    reached[nodes] = start
    tally[FAR] = 1
    rest = lifted(estimate(trees, row, start, z), near[start], laid)
    if rest >= UNREACHED:
        return NONE, 0
    if rest >= span:
        return LIMIT, 0
    heap[0] = rest << key_bits | start
    size = 1
    clipped = False
    settled = 0
    patience = PATIENCE
    while size > 0:
        key = heap[0]
        size = drop_least(heap, size)
        state = key & state_mask
        length = far[state]
        node = state if state < nodes else state - nodes
        rest = reach[row, node] if row >= 0 else estimate(trees, row, node, z)
        if length + lifted(rest, near[node], laid) < key >> key_bits:
            continue
        work[4][SETTLED] += 1
        settled += 1
        if settled == patience:
            if pocket(graph, work, room, start, one, home, z, there, back, mtu, apart, settled):
                break
            patience *= 4
        if state == z:
            lay(graph, room, z)
            return FOUND, length
        entering = into[node] if apart else -1  # the arc by which the first route enters, if that is a state apart
        begin, end = first[node], first[node + 1]
        if state >= nodes:
            end = begin
        # One step more than there are arcs: from the exit of a node to its entrance, and from there back.
        for arc in range(begin, end + (entering >= 0)):
            if arc == end:
                if state < nodes:
                    step, onto, head, longer = FROM_OTHER_STATE, node + nodes, node, length
                else:
                    step = BACK_ALONG - entering
                    head = arcs[arcs[entering, NOTE] & TWIN_MASK, STEP] & node_mask
                    onto = head
                    longer = length - length_of(graph, entering, by)
            else:
                if carry[arc]:
                    continue
                head = arcs[arc, STEP] & node_mask
                note = arcs[arc, NOTE]
                adds = costs[arc] if by == BY_COST else arcs[arc, STEP] >> node_bits
                onto = head
                if carry[note & TWIN_MASK]:
                    if entering >= 0:
                        continue
                    step = BACK_ALONG - (note & TWIN_MASK)
                    longer = length - adds
                else:
                    if head == home or (apart and head == one):
                        continue
                    if arcs[arc, FREE_THERE] < there or arcs[arc, FREE_BACK] < back or note < mtu:
                        continue
                    if bar >= 0 and barred[links[arc]] == bar:
                        continue
                    if apart and into[head] >= 0:
                        onto = head + nodes
                    step = arc
                    longer = length + adds
            if longer < far[onto]:
                rest = reach[row, head] if row >= 0 else estimate(trees, row, head, z)
                rest = lifted(rest, near[head], laid)
                if rest >= UNREACHED:
                    continue
                if longer + rest >= span:
                    clipped = True
                    continue
                if far[onto] == UNREACHED:
                    reached[nodes + tally[FAR]] = onto
                    tally[FAR] += 1
                far[onto] = longer
                came[onto] = step
                before[onto] = state
                size = push(heap, size, (longer + rest) << key_bits | onto)
    return (LIMIT if clipped else NONE), 0


@inlined_kernel
def lay(graph: Any, room: Any, z: int) -> None:
    """Change what the arcs carry along the second search's way to ``z``."""
    _, _, came, before, carry, _, _, _, _, _, _, _, _, _ = room
    state = z
    while before[state] >= 0:
        step = came[state]
        if step >= 0:
            route(room, step)
        elif step <= BACK_ALONG:
            carry[BACK_ALONG - step] = 0
        state = before[state]


@inlined_kernel
def follow(graph: Any, room: Any, start: int, z: int, which: int) -> int:
    """Write the arcs of one route from ``start`` into trail ``which`` and mark them with 2; how many they are."""
    first, arcs, scale = graph[0], graph[1], graph[8]
    carry, trails = room[4], room[13]
    node_mask = (1 << scale[NODE_BITS]) - 1
    hops = 0
    node = start
    while node != z:
        arc = first[node]
        while carry[arc] != 1:
            arc += 1
        carry[arc] = 2
        trails[which, hops] = arc
        hops += 1
        node = arcs[arc, STEP] & node_mask
    return hops


@inlined_kernel
def least_pair(
    graph: Any, trees: Any, work: Any, room: Any, by: int, one: int, home: int, z: int,
    there: int, back: int, mtu: int, apart: bool,
) -> tuple[int, int, int, int, int, int]:  # fmt: skip
    """(status, total length, arcs of the route from ``one``, of that from ``home``, length and row for ``ties``).

    The routes are in ``trails``. Call ``forget`` when what the searches found, in ``room``, is not needed any more.
    """
    row = BLIND if by == BY_COST else row_towards(graph, trees, work, z)
    status, laid, begin = first_route(graph, trees, work, room, row, by, one, home, z, there, back, mtu)
    if status != FOUND:
        return status, 0, 0, 0, 0, row
    start = one if begin == home else home
    status, added = second_route(graph, trees, work, room, row, by, start, one, home, z, there, back, mtu, apart, laid)
    if status != FOUND:
        return status, 0, 0, 0, laid, row
    hops = follow(graph, room, one, z, 0)
    others = follow(graph, room, home, z, 1)
    return FOUND, laid + added, hops, others, laid, row
