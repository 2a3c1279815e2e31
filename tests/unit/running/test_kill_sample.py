"""Where tests kill by default: of each kind of step something is always among it, and it is the same in each run."""

from __future__ import annotations

import random

import pytest
from running.kill_points import BEGIN, COMMIT_POINT, END, MOMENTS
from running.kill_sample import ALL, all_points, points_of

SWITCHES, OTN_NODES = ["pe-a", "pe-z", "p-n"], ["o-a", "o-z"]
VERBS = ["commit", "verify", "confirm"]


def journal(rounds, after):
    """The steps of a change with so many rounds before its commit point and so many after it."""

    def steps(numbers):
        return [
            f"{verb} {device} {number} {moment}"
            for number in numbers
            for verb in VERBS
            for moment in MOMENTS
            for device in (*SWITCHES, *OTN_NODES)
        ]

    return [BEGIN, *steps(range(rounds)), COMMIT_POINT, *steps(range(rounds, rounds + after)), END]


@pytest.fixture(autouse=True)
def by_default(monkeypatch):
    monkeypatch.delenv(ALL, raising=False)


@pytest.mark.parametrize("name", ["a change", "another", "a third"])
@pytest.mark.parametrize("share", [8, None])
def test_there_is_something_of_each_kind_before_and_after(name, share):
    steps = journal(2, 1)
    found = points_of(steps, name, share=share)
    assert set(found) <= set(all_points(steps))
    for moment in MOMENTS:
        for alone in (BEGIN, COMMIT_POINT, END):
            assert (alone, moment) in found
        at = [step.split() for step, when in found if when == moment and len(step.split()) == 4]
        for verb in VERBS:
            for devices in (SWITCHES, OTN_NODES):
                rounds = {number for each, device, number, _ in at if each == verb and device in devices}
                assert "2" in rounds, "after the commit point"
                assert rounds & {"0", "1"}, "before it"


def test_more_are_taken_of_what_nothing_else_is_like():
    steps = journal(2, 1)
    few, more, all_there_are = (
        points_of(steps, "a change", share=None),
        points_of(steps, "a change"),
        all_points(steps),
    )
    assert set(few) < set(more) < set(all_there_are)
    assert len(few) == 6 + 2 * 2 * 2 * len(VERBS)


def test_it_is_the_same_whichever_device_came_first():
    steps = journal(2, 1)
    otherwise = steps.copy()
    at = steps.index(COMMIT_POINT)
    before = otherwise[1:at]
    random.Random(1).shuffle(before)
    otherwise[1:at] = before
    assert otherwise != steps
    assert points_of(otherwise, "a change") == points_of(steps, "a change")


def test_all_can_be_asked_for(monkeypatch):
    monkeypatch.setenv(ALL, "1")
    steps = journal(2, 1)
    assert sorted(points_of(steps, "a change", share=None)) == sorted(all_points(steps))
