"""kill -9 of the controller before and after every step of the journal, over two switches and two OTN nodes.

As ``test_kill``, with both southbounds in one transaction: a line moves from the packet layer to the optical one, one
is added there, one stays; and the way back.
"""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from running import KILLS
from running.kill_points import COMMIT_POINT
from running.kill_sample import points_of
from running.kill_scenarios import (
    CHANGE,
    Scenario,
    begun,
    check,
    committed,
    kill_during_change,
    steps_of,
)
from running.lines import line
from running.optical import OTN_NODES, optical

KEPT = line("kept", "a1.100", "z1.200", layer="otn")
OVER_PACKETS = line("moved", "a1.101", "z1.201")
OVER_LIGHT = line("moved", "a1.101", "z1.201", layer="otn")
ADDED = line("added", "a2", "z2", layer="otn")

APPLY = Scenario(
    name="a batch that moves a line to the optical layer and adds one there",
    before=(KEPT, OVER_PACKETS),
    after=(KEPT, OVER_LIGHT, ADDED),
    certain=(KEPT, OVER_PACKETS),
)
DELETE = Scenario(
    name="a delete of lines of the optical layer",
    before=(KEPT, OVER_LIGHT, ADDED),
    after=(KEPT,),
    certain=(KEPT,),
)
SHARES = 2


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("scenario", [APPLY, DELETE], ids=["apply", "delete"])
def test_killed_at_any_step_the_change_is_all_or_nothing_on_both_kinds(processes, record_property, scenario, share):
    with optical(processes) as net:
        steps = steps_of(net, scenario)
    devices = {"pe-a", "pe-z", *OTN_NODES}
    assert {step.split()[1] for step in steps if len(step.split()) == 4} == devices
    points = points_of(steps, scenario.name, share=None)[share::SHARES]
    record_property(KILLS, (scenario.name, len(steps), len(points)))
    for point in points:
        with killed(processes, scenario, point) as net:
            net.start()
            check(net, scenario, changed=committed(steps, point), begun=begun(point))


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("device", OTN_NODES)
def test_a_node_without_power_while_the_change_is_recovered_is_put_right_when_it_comes(processes, device, moment):
    with killed(processes, APPLY, (COMMIT_POINT, moment)) as net:
        net.switches.set_otn(device, powered=False)
        net.start()
        assert net.saved().unfinished == ()  # nothing waits for it
        # Going on, it has had its part: what is removed after the commit point was in the packet layer.
        assert bool(net.saved().leftovers) is (moment == "before")
        net.switches.set_otn(device, powered=True)
        check(net, APPLY, changed=moment == "after", begun=True)


@contextmanager
def killed(processes, scenario, point):
    """A network whose controller has been killed at this point of the change."""
    with optical(processes) as net:
        net.start(kill_points={"request_id": CHANGE, "kill": point})
        net.apply(*scenario.before)
        kill_during_change(net, scenario, point)
        yield net
