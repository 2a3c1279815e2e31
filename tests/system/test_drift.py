"""Somebody changes rules on switches by hand: found by reading, repaired or reported; what is not ours stays."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from running import by_hand, command
from running.command import trunkline
from running.controllers import RING
from running.lines import line
from running.processes import until
from running.simulated import simulated
from running.watcher import Watcher

from controller.domain.rules import FlowRule, Match, Owner, Table, cookie
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb

NORTH = line("north", "a1.100", "z1.200")
SOUTH = line("south", "a1.101", "z1.201", avoid=["p-n"])
NORTH_TOO = line("north-too", "a2.100", "z2.200")
ORPHAN = FlowRule(cookie=cookie(Owner.LINE, 99), table=Table.DELIVER, priority=9, match=Match(mpls_label=5), actions=())


@contextmanager
def started(processes, *more):
    """The ring with two lines under a controller that reads it often."""
    with simulated(processes) as net:
        net.start("--read-every", "100ms", *more)
        net.apply(NORTH, SOUTH)
        yield net


@pytest.fixture
def repairing(processes):
    with started(processes) as net:
        yield net


@pytest.fixture
def reporting(processes):
    with started(processes, "--drift", "report") as net:
        yield net


def shown(net, *arguments, code=0):
    answer = trunkline(*arguments, "--server", net.server, "-o", "json")
    assert answer.code == code, answer
    return json.loads(answer.out)


def fares(net):
    return {name: pb.Assurance.Name(one.status.assurance) for name, one in net.intents().items()}


def device(net, name):
    return next(one for one in shown(net, "status")["devices"] if one["device"] == name)


def test_what_others_do_to_our_rules_is_put_right_and_what_they_do_with_theirs_is_not(repairing):
    net = repairing
    by_hand.put(net, "pe-a", *by_hand.THEIRS)
    right = net.tables()
    by_hand.take(net, "p-n", by_hand.trunk_rule(net, "p-n"))
    by_hand.put(net, "p-s", ORPHAN)
    net.until_switches_hold(right)
    until(lambda: fares(net) == {"north": "UP", "south": "UP"}, "all to be known to be right")
    net.check_frames([NORTH, SOUTH])
    log = net.log.read_text()
    assert "device p-n differs from what it should hold by 1 rules, which is put right: missing trunk " in log
    assert "device p-s differs from what it should hold by 1 rules, which is put right: extra line 99" in log
    assert shown(net, "diff")["devices"][0]["differences"] == []


def test_reported_drift_is_left_as_it_is_and_told_everywhere(reporting):
    net = reporting
    missing = by_hand.trunk_rule(net, "p-n")
    by_hand.take(net, "p-n", missing)
    until(lambda: fares(net)["north"] == "DRIFTED", "the drift to be found")
    assert fares(net)["south"] == "UP"
    assert {state for state, _ in net.states().values()} == {"ACTIVE"}
    stands = device(net, "p-n")
    assert (stands["inStep"], stands["driftedRules"], stands["drift"]) == (True, 1, "reported")
    said = trunkline("status", "--server", net.server).out
    assert "1 rule drifted, reported" in said
    assert "DRIFTED: a device on its way" in trunkline("describe", "acme/north", "--server", net.server).out
    assert shown(net, "describe", "acme/north")["status"] | {"paths": 0} == {
        "state": "ACTIVE",
        "assurance": "DRIFTED",
        "paths": 0,
    }
    with Watcher(net, net.intents()["south"].metadata.revision) as watcher:  # older drift is told, too
        watcher.until(lambda heard: heard.fares == [("tenants/acme/privateLines/north", pb.DRIFTED)])
        by_hand.put(net, "p-n", missing)  # who did it undoes it
        watcher.until(lambda heard: heard.fares[1:] == [("tenants/acme/privateLines/north", pb.UP)])
    assert fares(net)["north"] == "UP"


def test_diff_lists_each_rule_that_differs_and_repairs_when_asked(reporting):
    net = reporting
    right = net.tables()
    missing = by_hand.trunk_rule(net, "p-n")
    meter, slow = by_hand.slowed(net, "pe-a")
    by_hand.take(net, "p-n", missing)
    by_hand.put(net, "p-s", ORPHAN)
    by_hand.change(net, "pe-a", by_hand.Change(before=meter, after=slow))
    found = {one["device"]: one for one in shown(net, "diff", code=2)["devices"]}
    assert {name: [rule["kind"] for rule in one["differences"]] for name, one in found.items()} == {
        "p-n": ["missing"],
        "p-s": ["extra"],
        "pe-a": ["modified"],
        "pe-z": [],
    }
    assert found["p-n"]["differences"][0]["intents"] == ["tenants/acme/privateLines/north"]
    (modified,) = found["pe-a"]["differences"]
    assert "4Mbps" in modified["desired"]
    assert "64kbps" in modified["observed"]
    words = trunkline("diff", "pe-a", "p-n", "--server", net.server)
    assert (words.code, words.err) == (2, "")
    assert "2 rules of 2 devices differ" in words.out

    assert trunkline("freeze", "--server", net.server).code == 0  # what is asked for is done all the same
    assert (
        "1 rule of 1 device differs; 1 device put right"
        in trunkline("diff", "--repair", "p-n", "--server", net.server).out
    )
    assert trunkline("freeze", "--off", "--server", net.server).code == 0
    assert shown(net, "diff", "--repair")["devices"][2]["repaired"]
    assert net.tables() == right
    assert [one["differences"] for one in shown(net, "diff")["devices"]] == [[]] * 4


def test_a_device_that_cannot_be_read_is_unknown(reporting):
    net = reporting
    net.switches.set_switch("p-n", connected=False)
    until(lambda: fares(net) == {"north": "UNKNOWN", "south": "UP"}, "the switch to be missed")
    answer = trunkline("diff", "--server", net.server, "-o", "json")
    assert answer.code == 2
    unreachable = json.loads(answer.out)["devices"][0]
    assert (unreachable["device"], unreachable["reachable"], unreachable["differences"]) == ("p-n", False, [])
    assert unreachable["reason"] == "DEVICE_UNREACHABLE"
    assert "p-n: unreachable, what it holds is unknown" in answer.err
    net.switches.set_switch("p-n", connected=True)
    until(lambda: fares(net)["north"] == "UP", "the switch to be back")


def test_a_change_on_a_drifted_device_is_carried_out_and_leaves_the_rest_of_the_drift(reporting):
    net = reporting
    meter, slow = by_hand.slowed(net, "pe-a")
    by_hand.change(net, "pe-a", by_hand.Change(before=meter, after=slow))
    by_hand.put(net, "pe-a", ORPHAN)
    by_hand.take(net, "p-n", by_hand.trunk_rule(net, "p-n"))
    until(lambda: device(net, "pe-a")["driftedRules"] == 2, "the drift to be found")
    until(lambda: device(net, "p-n")["driftedRules"] == 1, "the drift to be found")
    # It rides the trunk that misses a rule, and is told to.
    (intent,) = net.apply(NORTH_TOO).intents
    assert pb.State.Name(intent.private_line.status.state) == "ACTIVE"
    assert fares(net)["north-too"] == "DRIFTED"
    # What a change takes away is gone, drifted or not; what it does not touch stays.
    net.delete(NORTH)
    until(lambda: device(net, "pe-a")["driftedRules"] == 1, "the device to be read anew")
    (left,) = shown(net, "diff", "pe-a", code=2)["devices"][0]["differences"]
    assert left["kind"] == "extra"


def test_a_restarted_controller_reports_what_it_finds(reporting):
    net = reporting
    missing = by_hand.trunk_rule(net, "p-n")
    by_hand.take(net, "p-n", missing)
    until(lambda: fares(net)["north"] == "DRIFTED", "the drift to be found")
    net.end()
    net.start("--drift", "report")
    until(lambda: fares(net) == {"north": "DRIFTED", "south": "UP"}, "the switches to be read")
    net.end()
    net.start()  # by default, it is repaired
    until(lambda: fares(net) == {"north": "UP", "south": "UP"}, "the switches to be put right")
    net.check_frames([NORTH, SOUTH])


def test_who_changes_a_rule_back_again_and_again_causes_no_storm(repairing):
    net = repairing
    rule, right = by_hand.trunk_rule(net, "p-n"), net.tables()
    for _ in range(2):
        by_hand.take(net, "p-n", rule)
        net.until_switches_hold(right)
    by_hand.take(net, "p-n", rule)
    until(lambda: device(net, "p-n")["drift"] == "backing off", "the controller to be patient")
    assert fares(net)["north"] == "DRIFTED"
    assert "1 rule drifted, backing off" in trunkline("status", "--server", net.server).out
    shown(net, "diff", "--repair")
    assert fares(net)["north"] == "UP"


def test_what_a_file_would_change_is_told_field_by_field(repairing, tmp_path):
    net = repairing
    same = command.line("north", ("a1", 100), ("z1", 200), "4Mbps")
    changed = command.line("south", ("a1", 101), ("z1", 201), "5Mbps", avoid={"nodes": ["p-n"]})
    new = command.line("more", ("a2", 100), ("z2", 100), "1Mbps")
    file = command.write(tmp_path / "lines.yaml", same, changed, new)
    found = {one["name"]: one for one in shown(net, "diff", "-f", file, code=2)["intents"]}
    assert {name: one["standing"] for name, one in found.items()} == {
        "north": "unchanged",
        "south": "changed",
        "more": "new",
    }
    assert found["south"]["fields"] == [{"field": "spec.bandwidth", "stored": "4Mbps", "wanted": "5Mbps"}]
    words = trunkline("diff", "-f", file, "--server", net.server).out
    assert "spec.bandwidth: 4Mbps -> 5Mbps" in words
    assert "2 intents would change, 1 would not" in words
    alone = command.write(tmp_path / "same.yaml", same)
    assert "0 intents would change, 1 would not" in trunkline("diff", "-f", alone, "--server", net.server).out
    assert trunkline("diff", "-f", alone, "--server", net.server).code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nobody",), "there is no device 'nobody'"),
        (("p-m",), "did you mean"),
        (("-f", "lines.yaml", "--repair"), "-f compares files with stored intents"),
        (("-f", "lines.yaml", "p-n"), "-f compares files with stored intents"),
    ],
)
def test_wrong_uses_of_diff(repairing, arguments, says):
    answer = trunkline("diff", *arguments, "--server", repairing.server)
    assert answer.code == 1
    assert says in answer.err


@pytest.mark.parametrize("value", ["60", "0s", "-1s", "never", "1.5s"])
def test_a_period_that_is_none_is_refused(value):
    answer = trunkline("serve", "-t", RING, "--read-every", value)
    assert answer.code == 1
    assert "is neither a duration" in answer.err
