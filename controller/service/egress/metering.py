"""Reports of cycles, what gateways bill, and what is measured beyond them -> metrics."""

from __future__ import annotations

from collections.abc import Iterable

from controller.domain.gateway_quality import Quality
from controller.domain.units import ALL_PPM
from controller.service.egress.billed import Bill
from controller.service.egress.quality import MeasuredQuality
from controller.service.egress.report import CycleReport, Ending, Figures
from controller.telemetry.egress_metrics import EgressMetrics


def meter(metrics: EgressMetrics, report: CycleReport) -> None:
    """Count the cycle, and show what it has decided. One that decided nothing leaves what the one before has shown."""
    metrics.cycles.labels(report.ending, str(report.urgent).lower()).inc()
    metrics.held_sources.set(len(report.held))
    metrics.gateways_away.set(len(report.losses.gateways))
    metrics.show("input_age_seconds", report.age_s)
    if report.ending in (Ending.HELD, Ending.FAILED):
        return
    metrics.deciding_duration.observe(report.deciding_s)
    if report.ending is Ending.CHANGED:
        metrics.carrying_out_duration.observe(report.carrying_out_s)
    metrics.show("cycle_timestamp_seconds", report.at)
    metrics.show("moved_bytes_per_second", report.moved_bps / 8)
    elsewhere_bps = {} if report.elsewhere_bps is None else report.elsewhere_bps
    metrics.show_gateways("elsewhere_bytes_per_second", {name: bps / 8 for name, bps in elsewhere_bps.items()})
    metrics.show("overload_bytes_per_second", sum(one.most_bps - one.room_bps for one in report.overloads) / 8)
    metrics.overloads.inc(len(report.overloads))
    _show_figures(metrics, report.figures)


def meter_bills(metrics: EgressMetrics, bills: Iterable[Bill]) -> None:
    """Of gateways that bill by the 95th percentile."""
    known = tuple(bills)
    metrics.show_gateways("billed_bytes_per_second", {one.gateway: one.billed_bps / 8 for one in known})
    metrics.show_gateways("free_slots", {one.gateway: one.free_slots_left for one in known})


def meter_quality(metrics: EgressMetrics, quality: MeasuredQuality) -> None:
    """Show what counts now of delay and loss beyond gateways."""
    declared, measured = quality.declared(), quality.counting()
    ways = {way: measured.get(way, Quality()).over(one) for way, one in declared.items()}
    delays = {way: one.delay_ns / 1e9 for way, one in ways.items() if one.delay_ns is not None}
    losses = {way: one.loss_ppm / ALL_PPM for way, one in ways.items() if one.loss_ppm is not None}
    metrics.show_ways("delay_seconds", delays)
    metrics.show_ways("loss_ratio", losses)
    metrics.show_ways("measured", {way: float(way in measured) for way in ways})
    metrics.quality_doubts.set(len(quality.doubts()))


def _show_figures(metrics: EgressMetrics, figures: Figures | None) -> None:
    gateways = () if figures is None else figures.gateways
    classes = () if figures is None else figures.classes
    metrics.show_gateways("carried_bytes_per_second", {one.gateway: one.all_bps / 8 for one in gateways})
    metrics.show_gateways("usable_bytes_per_second", {one.gateway: one.usable_bps / 8 for one in gateways})
    metrics.show_gateways("price_seconds", {one.gateway: one.price_ns / 1e9 for one in gateways})
    metrics.show_classes("demand_bytes_per_second", {str(one.traffic_class): one.demand_bps / 8 for one in classes})
    metrics.show_classes("carried_bytes_per_second", {str(one.traffic_class): one.carried_bps / 8 for one in classes})
    delays = None if figures is None else figures.delays
    metrics.show("mean_delay_seconds", None if delays is None else delays.mean_ns / 1e9)
    metrics.show("gap_ratio", None if figures is None else figures.gap)
