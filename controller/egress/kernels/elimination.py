"""Systems of a few dozen equations: LU factors with row exchanges, and solving with them and with their transpose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.compiling import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

SINGULAR = 1e-11
"""A pivot below this is none; entries of our matrices are -1, 0 and 1."""


@kernel
def factor(matrix: Floats, order: Ints, size: int) -> bool:
    """Overwrite ``matrix[:size, :size]`` by its factors; ``order[k]`` is the row that was exchanged with row k.
    False: it is singular."""
    for column in range(size):
        best = column
        for row in range(column + 1, size):
            if abs(matrix[row, column]) > abs(matrix[best, column]):
                best = row
        order[column] = best
        if abs(matrix[best, column]) < SINGULAR:
            return False
        if best != column:
            for other in range(size):
                matrix[column, other], matrix[best, other] = matrix[best, other], matrix[column, other]
        for row in range(column + 1, size):
            if matrix[row, column] != 0.0:
                share = matrix[row, column] / matrix[column, column]
                matrix[row, column] = share
                for other in range(column + 1, size):
                    matrix[row, other] -= share * matrix[column, other]
    return True


@kernel
def solve(matrix: Floats, order: Ints, size: int, values: Floats) -> None:
    """Overwrite ``values[:size]`` by x of ``B x = values``."""
    for row in range(size):
        other = order[row]
        if other != row:
            values[row], values[other] = values[other], values[row]
    for row in range(1, size):
        total = values[row]
        for column in range(row):
            total -= matrix[row, column] * values[column]
        values[row] = total
    for row in range(size - 1, -1, -1):
        total = values[row]
        for column in range(row + 1, size):
            total -= matrix[row, column] * values[column]
        values[row] = total / matrix[row, row]


@kernel
def solve_transposed(matrix: Floats, order: Ints, size: int, values: Floats) -> None:
    """Overwrite ``values[:size]`` by y of ``y B = values``."""
    for row in range(size):
        total = values[row]
        for column in range(row):
            total -= matrix[column, row] * values[column]
        values[row] = total / matrix[row, row]
    for row in range(size - 2, -1, -1):
        total = values[row]
        for column in range(row + 1, size):
            total -= matrix[column, row] * values[column]
        values[row] = total
    for row in range(size - 1, -1, -1):
        other = order[row]
        if other != row:
            values[row], values[other] = values[other], values[row]
