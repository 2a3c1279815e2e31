"""Distances on the earth, against what maps say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.geography import EARTH_KM, fibre_delay_ns, great_circle_km
from controller.domain.topology import Location

PLACES = st.builds(Location, lat=st.floats(-90, 90), lon=st.floats(-180, 180))


@pytest.mark.parametrize(
    ("a", "z", "km"),
    [
        ((39.90, 116.41), (31.23, 121.47), 1067),  # Beijing, Shanghai
        ((31.23, 121.47), (34.05, -118.24), 10_440),  # over the date line to Los Angeles
        ((1.35, 103.82), (-33.87, 151.21), 6_300),  # over the equator to Sydney
        ((0, 0), (0, 90), 10_008),
        ((90, 0), (-90, 0), 20_015),
    ],
)
def test_known_distances(a, z, km):
    found = great_circle_km(Location(lat=a[0], lon=a[1]), Location(lat=z[0], lon=z[1]))
    assert found == pytest.approx(km, rel=0.005)


@given(PLACES, PLACES)
def test_the_way_back_is_as_long_and_half_round_the_earth_at_most(a, z):
    there = great_circle_km(a, z)
    assert there == pytest.approx(great_circle_km(z, a))
    assert 0 <= there <= 3.1416 * EARTH_KM
    assert great_circle_km(a, a) == 0


def test_light_in_fibre():
    assert fibre_delay_ns(1000) == 4_900_000
