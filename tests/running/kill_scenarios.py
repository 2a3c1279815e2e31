"""Changes to be killed in the middle of, the steps of their journals, and what must be true afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from controller.domain.intents import PrivateLine
from controller.wire.errors import RemoteError
from running.kill_points import BEGIN, COMMIT_POINT
from running.lines import line

CHANGE = "the-change"
"""The id of the request that is killed."""

KEPT = line("kept", "a1.100", "z1.200", protected=True)
GAINING = line("gaining", "a1.102", "z1.202")
GAINED = line("gaining", "a1.102", "z1.202", protected=True)
# The northern way has room for one of these two: the heads of the one flip before those of the other.
MOVED = line("moved", "a1.101", "z1.201", mbps=60)
MOVED_SOUTH = line("moved", "a1.101", "z1.201", mbps=60, avoid=["p-n"])
ADDED = line("added", "a2", "z2", mbps=50)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """``certain`` are lines that must deliver at every moment, in a state or between both."""

    name: str
    before: tuple[PrivateLine, ...]
    after: tuple[PrivateLine, ...]
    certain: tuple[PrivateLine, ...]

    @property
    def lines(self):
        """All that there are in one state or the other; their frames are the same in both."""
        return tuple({one.name: one for one in (*self.before, *self.after)}.values())

    def change(self, net, request_id):
        """From ``before`` to ``after``, in one request."""
        gone = [one for one in self.before if one.name not in {other.name for other in self.after}]
        if gone:
            return net.delete(*gone, request_id=request_id)
        return net.apply(*self.after, request_id=request_id)

    def change_back(self, net):
        """To ``before``, from wherever the network is."""
        kept = {one.name for one in self.before}
        others = [one for name, (_, one) in net.states().items() if name not in kept]
        if others:
            net.delete(*others)
        net.apply(*self.before)


APPLY = Scenario(
    name="a batch that adds, moves, protects and keeps a line",
    before=(KEPT, GAINING, MOVED),
    after=(KEPT, GAINED, MOVED_SOUTH, ADDED),
    certain=(KEPT, GAINING, MOVED),  # a line that moves has the same frames on both routes
)
DELETE = Scenario(name="a delete", before=(KEPT, GAINED, MOVED), after=(KEPT,), certain=(KEPT,))

KEPT_LIGHT = line("kept-light", "a1.110", "z1.210", mbps=10, layer="otn")
GROWING = line("growing", "a1.111", "z1.211", mbps=500, layer="otn")
GROWN = line("growing", "a1.111", "z1.211", mbps=2000, layer="otn")  # another ODU: other slots, other client ports
MOVED_IN_PACKETS = line("moved", "a1.101", "z1.201", mbps=60, avoid_links=["north"])
ADDED_LIGHT = line("added-light", "a2.120", "z2.220", mbps=9000, layer="otn")
ADDED_VLAN = line("added", "a2.121", "z2.221", mbps=50)
PLAIN = line("plain", "a1.100", "z1.200")

APPLY_TWO_LAYERS = Scenario(
    name="a batch over packets and light that adds, moves and keeps lines of both",
    before=(PLAIN, MOVED, KEPT_LIGHT, GROWING),
    after=(PLAIN, MOVED_IN_PACKETS, KEPT_LIGHT, GROWN, ADDED_LIGHT, ADDED_VLAN),
    certain=(PLAIN, MOVED, KEPT_LIGHT, GROWING),
)
DELETE_TWO_LAYERS = Scenario(
    name="a delete of lines over packets and light",
    before=(PLAIN, MOVED, KEPT_LIGHT, GROWING),
    after=(PLAIN, KEPT_LIGHT),
    certain=(PLAIN, KEPT_LIGHT),
)


def steps_of(net, scenario):
    """The steps of a run that nothing disturbs, in order; it must end as asked. The network is at ``before``, and the
    controller is started here."""
    record = net.directory / "steps"
    net.start(kill_points={"request_id": CHANGE, "record": str(record)})
    net.apply(*scenario.before)
    scenario.change(net, CHANGE)
    check(net, scenario, changed=True, begun=True)
    steps = record.read_text().splitlines()
    assert steps[0] == BEGIN
    assert steps.count(COMMIT_POINT) == 1
    return steps


def kill_during_change(net, scenario, point, request_id=CHANGE):
    """Let the controller, started to die at this point, make the change: it dies."""
    with pytest.raises(RemoteError) as gone:
        scenario.change(net, request_id)
    assert gone.value.reason == "UNAVAILABLE"
    assert net.ended() == -9, f"not killed at {point}"
    certain = {one.name for one in scenario.certain}
    still_possible = [one for one in scenario.lines if one.name not in certain]
    net.check_frames(scenario.certain, possible=still_possible)


def committed(steps, point):
    """Whether a change killed at this point has passed its commit point."""
    step, moment = point
    if step == COMMIT_POINT:
        return moment == "after"
    return steps.index(step) > steps.index(COMMIT_POINT)


def begun(point):
    """Whether a change killed at this point has left anything on disk."""
    return point != (BEGIN, "before")


def check(net, scenario, *, changed, begun, request_id=CHANGE):
    """All that can be seen says the same, of the state before the change or the one after it; then the change, asked
    for again, is made: an interrupted one must have been told so to whoever asks with its id."""
    expected = {one.name: one for one in (scenario.after if changed else scenario.before)}
    asked_in_vain = {one.name for one in scenario.after} - expected.keys() if begun and not changed else set()
    states = net.states()
    assert {name: state for name, (state, _) in states.items() if name not in expected} == dict.fromkeys(
        asked_in_vain, "FAILED"
    )
    agree(net, expected)
    net.check_frames(expected.values(), silent=[one for one in scenario.lines if one.name not in expected])
    if not changed and begun:
        with pytest.raises(RemoteError) as told:
            scenario.change(net, request_id)
        assert told.value.reason == "INTERRUPTED"
        scenario.change(net, f"{request_id}-again")
    else:
        scenario.change(net, request_id)
    wanted = {one.name: one for one in scenario.after}
    assert net.states().keys() == wanted.keys()
    agree(net, wanted)


def agree(net, lines):
    """Intents, placements, switches and ledger all follow from the same lines, and nothing is left to be done."""
    assert net.active() == lines
    saved = net.until_right()
    assert {placed.line.name: placed.line for placed in saved.placed} == lines
    assert net.ledger() == net.reserved(saved)
