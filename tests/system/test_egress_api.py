"""What a server says of egress: what leaves where, why, and what if; as the same command says offline."""

from __future__ import annotations

import json

import grpc
import pytest
from running.command import ROOT, trunkline
from running.controllers import called
from running.processes import until
from running.simulated import simulated

from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

BACKBONE = ROOT / "topologies" / "china-backbone.yaml"
POLICIES = ROOT / "intents" / "china-egress.yaml"
GATEWAYS = ROOT / "tests" / "running" / "gateways.yaml"
OFFLINE = ("-t", BACKBONE, "-f", POLICIES)
GBPS = 10**9
TWO_POLICIES = """
apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {tenant: backbone, name: a-to-japan}
spec:
  from: {nodes: [pe-a]}
  to: {region: japan, prefixes: [198.51.100.0/24]}
  demand: 6Gbps
  class: gold
---
apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {tenant: backbone, name: z-to-europe}
spec:
  from: {regions: [zhejiang]}
  to: {region: europe, prefixes: [203.0.113.0/24]}
  demand: 2Gbps
"""


@pytest.fixture
def off(processes):
    with simulated(processes, topology=GATEWAYS) as made:
        yield made


@pytest.fixture
def net(off):
    """6 Gbps of gold to Japan leave by igw-n, 2 Gbps of bulk to Europe by igw-s."""
    off.start()
    applied(off)
    return off


def applied(net):
    file = net.directory / "policies.yaml"
    file.write_text(TWO_POLICIES)
    told(net, "apply", "-f", file)
    until_steered(net, {"igw-n": 6 * GBPS, "igw-s": 2 * GBPS})


def told(net, *arguments, code=0):
    answer = trunkline(*arguments, "--server", net.server, "-o", "json")
    assert answer.code == code, answer.err
    return json.loads(answer.out)


def assignments(net, **request):
    return called(net.egress.GetAssignments, pb.GetAssignmentsRequest(**request))


def until_steered(net, expected):
    """Wait until devices are told to send so much by each gateway."""

    def steered():
        return {one.gateway: one.rate_bps for one in assignments(net).steered if one.rate_bps}

    until(lambda: steered() == expected, lambda: f"{expected}, it is {steered()}")


def by_gateway(found):
    return {one["gateway"]: one["carriedBps"] for one in found["gateways"] if one["carriedBps"]}


# As offline


def test_a_server_says_what_the_same_command_says_offline(processes):
    with simulated(processes, topology=BACKBONE) as net:
        net.start()
        told(net, "apply", "-f", POLICIES)
        for command, code in (
            (("show",), 0),
            (("why", "guangdong", "north-america"), 0),
            (("why", "pe-ur", "central-asia", "--class", "bulk"), 0),
        ):
            offline = json.loads(trunkline("egress", *command, *OFFLINE, "-o", "json").out)
            online = told(net, "egress", *command, code=code)
            if command == ("show",):
                assert online["regionsWithoutPrefixes"] == ["central-asia", "europe", "north-america"]
                online = {name: online[name] for name in offline}
            assert online == offline
        offline = json.loads(trunkline("egress", "simulate", "--fail", "igw-sh", *OFFLINE, "-o", "json").out)
        online = told(net, "egress", "simulate", "--fail", "igw-sh", code=2)
        assert online["before"] == offline["before"]
        # It moves no more than what has to leave; as much is carried as by the best there is.
        assert online["after"]["carriedBps"] == pytest.approx(offline["after"]["carriedBps"], abs=1000)
        assert {one["gateway"] for one in online["after"]["gateways"]} == {
            one["gateway"] for one in offline["after"]["gateways"]
        }
        assert online["movedBps"] <= offline["movedBps"]


# What only a server knows


def test_show_tells_what_is_steered_and_how_the_server_is(net):
    found = told(net, "egress", "show")
    assert (found["mode"], found["waits"], found["toMoveBps"], found["regionsWithoutPrefixes"]) == ("on", None, 0, [])
    assert by_gateway(found) == found["steeredBps"] == {"igw-n": 6 * GBPS, "igw-s": 2 * GBPS}
    assert (found["drained"], found["gatewaysDown"], found["linksDown"], found["held"]) == ([], [], [], [])
    assert found["lastCycle"]["mode"] == "on"
    said = trunkline("egress", "show", "--server", net.server).out.splitlines()
    rows = {line.split()[0]: line.split() for line in said if line.startswith("igw-")}
    assert (rows["igw-n"][2:], rows["igw-s"][2:]) == (
        ["60.0%", "6Gbps", "10Gbps", "gold", "6Gbps", "6Gbps"],
        ["20.0%", "2Gbps", "10Gbps", "bulk", "2Gbps", "2Gbps"],
    )
    assert said[-1].startswith("last cycle: ")


def test_flows_and_entries_are_those_asked_for(net):
    everything = assignments(net)
    assert [(one.flow.source, one.flow.policy, one.measured) for one in everything.flows] == [
        ("pe-a", "tenants/backbone/egressPolicies/a-to-japan", False),
        ("pe-z", "tenants/backbone/egressPolicies/z-to-europe", False),
    ]
    (flow,) = assignments(net, source="anhui", destination="japan", traffic_class="gold").flows
    assert flow.demand_bps == 6 * GBPS
    # A millisecond to p-n, and 15 beyond.
    assert [(one.gateway, one.rate_bps, one.delay_ns) for one in flow.gateways] == [("igw-n", 6 * GBPS, 16_000_000)]
    (entry,) = assignments(net, source="pe-a", destination="japan", traffic_class="gold").entries
    assert [(one.gateway, one.slices, one.rate_bps) for one in entry.gateways] == [("igw-n", 16, 6 * GBPS)]
    assert not assignments(net, destination="japan", traffic_class="silver").flows
    figures = assignments(net, figures_only=True)
    assert (len(figures.flows), len(figures.entries)) == (0, 0)
    assert figures.decided == everything.decided


def test_why_knows_what_is_drained(net):
    told(net, "drain", "gateway", "igw-n", "--reason", "new line card")
    until_steered(net, {"igw-s": 8 * GBPS})
    (japan,) = told(net, "egress", "why", "pe-a", "japan")
    by_name = {one["gateway"]: one for one in japan["gateways"]}
    assert (by_name["igw-n"]["whyNot"], by_name["igw-s"]["rateBps"]) == ("out of service", 6 * GBPS)
    found = told(net, "egress", "show")
    assert [(one["gateway"], one["reason"]) for one in found["drained"]] == [("igw-n", "new line card")]
    said = trunkline("egress", "show", "--server", net.server).out
    assert "gateway igw-n is drained since " in said
    assert [line.split()[-1] for line in said.splitlines() if line.startswith("igw-n")] == ["drained"]


def test_a_simulation_is_what_happens(net):
    tables = net.tables()
    found = told(net, "egress", "simulate", "--fail", "igw-n")
    assert by_gateway(found["before"]) == {"igw-n": 6 * GBPS, "igw-s": 2 * GBPS}
    assert by_gateway(found["after"]) == {"igw-s": 8 * GBPS}
    (change,) = found["changes"]
    assert (change["policy"], change["movedBps"]) == ("backbone/a-to-japan", 6 * GBPS)
    assert change["delayUs"] == {"before": 16_000, "after": 18_000}
    assert net.tables() == tables
    net.switches.plug(gateway="igw-n", plugged=False)
    until_steered(net, by_gateway(found["after"]))
    assert told(net, "egress", "show")["gatewaysDown"] == ["igw-n"]


def test_links_nodes_and_growth_are_simulated(net):
    assert told(net, "egress", "simulate", "--fail", "a-n")["movedBps"] == 0  # there is another way to igw-n
    found = told(net, "egress", "simulate", "--fail", "pe-a", code=2)
    assert [one["missingBps"] for one in found["changes"]] == [{"before": 0, "after": 6 * GBPS}]
    found = told(net, "egress", "simulate", "--fail", "node/p-n")
    assert by_gateway(found["after"]) == {"igw-s": 8 * GBPS}
    found = told(net, "egress", "simulate", "--scale", "3", code=2)
    assert (found["after"]["demandBps"], found["after"]["carriedBps"]) == (24 * GBPS, 19 * GBPS)


def test_in_shadow_and_frozen_what_is_decided_is_not_what_is_steered(net):
    told(net, "freeze")
    net.switches.plug(gateway="igw-n", plugged=False)

    def moves():
        found = told(net, "egress", "show")
        return found["waits"], found["toMoveBps"], by_gateway(found), found["steeredBps"]

    until(lambda: moves()[1], moves)
    waits, to_move, decided, steered = moves()
    assert waits == "the controller is frozen: traffic moves after trunkline freeze --off"
    assert (to_move, decided, steered["igw-n"]) == (6 * GBPS, {"igw-s": 8 * GBPS}, 6 * GBPS)
    said = trunkline("egress", "show", "--server", net.server).out
    assert said.startswith(waits)
    assert "6Gbps" in next(line for line in said.splitlines() if line.startswith("igw-n"))


def test_switched_off_it_is_decided_and_nothing_is_steered(off):
    off.start("--egress", "off")
    file = off.directory / "policies.yaml"
    file.write_text(TWO_POLICIES)
    told(off, "apply", "-f", file)
    found = told(off, "egress", "show")
    assert (found["mode"], found["lastCycle"], found["steeredBps"]) == ("off", None, {"igw-n": 0, "igw-s": 0})
    assert by_gateway(found) == {"igw-n": 6 * GBPS, "igw-s": 2 * GBPS}


def test_a_restart_keeps_all_of_it(net):
    told(net, "drain", "gateway", "igw-s")
    until_steered(net, {"igw-n": 8 * GBPS})
    before = assignments(net)
    net.restart()
    until_steered(net, {"igw-n": 8 * GBPS})
    after = assignments(net)
    for name in ("decided", "flows", "entries", "steered", "drained", "mode"):
        assert getattr(after, name) == getattr(before, name), name


def test_without_traffic_there_is_nothing_to_show(off):
    off.start()
    found = told(off, "egress", "show")
    assert (found["gateways"], found["notCarried"], found["demandBps"]) == ([], [], 0)
    assert "no traffic is known: " in trunkline("egress", "show", "--server", off.server).out
    answer = trunkline("egress", "simulate", "--server", off.server)
    assert (answer.code, "nothing to simulate" in answer.err) == (1, True)
    answer = trunkline("egress", "show", "-o", "plot", "--to", off.directory / "a.svg", "--server", off.server)
    assert (answer.code, "nothing to draw" in answer.err) == (1, True)


# Pictures and cycles


def test_a_picture_of_a_server(net):
    pytest.importorskip("matplotlib")
    target = net.directory / "a.svg"
    answer = trunkline("egress", "show", "-o", "plot", "--to", target, "--server", net.server)
    assert (answer.code, answer.out, answer.err) == (0, "", f"drawn: {target}\n")
    assert target.read_bytes().startswith(b"<?xml")
    outcomes = {one.method: one for one in assignments(net, comparison=True).outcomes}
    assert list(outcomes) == ["trunkline", "nearest", "equal-split", "least-delay", "greedy"]
    assert [(one.gateway, one.rate_bps) for one in outcomes["trunkline"].offered] == [
        ("igw-n", 6 * GBPS),
        ("igw-s", 2 * GBPS),
    ]
    assert outcomes["trunkline"].delays[-1].within == 1


def test_watch_sees_a_cycle_for_a_policy_and_one_for_a_drain(off):
    off.start()
    seen = off.egress.Watch(pb.WatchCyclesRequest(), timeout=60)
    applied(off)
    changed = next(one for one in seen if "lines or policies have changed" in one.causes)
    assert (changed.ending, sum(one.carried_bps for one in changed.figures.classes)) == ("changed", 8 * GBPS)
    told(off, "drain", "gateway", "igw-n")
    drained = next(one for one in seen if one.gateways_away)
    assert (list(drained.gateways_away), drained.moved_bps, drained.urgent) == (["igw-n"], 6 * GBPS, True)
    seen.cancel()


# What is refused


@pytest.mark.parametrize(
    ("method", "request_", "reason", "field"),
    [
        ("GetAssignments", pb.GetAssignmentsRequest(source="pe-x"), "REFERENCE_NOT_FOUND", "source"),
        ("GetAssignments", pb.GetAssignmentsRequest(destination="jap"), "REFERENCE_NOT_FOUND", "destination"),
        ("GetAssignments", pb.GetAssignmentsRequest(traffic_class="x"), "INVALID_VALUE", "traffic_class"),
        ("Why", pb.WhyRequest(destination="japan"), "MISSING_PROPERTY", "source"),
        ("Why", pb.WhyRequest(source="pe-a"), "MISSING_PROPERTY", "destination"),
        ("Why", pb.WhyRequest(source="pe-a", destination="europe"), "REFERENCE_NOT_FOUND", "destination"),
        ("Why", pb.WhyRequest(source="pe-a", destination="japan", traffic_class="x"), "INVALID_VALUE", "traffic_class"),
        ("Simulate", pb.SimulateRequest(fail=["igw-x"]), "REFERENCE_NOT_FOUND", "fail[0]"),
        ("Simulate", pb.SimulateRequest(fail=["igw-n"] * 1001), "INVALID_VALUE", "fail"),
        *(
            ("Simulate", pb.SimulateRequest(scale=scale), "INVALID_VALUE", "scale")
            for scale in (0, -1, 1001, float("nan"), float("inf"))
        ),
    ],
)  # fmt: skip
def test_what_does_not_exist_or_cannot_be_is_refused(shared, method, request_, reason, field):
    with pytest.raises(RemoteError) as refused:
        called(getattr(shared.egress, method), request_)
    assert refused.value.reason == reason
    assert [fault.field for fault in refused.value.faults] == [field]
    assert refused.value.code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)


@pytest.fixture(scope="module")
def shared(processes):
    """A server for those who only ask."""
    with simulated(processes, topology=GATEWAYS) as made:
        made.start()
        applied(made)
        yield made


# TAB


def test_names_are_completed_as_the_server_knows_them(shared, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_SERVER", shared.server)
    assert offered(monkeypatch, "egress", "why", "") == ["pe-a", "pe-z"]
    assert offered(monkeypatch, "egress", "why", "pe-a", "e") == ["europe"]
    assert offered(monkeypatch, "egress", "simulate", "--fail", "") == ["igw-n", "igw-s"]
    assert offered(monkeypatch, "drain", "gateway", "igw-s") == ["igw-s"]
    assert offered(monkeypatch, "egress", "why", "-t", GATEWAYS, "z") == ["zhejiang"]


def offered(monkeypatch, *words):
    monkeypatch.setenv("_TRUNKLINE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(map(str, ("trunkline", *words))))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    return [text.partition(",")[2] for text in trunkline().out.splitlines()]
