"""Where the simplex method begins: at prices that a sample of the aggregates leads to.

A few aggregates are most of the demand, so the largest stand for themselves, and of the others one in so many for all
of them. So loads of the sample are nearly those of all, and prices nearly right, for next to nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from controller.egress.kernels.layout import Ints, Problem
from controller.egress.kernels.simplex import best_options
from controller.egress.simplex import optimum, tolls_for


class Sample(NamedTuple):
    """One in ``largest`` aggregates as it is, and one in ``others`` of those that are smaller."""

    largest: int
    others: int


SAMPLES: Final = (Sample(20, 97), Sample(10, 13))
"""First and then. Primes for the others, as aggregates are in an order in which classes or groups may recur."""
SAMPLE_AT_LEAST: Final = 500
SLACK_OF_SAMPLE: Final = 1e3


def nearly_right(problem: Problem, key: Ints, limit: float) -> tuple[Ints, bool]:
    """The best option of each aggregate at the prices that a sample leads to, or ``key`` where there are few of them.
    False: a price passed ``limit``, so the sample did not fit, and not all will."""
    for sample in SAMPLES:
        if len(problem.rate) < SAMPLE_AT_LEAST * sample.others:
            continue
        who, part = _drawn(problem, sample)
        price = optimum(part, key[who], SLACK_OF_SAMPLE).price
        if price.max(initial=0.0) > limit:
            return key, False
        key = np.zeros(len(problem.rate), np.int32)
        best_options(problem, price, tolls_for(problem), key)
    return key, True


def _drawn(problem: Problem, sample: Sample) -> tuple[Ints, Problem]:
    """Who is in the sample, and the program with those alone, at rates that add up to all there is."""
    rate = problem.rate
    bound = np.partition(rate, -(len(rate) // sample.largest))[-(len(rate) // sample.largest)]
    large = rate > bound
    others = np.flatnonzero(~large)
    drawn = others[sample.others // 2 :: sample.others]
    who = np.sort(np.concatenate([np.flatnonzero(large), drawn]))
    more = rate[others].sum() / max(rate[drawn].sum(), 1e-9)
    rates = np.where(large[who], rate[who], rate[who] * more)
    return who.astype(np.int32), problem._replace(rate=rates, cost=problem.cost[who], site=problem.site[who])
