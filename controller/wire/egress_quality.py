"""Measurements of ways abroad, and what counts of them <-> ``trunkline.v1`` messages."""

from __future__ import annotations

import math

from google.protobuf.duration_pb2 import Duration

from controller.domain.gateway_quality import Measurement, Origin, Quality, Way
from controller.service.egress.quality import MeasuredQuality, SeriesView
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb


def measurement_from_wire(message: pb.Measurement, now_s: float) -> Measurement:
    """``now_s``: when it was measured, if it does not say. A time that is none becomes NaN, which is held."""
    at_s = now_s
    if message.HasField("time"):
        there = 0 <= message.time.nanos < 10**9
        at_s = message.time.seconds + message.time.nanos / 1e9 if there else math.nan
    return Measurement(
        gateway=message.gateway,
        region=message.region,
        at_s=at_s,
        delay_ns=message.delay_ns if message.HasField("delay_ns") else None,
        loss_ppm=message.loss_ppm if message.HasField("loss_ppm") else None,
        origin=Origin.REPORTED,
    )


def qualities_to_wire(quality: MeasuredQuality) -> pb.ListMeasurementsResponse:
    measured = quality.counting()
    ways: dict[Way, pb.WayQuality] = {}
    for way, declared in quality.declared().items():
        counts = measured.get(way, Quality()).over(declared)
        assert declared.delay_ns is not None, "a region is served with a delay"
        assert counts.delay_ns is not None
        ways[way] = pb.WayQuality(
            gateway=way[0],
            region=way[1],
            declared_delay_ns=declared.delay_ns,
            declared_loss_ppm=declared.loss_ppm,
            delay_ns=counts.delay_ns,
            loss_ppm=counts.loss_ppm,
        )
    for view in quality.views():
        ways[view.gateway, view.region].measured.append(_series(view))
    return pb.ListMeasurementsResponse(ways=ways.values(), fresh_for=_duration(quality.fresh_s))


def _series(view: SeriesView) -> pb.MeasuredSeries:
    return pb.MeasuredSeries(
        origin=view.origin,
        delay_ns=view.counts.delay_ns,
        loss_ppm=view.counts.loss_ppm,
        age=None if view.age_s is None else _duration(view.age_s),
        readings=view.readings,
        fresh=view.fresh,
        why=view.why,
    )


def _duration(seconds: float) -> Duration:
    whole = Duration()
    whole.FromNanoseconds(round(seconds * 1e9))
    return whole
