"""One question at a time from Python, with next to no overhead.

Handing an array to a kernel costs 70 ns, and a search needs twenty-odd of them: longer than the search itself in a
small network. Their addresses do not change, so they are collected once in a table, and the table is handed over.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.answering import answer_one, bar_links
from controller.paths.kernels.compiling import allocating_kernel
from controller.paths.kernels.layout import ANSWER, BACK, BOUND, BUDGET, BY, NEEDED_MTU, QUESTION, THERE, A, Z

# After ``compiling``, which imports numba without what it does not need.
# isort: split
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(typing_context: Any, address: Any) -> Any:
    """An int64 as a pointer."""

    def convert(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), convert


def table_of(graph: Any, trees: Any, work: Any, question: Int64s, answer: Int64s) -> Int64s:
    """For each array its address and extents, three numbers; the arrays must outlive the table."""
    cells = []
    for array in (*graph, *trees, *work, question, answer):
        assert array.flags.c_contiguous
        cells += [array.ctypes.data, array.shape[0], array.shape[1] if array.ndim == 2 else 0]
    return np.array(cells, np.int64)


@allocating_kernel
def answer_addressed(
    table: Int64s, bars: Int32s, a: int, z: int, there: int, back: int, mtu: int, bound: int, by: int, budget: int
) -> int:
    """Answer a question, given cell by cell, into the answer of the table; returns the labels expanded."""
    graph = (
        carray(_pointer(table[0]), (table[1],), np.int32),
        carray(_pointer(table[3]), (table[4], table[5]), np.int64),
        carray(_pointer(table[6]), (table[7],), np.int32),
        carray(_pointer(table[9]), (table[10],), np.int64),
        carray(_pointer(table[12]), (table[13],), np.int64),
        carray(_pointer(table[15]), (table[16],), np.int64),
        carray(_pointer(table[18]), (table[19],), np.int64),
        carray(_pointer(table[21]), (table[22],), np.uint8),
        carray(_pointer(table[24]), (table[25],), np.int64),
    )
    trees = (
        carray(_pointer(table[27]), (table[28],), np.int32),
        carray(_pointer(table[30]), (table[31], table[32]), np.uint16),
        carray(_pointer(table[33]), (table[34], table[35]), np.int64),
        carray(_pointer(table[36]), (table[37],), np.int32),
        carray(_pointer(table[39]), (table[40],), np.int32),
        carray(_pointer(table[42]), (table[43],), np.int64),
        carray(_pointer(table[45]), (table[46],), np.int32),
        carray(_pointer(table[48]), (table[49], table[50]), np.int64),
    )
    work = (
        carray(_pointer(table[51]), (table[52],), np.int64),
        carray(_pointer(table[54]), (table[55],), np.int32),
        carray(_pointer(table[57]), (table[58],), np.int64),
        carray(_pointer(table[60]), (table[61],), np.int64),
        carray(_pointer(table[63]), (table[64],), np.int64),
        carray(_pointer(table[66]), (table[67],), np.int32),
        carray(_pointer(table[69]), (table[70],), np.int64),
    )
    question = carray(_pointer(table[72]), (QUESTION,), np.int64)
    answer = carray(_pointer(table[75]), (ANSWER,), np.int64)
    question[A] = a
    question[Z] = z
    question[THERE] = there
    question[BACK] = back
    question[NEEDED_MTU] = mtu
    question[BOUND] = bound
    question[BY] = by
    question[BUDGET] = budget
    bar_links(work, bars, 0, len(bars))
    return answer_one(graph, trees, work, question, answer)
