"""Compiles the kernels of egress, so that nobody waits for it later: ``python -m controller.egress.warm``."""

from __future__ import annotations

import numpy as np

from controller.egress.kernels.improving import improve
from controller.egress.kernels.layout import Problem
from controller.egress.kernels.lowering import lowest
from controller.egress.kernels.simplex import best_options
from controller.egress.simplex import optimum


def warm() -> None:
    """Solve the least program: two aggregates, two gateways of which the cheaper is too small."""
    problem = Problem(
        rate=np.array([2.0, 2.0]),
        cost=np.array([[1.0, 2.0], [1.0, 3.0]]),
        site=np.zeros(2, np.int32),
        starts=np.array([0, 1, 2], np.int32),
        crossed=np.array([0, 1], np.int32),
        pieces=np.array([0, 2, 4], np.int32),
        bends=np.array([0.0, 3.0, 0.0, 9.0]),
        slopes=np.array([0.0, 1e6, 0.0, 1e6]),
    )
    optimum(problem, np.zeros(2, np.int32), 1e-9)
    best_options(problem, np.zeros(2), np.zeros((1, 2)), np.zeros(2, np.int32))
    nobody, nothing, nowhere = np.zeros(0, np.int32), np.zeros(0), np.zeros(1, np.int32)
    routes = np.zeros((1, 2))
    lowest(problem.cost, problem.site, nobody, nobody, routes, routes, nothing, 1.0)
    none = np.zeros(0, np.int64)
    cost = np.zeros((0, 0))
    improve(nobody, none, cost, nobody, nowhere, nobody, nobody, none, none, none, nowhere, nothing, nothing)


if __name__ == "__main__":
    warm()
