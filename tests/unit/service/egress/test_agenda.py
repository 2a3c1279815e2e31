"""When a cycle begins: at its time, at once after a loss, once for a burst, later and later while it fails."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.service.egress.agenda import RETRY_S, Agenda, Occasion


@pytest.fixture
def agenda():
    return Agenda(settle_s=0.02, gap_s=1.0)


def done(agenda, at_s, *, failed=False):
    """The cycle that is due runs, and ends at that time."""
    occasion = agenda.take()
    agenda.ended(at_s, occasion, failed=failed)
    return occasion


def test_without_a_reason_there_is_no_cycle(agenda):
    assert agenda.due_s is None


def test_what_comes_within_a_moment_is_one_event(agenda):
    agenda.tell(10.0, "link a is down")
    agenda.tell(10.005, "link b is down", urgent=True)
    agenda.tell(10.019, "link a is down")
    assert agenda.due_s == 10.02
    assert agenda.take() == Occasion(causes=("link a is down", "link b is down"), urgent=True)
    assert agenda.due_s is None


def test_what_comes_during_a_cycle_makes_another_one(agenda):
    agenda.tell(10.0, "the time has come", scheduled=True)
    occasion = agenda.take()
    agenda.tell(10.5, "policy x was changed")
    agenda.ended(10.7, occasion, failed=False)
    assert agenda.due_s == 11.7
    assert agenda.take() == Occasion(causes=("policy x was changed",))


def test_a_loss_waits_for_no_gap(agenda):
    agenda.tell(10.0, "x")
    done(agenda, 10.1)
    agenda.tell(10.2, "link a is up")
    assert agenda.due_s == 11.1
    agenda.tell(10.3, "link b is down", urgent=True)
    assert agenda.due_s == 10.32
    assert agenda.take().causes == ("link a is up", "link b is down")


def test_a_failed_cycle_is_tried_again_later_and_later(agenda):
    agenda.tell(0.0, "link a is down", urgent=True)
    now = 0.02
    for wait_s in (*RETRY_S, RETRY_S[-1]):
        assert done(agenda, now, failed=True) == Occasion(causes=("link a is down",), urgent=True)
        assert agenda.due_s == pytest.approx(now + wait_s)
        now += wait_s
    done(agenda, now)
    assert agenda.due_s is None
    agenda.tell(now + 5, "x")
    done(agenda, now + 6, failed=True)
    assert agenda.due_s == pytest.approx(now + 6 + RETRY_S[0])


def test_what_happens_meanwhile_does_not_wait_for_the_next_try(agenda):
    agenda.tell(0.0, "x", scheduled=True)
    for _ in RETRY_S:
        done(agenda, 100.0, failed=True)
    agenda.tell(103.0, "device pe-a can be worked with again")
    assert agenda.due_s == 103.02
    assert agenda.take() == Occasion(causes=("x", "device pe-a can be worked with again"), scheduled=True)


def test_a_loss_during_a_cycle_that_fails_is_not_put_off(agenda):
    agenda.tell(0.0, "x")
    occasion = agenda.take()
    agenda.tell(1.0, "link b is down", urgent=True)
    agenda.ended(1.5, occasion, failed=True)
    assert agenda.due_s == 1.02
    assert agenda.take() == Occasion(causes=("x", "link b is down"), urgent=True)


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans(), st.booleans())))
def test_whatever_comes_is_looked_at_soon_and_once(events):
    """Told at any time, urgent or not, cycles failing or not: every cause gets into a cycle that begins within the
    settling time, or the gap, of its being told; two that are not urgent never begin closer together than the gap."""
    agenda, now, began = Agenda(settle_s=0.02, gap_s=1.0), 0.0, []
    for number, (pause_s, urgent, failed) in enumerate(events):
        now += pause_s
        agenda.tell(now, f"event {number}", urgent=urgent)
        assert agenda.due_s <= now + (0.02 if urgent else 1.02) + 1e-9
        if number % 2:
            now = max(now, agenda.due_s)
            occasion = agenda.take()
            assert f"event {number}" in occasion.causes
            assert len(set(occasion.causes)) == len(occasion.causes)
            assert not began or occasion.urgent or now >= began[-1] + 1.0 - 1e-9 or failed
            began.append(now)
            agenda.ended(now, occasion, failed=failed)
