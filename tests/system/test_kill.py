"""kill -9 of the controller before and after every step of the journal: all of a change, or nothing of it.

The steps are those of an undisturbed run. For each, before and after it: fresh switches and a fresh controller, a
first set of lines, the change; it is killed at that step; another controller starts on what is left. Then the
switches, the state file, the ledger and the frames must agree on either the state before the change or the one after
it, which one depends on the commit point alone, and the change must be possible again.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from kill_points import BEGIN, COMMIT_POINT, KILLS
from world import line, reserved, until, world

from controller.domain.intents import PrivateLine
from controller.wire.errors import RemoteError

CHANGE = "the-change"
SHARES = 4
"""Each test takes every fourth kill, so that several workers share them."""

KEPT = line("kept", "a1.100", "z1.200")
MOVED = line("moved", "a1.101", "z1.201")
MOVED_SOUTH = line("moved", "a1.101", "z1.201", avoid=["p-n"])
ADDED = line("added", "a2", "z2")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """``certain`` are lines that must deliver at every moment, in a state or between both."""

    name: str
    before: tuple[PrivateLine, ...]
    after: tuple[PrivateLine, ...]
    certain: tuple[PrivateLine, ...]

    def change(self, net, request_id):
        gone = [one for one in self.before if one.name not in {other.name for other in self.after}]
        if gone:
            return net.delete(*gone, request_id=request_id)
        return net.apply(*self.after, request_id=request_id)


APPLY = Scenario(
    name="a batch that adds, moves and keeps a line",
    before=(KEPT, MOVED),
    after=(KEPT, MOVED_SOUTH, ADDED),
    certain=(KEPT, MOVED),  # a line that moves has the same frames on both routes
)
DELETE = Scenario(name="a delete", before=(KEPT, MOVED), after=(KEPT,), certain=(KEPT,))
ALL_LINES = (KEPT, MOVED, ADDED)


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("scenario", [APPLY, DELETE], ids=["apply", "delete"])
def test_killed_at_any_step_the_change_is_all_or_nothing(processes, record_property, scenario, share):
    steps = undisturbed(processes, scenario)
    assert steps[0] == BEGIN
    assert steps.count(COMMIT_POINT) == 1
    points = [(step, moment) for step in steps for moment in ("before", "after")][share::SHARES]
    record_property(KILLS, (scenario.name, len(steps), len(points)))
    for step, moment in points:
        with world(processes) as net:
            begin(net, scenario)
            kill_during_change(net, scenario, (step, moment))
            net.start()
            check(net, scenario, committed(steps, step, moment), begun=(step, moment) != (BEGIN, "before"))


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("first", [(COMMIT_POINT, "before"), (COMMIT_POINT, "after")], ids=["undoing", "finishing"])
def test_killed_again_while_it_recovers_it_is_still_all_or_nothing(processes, record_property, tmp_path, first, share):
    with world(processes) as net:
        begin(net, APPLY)
        kill_during_change(net, APPLY, first)
        net.start(kill_points={"request_id": None, "record": str(tmp_path / "steps")})
    steps = (tmp_path / "steps").read_text().splitlines()
    assert len(steps) > 1
    points = [(step, moment) for step in steps for moment in ("before", "after")][share::SHARES]
    record_property(KILLS, (f"recovery from a kill {first[1]} the commit point", len(steps), len(points)))
    for point in points:
        with world(processes) as net:
            begin(net, APPLY)
            kill_during_change(net, APPLY, first)
            net.launch(kill_points={"request_id": None, "kill": point})
            assert net.ended() == -9
            assert net.all_delivered(APPLY.certain)
            net.start()
            check(net, APPLY, first[1] == "after", begun=True)


def undisturbed(processes, scenario):
    """The steps of a run that nothing disturbs; it must end as asked."""
    with world(processes) as net:
        record = net.directory / "steps"
        begin(net, scenario, record=str(record))
        scenario.change(net, CHANGE)
        check(net, scenario, changed=True, begun=True)
        return record.read_text().splitlines()


def begin(net, scenario, **kill_points):
    net.start(kill_points={"request_id": CHANGE, **kill_points} if kill_points else None)
    net.apply(*scenario.before)
    assert net.all_delivered(scenario.before)


def kill_during_change(net, scenario, point):
    """The controller that made the first set is replaced by one that will die at the point."""
    net.restart(kill_points={"request_id": CHANGE, "kill": point})
    with pytest.raises(RemoteError, match=r"UNAVAILABLE|Socket closed|unavailable"):
        scenario.change(net, CHANGE)
    assert net.ended() == -9
    assert net.all_delivered(scenario.certain)
    net.deliver(ALL_LINES)  # whoever is delivered is delivered whole, and to the right place


def committed(steps, step, moment):
    position, point = steps.index(step), steps.index(COMMIT_POINT)
    return position > point or (step, moment) == (COMMIT_POINT, "after")


def check(net, scenario, changed, *, begun):
    """All that can be seen says the same, of the state before or the one after; then the change is made again."""
    expected = {one.name: one for one in (scenario.after if changed else scenario.before)}
    states = net.states()
    assert {name: spec for name, (state, spec) in states.items() if state == "ACTIVE"} == expected
    others = {name: state for name, (state, _) in states.items() if name not in expected}
    asked_in_vain = {one.name for one in scenario.after} - expected.keys() if begun else set()
    assert others == dict.fromkeys(asked_in_vain, "FAILED")
    agree(net, expected)
    assert net.all_delivered(expected.values())
    silent = [one for one in ALL_LINES if one.name not in expected]
    assert not any(net.deliver(silent).values())
    if not changed and begun:
        with pytest.raises(RemoteError) as refused:
            scenario.change(net, CHANGE)
        assert refused.value.reason == "INTERRUPTED"
        scenario.change(net, "another-id")
    else:
        scenario.change(net, CHANGE)
    wanted = {one.name: one for one in scenario.after}
    assert {name: spec for name, (state, spec) in net.states().items() if state == "ACTIVE"} == wanted
    assert net.states().keys() == wanted.keys()
    agree(net, wanted)


def agree(net, lines):
    """Switches, placements and ledger all follow from the same lines; nothing is unfinished and nothing left over."""
    saved = net.saved()
    assert {placed.line.name: placed.line for placed in saved.placed} == lines
    assert saved.unfinished == ()
    net.until_switches_hold(net.desired(saved))
    held = {where: bps for where, bps in net.ledger().items() if bps}
    assert held == reserved(net.topology, saved)
    until(lambda: net.saved().leftovers == (), "the leftovers to be cleared")
