"""What a published network tells, before anything is assumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.topology import Location
from controller.domain.units import MAX_RATE_BPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A node: ``key`` is how edges name it, ``label`` how people do."""

    key: str
    label: str
    location: Location | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A link, once for both directions; ``None``: the source does not say."""

    a: str
    z: str
    length_km: float | None = None
    capacity_bps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    name: str
    kind: str
    places: tuple[Place, ...]
    spans: tuple[Span, ...]
    left_out: tuple[str, ...] = ()
    """What the source has and we cannot take, in words."""


def number_in(attributes: dict[str, Any], *keys: str) -> float | None:
    """The first of these attributes that is a number; sources leave fields empty, or write NaN."""
    for key in keys:
        value = attributes.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        try:
            number = float(value)
        except ValueError:
            continue
        if isfinite(number):
            return number
    return None


def span_of(a: str, z: str, attributes: dict[str, Any]) -> Span:
    """A link with what the source tells of it, as far as that can be."""
    length_km = number_in(attributes, "dist", "length_km")
    rate_bps = number_in(attributes, "LinkSpeedRaw", "capacity_bps")
    return Span(
        a=a,
        z=z,
        length_km=length_km if length_km is not None and length_km >= 0 else None,
        capacity_bps=int(rate_bps) if rate_bps is not None and 1 <= rate_bps <= MAX_RATE_BPS else None,
    )


def location_of(lat: float | None, lon: float | None) -> Location | None:
    if lat is None or lon is None or not -90 <= lat <= 90 or not -180 <= lon <= 180:
        return None
    return Location(lat=round(lat, 6), lon=round(lon, 6))


def once_for_both_directions(spans: Iterator[Span]) -> Iterator[Span]:
    """In a directed graph a link is two edges; one that has none for the way back stays a link."""
    waiting: dict[tuple[str, str], int] = {}
    for span in spans:
        if waiting.get((span.z, span.a), 0):
            waiting[span.z, span.a] -= 1
        else:
            waiting[span.a, span.z] = waiting.get((span.a, span.z), 0) + 1
            yield span


def not_readable(source: str, kind: str, why: object) -> InvalidInput:
    fault = Fault(reason=Reason.INVALID_FORMAT, source=source, message=f"not {kind}: {str(why)[:200]}")
    return InvalidInput((fault,))
