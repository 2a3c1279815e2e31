"""Slots as they are counted, one by one, against all of a month sorted."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.egress.billing import SLOT_S
from controller.egress.slots import LEAST_KNOWN_S, LEAST_LEFT_S, MonthBook

GBPS = 10**9
NOVEMBER = 30 * 288


def counted(loads, slots=NOVEMBER):
    """A book with these loads, by slot."""
    book = MonthBook(slots=slots)
    for slot, load in loads.items():
        book = book.noted(slot, 0, SLOT_S, load)
    return book


def billed(loads, slots, now, committed=0):
    """(level, free slots left) by sorting everything: 5 % of what is known before ``now`` and of what is to come."""
    unknown = sum(slot not in loads for slot in range(now))
    free = (slots - unknown) // 20
    falling = sorted(loads.values(), reverse=True)
    level = max(falling[free] if len(falling) > free else 0, committed)
    return level, free - sum(load > level for load in falling)


@pytest.mark.parametrize(
    ("seed", "slots", "over"), [(1, 8_640, 8_640), (2, 8_064, 900), (3, 8_928, 446), (4, 8_928, 447)]
)
def test_the_level_is_that_of_the_fullest_slot_that_is_not_free(seed, slots, over):
    draw = random.Random(seed)
    loads = {slot: draw.choice([draw.randrange(100), 50]) * GBPS for slot in range(over)}
    month = counted(loads, slots).month(over, 0.0)
    assert (month.billed_bps, month.free_slots) == billed(loads, slots, over)
    if slots == over:
        assert month.billed_bps == np.percentile(list(loads.values()), 95, method="inverted_cdf")


@given(
    loads=st.dictionaries(st.integers(0, 199), st.integers(0, 20), max_size=200),
    slots=st.integers(200, 240),
    now=st.integers(0, 199),
    committed=st.integers(0, 20),
    order=st.randoms(use_true_random=False),
)
def test_in_any_order_with_any_gaps_it_is_what_sorting_says(loads, slots, now, committed, order):
    in_order = list(loads.items())
    order.shuffle(in_order)
    book = counted(dict(in_order), slots)
    month = book.month(now, 0.0, committed)
    assert (month.billed_bps, month.free_slots) == billed(loads, slots, now, committed)
    above = [load for load in sorted(loads.values()) if load > month.billed_bps]
    assert month.burst_bps == (above[0] if above else None)
    assert book.known_slots == len(loads)
    assert all(book.has(slot) == (slot in loads) for slot in range(200))
    assert all(first < end for first, end in book.known)
    assert all(one[1] < other[0] for one, other in zip(book.known, book.known[1:], strict=False))


def test_nothing_is_counted_twice():
    book = counted({7: 5})
    assert book.noted(7, 0, SLOT_S, 99) == book
    running = book.noted(8, 0, 200, 6)
    assert running.noted(8, 100, 150, 99) == running  # the clock went back
    assert running.noted(8, 100, 250, 6).running.known_s == 250


def test_a_slot_is_its_mean_over_what_is_known_of_it():
    book = MonthBook(slots=NOVEMBER).noted(3, 0, 100, 10).noted(3, 100, 200, 40)
    assert book.running.mean_bps == 25
    assert book.known == ()
    assert book.noted(3, 200, SLOT_S, 70) == MonthBook(slots=NOVEMBER, known=((3, 4),), fullest_bps=(40,))
    assert book.noted(4, 0, 10, 70).fullest_bps == (25,)  # the rest of it is not known


@pytest.mark.parametrize(("known_s", "counts"), [(LEAST_KNOWN_S, True), (LEAST_KNOWN_S - 1, False)])
def test_a_slot_that_is_mostly_unknown_does_not_count(known_s, counts):
    book = MonthBook(slots=NOVEMBER).noted(3, SLOT_S - known_s, SLOT_S, 70)
    assert (book.has(3), book.unknown_before(4), book.running) == (counts, 3 if counts else 4, None)
    again = book.noted(3, 0, SLOT_S, 50)
    assert again.fullest_bps == ((70,) if counts else (50,))


@given(
    loads=st.lists(st.integers(0, 40), min_size=1, max_size=60),
    known_s=st.integers(0, 240),
    gap_s=st.integers(0, 60),
    sent=st.integers(0, 60),
    usable=st.integers(1, 60),
)
def test_what_is_free_raises_the_bill_by_nothing(loads, known_s, gap_s, sent, usable):
    """Against the month as it is when the slot is over with that, and with nothing more."""
    now, offset_s = len(loads), min(gap_s + known_s, SLOT_S - LEAST_LEFT_S)
    book = counted({slot: load * GBPS for slot, load in enumerate(loads)}, slots=len(loads) + 5)
    if known_s:
        book = book.noted(now, max(offset_s - known_s, 0), offset_s, sent * GBPS)
    month = book.month(now, offset_s)

    def level(bps):
        after = book.noted(now, offset_s, SLOT_S, bps)
        return after.month(now, offset_s).billed_bps if after.has(now) else None

    free_bps = month.free_bps(usable * GBPS)
    assert free_bps <= usable * GBPS
    if level(0) is not None:
        assert level(free_bps) <= max(level(0), month.billed_bps) + 2  # rounded means


def test_shortly_before_its_end_a_slot_is_planned_as_the_next_one():
    book = counted(dict.fromkeys(range(433), 10)).noted(433, 0, 241, 40)
    assert (book.month(433, 239.0).sent_bps, book.month(433, 241.0).sent_bps) == (32, 0)
