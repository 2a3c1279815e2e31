"""What egress cycles found, decided and did -> ``trunkline.v1`` messages."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from controller.compiler.steering.resources import Exceeded
from controller.service.egress.measuring import HeldSource
from controller.service.egress.report import CycleReport, Figures
from controller.wire.egress_view import class_to_wire, delays_to_wire, gateway_to_wire
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb
from controller.wire.intents import timestamp


def cycle_to_wire(report: CycleReport) -> pb.Cycle:
    return pb.Cycle(
        number=report.number,
        time=timestamp(report.at),
        causes=report.causes,
        mode=report.mode,
        ending=report.ending,
        urgent=report.urgent,
        links_down=sorted(report.losses.links),
        gateways_away=sorted(report.losses.gateways),
        unreachable=sorted(report.losses.unreachable),
        input_age=_duration(report.age_s),
        held=map(held_to_wire, report.held),
        figures=None if report.figures is None else _figures(report.figures),
        moved_bps=report.moved_bps,
        rounds=report.rounds,
        rules=report.rules,
        reasons=report.reasons,
        deciding_time=_duration(report.deciding_s),
        carrying_out_time=_duration(report.carrying_out_s),
        overloads=map(_overload, report.overloads),
    )


def held_to_wire(one: HeldSource) -> pb.HeldSource:
    return pb.HeldSource(
        source=one.source,
        why=one.why,
        readings=one.readings,
        stale=one.stale,
        rate_bps=one.bps,
        age=_duration(one.age_s),
    )


def _overload(one: Exceeded) -> pb.Overload:
    name, direction = one.resource
    where = pb.Overload(gateway=name) if direction is None else pb.Overload(link=name, direction=direction)
    where.room_bps, where.before_bps, where.most_bps = one.room_bps, one.before_bps, one.most_bps
    return where


def _figures(figures: Figures) -> pb.CycleFigures:
    return pb.CycleFigures(
        classes=map(class_to_wire, figures.classes),
        gateways=map(gateway_to_wire, figures.gateways),
        delays=delays_to_wire(figures.delays, figures.optimum_delay_ns),
        gap=figures.gap,
        waiting_bps=figures.waiting_bps,
    )


def _duration(seconds: float | None) -> Duration | None:
    if seconds is None:
        return None
    whole = Duration()
    whole.FromNanoseconds(round(seconds * 1e9))
    return whole
