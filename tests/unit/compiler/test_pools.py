from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.compiler.pools import Pool, PoolExhausted
from controller.compiler.undo import UndoLog


def test_a_number_rests_until_all_others_have_had_their_turn():
    pool = Pool(1, 4, UndoLog())
    assert [pool.take() for _ in range(2)] == [1, 2]
    pool.release(1)
    assert [pool.take() for _ in range(3)] == [3, 4, 1]


def test_an_exhausted_pool_says_which():
    pool = Pool(7, 8, UndoLog())
    pool.hold((7, 8))
    with pytest.raises(PoolExhausted, match="from 7 to 8"):
        pool.take()


def test_numbers_found_in_use_are_not_given_out_and_the_next_lies_behind_them():
    pool = Pool(1, 100, UndoLog())
    pool.hold((3, 5, 3))
    assert [pool.take() for _ in range(2)] == [6, 7]


def test_numbers_in_steps_leave_each_its_share():
    pool = Pool(10, 16, UndoLog(), step=2)  # 16 would have no room for its 17
    assert [pool.take() for _ in range(2)] == [10, 12]
    pool.release(10)
    assert [pool.take() for _ in range(2)] == [14, 10]
    with pytest.raises(PoolExhausted):
        pool.take()
    with pytest.raises(ValueError, match="share"):
        pool.hold((13,))


def test_numbers_in_steps_that_are_found_in_use_turn_the_pool_on_and_never_back():
    pool = Pool(100, 199, UndoLog(), step=2)
    pool.hold((120, 104))
    assert pool.take() == 122
    pool.hold((198,))
    assert pool.take() == 124


@given(st.integers(1, 6), st.lists(st.integers(-3, 6)), st.lists(st.integers(-3, 6)), st.booleans())
def test_a_trial_leaves_no_trace(size, before, inside, fails):
    """A negative step takes a number, the others hold or release the number of that place."""
    log = UndoLog()
    pool, twin = Pool(1, size, log), Pool(1, size, UndoLog())
    used = set()
    for step in before:
        assert act(pool, step, used.copy(), size) == act(twin, step, used, size)
    try:
        with log.trial():
            seen = used.copy()
            for step in inside:
                act(pool, step, seen, size)
            if fails:
                raise KeyError
    except KeyError:
        pass
    while len(used) < size:
        assert act(pool, -1, used.copy(), size) == act(twin, -1, used, size)


def act(pool, step, used, size):
    """Take, hold or release; ``used`` follows."""
    if step < 0:
        if len(used) == size:
            with pytest.raises(PoolExhausted):
                pool.take()
            return None
        number = pool.take()
        assert number not in used
        used.add(number)
        return number
    number = 1 + step % size
    if number in used and step % 2:
        pool.release(number)
        used.discard(number)
    else:
        pool.hold((number,))
        used.add(number)
    return number
