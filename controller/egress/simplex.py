"""The simplex method from a first assignment to the optimum; the steps themselves are in ``kernels.simplex``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.kernels.layout import Memory, Problem, fresh
from controller.egress.kernels.simplex import appraise, weigh, work_through

SAMPLED: Final = (97, 13)
"""One in so many aggregates stands for all, first and then: prices of a sample are nearly right, and cost next to
nothing. Primes, as aggregates are in an order in which classes or groups may recur."""
SAMPLE_AT_LEAST: Final = 500
SLACK_OF_SAMPLE: Final = 1e3
STEPS_EACH: Final = 20
"""Steps for each aggregate and row before we give up; a tenth of that has always been enough."""


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


def optimum(problem: Problem, key: npt.NDArray[np.int32], slack: float) -> Optimum:
    """From every aggregate whole on its ``key`` to where nothing is gained by more than ``slack`` for each bit moved.

    Prices everything, then works through the aggregates that would gain, the greatest gain first, at prices that
    follow; until nobody gains. Deterministic.
    """
    memory = fresh(problem, key)
    weigh(problem, memory.state)
    options = problem.cost.shape[1]
    toll = np.zeros(((len(problem.starts) - 1) // options, options))
    best, gain = np.zeros(len(problem.rate), np.int32), np.zeros(len(problem.rate))
    allowed = STEPS_EACH * (len(problem.rate) + len(problem.pieces))
    steps = np.array([allowed], np.int32)
    while appraise(problem, memory.state, toll, best, gain) > slack:
        gaining = np.flatnonzero(gain > slack)
        queue = gaining[np.argsort(-gain[gaining], kind="stable")].astype(np.int32)
        if work_through(problem, *memory, queue, len(queue), slack, steps):
            break
    return _read(memory, allowed - int(steps[0]), bool(gain.max(initial=0.0) <= slack))


def nearly_right(problem: Problem, key: npt.NDArray[np.int32], limit: float) -> tuple[npt.NDArray[np.int32], bool]:
    """The best option of each aggregate at the prices that a sample leads to, or ``key`` where there are few of them.
    False: a price passed ``limit``, so the sample did not fit, and not all will."""
    fits = True
    for stride in SAMPLED:
        sample = slice(stride // 2, None, stride)
        rate = problem.rate[sample]
        if len(rate) < SAMPLE_AT_LEAST:
            continue
        scaled = rate * (problem.rate.sum() / rate.sum())
        part = problem._replace(rate=scaled, cost=problem.cost[sample], site=problem.site[sample])
        price = optimum(part, key[sample], SLACK_OF_SAMPLE).price
        fits = bool(price.max(initial=0.0) <= limit)
        if not fits:
            break
        memory = fresh(problem, key)
        memory.state[4][:] = price
        options = problem.cost.shape[1]
        toll = np.zeros(((len(problem.starts) - 1) // options, options))
        best, gain = np.zeros(len(problem.rate), np.int32), np.zeros(len(problem.rate))
        appraise(problem, memory.state, toll, best, gain)
        key = best
    return key, fits


def _read(memory: Memory, pivots: int, complete: bool) -> Optimum:
    key, _, _, load, price = memory.state
    _, owner, option, amount, size = memory.basis
    count = int(size[0])
    return Optimum(
        key=key,
        owner=owner[:count],
        option=option[:count],
        amount=amount[:count],
        price=price,
        load=load,
        pivots=pivots,
        complete=complete,
    )
