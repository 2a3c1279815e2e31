"""A lane of a wire: when do frames arrive, and which do not?"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.wire import QUEUE_LEAST_BYTES, QUEUE_NS, Impairment, Lane, in_series

MS = 1_000_000
SECOND = 1_000 * MS


def never():
    return 1.0


def test_delay_alone_shifts_frames():
    lane = Lane(Impairment(delay_ns=20 * MS), never)
    assert [lane.accept(now, 1500) for now in (0, 0, 5 * MS)] == [20 * MS, 20 * MS, 25 * MS]


def test_frames_leave_one_after_the_other_at_the_rate():
    lane = Lane(Impairment(delay_ns=20 * MS, rate_bps=10_000_000), never)
    # 1,250 bytes are 1 ms at 10 Mbps.
    assert [lane.accept(0, 1250) for _ in range(3)] == [21 * MS, 22 * MS, 23 * MS]
    assert lane.accept(10 * MS, 1250) == 31 * MS, "the transmitter was idle meanwhile"


@settings(deadline=None)
@given(rate_bps=st.integers(100_000, 1_000_000_000), size=st.integers(60, 1600))
def test_an_overloaded_lane_carries_its_rate_and_queues_within_bounds(rate_bps, size):
    lane = Lane(Impairment(rate_bps=rate_bps), never)
    frame_ns = size * 8 * SECOND / rate_bps
    offered = [(int(n * frame_ns / 2), lane.accept(int(n * frame_ns / 2), size)) for n in range(2000)]
    arrived = [at for _, at in offered if at is not None and at <= 1000 * frame_ns]
    assert len(arrived) == pytest.approx(1000, abs=2)
    queue_ns = max(QUEUE_NS, QUEUE_LEAST_BYTES * 8 * SECOND / rate_bps)
    assert all(at - now <= queue_ns + 2 * frame_ns for now, at in offered if at is not None)


def test_what_finds_the_queue_full_is_counted():
    lane = Lane(Impairment(rate_bps=1_000_000), never)
    fates = [lane.accept(0, 1500) for _ in range(1000)]
    assert 0 < lane.counters.overflowed == fates.count(None) < 1000
    assert lane.counters.entered == 1000


def test_loss_follows_the_dice():
    rolls = iter([0.1, 0.3, 0.29, 0.9])
    lane = Lane(Impairment(delay_ns=1, loss=0.3), lambda: next(rolls))
    assert [lane.accept(0, 100) for _ in range(4)] == [None, 1, None, 1]
    assert lane.counters.lost == 2


def test_a_shorter_delay_does_not_let_frames_overtake():
    lane = Lane(Impairment(delay_ns=50 * MS), never)
    assert lane.accept(0, 100) == 50 * MS
    lane.impairment = Impairment(delay_ns=1 * MS)
    assert lane.accept(10 * MS, 100) == 50 * MS
    assert lane.accept(60 * MS, 100) == 61 * MS


@pytest.mark.parametrize("wrong", [{"delay_ns": -1}, {"rate_bps": 0}, {"loss": 1.1}, {"loss": float("nan")}])
def test_an_impossible_wire_is_refused(wrong):
    with pytest.raises(ValueError, match=r"delay|rate|loss"):
        Impairment(**wrong)


def test_wires_in_series_are_one_with_all_delays_the_narrowest_rate_and_every_loss():
    one = Impairment(delay_ns=3, rate_bps=50, loss=0.5)
    assert in_series([one, Impairment(delay_ns=4, loss=0.5), Impairment(rate_bps=20)]) == Impairment(
        delay_ns=7, rate_bps=20, loss=0.75
    )
    assert in_series([one]) == one
    assert in_series([]) == Impairment()
