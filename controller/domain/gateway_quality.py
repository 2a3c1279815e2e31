"""How good the way from a gateway to a region abroad is: what was measured, and what counts of it beside what the
topology declares.

Delay is one way, in ns; loss is the share of packets that do not arrive, in millionths (ppm, 10,000 are 1 %; RFC 7680).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from controller.domain.topology import Gateway
from controller.domain.units import ALL_PPM, MAX_DELAY_NS, format_delay

Way = tuple[str, str]
"""A gateway, a region abroad."""


class Origin(StrEnum):
    """Who measured. Where several did, the first one here that has something fresh counts: whoever brings measurements
    of their own wants these."""

    REPORTED = "reported"
    PROBES = "probes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What somebody has measured once from a gateway to a region. ``delay_ns`` is ``None`` where nothing arrived,
    ``loss_ppm`` where only the delay was measured; one of them is there. ``at_s``: when it was measured (its end), in
    seconds since 1970."""

    gateway: str
    region: str
    at_s: float
    delay_ns: int | None = None
    loss_ppm: int | None = None
    origin: Origin = Origin.REPORTED

    @property
    def way(self) -> Way:
        return (self.gateway, self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What is measured of a way and counts; ``None``: nothing is, and what is declared counts."""

    delay_ns: int | None = None
    loss_ppm: int | None = None

    def over(self, other: Quality) -> Quality:
        """This, and where it says nothing, the other."""
        return Quality(
            delay_ns=other.delay_ns if self.delay_ns is None else self.delay_ns,
            loss_ppm=other.loss_ppm if self.loss_ppm is None else self.loss_ppm,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The last good measurements of a way by one who measures, the oldest first, at least one; and what counts after
    them."""

    good: tuple[Measurement, ...]
    counts: Quality


def impossible(measurement: Measurement) -> str:
    """Why it cannot have been measured, in words; empty: it can."""
    delay_ns, loss_ppm = measurement.delay_ns, measurement.loss_ppm
    if not math.isfinite(measurement.at_s):
        return "its time is no number"
    if delay_ns is None and loss_ppm is None:
        return "it has neither a delay nor a loss"
    if delay_ns is not None and not 0 <= delay_ns <= MAX_DELAY_NS:
        return f"a delay of {delay_ns / 1e6:g} ms is not between 0 and {format_delay(MAX_DELAY_NS)}"
    if loss_ppm is not None and not 0 <= loss_ppm <= ALL_PPM:
        return f"a loss of {loss_ppm / 10_000:g} % is not between 0 and 100 %"
    return ""


def with_measured(gateways: Sequence[Gateway], measured: Mapping[Way, Quality]) -> tuple[Gateway, ...]:
    """The gateways with what counts: what is measured, else what is declared. A region that a gateway is not declared
    to serve is not served because somebody has measured a way there."""
    return tuple(_with(gateway, measured) for gateway in gateways)


def _with(gateway: Gateway, measured: Mapping[Way, Quality]) -> Gateway:
    known = {
        region: measured[gateway.name, region] for region, _ in gateway.delays_ns if (gateway.name, region) in measured
    }
    if not known:
        return gateway
    delays = {
        **dict(gateway.delays_ns),
        **{region: q.delay_ns for region, q in known.items() if q.delay_ns is not None},
    }
    losses = {
        **dict(gateway.losses_ppm),
        **{region: q.loss_ppm for region, q in known.items() if q.loss_ppm is not None},
    }
    return replace(gateway, delays_ns=tuple(delays.items()), losses_ppm=tuple(losses.items()))
