"""kill -9 at the steps of the journal of a change of where internet traffic leaves: all of it, or nothing of it.

As ``test_kill`` does for lines: the steps are those of an undisturbed run, and for each point switches and controller
are fresh. First another controller starts that is to steer nothing: then what is on disk and on switches is what
recovery made of it. Then one that steers.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from running import KILLS
from running.kill_points import BEGIN, COMMIT_POINT
from running.kill_sample import points_of
from running.kill_scenarios import CHANGE, committed
from running.lines import line
from running.processes import until
from running.simulated import simulated
from running.steered import (
    FROM_A,
    FROM_Z,
    GOLDEN,
    STREAMS,
    THREE_GATEWAYS,
    check_traffic,
    told,
    until_cycle,
    until_steered,
    ways,
)

from controller.wire.errors import RemoteError

SHARES = 3
LINE = line("heavy", "a1", "z1", mbps=9_000, avoid=["p-m", "p-s"])
"""By p-n, where it leaves room for nothing else."""


@dataclass(frozen=True, kw_only=True)
class SteeringScenario:
    """``change``: asks for it. ``request_id``: of the transaction that is killed; empty: the one of a cycle."""

    change: Callable
    request_id: str = ""
    not_by: tuple[str, ...] = ()
    """Where nothing leaves any more in the end."""
    intents: tuple[str, ...] = ("from-a", "from-z")
    """What is in force in the end."""


SCENARIOS = {
    "a gateway is drained": SteeringScenario(
        change=lambda net: told(net, "drain", "gateway", "igw-n"), not_by=("igw-n",)
    ),
    "a policy is applied": SteeringScenario(
        change=lambda net: net.apply(GOLDEN, request_id=CHANGE), intents=("from-a", "from-z", "golden")
    ),
    "a line takes room": SteeringScenario(
        change=lambda net: net.apply(LINE, request_id=CHANGE), request_id=CHANGE, intents=("from-a", "from-z", "heavy")
    ),
}


@contextmanager
def steered(processes, scenario, kill_points):
    """A network with traffic that is steered, under a controller with ``kill_points`` that has looked at it."""
    with simulated(processes, THREE_GATEWAYS) as net:
        net.start()
        net.apply(FROM_A, FROM_Z)
        until_steered(net)
        net.switches.declare_traffic(STREAMS)
        net.restart(kill_points={"request_id": scenario.request_id} | kill_points)
        until_cycle(net, lambda one: one["ending"] == "unchanged", "the first cycle")
        yield net


def has_changed(net, before):
    """Whether traffic is led otherwise than ``before``, and nothing is under way."""
    saved = net.saved()
    return saved.unfinished == () and ways(saved) != before


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_any_step_steering_changes_as_a_whole_or_not_at_all(
    processes, record_property, tmp_path, name, share
):
    scenario = SCENARIOS[name]
    with steered(processes, scenario, {"record": str(tmp_path / "steps")}) as net:
        before = ways(net.saved())
        scenario.change(net)
        until(lambda: has_changed(net, before), "the change")
        after = ways(net.until_right())
        check_traffic(net, not_by=scenario.not_by)
    steps = (tmp_path / "steps").read_text().splitlines()
    assert (steps[0], steps.count(COMMIT_POINT)) == (BEGIN, 1)
    points = points_of(steps, name, share=None)[share::SHARES]
    record_property(KILLS, (name, len(steps), len(points)))
    for point in points:
        with steered(processes, scenario, {"kill": point}) as net:
            assert ways(net.saved()) == before
            die(net, scenario, point)
            check_traffic(net)
            net.start("--egress", "off")
            saved = net.until_right()  # switches hold what is on disk and nothing else
            assert ways(saved) == (after if committed(steps, point) else before), point
            assert {trunk.label for trunk in saved.trunks} == ridden(saved)
            assert "APPLYING" not in {state for state, _ in net.states().values()}
            check_traffic(net)
            net.restart()
            if scenario.request_id and not committed(steps, point):
                net.apply(LINE)  # it was told that this had failed; a cycle makes its change of itself
            until(lambda: has_changed(net, before), f"the change after {point}")
            saved = net.until_right()
            assert ways(saved) == after
            assert set(net.active()) == set(scenario.intents)
            check_traffic(net, not_by=scenario.not_by)


def die(net, scenario, point):
    """Make the change; the controller dies of it."""
    # Whoever asked may have its answer before that.
    with contextlib.suppress(RemoteError):
        scenario.change(net)
    assert net.ended() == -signal.SIGKILL, point


def ridden(saved):
    """The trunks that something rides."""
    return saved.steering.trunks.union(*(placed.trunks_ridden for placed in saved.placed))
