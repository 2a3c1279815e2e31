"""The same program given to HiGHS as one large sparse matrix: the baseline ``lp``, and an oracle for tests.

Rates are in Gbit/s and costs in ms there, so that numbers are near one. One column for each eligible (aggregate,
gateway) and each piece of a gateway's penalty; one row for each aggregate, gateway, link and class.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from controller.egress.choices import costs_ns, delays_ns
from controller.egress.instance import CLASSES, Instance
from controller.egress.utilisation import gateway_pieces

Floats = npt.NDArray[np.float64]

METHODS: Final = ("simplex", "ipm", "choose")
GBPS: Final = 1e9
NS_PER_MS: Final = 1e6


class NotSolved(RuntimeError):
    """HiGHS ended without an optimum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Columns: first ``aggregate`` and ``gateway`` of each, then the pieces of gateways. Rows: first aggregates, then
    gateways, links, classes. ``entries``: (row, column, value)."""

    aggregate: npt.NDArray[np.int64]
    gateway: npt.NDArray[np.int64]
    cost: Floats
    upper: Floats
    entries: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]
    row_lower: Floats
    row_upper: Floats

    @property
    def first_class_row(self) -> int:
        return len(self.row_upper) - len(CLASSES)


def matrix(instance: Instance) -> Matrix:
    """The program, with nothing asked of the classes yet."""
    demand, exits, inside = instance.demand, instance.exits, instance.inside
    cost = costs_ns(instance, delays_ns(instance))
    aggregate, gateway = np.nonzero(np.isfinite(cost))
    count, gateways, links = len(demand), len(exits), len(inside.usable_bps)
    column = np.arange(len(aggregate))
    route = demand.source[aggregate].astype(np.int64) * gateways + gateway
    hops = np.diff(inside.starts)[route]
    behind = np.repeat(np.cumsum(hops) - hops, hops)
    crossed = inside.links[np.repeat(inside.starts[route], hops) + np.arange(hops.sum()) - behind]
    steps = [
        (number, bend, end, slope)
        for number, (bends, usable) in enumerate(
            zip(gateway_pieces(exits, instance.weights.utilisation_ns), exits.usable_bps.tolist(), strict=True)
        )
        for (bend, slope), end in _spans(bends, usable)
    ]
    step_gateway = np.array([step[0] for step in steps], np.int64)
    step_column = len(column) + np.arange(len(steps))
    blocks = [
        (aggregate, column, 1.0),
        (count + gateway, column, 1.0),
        (count + step_gateway, step_column, -1.0),
        (count + gateways + crossed, np.repeat(column, hops), 1.0),
        (count + gateways + links + demand.service_class[aggregate].astype(np.int64), column, 1.0),
    ]
    rate = demand.rate_bps / GBPS
    free = np.full(len(CLASSES), np.inf)
    return Matrix(
        aggregate=aggregate,
        gateway=gateway,
        cost=np.concatenate([cost[aggregate, gateway], np.array([step[3] for step in steps], float)]) / NS_PER_MS,
        upper=np.concatenate(
            [np.full(len(column), np.inf), np.array([(end - bend) / GBPS for _, bend, end, _ in steps], float)]
        ),
        entries=(
            np.concatenate([rows for rows, _, _ in blocks]),
            np.concatenate([columns for _, columns, _ in blocks]),
            np.concatenate([np.full(len(rows), value) for rows, _, value in blocks]),
        ),
        row_lower=np.concatenate([np.zeros(count), np.zeros(gateways), np.full(links, -np.inf), -free]),
        row_upper=np.concatenate([rate, np.zeros(gateways), inside.usable_bps / GBPS, free]),
    )


def _spans(bends: list[tuple[int, int]], usable: int) -> list[tuple[tuple[int, int], int]]:
    """Pieces with where they end."""
    ends = [bend for bend, _ in bends[1:]] + [usable]
    return list(zip(bends, ends, strict=True))


class Solver:
    """HiGHS with a program in it."""

    def __init__(self, program: Matrix, method: str = "choose", seconds: float = inf) -> None:
        import highspy

        self._program = program
        self._highs: Any = highspy.Highs()
        self._highs.setOptionValue("output_flag", False)
        self._highs.setOptionValue("threads", 1)
        self._highs.setOptionValue("solver", method)
        self._highs.setOptionValue("time_limit", seconds)
        self._highs.passModel(_model(program))

    def ask(self, number: int, least_gbps: float) -> None:
        """At least so much is to be carried of a class; if that is all there is, of each aggregate all."""
        row = self._program.first_class_row + number
        self._highs.changeRowBounds(row, least_gbps, np.inf)

    def ask_all(self, aggregates: npt.NDArray[np.int64]) -> None:
        """All is to be carried of these aggregates."""
        for aggregate in aggregates.tolist():
            rate = float(self._program.row_upper[aggregate])
            self._highs.changeRowBounds(aggregate, rate, rate)

    def most_of(self, members: npt.NDArray[np.bool_]) -> float:
        """The most that can be carried, in Gbit/s, of the aggregates that are ``members`` [A]."""
        count = len(self._program.cost)
        costs = np.zeros(count)
        costs[: len(self._program.aggregate)] = -1.0 * members[self._program.aggregate]
        self._change_costs(costs)
        return -self.run()

    def least_cost(self) -> float:
        """In ms x Gbit/s, with what has been asked for."""
        self._change_costs(self._program.cost)
        return self.run()

    def run(self) -> float:
        """The objective. ``NotSolved`` otherwise."""
        import highspy

        self._highs.run()
        status = self._highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise NotSolved(self._highs.modelStatusToString(status))
        return float(self._highs.getInfo().objective_function_value)

    def carried(self) -> Floats:
        """[columns of aggregates] Gbit/s of the solution."""
        return np.array(self._highs.getSolution().col_value)[: len(self._program.aggregate)]

    def _change_costs(self, costs: Floats) -> None:
        self._highs.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), costs)


def _model(program: Matrix) -> Any:
    import highspy

    rows, columns, values = program.entries
    order = np.lexsort((rows, columns))
    count = len(program.cost)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = count, len(program.row_upper)
    model.col_cost_, model.col_lower_, model.col_upper_ = program.cost, np.zeros(count), program.upper
    model.row_lower_, model.row_upper_ = program.row_lower, program.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=count))]).astype(np.int32)
    model.a_matrix_.index_ = rows[order].astype(np.int32)
    model.a_matrix_.value_ = values[order]
    return model
