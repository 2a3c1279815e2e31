"""What-if reports -> ``trunkline.v1`` messages."""

from __future__ import annotations

from controller.compiler.whatif import ENDED, FailureImpact, LineAtRisk, LineImpact
from controller.domain.topology import PerDirection
from controller.wire.gen.trunkline.v1 import path_pb2 as pb
from controller.wire.gen.trunkline.v1 import plan_pb2


def impact_to_wire(impact: FailureImpact, *, lines: bool) -> pb.FailureImpact:
    """``lines``: tell of each line that is hit."""
    survive = sum(line.survives for line in impact.lines)
    fates = impact.fates
    return pb.FailureImpact(
        failure=[pb.FailedElement(element=part.element, name=part.name) for part in impact.failure],
        hit=len(impact.lines),
        survive=survive,
        lost=len(impact.lines) - survive - fates[ENDED],
        ended=fates[ENDED],
        fates=fates,
        worst_delay_ns=impact.worst_delay_ns,
        worst_extra_delay_ns=impact.worst_extra_delay_ns,
        overloads=[
            pb.OverloadedLink(link=over.link, direction=over.direction, excess_bps=over.excess_bps)
            for over in impact.overloads
        ],
        lines=map(_line, impact.lines) if lines else (),
    )


def at_risk_to_wire(line: LineAtRisk) -> pb.LineAtRisk:
    key = line.key
    return pb.LineAtRisk(
        kind=key.kind,
        tenant=key.tenant,
        name=key.name,
        hit_by=line.hit_by,
        lost_by=line.lost_by,
        lost_to=line.lost_to,
    )


def _line(line: LineImpact) -> pb.LineImpact:
    key = line.key
    return pb.LineImpact(
        kind=key.kind,
        tenant=key.tenant,
        name=key.name,
        fate=line.fate,
        before_ns=_delay(line.before_ns),
        after_ns=None if line.after_ns is None else _delay(line.after_ns),
    )


def _delay(delay_ns: PerDirection[int]) -> plan_pb2.DelayNs:
    return plan_pb2.DelayNs(a_to_z=delay_ns.a_to_z, z_to_a=delay_ns.z_to_a)
