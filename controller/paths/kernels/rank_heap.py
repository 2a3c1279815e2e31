"""A binary heap of sets of routes, by the rank of the best route in each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.compiling import inlined_kernel
from controller.paths.kernels.rank_layout import HOPS, ROUTE, WORTH

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


@inlined_kernel
def better(sets: Int64s, store: Int32s, one: int, other: int) -> bool:
    """Whether a set is to be taken before another: by length; then those of unknown route; then by names of links."""
    if sets[one, WORTH] != sets[other, WORTH]:
        return sets[one, WORTH] < sets[other, WORTH]
    if sets[one, ROUTE] < 0 or sets[other, ROUTE] < 0:
        return sets[other, ROUTE] >= 0
    # Until they part, both routes are at the same node, and its arcs are in the order of their links' names.
    for hop in range(min(sets[one, HOPS], sets[other, HOPS])):
        arc, other_arc = store[sets[one, ROUTE] + hop], store[sets[other, ROUTE] + hop]
        if arc != other_arc:
            return arc < other_arc
    return False


@inlined_kernel
def push_set(heap: Int64s, size: int, sets: Int64s, store: Int32s, number: int) -> int:
    """Add a set to the binary heap; the new size."""
    hole = size
    while hole > 0:
        above = (hole - 1) >> 1
        if not better(sets, store, number, heap[above]):
            break
        heap[hole] = heap[above]
        hole = above
    heap[hole] = number
    return size + 1


@inlined_kernel
def drop_best(heap: Int64s, size: int, sets: Int64s, store: Int32s) -> int:
    """Remove ``heap[0]``; the new size."""
    size -= 1
    number = heap[size]
    hole = 0
    child = 1
    while child < size:
        if child + 1 < size and better(sets, store, heap[child + 1], heap[child]):
            child += 1
        if not better(sets, store, heap[child], number):
            break
        heap[hole] = heap[child]
        hole = child
        child = 2 * hole + 1
    heap[hole] = number
    return size
