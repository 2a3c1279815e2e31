"""The simplex method from a first assignment to the optimum; the steps themselves are in ``kernels.simplex``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.kernels.layout import Floats, Ints, Problem, fresh
from controller.egress.kernels.simplex import appraise, weigh, work_through

STEPS_EACH: Final = 20
"""Steps for each aggregate and row before we give up; a tenth of that has always been enough."""
FEW_STEPS: Final = 10
"""If fewer than one in so many of those that would gain have moved when prices have turned against the others, ..."""
NEAR_TIES: Final = 4
"""... prices swing between near ties: one in so many aggregates, those nearest to moving, settle among themselves; and
of these again."""
NEAR_AT_LEAST: Final = 500
FEW_TIGHT: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """Where the simplex method ended. ``complete``: at the optimum, to within the slack for each bit."""

    key: npt.NDArray[np.int32]
    owner: npt.NDArray[np.int32]
    option: npt.NDArray[np.int32]
    amount: npt.NDArray[np.float64]
    price: npt.NDArray[np.float64]
    load: npt.NDArray[np.float64]
    pivots: int
    complete: bool


def optimum(problem: Problem, key: Ints, slack: float) -> Optimum:
    """From every aggregate whole on its ``key`` to where nothing is gained by more than ``slack`` for each bit moved.

    Prices everything, then works through the aggregates that would gain, the greatest gain first, at prices that
    follow; until nobody gains. Where prices swing, most passes are over near ties only. Deterministic.
    """
    run = _Run(problem, key, slack)
    run.settle(np.arange(len(problem.rate), dtype=np.int32))
    return run.outcome()


class _Run:
    """Arrays that the kernels work on. ``given_up``: out of steps, or out of precision."""

    def __init__(self, problem: Problem, key: Ints, slack: float) -> None:
        self._problem, self._slack = problem, slack
        self._memory = fresh(problem, key)
        weigh(problem, self._memory.state)
        self._toll = tolls_for(problem)
        self._gain = np.zeros(len(problem.rate))
        self._allowed = STEPS_EACH * (len(problem.rate) + len(problem.pieces))
        self._steps = np.array([self._allowed], np.int32)
        self.given_up = False

    def settle(self, who: Ints) -> None:
        """Until none of them gains by moving."""
        while not self.given_up and self.gain(who).max(initial=-np.inf) > self._slack:
            moved, wished = self.work_through(who)
            if moved * FEW_STEPS < wished and self._worth_dividing(who):
                self.settle(who[_nearest(self.gain(who), len(who) // NEAR_TIES)])

    def _worth_dividing(self, who: Ints) -> bool:
        """Whether there are enough of them; and once divided, whether few rows are tight: with many, near ties of near
        ties have too little to settle for what it costs to begin a pass."""
        enough = len(who) >= NEAR_AT_LEAST * NEAR_TIES
        return enough and (len(who) == len(self._problem.rate) or int(self._memory.basis[4][0]) <= FEW_TIGHT)

    def gain(self, who: Ints) -> Floats:
        """What a bit of each gains by its best move. Valid until the next call."""
        gain = self._gain[: len(who)]
        appraise(self._problem, self._memory.state, self._toll, who, gain)
        return gain

    def work_through(self, who: Ints) -> tuple[int, int]:
        """Of those whose gain was asked for just now: how many steps were made, and how many had wished to move."""
        gain = self._gain[: len(who)]
        gaining = np.flatnonzero(gain > self._slack)
        queue = who[gaining[np.argsort(-gain[gaining], kind="stable")]]
        before = int(self._steps[0])
        ended = work_through(self._problem, *self._memory, queue, len(queue), self._slack, self._steps)
        self.given_up = ended != 0
        return before - int(self._steps[0]), len(queue)

    def outcome(self) -> Optimum:
        key, _, _, load, price = self._memory.state
        _, owner, option, amount, size = self._memory.basis
        count = int(size[0])
        return Optimum(
            key=key,
            owner=owner[:count],
            option=option[:count],
            amount=amount[:count],
            price=price,
            load=load,
            pivots=self._allowed - int(self._steps[0]),
            complete=not self.given_up,
        )


def tolls_for(problem: Problem) -> Floats:
    """[S, O] for kernels to write the prices of routes to."""
    options = problem.cost.shape[1]
    return np.zeros(((len(problem.starts) - 1) // options, options))


def _nearest(gain: Floats, count: int) -> Ints:
    """Positions of the ``count`` that are nearest to moving, or more of them if there are ties. (By value, as the order
    in which numpy partitions depends on the processor.)"""
    least = np.partition(gain, len(gain) - count)[len(gain) - count]
    return np.flatnonzero(gain >= least).astype(np.int32)
