"""Slots lie on five minutes of UTC, and months are those of the calendar."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.egress.billing import SLOT_S
from controller.service.egress.calendar import month_of, parts_between


def at(*moment):
    return datetime(*moment, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("moment", "name", "days"),
    [
        ((2026, 11, 21, 0, 30), "2026-11", 30),
        ((2026, 12, 31, 23, 59, 59), "2026-12", 31),
        ((2027, 2, 1), "2027-02", 28),
        ((2028, 2, 29, 12), "2028-02", 29),
    ],
)
def test_a_month_has_the_slots_of_its_days(moment, name, days):
    month = month_of(at(*moment))
    assert (month.name, month.slots) == (name, days * 288)
    assert month.begin_s == at(*moment[:2], 1)


def test_a_slot_is_told_by_its_number_and_how_far_it_is():
    month = month_of(at(2026, 11, 21))
    assert month.slot_at(at(2026, 11, 1)) == (0, 0.0)
    assert month.slot_at(at(2026, 11, 2, 0, 7, 30)) == (289, 150.0)
    assert month.slot_at(at(2026, 11, 30, 23, 59, 59)) == (month.slots - 1, 299.0)


@given(
    begin_s=st.integers(10**9 * 1000, 2 * 10**9 * 1000).map(lambda ms: ms / 1000),
    length_s=st.integers(1, 4_000_000).map(lambda ms: ms / 1000),
)
def test_what_is_parted_by_slots_is_whole(begin_s, length_s):
    parts = list(parts_between(begin_s, begin_s + length_s))
    assert sum(one.end_s - one.begin_s for one in parts) == pytest.approx(length_s, abs=1e-5)
    assert all(0 <= one.begin_s < one.end_s <= SLOT_S for one in parts)
    assert all(one.end_s == SLOT_S and other.begin_s == 0 for one, other in pairwise(parts))
    for one in parts:
        moment = datetime.fromtimestamp(one.month.begin_s + one.slot * SLOT_S, UTC)
        assert f"{moment:%Y-%m}" == one.month.name
        assert one.month.slots == calendar.monthrange(moment.year, moment.month)[1] * 288


def test_a_month_ends_with_its_last_slot():
    first, last = parts_between(at(2026, 11, 30, 23, 59), at(2026, 12, 1, 0, 1))
    assert (first.month.name, first.slot, first.begin_s, first.end_s) == ("2026-11", 8_639, 240.0, 300)
    assert (last.month.name, last.slot, last.begin_s, last.end_s) == ("2026-12", 0, 0.0, 60.0)
