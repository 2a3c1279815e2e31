"""The egress cycle of a real server over simulated switches: traffic leaves where it should, whatever is lost."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from running import KILLS
from running.command import trunkline
from running.controllers import called
from running.kill_points import BEGIN, COMMIT_POINT, END
from running.kill_sample import points_of
from running.processes import LIMIT_S, until
from running.simulated import simulated
from running.steered import GBPS, cycles, told, until_cycle, until_steered

from controller.simulation.client import Stream
from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import egress_pb2

GATEWAYS = Path(__file__).parents[1] / "running" / "gateways.yaml"
POLICY = """
apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {{tenant: backbone, name: {name}}}
spec:
  from: {{nodes: [{source}]}}
  to: {{region: japan, prefixes: [{prefix}]}}
  demand: {demand}
"""
A_TO_JAPAN = Stream(site="prov-a", source="10.44.0.16", destination="198.51.100.7", rate_bps=2 * GBPS, source_bits=4)


@pytest.fixture
def off(processes):
    with simulated(processes, topology=GATEWAYS) as made:
        yield made


def apply(net, demand="2Gbps", name="a-to-japan", source="pe-a", prefix="198.51.100.0/24"):
    file = net.directory / f"{name}.yaml"
    file.write_text(POLICY.format(name=name, source=source, prefix=prefix, demand=demand))
    told(net, "apply", "-f", file)


def leaves_by(net, *expected, streams=1):
    """Wait until each declared stream leaves by these gateways and no others."""

    wanted = [sorted(expected)] * streams
    until(lambda: gateways(net) == wanted, lambda: f"{wanted}, it is {gateways(net)}\n{cycles(net)[-3:]}")


def gateways(net):
    """Those by which each declared stream leaves."""
    return [sorted(place.gateway or place.node for place in one.out_bps) for one in net.switches.traffic()]


@pytest.fixture
def net(off):
    """Traffic from pe-a to Japan, which leaves by igw-n, the faster gateway."""
    off.start()
    apply(off)
    off.switches.declare_traffic([A_TO_JAPAN])
    leaves_by(off, "igw-n")
    until_steered(off)
    return off


def last(net):
    return cycles(net)[-1]


# What is lost


def test_a_gateway_that_goes_down_is_left_at_once_and_not_returned_to_at_once(net):
    net.switches.plug(gateway="igw-n", plugged=False)
    leaves_by(net, "igw-s")
    cycle = until_cycle(net, lambda one: one["urgent"], "an urgent cycle")
    assert cycle["causes"] == ["gateway igw-n down"]
    assert (cycle["ending"], cycle["gatewaysAway"], cycle["movedBps"]) == ("changed", ["igw-n"], 2 * GBPS)
    net.switches.plug(gateway="igw-n", plugged=True)
    back = until_cycle(net, lambda one: one["causes"] == ["gateway igw-n not down any more"], "it to be back")
    assert (back["urgent"], back["movedBps"]) == (False, 0)  # a gain of 2 ms is not worth a move
    leaves_by(net, "igw-s")


def test_a_link_that_is_cut_is_gone_round(net):
    net.switches.set_link("a-n", up=False)
    cycle = until_cycle(net, lambda one: one["urgent"], "an urgent cycle")
    assert (cycle["causes"], cycle["linksDown"]) == (["link a-n down"], ["a-n"])
    leaves_by(net, "igw-n")  # the long way: to leave by the other gateway is not needed
    net.switches.set_link("n-z", up=False)
    leaves_by(net, "igw-s")


def test_a_drained_gateway_gets_nothing_over_a_restart(net):
    told(net, "drain", "gateway", "igw-n", "--reason", "new line card")
    leaves_by(net, "igw-s")
    until_cycle(net, lambda one: one["gatewaysAway"] == ["igw-n"], "it to be done")
    net.restart()
    first = until_cycle(net, lambda one: True, "the first cycle")
    assert (first["ending"], first["gatewaysAway"], first["movedBps"]) == ("unchanged", ["igw-n"], 0)
    leaves_by(net, "igw-s")
    told(net, "drain", "gateway", "igw-s")
    leaves_by(net)
    told(net, "undrain", "gateway", "igw-n")
    leaves_by(net, "igw-n")


def test_apply_answers_with_what_is_steered_as_get_does(off):
    off.start()
    until_cycle(off, lambda one: True, "the first cycle")
    told(off, "drain", "gateway", "igw-n")
    file = off.directory / "one.yaml"
    file.write_text(POLICY.format(name="one", source="pe-a", prefix="198.51.100.0/24", demand="2Gbps"))
    answer = told(off, "apply", "-f", file)
    (planned,), (applied,) = answer["plan"]["intents"], answer["intents"]
    assert [one["gateway"] for one in planned["assignments"]] == ["igw-n"]  # plans know nothing of drains
    assert [one["gateway"] for one in applied["status"]["assignments"]] == ["igw-s"]
    assert applied["status"]["steered"]
    assert told(off, "get")["intents"] == [applied]
    off.restart()
    until_cycle(off, lambda one: True, "the first cycle")
    assert told(off, "get")["intents"][0]["status"] == applied["status"]


def test_a_policy_that_is_not_steered_says_that_it_is_planned_and_why(off):
    off.start("--egress", "shadow")
    until_cycle(off, lambda one: True, "the first cycle")
    file = off.directory / "one.yaml"
    file.write_text(POLICY.format(name="one", source="pe-a", prefix="198.51.100.0/24", demand="2Gbps"))
    words = trunkline("apply", "-f", file, "--server", off.server)
    why = "egress is in shadow (serve --egress): what would move is only reported"
    assert f"1 policy is shown as planned, not steered: {why}" in words.out.splitlines()
    (one,) = told(off, "get")["intents"]
    assert (one["status"]["steered"], one["status"]["whyNotSteered"]) == (False, why)
    described = trunkline("describe", "egresspolicy/backbone/one", "--server", off.server)
    assert f"no, shown as planned: {why}" in " ".join(described.out.split())


def test_after_a_restart_everything_stays_as_it_was(net):
    tables = net.tables()
    net.restart()
    cycle = until_cycle(net, lambda one: True, "the first cycle")
    assert (cycle["ending"], cycle["movedBps"], cycle["urgent"]) == ("unchanged", 0, False)
    assert net.tables() == tables


@pytest.mark.parametrize("drift", ["repair", "report"])
def test_a_device_that_is_away_holds_nobody_up_and_is_told_when_it_is_back(net, drift):
    net.end()
    net.start("--drift", drift)
    until_cycle(net, lambda one: one["ending"] == "unchanged", "the first cycle")
    net.switches.set_switch("pe-z", connected=False)
    until(lambda: not in_step(net, "pe-z"), "the switch to leave")
    apply(net, name="z-to-japan", source="pe-z", prefix="203.0.113.0/24")
    z_to_japan = Stream(site="prov-z", source="10.45.0.16", destination="203.0.113.7", rate_bps=2 * GBPS, source_bits=4)
    net.switches.declare_traffic([A_TO_JAPAN, z_to_japan])
    leaves_by(net, "igw-n", streams=2)
    told(net, "drain", "gateway", "igw-n")
    until(
        lambda: gateways(net) == [["igw-s"], ["igw-n"]], lambda: f"pe-a to be told, {gateways(net)} {cycles(net)[-2:]}"
    )
    assert until_cycle(net, lambda one: one["gatewaysAway"], "it to be done")["unreachable"] == ["pe-z"]
    net.switches.set_switch("pe-z", connected=True)
    leaves_by(net, "igw-s", streams=2)
    back = until_cycle(net, lambda one: one["urgent"] and not one["unreachable"], "the urgent cycle after that")
    assert "a device can be worked with again" in back["causes"]
    assert {one["driftedRules"] for one in told(net, "status")["devices"]} == {0}
    net.until_right()


def in_step(net, device):
    return next(one["inStep"] for one in told(net, "status")["devices"] if one["device"] == device)


# What is cut off in the middle


def test_killed_at_any_step_of_a_move_traffic_goes_on_and_the_move_is_made_after_the_restart(
    net, record_property, tmp_path
):
    def drained(gateway, other):
        told(net, "drain", "gateway", gateway)
        leaves_by(net, other)
        until_cycle(net, lambda one: one["gatewaysAway"] == [gateway], "it to be done")

    net.restart(kill_points={"request_id": "", "record": str(tmp_path / "steps")})
    drained("igw-n", "igw-s")
    steps = (tmp_path / "steps").read_text().splitlines()
    points = points_of(steps, "a move of traffic", share=None)
    assert {step for step, _ in points} >= {BEGIN, COMMIT_POINT, END}
    record_property(KILLS, ("a move of traffic", len(steps), len(points)))
    for point in points:
        told(net, "undrain", "gateway", "igw-n")
        drained("igw-s", "igw-n")
        told(net, "undrain", "gateway", "igw-s")
        until_cycle(net, lambda one: not one["gatewaysAway"], "it to be done")
        net.restart(kill_points={"request_id": "", "kill": point})
        until_cycle(net, lambda one: one["ending"] == "unchanged", "the first cycle")
        told(net, "drain", "gateway", "igw-n")
        assert net.ended() == -signal.SIGKILL
        (carried,) = net.switches.traffic()
        assert sum(carried.out_bps.values()) == 2 * GBPS, point
        assert {place.gateway for place in carried.out_bps} <= {"igw-n", "igw-s"}
        net.start()
        leaves_by(net, "igw-s")
        until_cycle(net, lambda one: one["gatewaysAway"] == ["igw-n"], "it to be done")
        net.until_right()


# What is not carried out


def test_a_frozen_controller_moves_nothing_off_a_lost_gateway_until_it_is_thawed(net):
    told(net, "freeze")
    net.switches.plug(gateway="igw-n", plugged=False)
    cycle = until_cycle(net, lambda one: one["ending"] == "frozen", "a cycle that waits")
    assert (cycle["urgent"], cycle["movedBps"]) == (True, 2 * GBPS)
    leaves_by(net)
    told(net, "freeze", "--off")
    leaves_by(net, "igw-s")


def test_in_shadow_it_is_only_reported(net):
    net.end()
    net.start("--egress", "shadow")
    tables = net.tables()
    net.switches.plug(gateway="igw-n", plugged=False)
    cycle = until_cycle(net, lambda one: one["urgent"] and one["movedBps"], "an urgent cycle")
    assert (cycle["mode"], cycle["ending"], cycle["movedBps"]) == ("shadow", "shadow", 2 * GBPS)
    assert net.tables() == tables


def test_switched_off_nothing_is_steered(off):
    off.start("--egress", "off")
    apply(off)
    assert cycles(off) == []
    assert trunkline("egress", "cycles", "--server", off.server).out.startswith("no cycle has ended yet")
    assert not any(off.tables().values())


# What is measured


def measured_policies(net, prefixes):
    for source, prefix in prefixes.items():
        apply(net, demand="measured", name=source, source=source, prefix=prefix)


def test_measured_traffic_is_divided_before_a_gateway_is_overfull(off):
    off.start("--egress-every", "500ms")
    measured_policies(off, {"pe-a": "198.51.100.0/24", "pe-z": "203.0.113.0/24"})
    streams = [
        Stream(site=site, source=source, destination=destination, rate_bps=6 * GBPS, source_bits=4)
        for site, source, destination in (
            ("prov-a", "10.44.0.16", "198.51.100.7"),
            ("prov-z", "10.45.0.16", "203.0.113.7"),
        )
    ]
    off.switches.declare_traffic(streams)

    def by_gateway():
        found = {}
        for stream in off.switches.traffic():
            for place, bps in stream.out_bps.items():
                found[place.gateway] = found.get(place.gateway, 0) + bps
        return found

    def well_divided():
        carried = by_gateway()
        return sum(carried.values()) == 12 * GBPS and max(carried.values()) <= 9.5 * GBPS

    until(well_divided, lambda: f"12 Gbps over two gateways: {by_gateway()} {last(off)}")
    # One reading of counters may be off by more, when the machine has other things to do.
    until_cycle(
        off, lambda one: one["figures"] and _demand(one) == pytest.approx(12 * GBPS, rel=0.05), "12 Gbps to be measured"
    )


def _demand(cycle):
    return sum(one["demandBps"] for one in cycle["figures"]["classes"])


def test_what_is_for_unknown_addresses_takes_room_that_is_not_planned_with(off):
    off.start("--egress-every", "500ms")
    measured_policies(off, {"pe-a": "198.51.100.0/24"})
    unknown = Stream(site="prov-z", source="10.45.0.16", destination="9.9.9.9", rate_bps=6 * GBPS, source_bits=4)
    off.switches.declare_traffic([unknown, replace(A_TO_JAPAN, rate_bps=6 * GBPS)])

    def carried():
        found = Counter()
        for stream in off.switches.traffic():
            found.update({place.gateway: bps for place, bps in stream.out_bps.items()})
        return found

    # Both would leave by igw-n, of which 9.5 Gbps may be used.
    until(lambda: sum(carried().values()) == 12 * GBPS and carried()["igw-n"] <= 9.5 * GBPS, carried)
    found = told(off, "egress", "show")
    assert found["elsewhereBps"] == {"igw-n": pytest.approx(6 * GBPS, rel=0.05)}
    (north,) = (one for one in found["gateways"] if one["gateway"] == "igw-n")
    assert north["elsewhereBps"] + north["carriedBps"] <= north["usableBps"]
    reasons = " ".join(last(off)["reasons"])
    assert re.search(r"bps leave by igw-n \(\d\d% of it\) for addresses that no prefix is known for", reasons)


def test_a_source_that_falls_silent_goes_on_counting_as_before(off):
    off.start("--egress-every", "500ms")
    measured_policies(off, {"pe-a": "198.51.100.0/24"})
    off.switches.declare_traffic([A_TO_JAPAN])
    until_cycle(off, lambda one: one["figures"] and _demand(one) > 1.9 * GBPS, "2 Gbps to be measured")
    off.switches.set_switch("pe-a", connected=False)
    held = until_cycle(off, lambda one: one["held"] and one["held"][0]["stale"], "it to be stale")
    assert (held["held"][0]["source"], held["ending"]) == ("pe-a", "held")
    assert held["held"][0]["rateBps"] == pytest.approx(2 * GBPS, rel=0.05)
    off.switches.set_switch("pe-a", connected=True)
    number = held["number"]
    until_cycle(off, lambda one: one["number"] > number and not one["held"], "it to be measured again")


# Following it


def test_cycles_are_listed_for_people_with_the_gateways_of_the_last(net):
    told(net, "drain", "gateway", "igw-s")
    until_cycle(net, lambda one: one["gatewaysAway"], "it to be drained")
    said = trunkline("egress", "cycles", "--server", net.server).out
    assert re.search(r"^1 +\d\d:\d\d:\d\dZ +changed .* 2Gbps +2Gbps +16.00ms +igw-n 20.0% ", said, re.MULTILINE)
    assert re.search(r"^\d +\S+ +unchanged, urgent .*gateway igw-s is drained$", said, re.MULTILINE)
    assert re.search(r"^igw-n +#####\.+ +20.0% +2Gbps +10Gbps", said, re.MULTILINE)
    assert said.endswith("gateways that are down or drained: igw-s\n")


def test_cycles_can_be_followed_and_resumed(net):
    seen = net.egress.Watch(egress_pb2.WatchCyclesRequest(), timeout=LIMIT_S)
    assert next(seen).number == 1
    told(net, "drain", "gateway", "igw-s")
    drained = next(one for one in seen if one.gateways_away)
    seen.cancel()
    resumed = net.egress.Watch(egress_pb2.WatchCyclesRequest(after_number=drained.number - 1), timeout=LIMIT_S)
    assert next(resumed) == drained
    os.kill(net.controller, signal.SIGTERM)
    with pytest.raises(grpc.RpcError) as ended:
        list(resumed)
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    assert net.ended() == 0


def test_negative_numbers_are_refused(net):
    with pytest.raises(RemoteError, match="-1 is negative"):
        called(net.egress.ListCycles, egress_pb2.ListCyclesRequest(most=-1))
    with pytest.raises(grpc.RpcError) as refused:
        next(net.egress.Watch(egress_pb2.WatchCyclesRequest(after_number=-1), timeout=LIMIT_S))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
