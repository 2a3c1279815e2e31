"""Whether the end of a pair lies in a pocket that a second route cannot enter: a look around from the end.

Without it the second search settles all the rest of the network before it can say that there is no second route, which
where sites hang on a single cable is the common case.
"""

from __future__ import annotations

from typing import Any

from controller.paths.kernels.compiling import kernel
from controller.paths.kernels.layout import (
    BAR,
    FREE_BACK,
    FREE_THERE,
    NODE_BITS,
    NODES,
    NOTE,
    STEP,
    TWIN_MASK,
)


@kernel
def pocket(
    graph: Any, work: Any, room: Any, start: int, one: int, home: int, z: int,
    there: int, back: int, mtu: int, apart: bool, most: int,
) -> bool:  # fmt: skip
    """Whether less than ``most`` states lead to ``z``, once the first route is laid, and ``start`` is not among them.

    Against the steps of ``pairs.second_route``, breadth first.
    """
    first, arcs, links, _, _, _, _, _, scale = graph
    carry, into, marks, queue = room[4], room[5], room[7], room[9]
    barred, bar = work[3], work[4][BAR]
    nodes = scale[NODES]
    node_mask = (1 << scale[NODE_BITS]) - 1
    marks[z] = 1
    queue[0] = z
    count = 1
    done = 0
    closed = True
    while closed and done < count:
        state = queue[done]
        done += 1
        node = state if state < nodes else state - nodes
        parted = apart and into[node] >= 0
        for arc in range(first[node], first[node + 1] + (parted and state >= nodes)):
            if arc == first[node + 1]:
                before = node  # from the exit to the entrance
            else:
                note = arcs[arc, NOTE]
                before = arcs[arc, STEP] & node_mask
                if carry[arc]:
                    # What goes on from this node is taken back: from the entrance of the next one to this one's exit.
                    if state >= nodes or before == z:
                        continue  # the search ends at the end, and does not come back from there
                    if apart and into[before] >= 0:
                        before += nodes
                else:
                    if carry[note & TWIN_MASK] or (parted and state < nodes):
                        continue
                    if node == home or (apart and node == one) or before == z:
                        continue
                    if arcs[arc, FREE_BACK] < there or arcs[arc, FREE_THERE] < back or note < mtu:
                        continue
                    if bar >= 0 and barred[links[arc]] == bar:
                        continue
            if marks[before]:
                continue
            if before == start or count == most:
                closed = False
                break
            marks[before] = 1
            queue[count] = before
            count += 1
    for index in range(count):
        marks[queue[index]] = 0
    return closed
