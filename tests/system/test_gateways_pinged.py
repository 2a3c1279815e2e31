"""A server that pings from its gateways: what it measures over simulated switches steers traffic."""

from __future__ import annotations

import re

import pytest
from running.command import ROOT, trunkline
from running.controllers import called
from running.processes import until
from running.scraping import scrape
from running.simulated import simulated
from running.steered import GBPS, Z_TO_EUROPE, cycles

from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

MS = 1_000_000
OFTEN = ("--egress-every", "200ms", "--probe-every", "30ms", "--measured-fresh", "4s")


@pytest.fixture
def net(processes, tmp_path):
    """To Europe, igw-s is nearer by 9 ms. Both gateways ping there, and nowhere else."""
    written = (ROOT / "tests" / "running" / "gateways.yaml").read_text()
    file = tmp_path / "gateways.yaml"
    file.write_text(
        written.replace("\n      addresses: ", "\n      probes: {europe: 203.0.113.200}\n      addresses: ")
    )
    with simulated(processes, topology=file) as made:
        yield made


def ways(net):
    found = called(net.egress.ListMeasurements, pb.ListMeasurementsRequest()).ways
    return {(one.gateway, one.region): one for one in found}


def delay_ms(net, gateway):
    return ways(net)[gateway, "europe"].delay_ns / MS


def pinged(net, gateway):
    """Whether what counts of the way to Europe is what pings have told."""
    return [one.origin for one in ways(net)[gateway, "europe"].measured] == ["probes"]


def steered(net):
    found = called(net.egress.GetAssignments, pb.GetAssignmentsRequest(figures_only=True)).steered
    return {one.gateway: one.rate_bps for one in found if one.rate_bps}


def until_leaves_by(net, gateway):
    until(lambda: steered(net) == {gateway: 2 * GBPS}, lambda: f"{gateway}: {steered(net)}\n{cycles(net)[-3:]}")


def apply(net):
    file = net.directory / "policy.yaml"
    file.write_text(Z_TO_EUROPE)
    answer = trunkline("apply", "-f", file, "--server", net.server)
    assert answer.code == 0, answer.err


def test_a_way_that_gets_longer_is_measured_and_left(net):
    net.start(*OFTEN)
    apply(net)
    until_leaves_by(net, "igw-s")
    until(lambda: pinged(net, "igw-s") and pinged(net, "igw-n"), lambda: ways(net))
    assert delay_ms(net, "igw-s") < delay_ms(net, "igw-n")
    net.switches.set_abroad("igw-s", "europe", delay_ns=200 * MS)
    until(lambda: delay_ms(net, "igw-s") > 190, lambda: ways(net))
    until(lambda: "igw-n" in steered(net), lambda: f"{steered(net)}\n{cycles(net)[-3:]}")


def test_a_switch_that_is_away_measures_nothing_and_what_is_declared_counts_again(net):
    net.start(*OFTEN)
    until(lambda: pinged(net, "igw-s"), lambda: ways(net))
    net.switches.set_abroad("igw-s", "europe", delay_ns=200 * MS)
    until(lambda: delay_ms(net, "igw-s") > 190, lambda: ways(net))
    node = next(one.node for one in net.topology.gateways if one.name == "igw-s")
    net.switches.set_switch(node, connected=False)
    until(lambda: not ways(net)["igw-s", "europe"].measured[0].fresh, lambda: ways(net))
    assert delay_ms(net, "igw-s") == 80
    assert pinged(net, "igw-n")
    net.switches.set_switch(node, connected=True)
    until(lambda: delay_ms(net, "igw-s") > 190, lambda: ways(net))


def test_losses_are_counted_and_shown(net):
    net.start(*OFTEN, "--metrics", "127.0.0.1:0")
    (address,) = re.findall(r"metrics on http://(\S+)/metrics", net.log.read_text())
    way = (("gateway", "igw-n"), ("region", "europe"))
    until(lambda: pinged(net, "igw-n"), lambda: ways(net))
    net.switches.set_abroad("igw-n", "europe", loss=0.5)
    until(lambda: scrape(address)["trunkline_gateway_ping_loss_ratio", *way] > 0.2, lambda: scrape(address))
    until(lambda: ways(net)["igw-n", "europe"].loss_ppm > 100_000, lambda: ways(net))
    found = scrape(address)
    assert found["trunkline_gateway_pings_total", way[0], ("outcome", "lost"), way[1]] > 5
    assert found["trunkline_gateway_pings_total", way[0], ("outcome", "answered"), way[1]] > 5
    assert found["trunkline_gateway_ping_delay_seconds", *way] >= 0.085


def test_without_pings_nothing_is_measured_and_nothing_goes_out(net):
    net.start("--egress-every", "200ms", "--probe-every", "off")
    apply(net)
    until_leaves_by(net, "igw-s")
    assert not any(one.measured for one in ways(net).values())
    switches = net.switches.counters()["switches"].values()
    assert not any(one.get("packet-outs", 0) for one in switches)
