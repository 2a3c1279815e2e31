"""The 95th percentile as it is billed, slot by slot, against a month sorted at its end."""

import random

import numpy as np
import pytest

from controller.egress.billing import FREE_SLOTS, SLOTS_A_MONTH, Month


@pytest.mark.parametrize(("seed", "slots"), [(1, SLOTS_A_MONTH), (2, 900), (3, 432), (4, 433)])
def test_the_level_is_that_of_the_fullest_slot_that_is_not_free(seed, slots):
    draw = random.Random(seed)
    loads = [draw.choice([draw.randrange(100), 50]) * 10**9 for _ in range(slots)]
    month = Month()
    for load in loads:
        month = month.after(load)
    assert month.billed_bps == (sorted(loads, reverse=True)[FREE_SLOTS] if slots > FREE_SLOTS else 0)
    assert month.free_slots == FREE_SLOTS - sum(load > month.billed_bps for load in loads)
    if slots == SLOTS_A_MONTH:
        assert month.billed_bps == np.percentile(loads, 95, method="inverted_cdf")


def test_what_is_agreed_on_is_paid_anyway_and_bursts_are_free_until_they_are_used_up():
    month = Month(billed_bps=40)
    assert month.after(40) == month
    for _ in range(FREE_SLOTS):
        assert month.free_bps(100) == 100
        month = month.after(90)
    assert (month.billed_bps, month.free_slots, month.free_bps(100), month.free_bps(30)) == (40, 0, 40, 30)
    assert month.after(60).billed_bps == 60
    assert month.after(95) == Month(billed_bps=90, bursts_bps=(95,))
