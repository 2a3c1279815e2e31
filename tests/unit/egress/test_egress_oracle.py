"""Against HiGHS, which is told the program as one matrix: what is carried by class, the least cost, and both bounds."""

from __future__ import annotations

import numpy as np
import pytest
from small_instances import small_instance

from controller.bench.egress.highs import Solver, matrix
from controller.egress.certificate import certify
from controller.egress.instance import CLASSES
from controller.egress.solving import solve

BPS = 1e9
CLOSE = 2e-6
"""HiGHS keeps rows to 1e-7 of a Gbit/s, a hundred bit/s, each."""


def optimum(instance):
    """(carried by class in bit/s, cost in ns x bit/s)"""
    solver = Solver(matrix(instance))
    carried = []
    for number in range(len(CLASSES)):
        most = solver.most_of(instance.demand.service_class == number)
        solver.ask(number, max(most - 1e-7, 0.0))
        carried.append(most * BPS)
    return carried, solver.least_cost() * BPS * 1e6


@pytest.mark.parametrize("block", range(10))
def test_the_optimum_is_found_and_the_bounds_hold(block):
    for seed in range(block * 40, block * 40 + 40):
        instance = small_instance(seed, ties=seed % 5 == 0)
        certificate = certify(instance, solve(instance))
        carried, cost = optimum(instance)
        slack = 1_000 + CLOSE * instance.demand.rate_bps.sum()
        assert np.allclose(certificate.carried_bps, carried, rtol=0, atol=slack), seed
        for bound, most in zip(certificate.carried_bound_bps, carried, strict=True):
            assert most <= bound + slack, seed
        assert certificate.cost_bound <= cost * (1 + CLOSE) + slack * 1e9, seed
        assert cost <= certificate.cost * (1 + CLOSE) + slack * 1e9, seed
        assert certificate.gap < 1e-6, seed
        assert max(certificate.carried_gap_bps) <= 1_000, seed
