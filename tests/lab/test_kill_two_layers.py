"""kill -9 of the controller before and after the steps of the journal of a transaction over both kinds of devices.

As ``test_kill_ovs.py``, with a NETCONF server for each OTN node besides: after each kill and a restart, intents,
placements, slots, the rules on every switch and the running configuration of every OTN node must be of the one state or
the other, and no server may be left with a lock, a commit that waits, or an edit in its candidate.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest
from private_ovs import PrivateOvs
from running import KILLS
from running.kill_points import COMMIT_POINT
from running.kill_sample import points_of
from running.kill_scenarios import (
    APPLY_TWO_LAYERS,
    CHANGE,
    DELETE_TWO_LAYERS,
    begun,
    check,
    committed,
    kill_during_change,
    steps_of,
)
from running.processes import Processes
from running.two_layers import TwoLayers, otn_nodes

from controller.store.records import Verb
from lab.netconf import NetconfNodes

NETWORKS = 4
DEVICES = ("o-a", "o-z", "pe-a", "pe-z")
VERBS = (Verb.COMMIT, Verb.VERIFY, Verb.CONFIRM)


@contextmanager
def networks():
    """Several with a controller each, which share the kills: they mostly wait for Open vSwitch to connect anew."""
    with ExitStack() as last:
        ovs = PrivateOvs()
        everything = [node for number in range(NETWORKS) for node in otn_nodes(number)]
        nodes = last.enter_context(NetconfNodes(everything, Path(mkdtemp(prefix="otn-"))))
        processes = last.enter_context(Processes())
        found = []
        for number in range(NETWORKS):
            found.append(TwoLayers(processes, ovs, number, nodes))
            last.callback(found[-1].close)
        yield found


def share(networks, kill_at, *arguments, points):
    """Have each network kill its part of the points."""
    with ThreadPoolExecutor(len(networks)) as workers:
        shares = [workers.submit(kill_at, net, *arguments, points[net.number :: len(networks)]) for net in networks]
        for one in shares:
            one.result()


@pytest.mark.lab(netconf=True, limit_s=900)
@pytest.mark.parametrize("scenario", [APPLY_TWO_LAYERS, DELETE_TWO_LAYERS], ids=["apply", "delete"])
def test_killed_at_any_step_the_change_is_all_or_nothing(record_property, scenario):
    with networks() as found:
        steps = steps_of(found[0], scenario)
        found[0].end()
        for verb in VERBS:
            for device in DEVICES:
                assert any(step.startswith(f"{verb} {device} ") for step in steps), f"no {verb} of {device}"
        points = points_of(steps, scenario.name)
        record_property(KILLS, (scenario.name, len(steps), len(points)))
        share(found, kill_in_change, scenario, steps, points=points)


def kill_in_change(net, scenario, steps, points):
    for number, point in enumerate(points):
        request_id = f"{CHANGE}-{number}"
        net.start(kill_points={"request_id": request_id, "kill": point})
        scenario.change_back(net)
        kill_during_change(net, scenario, point, request_id)
        net.start()
        check(net, scenario, changed=committed(steps, point), begun=begun(point), request_id=request_id)
        net.end()


@pytest.mark.lab(netconf=True, limit_s=900)
@pytest.mark.parametrize("first", [(COMMIT_POINT, "before"), (COMMIT_POINT, "after")], ids=["undoing", "finishing"])
def test_killed_again_while_it_recovers_it_is_still_all_or_nothing(record_property, first):
    with networks() as found:
        net, record = found[0], found[0].directory / "recovery"
        kill_first(net, first, "the-first")
        net.start(kill_points={"request_id": None, "record": str(record)})
        net.end()
        steps = record.read_text().splitlines()
        touched = {step.split()[1] for step in steps if step.startswith((Verb.UNDO, Verb.COMMIT))}
        assert touched == set(DEVICES)
        name = f"the recovery over both layers {first[1]} the commit point"
        points = points_of(steps, name)
        record_property(KILLS, (name, len(steps), len(points)))
        share(found, kill_in_recovery, first, points=points)


def kill_first(net, first, request_id):
    net.start(kill_points={"request_id": request_id, "kill": first})
    APPLY_TWO_LAYERS.change_back(net)
    kill_during_change(net, APPLY_TWO_LAYERS, first, request_id)


def kill_in_recovery(net, first, points):
    for number, point in enumerate(points):
        request_id = f"{CHANGE}-{number}"
        kill_first(net, first, request_id)
        net.launch(kill_points={"request_id": None, "kill": point})
        assert net.ended() == -9, f"not killed at {point}"
        net.check_frames(APPLY_TWO_LAYERS.certain)
        net.start()
        check(net, APPLY_TWO_LAYERS, changed=first[1] == "after", begun=True, request_id=request_id)
        net.end()
