"""The life cycle as a table: what is not in it is illegal, and no state is a trap."""

from __future__ import annotations

import itertools

import pytest

from controller.domain.lifecycle import TRANSITIONS, IllegalTransition, IntentState, move

TRANSITIONAL = [IntentState.APPLYING, IntentState.DELETING]


@pytest.mark.parametrize(("current", "target"), list(itertools.product([None, *IntentState], IntentState)))
def test_a_move_is_made_exactly_when_the_table_has_it(current, target):
    if target in TRANSITIONS[current]:
        assert move(current, target) is target
    else:
        with pytest.raises(IllegalTransition):
            move(current, target)


def test_every_state_is_in_the_table():
    assert TRANSITIONS.keys() == {None, *IntentState}


@pytest.mark.parametrize("state", TRANSITIONAL)
def test_a_transitional_state_is_left_only_for_one_that_lasts(state):
    assert TRANSITIONS[state]
    assert TRANSITIONS[state].isdisjoint(TRANSITIONAL)


@pytest.mark.parametrize("state", [None, IntentState.ACTIVE, IntentState.FAILED])
def test_whatever_lasts_can_be_changed_again(state):
    assert IntentState.APPLYING in TRANSITIONS[state]


@pytest.mark.parametrize("state", [IntentState.ACTIVE, IntentState.FAILED])
def test_whatever_lasts_can_be_deleted(state):
    assert IntentState.DELETING in TRANSITIONS[state]


def test_nothing_comes_after_deleted():
    assert TRANSITIONS[IntentState.DELETED] == frozenset()
