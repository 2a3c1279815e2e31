"""A lane of a wire: when do frames arrive, which do not, and what goes first?"""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ip_frames import packet_frame

from lab.lane import CLASSES, QUEUE_LEAST_BYTES, QUEUE_NS, Lane, traffic_class
from lab.wire import Impairment

MS = 1_000_000
SECOND = 1_000 * MS
ADDRESSES = bytes.fromhex("020000000002020000000001")


def never():
    return 1.0


def plain(size):
    return bytes(size)


def labelled(tc, size, number=0):
    """An MPLS frame with ``tc`` in its outermost label, and another in the inner one."""
    inner = (7 - tc) << 9 | 1 << 8 | 64
    outer = 1024 << 12 | tc << 9 | 64
    head = ADDRESSES + b"\x88\x47" + outer.to_bytes(4, "big") + inner.to_bytes(4, "big") + number.to_bytes(4, "big")
    return head + bytes(size - len(head))


def number_of(frame):
    return int.from_bytes(frame[22:26], "big")


def carried(lane, offered, until_ns):
    """Offer frames (when, frame) to a lane that is asked as late as it may be; returns (when it arrives, frame)."""
    arrived = []
    for now_ns, frame in offered:
        arrived += take_until(lane, now_ns)
        at_ns = lane.accept(now_ns, frame)
        if at_ns is not None:
            arrived.append((at_ns, frame))
    return arrived + take_until(lane, until_ns)


def take_until(lane, now_ns):
    taken = []
    while lane.due_ns is not None and lane.due_ns < now_ns:
        due_ns = lane.due_ns
        sent = lane.take(due_ns)
        assert all(at_ns >= due_ns for at_ns, _ in sent), "asked too late"
        taken += sent
    return taken


def arrivals(lane, *offered, until_ns=100 * SECOND):
    return [at_ns for at_ns, _ in carried(lane, [(now, plain(size)) for now, size in offered], until_ns)]


def test_delay_alone_shifts_frames():
    lane = Lane(Impairment(delay_ns=20 * MS), never)
    assert arrivals(lane, (0, 1500), (0, 1500), (5 * MS, 1500)) == [20 * MS, 20 * MS, 25 * MS]


def test_frames_leave_one_after_the_other_at_the_rate():
    lane = Lane(Impairment(delay_ns=20 * MS, rate_bps=10_000_000), never)
    # 1,250 bytes are 1 ms at 10 Mbps; at 10 ms the transmitter has been idle for a while.
    assert arrivals(lane, (0, 1250), (0, 1250), (0, 1250), (10 * MS, 1250)) == [21 * MS, 22 * MS, 23 * MS, 31 * MS]


@settings(deadline=None)
@given(rate_bps=st.integers(100_000, 1_000_000_000), size=st.integers(60, 1600))
def test_an_overloaded_lane_carries_its_rate_and_queues_within_bounds(rate_bps, size):
    lane = Lane(Impairment(rate_bps=rate_bps), never)
    frame_ns = size * 8 * SECOND / rate_bps
    offered = [(int(n * frame_ns / 2), n.to_bytes(4, "big") + bytes(size - 4)) for n in range(2000)]
    entered = {frame[:4]: now for now, frame in offered}
    arrived = carried(lane, offered, 100 * SECOND + int(4000 * frame_ns))
    assert sum(at <= 1000 * frame_ns for at, _ in arrived) == pytest.approx(1000, abs=2)
    queue_ns = max(QUEUE_NS, QUEUE_LEAST_BYTES * 8 * SECOND / rate_bps)
    assert all(at - entered[frame[:4]] <= queue_ns + 2 * frame_ns for at, frame in arrived)


def test_what_finds_its_queue_full_is_counted():
    lane = Lane(Impairment(rate_bps=1_000_000), never)
    arrived = arrivals(lane, *[(0, 1500)] * 1000)
    counters = lane.counters[0]
    assert 0 < counters.overflowed == 1000 - len(arrived) < 1000
    assert counters.entered == 1000


def test_loss_follows_the_dice():
    rolls = iter([0.1, 0.3, 0.29, 0.9])
    lane = Lane(Impairment(delay_ns=1, loss=0.3), lambda: next(rolls))
    assert [lane.accept(0, plain(100)) for _ in range(4)] == [None, 1, None, 1]
    assert lane.counters[0].lost == 2


def test_a_shorter_delay_does_not_let_frames_overtake():
    lane = Lane(Impairment(delay_ns=50 * MS), never)
    assert lane.accept(0, plain(100)) == 50 * MS
    lane.change(5 * MS, Impairment(delay_ns=1 * MS))
    assert lane.accept(10 * MS, plain(100)) == 50 * MS
    assert lane.accept(60 * MS, plain(100)) == 61 * MS


def test_a_cleared_lane_delivers_nothing_of_what_waited():
    lane = Lane(Impairment(delay_ns=5 * MS, rate_bps=10_000_000), never)
    assert lane.accept(0, plain(1250)) == 6 * MS
    assert lane.accept(0, plain(1250)) is None
    lane.clear()
    assert lane.due_ns is None
    assert lane.take(SECOND) == []
    assert lane.accept(SECOND, plain(1250)) == SECOND + 6 * MS


@pytest.mark.parametrize("tc", range(CLASSES))
def test_the_outermost_label_says_the_class(tc):
    assert traffic_class(labelled(tc, 100)) == tc


@pytest.mark.parametrize(
    "frame",
    [b"", bytes(14), ADDRESSES + b"\x08\x06\xff\xff\xff\xff", ADDRESSES + b"\x86\xdd\xff", ADDRESSES + b"\x88\x47\xff"],
)
def test_what_has_no_label_and_is_no_packet_is_of_the_last_class(frame):
    assert traffic_class(frame) == 0


@pytest.mark.parametrize(("dscp", "tc"), [(0, 0), (1, 0), (8, 0), (46, 3), (34, 3), (26, 2), (16, 2), (63, 0)])
@pytest.mark.parametrize(("source", "target"), [("10.44.0.9", "198.51.100.7"), ("fd00:44::9", "2001:db8::7")])
def test_a_packet_without_a_label_is_of_the_class_that_its_dscp_says(source, target, dscp, tc):
    assert traffic_class(packet_frame(source, target, dscp=dscp)) == tc


def test_what_is_urgent_goes_first_and_interrupts_nothing():
    lane = Lane(Impairment(rate_bps=8_000_000), never)  # a byte is a microsecond
    offered = [(0, labelled(0, 1000, 1)), (10, labelled(0, 500, 2)), (20, labelled(2, 300, 3))]
    offered += [(30, labelled(5, 100, 4)), (40, labelled(3, 200, 5)), (50, labelled(5, 100, 6))]
    offered += [(1_350_000, labelled(5, 100, 7))]
    found = [(at // 1000, number_of(frame)) for at, frame in carried(lane, offered, SECOND)]
    assert found == [(1000, 1), (1100, 4), (1200, 6), (1400, 5), (1500, 7), (1800, 3), (2300, 2)]


def test_a_flood_of_one_class_takes_no_room_of_another():
    lane = Lane(Impairment(rate_bps=1_000_000), never)
    offered = [(n * 1000, labelled(0, 1500, n)) for n in range(1000)]
    offered += [(MS + n * 20 * MS, labelled(5, 1500, 2000 + n)) for n in range(10)]
    carried(lane, sorted(offered), 100 * SECOND)
    assert lane.counters[0].overflowed > 900
    assert (lane.counters[5].entered, lane.counters[5].overflowed) == (10, 0)


def oracle(offered, rate_bps, delay_ns):
    """Event by event, with lists alone: (when it arrives, number), and the numbers of those dropped."""
    room = max(rate_bps * QUEUE_NS // 8_000_000_000, QUEUE_LEAST_BYTES)
    left, waiting, arrived, dropped, free_at = list(offered), [], [], [], 0
    while left or waiting:
        # A transmitter that becomes free decides before anybody enters at that moment.
        if waiting and (not left or free_at <= left[0][0]):
            chosen = max(waiting, key=lambda each: (traffic_class(each[1]), -waiting.index(each)))
            waiting.remove(chosen)
            begins = max(free_at, chosen[0])
            free_at = begins + len(chosen[1]) * 8_000_000_000 // rate_bps
            arrived.append((free_at + delay_ns, number_of(chosen[1])))
            continue
        now, frame = left.pop(0)
        same = sum(len(each) for _, each in waiting if traffic_class(each) == traffic_class(frame))
        if free_at > now and same > room:
            dropped.append(number_of(frame))
        else:
            waiting.append((now, frame))
            if free_at <= now:
                free_at = now
    return arrived, dropped


OFFERS = st.lists(
    st.tuples(st.integers(0, 400_000), st.sampled_from((0, 2, 3, 5)), st.integers(60, 1600)), min_size=1, max_size=200
)


@settings(deadline=None)
@given(
    offers=OFFERS,
    rate_bps=st.integers(500_000, 100_000_000),
    delay_ns=st.sampled_from((0, 1, 100_000, 3 * MS)),
    asks=st.lists(st.integers(0, 100 * MS), max_size=20),
)
def test_frames_arrive_as_an_event_by_event_simulation_says(offers, rate_bps, delay_ns, asks):
    now, offered = 0, []
    for number, (gap_ns, tc, size) in enumerate(offers):
        now += gap_ns
        offered.append((now, labelled(tc, size, number)))
    lane = Lane(Impairment(rate_bps=rate_bps, delay_ns=delay_ns), never)
    arrived = carried(lane, offered, 1000 * SECOND)
    wanted, dropped = oracle(offered, rate_bps, delay_ns)
    assert [(at, number_of(frame)) for at, frame in arrived] == wanted
    assert sum(each.overflowed for each in lane.counters) == len(dropped)
    assert [each.entered for each in lane.counters] == [
        Counter(tc for _, tc, _ in offers)[number] for number in range(CLASSES)
    ]

    # Asked earlier than it had to be, it says the same.
    impatient, found = Lane(Impairment(rate_bps=rate_bps, delay_ns=delay_ns), never), []
    for at, frame in sorted([*offered, *((ask, None) for ask in asks)], key=lambda event: event[0]):
        if frame is None:
            found += impatient.take(at)
        elif (arrival := impatient.accept(at, frame)) is not None:
            found.append((arrival, frame))
    found += impatient.take(1000 * SECOND)
    assert [(at, number_of(frame)) for at, frame in found] == wanted


CHANGES = st.builds(
    Impairment,
    delay_ns=st.integers(0, 5 * MS),
    rate_bps=st.one_of(st.none(), st.integers(500_000, 50_000_000)),
)


@settings(deadline=None)
@given(first=CHANGES, steps=st.lists(st.tuples(st.integers(0, 2 * MS), st.one_of(CHANGES, st.sampled_from((0, 3, 5))))))
def test_whatever_changes_no_frame_overtakes_another_of_its_class_and_none_is_lost(first, steps):
    lane, now, arrived, entered = Lane(first, never), 0, [], []
    for number, (gap_ns, step) in enumerate(steps):
        now += gap_ns
        arrived += take_until(lane, now)
        if isinstance(step, Impairment):
            lane.change(now, step)
            continue
        entered.append((step, number))
        at = lane.accept(now, frame := labelled(step, 1000, number))
        arrived += [] if at is None else [(at, frame)]
    arrived += lane.take(1000 * SECOND)
    assert sum(each.overflowed for each in lane.counters) == len(entered) - len(arrived)
    assert [at for at, _ in arrived] == sorted(at for at, _ in arrived)
    for tc in (0, 3, 5):
        numbers = [number_of(frame) for _, frame in arrived if traffic_class(frame) == tc]
        assert numbers == sorted(numbers)
