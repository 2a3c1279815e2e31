"""Whatever of a step is done and whatever is not: nothing gets more than its room, unless there is no way round it."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from controller.compiler.steering.steps import MOST_STEPS, Move, Part, in_steps
from controller.domain.egress import TrafficClass
from controller.domain.steering import SLICES
from controller.domain.topology import Direction

RESOURCES = [*((name, None) for name in ("igw-a", "igw-b", "igw-c")), *(("link", way) for way in Direction)]


def flow(number):
    return (f"pe-{number:02}", 1, TrafficClass.BULK)


def move(number, slice_bps, old, new, slices=SLICES):
    part = Part(slice_bps, frozenset(old), frozenset(new))
    return Move(flow=flow(number), parts=(part,) * slices)


def taken(parts):
    found = Counter()
    for part, uses in parts:
        for resource in uses:
            found[resource] += part.bps
    return found


def replayed(moves, load, steps):
    """(load before the step, the most that any mixture of it gives) of each step, worked out from the parts alone."""
    others = Counter(load)
    others.subtract(taken((part, part.old) for one in moves for part in one.parts))
    done = {one.flow: set() for one in moves}
    for step in steps:
        was, most = others.copy(), others.copy()
        for one in moves:
            for index, part in enumerate(one.parts):
                now = part.new if index in done[one.flow] else part.old
                ahead = part.new if index in step.get(one.flow, ()) else now
                was.update(dict.fromkeys(now, part.bps))
                most.update(dict.fromkeys(now | ahead, part.bps))
        for name, made in step.items():
            assert made, "a step that names a move makes some of it"
            assert not done[name] & made, "nothing moves twice"
            done[name] |= made
        yield was, most
    assert all(done[one.flow] == set(range(len(one.parts))) for one in moves), "something has not moved"


uses = st.frozensets(st.sampled_from(RESOURCES), min_size=1, max_size=3)


@st.composite
def updates(draw, least_slack=0.0):
    """Moves, and rooms in which both what was before and what is after fit."""
    count = draw(st.integers(1, 8))
    moves = [move(number, draw(st.integers(1, 100)), draw(uses), draw(uses)) for number in range(count)]
    others = Counter({resource: draw(st.integers(0, 2000)) for resource in RESOURCES})
    load = others + taken((part, part.old) for one in moves for part in one.parts)
    after = others + taken((part, part.new) for one in moves for part in one.parts)
    slack = {resource: least_slack + draw(st.floats(0, 0.3)) for resource in RESOURCES}
    room = {resource: int(max(load[resource], after[resource]) / (1 - slack[resource])) + 1 for resource in RESOURCES}
    return moves, load, room


@given(updates())
def test_nothing_gets_more_than_its_room_unless_that_is_said(case):
    moves, load, room = case
    result = in_steps(moves, load, room)
    said = {one.resource: one.most_bps for one in result.exceeded}
    worst = Counter(load)
    for _, most in replayed(moves, load, result.steps):
        worst |= most
    assert said == {resource: worst[resource] for resource in RESOURCES if worst[resource] > room[resource]}
    event(f"{min(len(result.steps), 6)} steps")
    event("exceeded" if said else "within")


@given(updates(least_slack=1 / 17))
def test_with_a_seventeenth_free_there_is_always_a_way(case):
    moves, load, room = case
    result = in_steps(moves, load, room)
    assert not result.exceeded
    assert len(result.steps) <= MOST_STEPS


@given(updates(), st.sampled_from(RESOURCES), st.integers(1, 1000))
def test_what_was_exceeded_before_never_gets_more(case, failed, most):
    """As after a failure: what is relieved gets nothing, and all that can leave leaves at once."""
    moves, load, room = case
    moves = [one for one in moves if failed not in one.parts[0].new]
    assume(moves)
    room = room | {failed: min(most, load[failed] - 1) if load[failed] else 0}
    result = in_steps(moves, load, room)
    for was, meanwhile in replayed(moves, load, result.steps):
        assert meanwhile[failed] <= was[failed]
    if load[failed] > room[failed]:
        (said,) = (one for one in result.exceeded if one.resource == failed)
        assert said.before_bps == said.most_bps == load[failed]


def orders_without_excess(moves, load, room):
    """Whether the moves can be made whole, one after the other."""
    for order in permutations(moves):
        now = Counter(load)
        for one in order:
            now.update(one.adds)
            if any(now[resource] > room[resource] for resource in room):
                break
            now.subtract(one.frees)
        else:
            return True
    return False


@given(updates())
def test_where_one_move_after_the_other_goes_so_does_this(case):
    moves, load, room = case
    assume(len(moves) <= 5)
    if orders_without_excess(moves, load, room):
        assert not in_steps(moves, load, room).exceeded


def test_what_frees_goes_before_what_waits_for_it():
    a, b, c = RESOURCES[:3]
    moves = [move(1, 10, [a], [b]), move(2, 10, [b], [c])]
    result = in_steps(moves, {a: 160, b: 160, c: 0}, {a: 200, b: 200, c: 200})
    assert [sorted(step) for step in result.steps] == [[flow(2)], [flow(1)]]
    assert not result.exceeded


def test_two_that_change_places_with_little_room_go_by_slices():
    a, b = RESOURCES[:2]
    moves = [move(1, 10, [a], [b]), move(2, 10, [b], [a])]
    result = in_steps(moves, {a: 160, b: 160}, {a: 180, b: 180})
    assert not result.exceeded
    assert len(result.steps) == 8  # two slices of each at a time


def test_two_that_change_places_without_any_room_exceed_it_and_that_is_said():
    a, b = RESOURCES[:2]
    moves = [move(1, 10, [a], [b]), move(2, 10, [b], [a])]
    result = in_steps(moves, {a: 160, b: 160}, {a: 160, b: 160})
    assert [(one.resource, one.room_bps, one.before_bps) for one in result.exceeded] == [(b, 160, 160)]


def test_what_relieves_goes_first():
    dead, b, c, d = RESOURCES[:4]
    moves = [move(1, 10, [c], [b]), move(2, 10, [dead], [b]), move(3, 10, [b], [d])]
    result = in_steps(moves, {dead: 160, b: 160, c: 160}, {dead: 0, b: 320, c: 320, d: 320})
    assert [sorted(step) for step in result.steps] == [[flow(2), flow(3)], [flow(1)]]
    assert [one.resource for one in result.exceeded] == [dead]


def test_what_takes_nothing_moves_at_once():
    assert in_steps([], {}, {}).steps == ()
    a, b = RESOURCES[:2]
    (step,) = in_steps([move(1, 0, [a], [b])], {}, {a: 0, b: 0}).steps
    assert step == {flow(1): frozenset(range(SLICES))}


@pytest.mark.parametrize("count", [1, 50])
def test_what_all_uses_share_is_not_counted_twice(count):
    shared = RESOURCES[0]
    moves = [move(number, 1, [shared, RESOURCES[1]], [shared, RESOURCES[2]]) for number in range(count)]
    full = {shared: 16 * count, RESOURCES[1]: 16 * count}
    result = in_steps(moves, full, full)
    assert len(result.steps) == 1
    assert not result.exceeded
