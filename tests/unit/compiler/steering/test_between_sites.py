"""What one internet site sends to another: through the network by the way of least delay, and never abroad."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from packets import packet
from steered_networks import CUSTOMER_MAC, SITE_PORT, network

from controller.compiler.planner import Planner
from controller.compiler.steering.inputs import SteeringInputs
from controller.compiler.steering.rules import VIRTUAL_MAC
from controller.documents import load_topology
from controller.domain.rules import Output, Table, Wrap
from controller.domain.topology import NextHop, Site, SiteService
from controller.forwarding.fabric import Fabric
from controller.forwarding.switch import Switch

LAB = Path(__file__).parents[4] / "topologies/lab-egress.yaml"
GD, ZJ = {4: "10.44.3.7", 6: "fd00:44::7"}, {4: "10.33.0.8", 6: "fd00:33::8"}
NEIGHBOUR = Site(
    name="prov-gd-2",
    node="gd",
    port=SITE_PORT + 1,
    service=SiteService.INTERNET,
    prefixes=("10.45.0.0/16", "fd00:45::/32"),
    next_hop=NextHop(mac="02:00:00:00:45:01", ip="10.45.0.2"),
)


def steered(topology, **inputs) -> Planner:
    planner = Planner(topology)
    planner.adopt(planner.plan_steering(SteeringInputs()).plan)
    if inputs:
        planner.adopt(planner.plan_steering(SteeringInputs(**inputs, urgent=True)).plan)
    return planner


def sent(planner, node, frame, port=SITE_PORT):
    """Where it comes out, and the rules of the first table of ours that it meets there which send it on."""
    switches = {name: Switch(rules.values()) for name, rules in planner.desired.items()}
    met = []
    arrivals = Fabric(planner.topology, switches).send(
        node, port, frame, on_match=lambda at, rule, size: met.append((at, rule))
    )
    return arrivals, [rule for at, rule in met if at == node and rule.table is Table.STEER]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("dscp", [0, 46])
def test_sites_reach_each_other_the_nearest_way_as_bulk_whatever_their_packets_say(version, dscp):
    planner = steered(network())
    arrivals, (rule,) = sent(planner, "gd", packet(GD[version], ZJ[version], dscp=dscp))
    (arrival,) = arrivals
    assert (arrival.nodes, arrival.port) == (("gd", "gz", "zj"), SITE_PORT)
    macs = (VIRTUAL_MAC, CUSTOMER_MAC["zj"])
    assert arrival.frame == packet(GD[version], ZJ[version], dscp=dscp, ttl=63, macs=macs)
    assert [action.tc for action in rule.actions if isinstance(action, Wrap)] == [0]
    (back,), _ = sent(planner, "zj", packet(ZJ[version], GD[version], dscp=dscp))
    assert (back.nodes, back.port) == (("zj", "gz", "gd"), SITE_PORT)


def test_all_sites_of_a_network_reach_each_other():
    topology = load_topology(LAB)
    planner = steered(topology)
    sites = [site for site in topology.sites if site.prefixes]
    host = {site.name: site.prefixes[0].split("/")[0].removesuffix(".0") + ".9" for site in sites}
    for source, target in permutations(sites, 2):
        (arrival,), _ = sent(planner, source.node, packet(host[source.name], host[target.name]), source.port)
        assert (arrival.node, arrival.port) == (target.node, target.port)
        assert arrival.frame[:6].hex(":") == target.next_hop.mac


def test_sites_at_one_node_are_handed_packets_as_they_are():
    topology = network()
    planner = steered(replace(topology, sites=(*topology.sites, NEIGHBOUR)))
    (arrival,), (rule,) = sent(planner, "gd", packet(GD[4], "10.45.0.9"))
    assert (arrival.nodes, arrival.port) == (("gd",), NEIGHBOUR.port)
    assert arrival.frame == packet(GD[4], "10.45.0.9", ttl=63, macs=(VIRTUAL_MAC, NEIGHBOUR.next_hop.mac))
    assert rule.actions[-1] == Output(NEIGHBOUR.port)
    (arrival,), _ = sent(planner, "zj", packet(ZJ[6], "fd00:45::9"))
    assert (arrival.node, arrival.port) == ("gd", NEIGHBOUR.port)


def test_what_a_site_sends_to_itself_is_not_sent_back_or_it_would_go_round():
    arrivals, met = sent(steered(network()), "gd", packet(GD[4], "10.44.200.1"))
    assert met
    assert arrivals == []


@pytest.mark.parametrize("target", ["10.55.0.9", ZJ[4]])
def test_what_no_way_leads_to_is_dropped_and_never_sent_abroad(target):
    """A site without a next hop; one whose node is cut off."""
    planner = steered(network(), links_down=frozenset({"gz-zj", "zj-sh"}))
    assert sent(planner, "gd", packet(GD[4], target))[0] == []


def test_a_cut_link_is_gone_round():
    planner = steered(network(), links_down=frozenset({"gd-gz"}))
    (arrival,), _ = sent(planner, "gd", packet(GD[4], ZJ[4]))
    assert arrival.nodes == ("gd", "bj", "sh", "zj")
