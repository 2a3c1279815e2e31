"""Shortest-path trees towards a node on the floor delays: what a search can rely on before it begins.

State, bandwidth, exclusions and delays above the floor only make routes longer, so a distance in the tree is a lower
bound for every search (admissible, and consistent: A* never needs to open a node again), and a tree's route that is
free and at the floor is the answer. Ties in a tree: least first link, as everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.compiling import kernel
from controller.paths.kernels.heap import drop_least, push
from controller.paths.kernels.layout import (
    CLIPPED,
    FROZEN,
    HAND,
    NO_SLOT,
    NODE_BITS,
    NOTE,
    ROWS_USED,
    SPAN_BITS,
    STEP,
    TIED,
    TWIN_MASK,
    UNREACHED,
)

Int64s = npt.NDArray[np.int64]
Slots = npt.NDArray[np.uint16]

WISHES = 2
"""How often a node must be asked before it gets a row, where not every node can have one."""
WISHES_TO_EVICT = 32
"""A row that costs another one its place is thought of only at every so manieth wish: growing it takes as long as
many searches without it."""


@kernel
def grow(graph: Any, heap: Int64s, target: int, slots: Slots, reach: Int64s) -> None:
    """Fill one row (both of N) with the tree towards ``target``: Dijkstra over all links, in service or not."""
    first, arcs, _, _, _, floors, _, _, scale = graph
    node_bits = scale[NODE_BITS]
    node_mask = (1 << node_bits) - 1
    span = 1 << scale[SPAN_BITS]
    slots[:] = NO_SLOT
    reach[:] = UNREACHED
    reach[target] = 0
    heap[0] = target
    size = 1
    while size > 0:
        key = heap[0]
        size = drop_least(heap, size)
        node = key & node_mask
        length = key >> node_bits
        if length > reach[node]:
            continue
        for arc in range(first[node], first[node + 1]):
            before = arcs[arc, STEP] & node_mask
            longer = length + floors[arc]
            if longer >= span:
                scale[CLIPPED] = 1
                continue
            slot = min((arcs[arc, NOTE] & TWIN_MASK) - first[before], NO_SLOT)
            if longer < reach[before]:
                reach[before] = longer
                slots[before] = slot
                size = push(heap, size, longer << node_bits | before)
            elif longer == reach[before]:
                slots[before] = min(slot, slots[before] & NO_SLOT) | TIED


@kernel
def row_towards(graph: Any, trees: Any, work: Any, target: int) -> int:
    """The row of the tree towards ``target``, grown now if there is room or it is asked for often; else -1."""
    row_of, slots, reach, owners, asked, state, _, _ = trees
    row = row_of[target]
    if row >= 0 or state[FROZEN] == 1:
        return row
    rows = len(owners)
    asked[target] += 1
    if rows < len(row_of) and asked[target] < WISHES:
        return -1
    if state[ROWS_USED] < rows:
        row = state[ROWS_USED]
        state[ROWS_USED] += 1
    else:
        # Second chance: a row that is wanted more often than this one stays, but is aged.
        if rows == 0 or asked[target] % WISHES_TO_EVICT:
            return -1
        row = state[HAND]
        state[HAND] = (row + 1) % rows
        owner = owners[row]
        if asked[owner] >= asked[target]:
            asked[owner] >>= 1
            return -1
        row_of[owner] = -1
    grow(graph, work[2], target, slots[row], reach[row])
    owners[row] = target
    row_of[target] = row
    return row
