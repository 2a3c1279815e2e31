"""What is put off for devices that are away: all that is to be set there, and nothing of others."""

from __future__ import annotations

from controller.compiler.plan import RoundKind
from controller.service.rounds import without
from controller.store.records import DeviceRound

PREPARE, FLIP, REMOVE = RoundKind.PREPARE, RoundKind.FLIP, RoundKind.REMOVE


def part(number, kind, device):
    return DeviceRound(number=number, kind=kind, device=device, changes=())


ROUNDS = [
    [part(0, PREPARE, "a"), part(0, PREPARE, "b")],
    [part(1, FLIP, "a")],
    [part(2, FLIP, "b")],
    [part(3, REMOVE, "a"), part(3, REMOVE, "b")],
]


def test_nobody_is_away():
    assert without(ROUNDS, ()) == (ROUNDS, ())


def test_rounds_that_are_empty_then_are_none_and_what_goes_is_left_to_the_end():
    rounds, put_off = without(ROUNDS, {"a"})
    assert rounds == [[part(0, PREPARE, "b")], [part(2, FLIP, "b")], ROUNDS[3]]
    assert put_off == (part(0, PREPARE, "a"), part(1, FLIP, "a"))


def test_all_are_away():
    assert without(ROUNDS, {"a", "b"}) == ([ROUNDS[3]], tuple(one for parts in ROUNDS[:3] for one in parts))
