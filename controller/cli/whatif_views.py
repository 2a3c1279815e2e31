"""``trunkline whatif -o json``: plain data in the shape that scripts rely on; docs/whatif.md describes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controller.cli.views import Json, verdict_json
from controller.wire.gen.trunkline.v1 import path_pb2 as pb
from controller.wire.gen.trunkline.v1 import plan_pb2


def whatif_json(
    header: pb.WhatIfHeader,
    impacts: Iterable[pb.FailureImpact],
    at_risk: Iterable[pb.LineAtRisk],
    plan: plan_pb2.Plan | None,
) -> Json:
    """Delays are microseconds, ``hopDelay`` included; rates are integer bits per second."""
    return {
        "topology": header.topology,
        "lines": header.lines,
        "failures": [_impact_json(impact) for impact in impacts],
        "atRisk": [
            {
                "kind": line.kind,
                "tenant": line.tenant,
                "name": line.name,
                "hitBy": line.hit_by,
                "lostBy": line.lost_by,
                "lostTo": list(line.lost_to),
            }
            for line in at_risk
        ],
        "infeasible": [verdict_json(verdict) for verdict in _infeasible(plan)],
    }


def _infeasible(plan: plan_pb2.Plan | None) -> Sequence[plan_pb2.Verdict]:
    return () if plan is None else [verdict for verdict in plan.intents if not verdict.feasible]


def _impact_json(impact: pb.FailureImpact) -> Json:
    return {
        "failure": [{"element": part.element, "name": part.name} for part in impact.failure],
        "hit": impact.hit,
        "survive": impact.survive,
        "lost": impact.lost,
        "ended": impact.ended,
        "fates": {fate: impact.fates[fate] for fate in sorted(impact.fates)},
        "worstDelayUs": impact.worst_delay_ns / 1000 if impact.HasField("worst_delay_ns") else None,
        "worstExtraDelayUs": impact.worst_extra_delay_ns / 1000 if impact.HasField("worst_extra_delay_ns") else None,
        "overloads": [
            {"link": over.link, "direction": over.direction, "excessBps": over.excess_bps} for over in impact.overloads
        ],
        "lines": [
            {
                "kind": line.kind,
                "tenant": line.tenant,
                "name": line.name,
                "fate": line.fate,
                "delayUs": {
                    "before": _delay_json(line.before_ns),
                    "after": _delay_json(line.after_ns) if line.HasField("after_ns") else None,
                },
            }
            for line in impact.lines
        ],
    }


def _delay_json(delay_ns: plan_pb2.DelayNs) -> Json:
    return {"aToZ": delay_ns.a_to_z / 1000, "zToA": delay_ns.z_to_a / 1000}
