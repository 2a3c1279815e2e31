"""What pings tell: delay without the control connection's share, loss, and nothing where nothing is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from controller.service.egress.pings import RECENT, WINDOW, Answered, PingReading, PingWindow

MS = 1_000_000


def after(*pings):
    """A window after these: (total, control) in ms, or None for one without an answer."""
    window = PingWindow()
    for ping in pings:
        if ping is not None:
            window.answered(Answered(round(ping[0] * MS), round(ping[1] * MS)))
        elif window.heard:
            window.lost()
    return window


def test_delay_is_half_of_what_is_left_when_the_control_connection_has_its_share():
    assert after(*[(82, 2)] * RECENT).read() == PingReading(delay_ns=40 * MS, lost=0, pings=RECENT)


def test_pings_that_met_a_busy_controller_count_least():
    quick, slow = (81, 1), (150, 30)
    assert after(*[slow, quick] * (RECENT // 2)).read().delay_ns == 40 * MS
    assert after(*[slow] * (RECENT // 2 + 1), *[quick] * (RECENT // 2 - 1)).read().delay_ns == 40 * MS


def test_one_that_is_odd_changes_nothing():
    assert after(*[(81, 1)] * (RECENT - 1), (500, 1)).read().delay_ns == 40 * MS


def test_a_control_connection_slower_than_the_ping_makes_no_negative_delay():
    assert after(*[(1, 2)] * RECENT).read().delay_ns == 0


@pytest.mark.parametrize(("lost", "of"), [(1, 10), (3, 50), (7, WINDOW), (0, WINDOW)])
def test_lost_pings_are_counted_among_the_last_ones(lost, of):
    pings = [(81, 1), *[None] * lost, *[(81, 1)] * (of - lost - 1)]
    found = after(*pings).read()
    assert (found.lost, found.pings) == (lost, of)
    found = after((81, 1), *[None] * WINDOW, *pings).read()
    assert (found.lost, found.pings) == (WINDOW - of + lost, WINDOW)


@pytest.mark.parametrize(("lost", "pings"), [(1, 300), (3, 300), (60, 300), (300, 300), (1, 10), (10, 10), (17, 123)])
def test_what_counts_of_losses_is_what_is_likely_at_least(lost, pings):
    interval = binomtest(lost, pings).proportion_ci(confidence_level=0.9, method="wilson")
    found = PingReading(delay_ns=None, lost=lost, pings=pings).least_likely_loss_ppm
    assert found == pytest.approx(1_000_000 * interval.low, abs=5)
    assert 0 < found <= 1_000_000 * lost / pings


def test_where_nothing_is_lost_no_loss_counts():
    for pings in range(RECENT, WINDOW + 1):
        assert PingReading(delay_ns=None, lost=0, pings=pings).least_likely_loss_ppm == 0


def test_where_nobody_ever_answered_nothing_is_known():
    window = PingWindow()
    assert not window.heard
    assert window.read() is None
    window.answered(Answered(81 * MS, MS))
    assert window.heard
    window.lost()
    assert window.read() is None  # two are few


def test_where_nobody_answers_any_more_there_is_no_delay():
    assert after(*[(81, 1)] * RECENT, *[None] * RECENT).read() == PingReading(
        delay_ns=None, lost=RECENT, pings=2 * RECENT
    )


def test_the_same_pings_are_not_read_twice():
    window = after(*[(81, 1)] * RECENT)
    assert window.read() is not None
    assert window.read() is None
    window.lost()
    assert window.read() is not None


@given(st.lists(st.none() | st.tuples(st.integers(2, 5000), st.integers(0, 50)), max_size=700))
def test_a_reading_is_always_within_what_was_measured(pings):
    reading = after(*pings).read()
    begun = next((position for position, ping in enumerate(pings) if ping is not None), len(pings))
    told = pings[begun:]
    assert (reading is None) is (len(told) < RECENT)
    if reading is not None:
        recent = [max(0, total - control) * MS // 2 for total, control in filter(None, told[-RECENT:])]
        assert reading.delay_ns in recent if recent else reading.delay_ns is None
        assert (reading.lost, reading.pings) == (told[-WINDOW:].count(None), len(told[-WINDOW:]))
