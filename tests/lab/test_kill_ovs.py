"""kill -9 of the controller before and after the steps of the journal, over real switches with real frames.

As ``tests/system/test_kill.py``, but the switches live on: each kill finds them as the one before left them, after all
was put back to the first set of lines. Several rings with a controller each share the kills, for they mostly wait
for Open vSwitch to connect anew, which it does a second after it has lost its controller.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from private_ovs import PrivateOvs
from running import KILLS
from running.kill_sample import points_of
from running.kill_scenarios import (
    APPLY,
    CHANGE,
    DELETE,
    begun,
    check,
    committed,
    kill_during_change,
    steps_of,
)
from running.on_ovs import OvsRing
from running.processes import Processes

RINGS = 4


@pytest.mark.lab(limit_s=400)
@pytest.mark.parametrize("scenario", [APPLY, DELETE], ids=["apply", "delete"])
def test_killed_at_any_step_the_change_is_all_or_nothing(record_property, scenario):
    with ExitStack() as last:
        ovs = PrivateOvs()
        processes = last.enter_context(Processes())
        rings = []
        for number in range(RINGS):
            rings.append(OvsRing(processes, ovs, number))
            last.callback(rings[-1].close)
        steps = steps_of(rings[0], scenario)
        rings[0].end()
        points = points_of(steps, scenario.name)
        record_property(KILLS, (f"{scenario.name}, over Open vSwitch", len(steps), len(points)))
        with ThreadPoolExecutor(RINGS) as workers:
            shares = [
                workers.submit(kill_at, ring, scenario, steps, points[number::RINGS])
                for number, ring in enumerate(rings)
            ]
            for share in shares:
                share.result()


def kill_at(ring, scenario, steps, points):
    """Kill the controller at each of the points, one after the other."""
    for number, point in enumerate(points):
        request_id = f"{CHANGE}-{number}"
        ring.start(kill_points={"request_id": request_id, "kill": point})
        scenario.change_back(ring)
        kill_during_change(ring, scenario, point, request_id)
        ring.start()
        check(ring, scenario, changed=committed(steps, point), begun=begun(point), request_id=request_id)
        ring.end()
