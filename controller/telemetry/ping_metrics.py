"""What is counted and shown of pings from gateways to regions abroad."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

OUTCOMES: Final = ("answered", "lost", "unknown")
_WAY: Final = ("gateway", "region")


class PingMetrics:
    """Of ways that are pinged; others have no series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pings = Counter(
            "trunkline_gateway_pings",
            "Pings by what became of them: answered; lost; unknown (the switch did not take it, or was away; or nobody "
            "ever answered).",
            (*_WAY, "outcome"),
            registry=registry,
        )
        self.delay = Gauge(
            "trunkline_gateway_ping_delay_seconds",
            "One way, half of the round trip without the control connection's share; NaN when nothing is answered.",
            _WAY,
            registry=registry,
        )
        self.loss = Gauge(
            "trunkline_gateway_ping_loss_ratio", "Share of the last pings without an answer.", _WAY, registry=registry
        )

    def expect(self, ways: Iterable[tuple[str, str]]) -> None:
        """Zeros from the start, so that rates are right from the first."""
        for way in ways:
            for outcome in OUTCOMES:
                self.pings.labels(*way, outcome)

    def show(self, way: tuple[str, str], delay_ns: int | None, loss: float) -> None:
        """One reading."""
        self.delay.labels(*way).set(math.nan if delay_ns is None else delay_ns / 1e9)
        self.loss.labels(*way).set(loss)
