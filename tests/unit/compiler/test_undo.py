from __future__ import annotations

import pytest

from controller.compiler.undo import UndoLog


class Counter:
    """Something that changes step by step; going back is itself done by a step that records."""

    def __init__(self, log):
        self.log = log
        self.value = 0

    def add(self, amount):
        self.value += amount
        self.log.record(lambda: self.add(-amount))

    def fail_after(self, amount):
        self.add(amount)
        raise KeyError


def test_a_trial_is_taken_back_and_an_inner_one_before_it():
    log = UndoLog()
    counter = Counter(log)
    counter.add(100)
    with log.trial():
        counter.add(1)
        with log.trial():
            counter.add(10)
            assert counter.value == 111
        assert counter.value == 101
    assert counter.value == 100


def test_all_or_nothing_keeps_what_ends_well_for_the_outer_trial_to_take_back():
    log = UndoLog()
    counter = Counter(log)
    with log.trial():
        with log.all_or_nothing():
            counter.add(1)
        assert counter.value == 1
        with pytest.raises(KeyError), log.all_or_nothing():
            counter.fail_after(10)
        assert counter.value == 1
    assert counter.value == 0


def test_outside_a_trial_nothing_is_kept_in_mind():
    log = UndoLog()
    counter = Counter(log)
    with log.all_or_nothing():
        counter.add(1)
    counter.add(2)
    with log.trial():
        counter.add(4)
    assert counter.value == 3
