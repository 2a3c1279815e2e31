"""The tables of G.709, against the recommendation's own rounded figures and against arithmetic."""

from fractions import Fraction

import pytest

from controller.domain.otn import OduType, slots_taken, smallest_odu

# Nominal payload rate of one 1.25 Gbit/s tributary slot, bit/s (G.709 clause 7.3), by server.
SLOT_BPS = {
    OduType.ODU1: Fraction(238 * 2_488_320_000, 238 * 2),
    OduType.ODU2: Fraction(238, 237) * 9_953_280_000 / 8,
    OduType.ODU3: Fraction(238, 236) * 39_813_120_000 / 32,
    # 80 slots share all but one of an OPU4's 3,808 payload columns in 8: 475/476.
    OduType.ODU4: Fraction(475, 476) * Fraction(238, 227) * 99_532_800_000 / 80,
}


@pytest.mark.parametrize(
    ("odu", "rate_kbps", "payload_kbps", "slots"),
    [
        (OduType.ODU0, 1_244_160, 1_238_954, 0),
        (OduType.ODU1, 2_498_775, 2_488_320, 2),
        (OduType.ODU2, 10_037_273, 9_995_276, 8),
        (OduType.ODU2E, 10_399_525, 10_356_012, 0),
        (OduType.ODU3, 40_319_218, 40_150_519, 32),
        (OduType.ODU4, 104_794_445, 104_355_975, 80),
    ],
)
def test_rates_are_those_of_the_recommendation(odu, rate_kbps, payload_kbps, slots):
    assert (odu.rate_bps // 1000, odu.payload_bps // 1000, odu.tributary_slots) == (rate_kbps, payload_kbps, slots)


def test_an_odu_takes_the_fewest_slots_that_hold_it():
    for server, slot_bps in SLOT_BPS.items():
        for odu in OduType:
            taken = slots_taken(odu, server)
            if taken is None:
                assert odu.rate_bps > server.payload_bps or odu.rate_bps >= server.rate_bps or odu is OduType.ODU2E
                continue
            # Fine tuning of a low-order ODU0 in an OPU1 takes justification, not another slot.
            assert taken * slot_bps >= odu.rate_bps
            assert (taken - 1) * slot_bps < odu.rate_bps


def test_the_two_that_are_easily_mistaken():
    assert slots_taken(OduType.ODU2E, OduType.ODU3) == 9
    assert slots_taken(OduType.ODU2E, OduType.ODU4) == 8
    assert slots_taken(OduType.ODU3, OduType.ODU4) == 31


def test_none_rides_in_itself_or_in_a_smaller_one():
    for server in OduType:
        for odu in list(OduType)[list(OduType).index(server) :]:
            assert slots_taken(odu, server) is None


@pytest.mark.parametrize(
    ("rate_bps", "odu"),
    [
        (1, OduType.ODU0),
        (1_000_000_000, OduType.ODU0),
        (1_238_954_309, OduType.ODU0),
        (1_238_954_310, OduType.ODU1),
        (2_500_000_000, OduType.ODU2),
        (9_995_276_962, OduType.ODU2),
        (10_000_000_000, OduType.ODU2E),
        (10_400_000_000, OduType.ODU3),
        (40_000_000_000, OduType.ODU3),
        (100_000_000_000, OduType.ODU4),
        (104_355_975_331, None),
    ],
)
def test_the_smallest_odu_that_holds_a_rate(rate_bps, odu):
    assert smallest_odu(rate_bps) == odu
