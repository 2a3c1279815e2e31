"""kill -9 of the controller before and after the steps of the journal: all of a change, or nothing of it.

The steps are those of an undisturbed run, and where among them it is killed is a sample (see ``kill_sample``). For
each of these points: fresh switches and a fresh controller, a first set of lines, the change; it is killed there;
another controller starts on what is left. Then the switches, the state file, the ledger and the frames must agree on
either the state before the change or the one after it, which one depends on the commit point alone, and the change must
be possible again.
"""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from running import KILLS
from running.kill_points import COMMIT_POINT
from running.kill_sample import points_of
from running.kill_scenarios import (
    APPLY,
    CHANGE,
    DELETE,
    agree,
    begun,
    check,
    committed,
    kill_during_change,
    steps_of,
)
from running.processes import until
from running.simulated import simulated

from controller.wire.errors import RemoteError

SHARES = 4
"""Each test takes every fourth kill, so that several workers share them."""


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("scenario", [APPLY, DELETE], ids=["apply", "delete"])
def test_killed_at_any_step_the_change_is_all_or_nothing(processes, record_property, scenario, share):
    with simulated(processes) as net:
        steps = steps_of(net, scenario)
    points = points_of(steps, scenario.name)[share::SHARES]
    record_property(KILLS, (scenario.name, len(steps), len(points)))
    for point in points:
        with killed(processes, scenario, point) as net:
            net.start()
            check(net, scenario, changed=committed(steps, point), begun=begun(point))


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("first", [(COMMIT_POINT, "before"), (COMMIT_POINT, "after")], ids=["undoing", "finishing"])
def test_killed_again_while_it_recovers_it_is_still_all_or_nothing(processes, record_property, tmp_path, first, share):
    with killed(processes, APPLY, first) as net:
        net.start(kill_points={"request_id": None, "record": str(tmp_path / "steps")})
    steps = (tmp_path / "steps").read_text().splitlines()
    assert len(steps) > 1
    name = f"the recovery from a kill {first[1]} the commit point"
    points = points_of(steps, name)[share::SHARES]
    record_property(KILLS, (name, len(steps), len(points)))
    for point in points:
        with killed(processes, APPLY, first) as net:
            net.launch(kill_points={"request_id": None, "kill": point})
            assert net.ended() == -9
            net.check_frames(APPLY.certain)
            net.start()
            check(net, APPLY, changed=first[1] == "after", begun=True)


@contextmanager
def killed(processes, scenario, point):
    """A network whose controller has been killed at this point of the change."""
    with simulated(processes) as net:
        net.start(kill_points={"request_id": CHANGE, "kill": point})
        net.apply(*scenario.before)
        kill_during_change(net, scenario, point)
        yield net


@pytest.mark.parametrize("point", [(COMMIT_POINT, "before"), (COMMIT_POINT, "after")], ids=["undoing", "finishing"])
def test_a_switch_that_is_away_while_the_change_is_recovered_is_put_right_when_it_comes(processes, point):
    with killed(processes, APPLY, point) as net:
        net.switches.set_switch("pe-z", connected=False)
        net.start()
        assert net.saved().unfinished == ()  # nothing waits for it
        assert net.saved().leftovers
        net.switches.set_switch("pe-z", connected=True)
        check(net, APPLY, changed=point[1] == "after", begun=True)


def test_told_to_stop_in_the_middle_of_a_change_it_leaves_nothing_half_done(processes):
    with simulated(processes) as net, ThreadPoolExecutor(1) as clients:
        net.start()
        net.apply(*APPLY.before)
        net.until_all_take_part()
        net.switches.set_switch("pe-z", frozen=True)
        asked = clients.submit(APPLY.change, net.another_client(), CHANGE)
        until(lambda: net.states().get("added", ("",))[0] == "APPLYING", "the change to begin")
        assert net.end(signal.SIGTERM) == 0
        assert isinstance(asked.exception(), RemoteError)
        net.check_frames(APPLY.certain)
        net.switches.set_switch("pe-z", frozen=False)
        net.start()
        states = net.states()
        assert {name: state for name, (state, _) in states.items()} == {
            "kept": "ACTIVE",
            "gaining": "ACTIVE",
            "moved": "ACTIVE",
            "added": "FAILED",
        }
        agree(net, {one.name: one for one in APPLY.before})
