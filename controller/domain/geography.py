"""Distances on the earth, and how long light in a fibre takes for them."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt
from typing import Final

from controller.domain.topology import Location

EARTH_KM: Final = 6_371.0
"""Mean radius (IUGG R1, rounded)."""

FIBRE_NS_PER_KM: Final = 4_900
"""Light in single-mode fibre: a group index of 1.468 (ITU-T G.652 fibre at 1550 nm) over 299,792 km/s."""

ROUTE_FACTOR: Final = 1.3
"""How much longer than the great circle a cable on land usually is; between 1.2 and 1.5 in practice."""


def great_circle_km(a: Location, z: Location) -> float:
    """The shortest way over ground between two places, on a sphere (haversine formula; wrong by 0.5 % at most)."""
    lat_a, lat_z = radians(a.lat), radians(z.lat)
    half = sin((lat_z - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_z) * sin(radians(z.lon - a.lon) / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(half)))


def fibre_delay_ns(cable_km: float) -> int:
    """How long light takes through so much fibre, one way."""
    return round(cable_km * FIBRE_NS_PER_KM)
