"""Lines over OTN nodes, end to end: a server, simulated switches and OTN nodes, frames in and out."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import replace

import pytest
from running.command import trunkline
from running.lines import line
from running.optical import OTN_NODES, ServedAlong, optical
from running.processes import until
from running.simulated import simulated

from controller.domain.topology import PerDirection
from controller.simulation.client import SimulationClient
from controller.wire.errors import RemoteError
from lab.measure.report import exit_code, failures
from lab.measure.simulated import SimulatedDataPlane
from lab.measure.verify import Effort, verify
from lab.planned import planned

OVER_LIGHT = line("over-light", "a1.100", "z1.200", layer="otn")
WHOLE_PORT = line("whole-port", "a2", "z2", mbps=900, layer="otn")
OVER_PACKETS = line("over-packets", "a1.101", "z1.201")


@pytest.fixture
def net(processes):
    with optical(processes) as made:
        made.start()
        yield made


def test_lines_of_both_layers_deliver_and_leave_nothing_behind(net):
    net.until_all_take_part()
    bare = net.tables()
    net.apply(OVER_LIGHT, WHOLE_PORT, OVER_PACKETS)
    net.check_frames([OVER_LIGHT, WHOLE_PORT, OVER_PACKETS])
    for node in OTN_NODES:
        assert len(net.tables()[node]) == 2
    net.until_right()
    net.delete(OVER_LIGHT)
    net.check_frames([WHOLE_PORT, OVER_PACKETS], silent=[OVER_LIGHT])
    net.delete(WHOLE_PORT, OVER_PACKETS)
    assert net.tables() == bare
    assert net.ledger() == {}


def test_describe_tells_the_circuit_of_a_line(net):
    net.until_all_take_part()
    net.apply(WHOLE_PORT)
    words = " ".join(trunkline("describe", "acme/whole-port", "--server", net.server).out.split())
    assert " layer otn, shared " in words
    assert re.search(r"circuit \d+: ODU0 by o-a o-z, client links \S+ and \S+, slots of \S+ \d+ ", words)
    described = json.loads(trunkline("describe", "acme/whole-port", "--server", net.server, "-o", "json").out)
    (circuit,) = described["circuits"]
    assert (circuit["odu"], circuit["nodes"]) == ("ODU0", ["o-a", "o-z"])
    assert [len(use["slots"]) for use in circuit["slots"]] == [1]


def test_what_was_planned_is_what_frames_take(net):
    net.until_all_take_part()
    plan = net.plan(OVER_LIGHT)
    (path,) = plan.intents[0].paths
    net.apply(OVER_LIGHT)
    (sent,) = net.switches.send([("a1", b"\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b\x81\0\0\x64\x88\xb5".ljust(60, b"."))])
    (arrived,) = sent.arrivals
    assert arrived.nodes == tuple(path.nodes) == ("pe-a", "o-a", "o-z", "pe-z")
    assert arrived.delay_ns == path.delay_ns.a_to_z == 2_000_000 + 2 * 5_000 + 2 * 20_000


def test_measurements_agree_with_the_plan_over_both_layers(net):
    net.until_all_take_part()
    net.apply(OVER_LIGHT, WHOLE_PORT, OVER_PACKETS)
    expected = planned(net.topology, net.listed())
    assert {line.name for line in expected.lines} == {"over-light", "whole-port", "over-packets"}
    plane = SimulatedDataPlane(net.switches)
    report = verify(plane, expected, 1, Effort(flood_seconds=0.2, round_trips=3))
    assert list(failures(report)) == []
    net.switches.set_otn("o-a", powered=False)
    report = verify(plane, expected, 1, Effort(flood_seconds=0.2, round_trips=3))
    assert exit_code(report) != 0


def shown(net):
    """The devices, as ``status`` has them."""
    return json.loads(trunkline("status", "--server", net.server, "-o", "json").out)["devices"]


def test_a_server_runs_simulated_otn_nodes_wherever_the_topology_says_they_are(processes):
    with simulated(processes, network=ServedAlong) as net:
        net.start()
        # The simulation is a child of the server, and its nodes may come up after the API does.
        until(lambda: all(device["inStep"] for device in shown(net)), "every device to be in step")
        net.apply(OVER_LIGHT, OVER_PACKETS)
        with SimulationClient(net.control) as client:
            assert len(client.tables("o-a")) == len(client.tables("o-z")) == 1
        assert net.end(signal.SIGTERM) == 0


@pytest.mark.parametrize(("kind", "rpc"), [("refuse", "edit-config"), ("ignore", "edit-config"), ("refuse", "commit")])
def test_a_node_that_does_not_do_it_ends_the_change_with_nothing_of_it(net, kind, rpc):
    net.until_all_take_part()
    net.apply(OVER_PACKETS)
    before = net.tables()
    net.switches.order_rpc_fault("o-z", kind, rpc, count=2)
    with pytest.raises(RemoteError, match="o-z"):
        net.apply(OVER_LIGHT)
    net.switches.set_otn("o-z", clear_faults=True)
    net.until_right()
    assert net.tables() == before
    net.check_frames([OVER_PACKETS], silent=[OVER_LIGHT])
    net.apply(OVER_LIGHT)
    net.check_frames([OVER_PACKETS, OVER_LIGHT])


def test_a_node_that_is_lost_instead_of_confirming_ends_the_change_with_nothing_of_it(net):
    """Its commit waits on, though nobody can cancel it just then: until the next one, not until its time is over."""
    net.until_all_take_part()
    net.switches.order_rpc_fault("o-z", "hang-up", "confirm")
    with pytest.raises(RemoteError) as refused:
        net.apply(OVER_LIGHT)
    assert refused.value.reason == "DEVICE_UNREACHABLE"
    net.until_right()
    net.check_frames([], silent=[OVER_LIGHT])
    net.apply(OVER_LIGHT)
    net.check_frames([OVER_LIGHT])


def test_a_node_without_power_refuses_a_change_and_comes_back_with_what_it_had(net):
    net.until_all_take_part()
    net.apply(OVER_LIGHT)
    net.switches.set_otn("o-a", powered=False)
    net.check_frames([], silent=[OVER_LIGHT])
    with pytest.raises(RemoteError) as refused:
        net.apply(WHOLE_PORT)
    assert refused.value.reason == "DEVICE_UNREACHABLE"
    net.switches.set_otn("o-a", powered=True)
    net.check_frames([OVER_LIGHT], silent=[WHOLE_PORT])
    net.until_right()
    net.until_all_take_part()
    net.apply(WHOLE_PORT)
    net.check_frames([OVER_LIGHT, WHOLE_PORT])


def test_a_change_by_hand_is_put_right(net):
    net.until_all_take_part()
    net.apply(OVER_LIGHT)
    wanted = net.tables()
    (number,) = re.findall(r"cross-connect (\d+)", wanted["o-a"][0])
    net.switches.set_otn(
        "o-a",
        edit=f'<otn-node xmlns="urn:trunkline:otn-node"><interface><name>trunkline-{number}-a</name>'
        "<administrative-state>outOfService</administrative-state></interface></otn-node>",
    )
    until(lambda: net.switches.counters()["otn_nodes"]["o-a"]["edit-config"] > 1, "the repair")
    net.until_right()
    assert net.tables() == wanted
    net.check_frames([OVER_LIGHT])


def test_lines_over_otn_nodes_outlive_the_controller(net):
    net.until_all_take_part()
    net.apply(OVER_LIGHT, WHOLE_PORT)
    net.end()
    net.check_frames([OVER_LIGHT, WHOLE_PORT])
    net.start()
    net.until_right()
    net.check_frames([OVER_LIGHT, WHOLE_PORT])


def test_a_node_that_only_pretends_to_have_heard_a_confirmation_is_read_again_and_put_right(processes):
    """Its commit goes on waiting, and is cancelled before the next one: what was verified goes with it."""
    with optical(processes) as net:
        net.start("--read-every", "off")
        net.until_all_take_part()
        net.apply(OVER_LIGHT)
        net.switches.order_rpc_fault("o-z", "ignore", "confirm")
        wider = replace(OVER_LIGHT, cir_bps=PerDirection.both(2_000_000_000))  # another ODU: first added, then removed
        net.apply(wider)
        net.until_right()
        net.check_frames([wider])
