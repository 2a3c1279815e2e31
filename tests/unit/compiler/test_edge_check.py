"""What `topology check` finds where packets enter and leave: each kind by an example, and the network without it."""

import dataclasses

import pytest
from running.command import ROOT

from controller.compiler.findings import Kind, Severity
from controller.compiler.topology_check import check_topology
from controller.documents import load_topology
from controller.domain.topology import Gateway, Layer, NextHop, Node, Role, Site, SiteService

NEXT_HOP = NextHop(mac="02:00:00:00:00:01", ip="192.0.2.1")
OF_EDGES = {
    Kind.GATEWAY_UNREACHED,
    Kind.GATEWAY_UNUSED,
    Kind.GATEWAY_WITHOUT_ADDRESS,
    Kind.SITE_WITHOUT_PREFIX,
    Kind.SITE_WITHOUT_NEXT_HOP,
    Kind.EDGES_SHARE_NAME,
}
BACKBONE = load_topology(ROOT / "topologies/china-backbone.yaml")


def gateway(name="gw", node="p-bj", **other):
    given = {"next_hop": NEXT_HOP, "addresses": ("192.0.2.2",), **other}
    return Gateway(name=name, node=node, port=900, capacity_bps=10**9, **given)


def site(name="province", node="pe-bj", **other):
    given = {"prefixes": ("10.0.0.0/8",), "next_hop": NEXT_HOP, "service": SiteService.INTERNET, **other}
    return Site(name=name, node=node, port=900, **given)


def network(gateways, sites, **other):
    return dataclasses.replace(BACKBONE, gateways=tuple(gateways), sites=tuple(sites), **other)


def found(topology):
    return [(one.kind, one.objects) for one in check_topology(topology) if one.kind in OF_EDGES]


@pytest.mark.parametrize("name", ["china-backbone", "lab-backbone", "lab-egress", "lab-small"])
def test_the_topologies_that_come_along_have_edges_that_work(name):
    assert found(load_topology(ROOT / f"topologies/{name}.yaml")) == []


def test_edges_that_lack_nothing():
    assert found(network([gateway()], [site()])) == []


def test_nothing_can_be_sent_to_a_site_without_next_hop():
    topology = network([gateway()], [site(), site("other", node="pe-tj", next_hop=None)])
    assert found(topology) == [(Kind.SITE_WITHOUT_NEXT_HOP, ("other",))]


def test_an_internet_site_without_prefixes():
    assert found(network([gateway()], [site(prefixes=())])) == [(Kind.SITE_WITHOUT_PREFIX, ("province",))]


def test_a_site_of_private_lines_needs_neither():
    lines_only = site(service=SiteService.L2, prefixes=(), next_hop=None)
    assert found(network([gateway()], [lines_only])) == []


def test_a_gateway_without_next_hop_beside_others():
    assert found(network([gateway(), gateway("bare", next_hop=None)], [])) == [(Kind.GATEWAY_UNUSED, ("bare",))]


def test_a_gateway_without_next_hop_where_traffic_is_to_be_steered():
    assert found(network([gateway(next_hop=None)], [site()])) == [(Kind.GATEWAY_UNUSED, ("gw",))]


def test_gateways_of_which_none_is_steered_to_are_for_planning():
    bare = [gateway(name, next_hop=None, addresses=()) for name in ("one", "two")]
    assert found(network(bare, [site(service=SiteService.L2, prefixes=())])) == []


def test_a_gateway_whose_router_finds_nobody():
    assert found(network([gateway(addresses=())], [site()])) == [(Kind.GATEWAY_WITHOUT_ADDRESS, ("gw",))]


def cut_off(topology, name):
    """No link of the node is in service."""
    links = [dataclasses.replace(one, enabled=name not in (one.a, one.z)) for one in topology.links]
    return dataclasses.replace(topology, links=tuple(links))


def test_a_gateway_that_no_site_reaches_is_an_error():
    topology = cut_off(network([gateway(), gateway("lone", node="pe-ur")], [site()]), "pe-ur")
    (one,) = [one for one in check_topology(topology) if one.kind in OF_EDGES]
    assert (one.severity, one.kind, one.objects) == (Severity.ERROR, Kind.GATEWAY_UNREACHED, ("lone", "pe-ur"))


def test_a_site_at_the_gateways_own_node_reaches_it():
    assert found(cut_off(network([gateway(node="pe-ur")], [site(node="pe-ur")]), "pe-ur")) == []


def test_without_sites_no_gateway_is_out_of_their_reach():
    assert found(cut_off(network([gateway(), gateway("lone", node="pe-ur")], []), "pe-ur")) == []


def test_light_carries_no_packets_to_a_gateway():
    """Joined by the optical layer alone: whole as a network, and yet nothing can be steered there."""
    otn = Node(name="otn", role=Role.OTN)
    away = cut_off(network([gateway(node="pe-ur")], [site()], nodes=(*BACKBONE.nodes, otn)), "pe-ur")
    light = [dataclasses.replace(BACKBONE.links[0], name=f"light-{end}", a=end, z="otn") for end in ("pe-bj", "pe-ur")]
    topology = dataclasses.replace(away, links=(*away.links, *light))
    assert all(topology.layer(topology.link[one.name]) is Layer.OTN for one in light)
    assert Kind.DISCONNECTED not in [one.kind for one in check_topology(topology)]
    assert found(topology) == [(Kind.GATEWAY_UNREACHED, ("gw", "pe-ur"))]


def test_a_gateway_at_a_node_out_of_service_is_told_as_that():
    nodes = tuple(dataclasses.replace(one, enabled=one.name != "pe-ur") for one in BACKBONE.nodes)
    topology = network([gateway(), gateway("off", node="pe-ur")], [site()], nodes=nodes)
    assert found(topology) == []
    assert Kind.OUT_OF_SERVICE in [one.kind for one in check_topology(topology)]


@pytest.mark.parametrize(("node", "kinds"), [("p-bj", [Kind.EDGES_SHARE_NAME]), ("pe-bj", [])])
def test_a_site_and_a_gateway_of_one_name_at_one_node(node, kinds):
    # "p-bj" is a transit node: a document would not have a site there, and the finding does not depend on that.
    assert [kind for kind, _ in found(network([gateway("x")], [site("x", node=node)]))] == kinds
