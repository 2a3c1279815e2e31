"""What several ways to choose gateways come to <-> ``trunkline.v1`` messages."""

from __future__ import annotations

from typing import Final

import numpy as np

from controller.compiler.egress import Solved
from controller.compiler.egress_comparison import Outcome
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

MOST_POINTS: Final = 2_000
"""Of a distribution: more than a picture of it is wide."""


def outcome_to_wire(outcome: Outcome, solved: Solved) -> pb.MethodOutcome:
    """``solved``: of the traffic that it is an outcome of."""
    offered = zip(solved.asked.gateways, outcome.offered.tolist(), strict=True)
    kept = _kept(outcome)
    points = zip(outcome.delay_ns[kept].tolist(), outcome.within[kept].tolist(), strict=True)
    return pb.MethodOutcome(
        method=outcome.method,
        offered=[
            pb.OfferedRate(gateway=gateway.name, capacity_bps=gateway.capacity_bps, rate_bps=bps)
            for gateway, bps in offered
        ],
        delays=[pb.DelayPoint(delay_ns=delay_ns, within=within) for delay_ns, within in points],
    )


def outcome_from_wire(outcome: pb.MethodOutcome) -> Outcome:
    return Outcome(
        method=outcome.method,
        offered=np.array([one.rate_bps for one in outcome.offered], np.float64),
        delay_ns=np.array([one.delay_ns for one in outcome.delays], np.int64),
        within=np.array([one.within for one in outcome.delays], np.float64),
    )


def _kept(outcome: Outcome) -> list[int]:
    """Of points with the same delay the last, which has all of them; then at most ``MOST_POINTS``, the last one among
    them."""
    last = np.flatnonzero(np.diff(outcome.delay_ns, append=np.iinfo(np.int64).max))
    if len(last) > MOST_POINTS:
        last = last[np.unique(np.linspace(0, len(last) - 1, MOST_POINTS).round().astype(np.int64))]
    return [int(number) for number in last]
