"""What the 95th percentile of a month leaves free in the slot that runs."""

from __future__ import annotations

from fractions import Fraction

import pytest

from controller.egress.billing import Month, free_slots_of


@pytest.mark.parametrize(("days", "free"), [(28, 403), (29, 417), (30, 432), (31, 446)])
def test_a_twentieth_of_a_month_is_free(days, free):
    assert free_slots_of(days * 288) == free


@pytest.mark.parametrize(
    ("month", "free_bps"),
    [
        (Month(free_slots=1, billed_bps=40), 100),
        (Month(free_slots=0, billed_bps=40), 40),
        (Month(free_slots=0, billed_bps=400), 100),
        (Month(free_slots=0), 0),
        # Half of the slot is over, and it had as much as the level, less, more.
        (Month(free_slots=0, billed_bps=40, sent_bps=20, left=Fraction(1, 2)), 40),
        (Month(free_slots=0, billed_bps=40, sent_bps=10, left=Fraction(1, 2)), 40),
        (Month(free_slots=0, billed_bps=40, sent_bps=30, left=Fraction(1, 2)), 20),
        # It is above the level whatever comes, and every bit makes it more.
        (Month(free_slots=0, billed_bps=40, sent_bps=60, left=Fraction(1, 2)), 0),
        # It is above one of the slots that are free, which becomes the level: the rest is free.
        (Month(free_slots=0, billed_bps=40, burst_bps=50, sent_bps=60, left=Fraction(1, 2)), 100),
        (Month(free_slots=0, billed_bps=40, burst_bps=70, sent_bps=60, left=Fraction(1, 2)), 0),
    ],
)
def test_what_may_be_sent_without_raising_the_bill(month, free_bps):
    assert month.free_bps(100) == free_bps
