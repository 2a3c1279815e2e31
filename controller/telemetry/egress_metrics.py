"""What is counted and shown of the cycles that steer internet traffic. Rates are bytes per second, as everywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

ENDINGS: Final = ("changed", "unchanged", "shadow", "frozen", "held", "failed")
_SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class EgressMetrics:
    """Gauges are of the last cycle that decided anything; before the first, those without labels are NaN."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.cycles = Counter(
            "trunkline_egress_cycles",
            "Cycles that chose gateways anew: changed, unchanged, shadow (only reported), frozen (waits), held (inputs "
            "not to be relied on), failed.",
            ("ending", "urgent"),
            registry=registry,
        )
        self.deciding_duration = Histogram(
            "trunkline_egress_deciding_duration_seconds",
            "From what is measured to a plan, waiting for the planner included.",
            registry=registry,
            buckets=_SECONDS,
        )
        self.carrying_out_duration = Histogram(
            "trunkline_egress_carrying_out_duration_seconds",
            "From a plan to all devices doing as it says.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._of_gateways = {
            name: Gauge(f"trunkline_egress_gateway_{name}", text, ("gateway",), registry=registry)
            for name, text in (
                ("carried_bytes_per_second", "What is decided to leave by it."),
                ("usable_bytes_per_second", "What of its capacity may be used."),
                ("elsewhere_bytes_per_second", "What leaves by it for addresses that no prefix is known for."),
                ("price_seconds", "By how much faster a bit would be if it had room for one more; 0: it has."),
                ("billed_bytes_per_second", "The level that it bills for this month so far, by the 95th percentile."),
                ("free_slots", "Slots of five minutes that may still be above that level this month, for nothing."),
            )
        }
        self._of_ways = {
            name: Gauge(f"trunkline_egress_way_{name}", text, ("gateway", "region"), registry=registry)
            for name, text in (
                ("delay_seconds", "One way from the gateway to the region, as it counts."),
                ("loss_ratio", "Lost from the gateway to the region, as it counts; absent: it is not known."),
                ("measured", "1 when what is measured of the way counts, 0 when what is declared does."),
            )
        }
        self.quality_doubts = Gauge(
            "trunkline_egress_quality_doubts",
            "Ways abroad, by who measures them, of which the last measurement does not count: held, or too old.",
            registry=registry,
        )
        self._of_classes = {
            name: Gauge(f"trunkline_egress_{name}", text, ("traffic_class",), registry=registry)
            for name, text in (
                ("demand_bytes_per_second", "What sources are taken to send abroad."),
                ("carried_bytes_per_second", "What of it is carried."),
            )
        }
        self._alone = {
            name: Gauge(f"trunkline_egress_{name}", text, registry=registry)
            for name, text in (
                ("mean_delay_seconds", "One way to the far end, of what is carried, each bit counted alike."),
                ("gap_ratio", "The choice costs at most this share more than the best there could be."),
                ("moved_bytes_per_second", "What took another gateway in the last cycle, or would have."),
                (
                    "overload_bytes_per_second",
                    "What moves of the last cycle brought somewhere, or would have, beyond the room there.",
                ),
                ("input_age_seconds", "Of the oldest measured rates that are relied on."),
                ("cycle_timestamp_seconds", "When gateways were last chosen anew, whether or not anything moved."),
            )
        }
        self.overloads = Counter(
            "trunkline_egress_overloads",
            "Gateways and directions of links to which moves brought more than there is room for, or would have.",
            registry=registry,
        )
        self.held_sources = Gauge(
            "trunkline_egress_held_sources",
            "Sources whose last good rates count, for they are not known now.",
            registry=registry,
        )
        self.gateways_away = Gauge(
            "trunkline_egress_gateways_away", "Gateways that are down or drained.", registry=registry
        )
        for gauge in self._alone.values():
            gauge.set(math.nan)
        for ending in ENDINGS:  # zeros from the start, so that rates are right from the first
            for urgent in ("false", "true"):
                self.cycles.labels(ending, urgent)

    def show(self, name: str, value: float | None) -> None:
        """One number of the last cycle; ``None``: there is none."""
        self._alone[name].set(math.nan if value is None else value)

    def show_gateways(self, name: str, values: Mapping[str, float]) -> None:
        """By gateway; others are not shown any more."""
        _show(self._of_gateways[name], values)

    def show_ways(self, name: str, values: Mapping[tuple[str, str], float]) -> None:
        """By gateway and region."""
        gauge = self._of_ways[name]
        gauge.clear()
        for labels, value in values.items():
            gauge.labels(*labels).set(value)

    def show_classes(self, name: str, values: Mapping[str, float]) -> None:
        _show(self._of_classes[name], values)


def _show(gauge: Gauge, values: Mapping[str, float]) -> None:
    gauge.clear()
    for label, value in values.items():
        gauge.labels(label).set(value)
