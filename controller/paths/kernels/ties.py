"""Whether the pair of least total is the only one, and which of its two routes is the working one.

The links of two routes of least total are the only ones if no way round in what they leave has length 0: such a way,
along free links and back along the routes, is the difference to another pair of the same total. With potentials
for which no step is shorter than 0, only steps of exactly 0 can be on it; there are few, and they are looked for from
the routes.
"""

from __future__ import annotations

from typing import Any

from controller.paths.kernels.compiling import inlined_kernel
from controller.paths.kernels.layout import (
    BAR,
    BY_COST,
    FREE_BACK,
    FREE_THERE,
    NODE_BITS,
    NODES,
    NOTE,
    STEP,
    TWIN_MASK,
    UNREACHED,
)
from controller.paths.kernels.pairs import FAR, length_of, lifted
from controller.paths.kernels.search import estimate


@inlined_kernel
def level(rest: int, near: int, far: int, laid: int, top: int) -> int:
    """The potential of a state once both routes are laid, from ``pairs.lifted`` and how far the second search went.

    ``top`` is what the second search went to the end, plus the potential that the end had then.
    """
    lift = lifted(rest, near, laid)
    if lift >= UNREACHED:
        return UNREACHED
    return max(lift - top, -far) if far < UNREACHED else lift - top


@inlined_kernel
def part(graph: Any, room: Any, z: int, hops: int, others: int) -> None:
    """Give inner nodes that only the second search has put on a route an entrance, as far as their exit."""
    arcs, scale = graph[1], graph[8]
    _, far, _, _, _, into, _, _, _, _, reached, tally, _, trails = room
    nodes = scale[NODES]
    node_mask = (1 << scale[NODE_BITS]) - 1
    for which in range(2):
        for hop in range(hops if which == 0 else others):
            arc = trails[which, hop]
            head = arcs[arc, STEP] & node_mask
            if head != z and into[head] < 0:
                into[head] = arc
                far[head + nodes] = far[head]
                reached[nodes + tally[FAR]] = head + nodes
                tally[FAR] += 1


@inlined_kernel
def only_pair(
    graph: Any, trees: Any, work: Any, room: Any, row: int, by: int, home: int, z: int,
    there: int, back: int, mtu: int, apart: bool, laid: int, added: int, hops: int, others: int,
) -> bool:  # fmt: skip
    """Whether no other links make a pair of the same total. To be called right after ``least_pair`` from one node.

    Depth first along steps of length 0, until one leads to a state that is on the way already.
    """
    first, arcs, links, _, costs, _, _, _, scale = graph
    near, far, _, seen, carry, into, _, marks, cursor, stack, _, _, _, trails = room
    barred, bar, reach = work[3], work[4][BAR], trees[2]
    nodes = scale[NODES]
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    top = added - laid
    if apart:
        part(graph, room, z, hops, others)
    count = 0  # of the states in ``seen``, where each state was reached from: that is not needed any more
    only = True
    hop = 0
    depth = -1
    while only and (depth >= 0 or hop < hops + others):
        if depth < 0:
            # Every such way goes back along one arc of the routes at least: begin where that step begins.
            arc = trails[0, hop] if hop < hops else trails[1, hop - hops]
            hop += 1
            onto = arcs[arc, STEP] & node_mask
            if apart and into[onto] >= 0:
                onto += nodes
        else:
            state = stack[depth]
            node = state if state < nodes else state - nodes
            # A node that a route crosses, when nodes are not shared, has an entrance and an exit; so has one that the
            # first route crossed before the second search changed it. Others have one state.
            parted = apart and into[node] >= 0
            rest = reach[row, node] if row >= 0 else estimate(trees, row, node, z)
            here = level(rest, near[node], far[state], laid, top)
            end = first[node + 1]
            onto = -1
            while onto < 0 and cursor[state] < end:
                arc = cursor[state]
                cursor[state] += 1
                if carry[arc]:
                    continue
                note = arcs[arc, NOTE]
                head = arcs[arc, STEP] & node_mask
                length = costs[arc] if by == BY_COST else arcs[arc, STEP] >> node_bits
                next_state = head
                if carry[note & TWIN_MASK]:
                    # Back along a route: from the entrance of a node to the exit of the one before.
                    if parted and state < nodes:
                        continue
                    length = -length
                else:
                    if node == z or state >= nodes or head == home:
                        continue
                    if arcs[arc, FREE_THERE] < there or arcs[arc, FREE_BACK] < back or note < mtu:
                        continue
                    if bar >= 0 and barred[links[arc]] == bar:
                        continue
                    if apart and into[head] >= 0:
                        next_state = head + nodes
                rest = reach[row, head] if row >= 0 else estimate(trees, row, head, z)
                if rest < UNREACHED and length + level(rest, near[head], far[next_state], laid, top) == here:
                    onto = next_state
            if onto < 0 and parted and cursor[state] == end:
                # From one state of the node to the other costs nothing: from the exit if a route crosses the node.
                cursor[state] += 1
                crossed = False
                for arc in range(first[node], end):
                    crossed |= carry[arc] != 0
                next_state = node + nodes if state < nodes else node
                rest = reach[row, node] if row >= 0 else estimate(trees, row, node, z)
                if crossed == (state < nodes) and level(rest, near[node], far[next_state], laid, top) == here:
                    onto = next_state
            if onto < 0:
                marks[state] = 2
                depth -= 1
                continue
            only = marks[onto] != 1
        if marks[onto] == 0:
            depth += 1
            stack[depth] = onto
            marks[onto] = 1
            cursor[onto] = first[onto if onto < nodes else onto - nodes]
            seen[count] = onto
            count += 1
    for index in range(count):
        marks[seen[index]] = 0
    return only


@inlined_kernel
def arrange(graph: Any, room: Any, by: int, home: int, z: int, hops: int, others: int) -> tuple[int, int]:
    """Let the routes, of one begin, change over at the nodes that they share, and put the working one first.

    The working route is the shorter one, and of those the one with the smallest sequence of links. Returns how many
    arcs each has. The routes of a pair of least total meet shared nodes in the same order, as there is no way round
    on them: so they are two chains of the same pieces.
    """
    _, arcs, links, _, _, _, _, _, scale = graph
    _, _, came, before, _, _, _, marks, _, _, _, _, _, trails = room
    node_mask = (1 << scale[NODE_BITS]) - 1
    for hop in range(hops):
        marks[arcs[trails[0, hop], STEP] & node_mask] = 1
    total = 0
    least = 0
    for choosing in range(2):
        # First only sums, then the choice, which needs to know what the shorter pieces from here on come to.
        at, other_at, filled, other_filled, gone = 0, 0, 0, 0, 0
        while other_at < others:
            other_end, other_length = other_at, 0
            meeting = -1
            while meeting < 0:
                arc = trails[1, other_end]
                other_length += length_of(graph, arc, by)
                other_end += 1
                head = arcs[arc, STEP] & node_mask
                if marks[head] == 1:
                    meeting = head
            end, length = at, 0
            head = -1
            while head != meeting:
                arc = trails[0, end]
                length += length_of(graph, arc, by)
                end += 1
                head = arcs[arc, STEP] & node_mask
            shorter = min(length, other_length)
            if choosing == 0:
                total += length + other_length
                least += shorter
            else:
                least -= shorter
                keep = links[trails[0, at]] < links[trails[1, other_at]]
                wanted = length if keep else other_length
                if 2 * (gone + wanted + least) > total:
                    keep = not keep
                gone += length if keep else other_length
                for hop in range(at, end):
                    if keep:
                        came[filled] = trails[0, hop]
                        filled += 1
                    else:
                        before[other_filled] = trails[0, hop]
                        other_filled += 1
                for hop in range(other_at, other_end):
                    if keep:
                        before[other_filled] = trails[1, hop]
                        other_filled += 1
                    else:
                        came[filled] = trails[1, hop]
                        filled += 1
            at, other_at = end, other_end
    for hop in range(hops):
        marks[arcs[trails[0, hop], STEP] & node_mask] = 0
    for hop in range(filled):
        trails[0, hop] = came[hop]
    for hop in range(other_filled):
        trails[1, hop] = before[hop]
    return filled, other_filled
