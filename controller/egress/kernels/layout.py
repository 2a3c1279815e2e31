"""What is in the groups of arrays that the kernels take, and how much of it there is.

``problem``, which does not change:
    rate      [A]        bit/s to be carried, as floats
    cost      [A, O]     ns for each bit; infinite where the option is not open
    site      [A]        which routes: aggregates of one site have the same
    starts    [S * O + 1] where in ``crossed`` the route of (site, option) begins: at ``site * O + option``
    crossed   [...]      rows that the routes cross
    pieces    [R + 1]    where in ``bends`` and ``slopes`` the pieces of row i begin
    bends     [P]        the load at which a piece begins, 0 for the first
    slopes    [P]        ns for each bit more, rising within a row

``state``:
    key       [A]        the option that carries what no other does
    piece     [R]        the piece that the load is in; for a tight row the piece below the bend that it sits at
    tight     [R]        position among the tight rows, or -1
    load      [R]        bit/s
    price     [R]        what a bit more on the row costs: the slope of its piece; of a tight row, between two slopes

``basis``, of which ``size[0]`` entries are in use:
    rows      [R]        the tight rows
    owner     [R]        aggregates that are split, once for each option besides the key
    option    [R]        that option
    amount    [R]        bit/s on it
    size      [1]

``work``, to scribble on: ``factors`` [R, R], ``order`` [R], ``change`` [R] of amounts, ``net`` [R] of loads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

Group = Any
"""A tuple of arrays; numba types each kernel by what is in it."""


class Problem(NamedTuple):
    rate: Floats
    cost: Floats
    site: Ints
    starts: Ints
    crossed: Ints
    pieces: Ints
    bends: Floats
    slopes: Floats


class Memory(NamedTuple):
    """All that a run of the simplex method writes to."""

    state: Group
    basis: Group
    work: Group


def fresh(problem: Problem, key: Ints) -> Memory:
    """Every aggregate whole on its ``key``, no row tight."""
    rows = len(problem.pieces) - 1
    state = (
        key.astype(np.int32),
        np.zeros(rows, np.int32),
        np.full(rows, -1, np.int32),
        np.zeros(rows),
        np.zeros(rows),
    )
    basis = (
        np.zeros(rows, np.int32),
        np.zeros(rows, np.int32),
        np.zeros(rows, np.int32),
        np.zeros(rows),
        np.zeros(1, np.int32),
    )
    work = (np.zeros((rows, rows)), np.zeros(rows, np.int32), np.zeros(rows), np.zeros(rows))
    return Memory(state, basis, work)
