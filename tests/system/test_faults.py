"""A device that refuses, lies, hangs up, leaves or freezes, in each round of each kind of change: all or nothing."""

from __future__ import annotations

import pytest
from running.controllers import reserved
from running.lines import line
from running.simulated import simulated

from controller.compiler.plan import RoundKind
from controller.wire.errors import RemoteError

KEPT = line("kept", "a1.100", "z1.200")
MOVED = line("moved", "a1.101", "z1.201")
MOVED_SOUTH = line("moved", "a1.101", "z1.201", avoid=["p-n"])
NEW = line("new", "a2", "z2")

FIRST = (KEPT, MOVED)
# What is changed, and by which lines. ``None``: deleted.
CHANGES = {"new": NEW, "modified": MOVED_SOUTH, "deleted": None}
PREPARE, FLIP, REMOVE = RoundKind.PREPARE, RoundKind.FLIP, RoundKind.REMOVE
# Where each round of a change has something to do.
WHERE = [
    ("new", PREPARE, "pe-a"),
    ("new", FLIP, "pe-z"),
    ("modified", PREPARE, "p-s"),
    ("modified", FLIP, "pe-a"),
    ("modified", REMOVE, "pe-z"),
    ("deleted", FLIP, "pe-z"),
    ("deleted", REMOVE, "pe-a"),
]
FIRST_CHANGE, LAST_CHANGE = 0, -1
# The fault, at which change of the round, the word that a client gets, and words that the message must have.
FAULTS = {
    "table full": ({"kind": "refuse", "error": "TABLE_FULL"}, FIRST_CHANGE, "TABLE_FULL", "TABLE_FULL"),
    "bad match": ({"kind": "refuse", "error": "BAD_MATCH"}, LAST_CHANGE, "DEVICE_REFUSED", "BAD_MATCH"),
    "lie": ({"kind": "ignore"}, FIRST_CHANGE, "DEVICE_REFUSED", ""),
    "hang-up": ({"kind": "hang-up"}, FIRST_CHANGE, "DEVICE_UNREACHABLE", ""),
    "late hang-up": ({"kind": "hang-up"}, LAST_CHANGE, "DEVICE_UNREACHABLE", ""),
    "leave": ({"kind": "leave"}, FIRST_CHANGE, "DEVICE_UNREACHABLE", ""),
    # It has taken meters and groups by then, which bear no mark: only our own memory can tell that they are to go.
    "late leave": ({"kind": "leave"}, LAST_CHANGE, "DEVICE_UNREACHABLE", ""),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("what", "kind", "device"), WHERE)
def test_a_device_fails_in_any_round(net, what, kind, device, fault):
    net.apply(*FIRST)
    order, position, reason, words = FAULTS[fault]
    net.switches.order_fault(device, **order, after=changes_until(net, what, kind, device)[position])
    if kind is REMOVE:
        change(net, what)
    else:
        with pytest.raises(RemoteError) as failed:
            change(net, what)
        assert failed.value.reason == reason
        assert device in failed.value.message
        assert words in failed.value.message
        expect_told(net, what, reason, device)
    certain = [one for one in FIRST if one.name == "kept" or what != "deleted"]
    if order["kind"] != "leave":
        net.check_frames(certain)
    net.switches.set_switch(device, connected=True)
    expect(net, what, made=kind is REMOVE)
    if kind is not REMOVE:  # and it is not stuck: the same is possible as soon as the device does its work
        change(net, what)
        expect(net, what, made=True)


@pytest.mark.parametrize(("what", "kind", "device"), [WHERE[0], WHERE[2], WHERE[4]])
def test_what_was_left_on_a_device_is_known_also_to_the_next_controller(net, what, kind, device):
    net.apply(*FIRST)
    net.switches.order_fault(device, "leave", after=changes_until(net, what, kind, device)[LAST_CHANGE])
    if kind is REMOVE:
        change(net, what)
    else:
        with pytest.raises(RemoteError, match="DEVICE_UNREACHABLE"):
            change(net, what)
    net.restart()
    assert net.saved().leftovers
    net.switches.set_switch(device, connected=True)
    expect(net, what, made=kind is REMOVE)


@pytest.mark.parametrize(
    ("what", "device", "kind"), [("new", "pe-a", PREPARE), ("deleted", "pe-a", FLIP), ("deleted", "p-n", REMOVE)]
)
def test_a_frozen_device_is_given_up_and_cleaned_when_it_thaws(processes, what, device, kind):
    with simulated(processes) as net:
        net.start(limits={"answer_s": 0.5})
        freeze_during_change(net, what, device, kind)


def freeze_during_change(net, what, device, kind):
    net.apply(*(FIRST if kind is not REMOVE else (MOVED,)))
    net.switches.set_switch(device, frozen=True)
    if kind is REMOVE:
        change(net, what)
        assert net.saved().leftovers
    else:
        with pytest.raises(RemoteError) as failed:
            change(net, what)
        assert failed.value.reason == "DEVICE_UNREACHABLE"
        assert device in failed.value.message
        expect_told(net, what, "DEVICE_UNREACHABLE", device)
    net.switches.set_switch(device, frozen=False)
    saved = net.until_right()
    kept = () if kind is REMOVE else FIRST
    assert {placed.line for placed in saved.placed} == set(kept)
    net.check_frames(kept)


def test_a_switch_without_room_says_so_and_the_line_is_possible_when_there_is_room(net):
    net.apply(KEPT)
    net.switches.set_switch("p-n", limits={"flows": 2})
    net.apply(NEW)  # rides the trunk that is there: nothing more on p-n
    net.switches.set_switch("p-s", limits={"flows": 1})
    with pytest.raises(RemoteError) as failed:
        net.apply(MOVED_SOUTH)
    assert (failed.value.reason, failed.value.code.name) == ("TABLE_FULL", "RESOURCE_EXHAUSTED")
    assert "p-s" in failed.value.message
    net.until_right()
    net.switches.set_switch("p-s", limits={"flows": 2})
    net.apply(MOVED_SOUTH)
    net.until_right()
    net.check_frames([KEPT, NEW, MOVED_SOUTH])


def test_a_batch_fails_as_a_whole(net):
    net.switches.order_fault("pe-z", "refuse", after=9, error="OUT_OF_METERS")
    lines = [line(f"l{number}", f"a1.{100 + number}", f"z1.{100 + number}") for number in range(5)]
    with pytest.raises(RemoteError) as failed:
        net.apply(*lines)
    assert failed.value.reason == "TABLE_FULL"
    assert {state for state, _ in net.states().values()} == {"FAILED"}
    assert net.until_right().placed == ()
    assert all(rules == [] for rules in net.tables().values())
    net.delete(*lines)
    assert net.states() == {}


def change(net, what):
    return net.delete(MOVED) if CHANGES[what] is None else net.apply(CHANGES[what])


def changes_until(net, what, kind, device):
    """By change of this round on the device, in order: how many it is told before."""
    saved = net.saved()
    planner = net.planner(saved)
    plan = planner.plan((), [MOVED.key]) if CHANGES[what] is None else planner.plan([CHANGES[what]])
    rounds = {part.kind: len(dict(part.changes).get(device, ())) for part in plan.rounds}
    before = sum(rounds.get(one, 0) for one in list(RoundKind)[: list(RoundKind).index(kind)])
    return range(before, before + rounds[kind])


def expect_told(net, what, reason, device):
    """The intent says why its change failed: the word, and the device in the message."""
    status = net.intents()["new" if what == "new" else "moved"].status
    assert status.reason == reason
    assert device in status.message


def expect(net, what, *, made):
    """The change was made, or everything is as it was: intents, switches, placements, ledger, frames."""
    lines = {one.name: one for one in FIRST}
    if made and CHANGES[what] is None:
        del lines["moved"]
    elif made:
        lines[CHANGES[what].name] = CHANGES[what]
    saved = net.until_right()
    assert {placed.line.name: placed.line for placed in saved.placed} == lines
    states = net.states()
    assert {name: spec for name, (state, spec) in states.items() if state == "ACTIVE"} == lines
    assert all(state == "FAILED" for name, (state, _) in states.items() if name not in lines)
    assert net.ledger() == reserved(net.topology, saved)
    net.check_frames(lines.values())
