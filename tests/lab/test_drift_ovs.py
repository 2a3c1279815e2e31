"""Somebody changes rules in Open vSwitch with ovs-ofctl: told by the switch, or found by reading; theirs stay."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from private_ovs import PrivateOvs
from running.command import trunkline
from running.lines import line
from running.on_ovs import OvsRing
from running.processes import Processes, until

from controller.domain.rules import FlowRule, MeterRule
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb

NORTH = line("north", "a1.100", "z1.200")
SOUTH = line("south", "a1.101", "z1.201", avoid=["p-n"])


@contextmanager
def ring_with_lines(*options):
    ovs = PrivateOvs()
    with Processes() as processes:
        ring = OvsRing(processes, ovs, 0)
        try:
            ring.start(*options)
            ring.until_all_take_part()
            ring.apply(NORTH, SOUTH)
            yield ovs, ring
        finally:
            ring.close()


def trunk_labels(ring, node):
    """Of the trunks that a node passes on."""
    rules = ring.planner(ring.saved()).desired[node].values()
    return [rule.match.mpls_label for rule in rules if isinstance(rule, FlowRule)]


def fares(ring):
    return {name: pb.Assurance.Name(one.status.assurance) for name, one in ring.intents().items()}


def differences(ring):
    """By device, the kinds of differences that ``diff`` lists."""
    answer = trunkline("diff", "--server", ring.server, "-o", "json")
    devices = json.loads(answer.out)["devices"]
    found = {one["device"]: [rule["kind"] for rule in one["differences"]] for one in devices if one["differences"]}
    assert answer.code == (2 if found else 0), answer
    return found


@pytest.mark.lab
def test_the_switch_tells_of_flows_changed_by_hand_and_they_are_put_right():
    """No device is read without a reason here: only the switch's own notice can be that."""
    with ring_with_lines("--read-every", "off") as (ovs, ring):
        ovs.ofctl("del-flows", "r0p-n", f"table=0,mpls,mpls_label={trunk_labels(ring, 'p-n')[0]}")
        ovs.ofctl("mod-flows", "r0p-s", "mpls,actions=drop")
        # In place of a rule of ours: told as a flow that was added, with their cookie.
        ovs.ofctl("add-flow", "r0pe-a", "cookie=0x77,table=0,priority=200,in_port=11,dl_vlan=100,actions=output:2")
        ring.until_right()
        ring.check_frames([NORTH, SOUTH])
        log = ring.log.read_text()
        for node in ("p-n", "p-s", "pe-a"):
            assert f"device {node} differs from what it should hold by" in log
        # What they do among themselves is theirs.
        before = log.count("differs from what it should hold")
        theirs = "cookie=0x77,table=7,priority=3,ip,nw_dst=10.0.0.0/8,actions=output:2"
        ovs.ofctl("add-flow", "r0pe-a", theirs)
        ovs.ofctl("del-flows", "r0p-s", "table=0,mpls")  # read again: by now the other notice was heard
        until(lambda: differences(ring) == {}, "the second repair")
        assert "table=7" in ovs.ofctl("dump-flows", "r0pe-a", "table=7")
        assert ring.log.read_text().count("differs from what it should hold") == before + 1


@pytest.mark.lab
def test_what_the_switch_does_not_tell_is_found_by_reading_and_left_under_report():
    with ring_with_lines("--read-every", "300ms", "--drift", "report") as (ovs, ring):
        rules = ring.planner(ring.saved()).desired["pe-a"].values()
        meter = next(rule for rule in rules if isinstance(rule, MeterRule))
        ovs.ofctl("mod-meter", "r0pe-a", f"meter={meter.meter_id},kbps,burst,band=type=drop,rate=64,burst_size=64")
        ovs.ofctl("add-meter", "r0pe-a", "meter=777,kbps,burst,band=type=drop,rate=7,burst_size=7")
        until(lambda: sorted(fares(ring).values()) == ["DRIFTED", "UP"], "the meter to be found")
        assert {state for state, _ in ring.states().values()} == {"ACTIVE"}
        assert differences(ring) == {"pe-a": ["modified"]}
        assert "rate=64 " in ovs.ofctl("dump-meters", "r0pe-a")
        ovs.ofctl("del-flows", "r0p-n")
        until(lambda: fares(ring)["north"] == "DRIFTED", "the flows to be missed")
        assert set(differences(ring)) == {"pe-a", "p-n"}
        assert trunkline("diff", "--repair", "--server", ring.server).code == 0
        assert differences(ring) == {}
        assert "rate=7 " in ovs.ofctl("dump-meters", "r0pe-a")
        until(lambda: set(fares(ring).values()) == {"UP"}, "the drift to be over")
        ring.check_frames([NORTH, SOUTH])
