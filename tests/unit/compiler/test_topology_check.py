"""What a check finds: each kind by an example, single failures against taking things away one by one."""

import dataclasses

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running.command import ROOT
from strategies import topologies

from controller.compiler.findings import Kind, Severity
from controller.compiler.single_failures import single_failures
from controller.compiler.topology_check import check_topology
from controller.documents import load_topology
from controller.domain.topology import Gateway, Link, Location, Node, OpenFlowDevice, PerDirection, Role, Site, Topology

BEIJING, SHANGHAI = Location(lat=39.90, lon=116.41), Location(lat=31.23, lon=121.47)
LEAST_NS = 5_230_000  # of light in fibre between the two: 1,067 km


def node(name, location=BEIJING, **other):
    return Node(
        name=name, role=Role.PE, location=location, device=OpenFlowDevice(datapath_id=sum(name.encode())), **other
    )


def link(name, a, z, delay_ns=100_000, **other):
    ports = {"a_port": 1, "z_port": 1}
    capacity = PerDirection.both(10**9)
    return Link(name=name, a=a, z=z, capacity_bps=capacity, delay_ns=PerDirection.both(delay_ns), **ports, **other)


def network(nodes, links, **other):
    made = [node(one) if isinstance(one, str) else one for one in nodes]
    return Topology(name="net", nodes=tuple(made), links=tuple(links), **other)


def ring(*srlgs, **other):
    """Three nodes; the SRLGs are those of the links a-b, b-c, c-a."""
    groups = [*srlgs, *[()] * (3 - len(srlgs))]
    ends = ("ab", "bc", "ca")
    return network(
        "abc", [link(pair, *pair, srlgs=tuple(group)) for pair, group in zip(ends, groups, strict=True)], **other
    )


def kinds(topology, severity=None):
    return [one.kind for one in check_topology(topology) if severity in (None, one.severity)]


def only(topology):
    (finding,) = check_topology(topology)
    return finding


def test_a_sound_network_has_no_findings():
    assert check_topology(ring()) == ()


@pytest.mark.parametrize("name", ["china-backbone", "lab-backbone", "lab-small"])
def test_the_topologies_that_come_along_have_no_errors(name):
    assert kinds(load_topology(ROOT / f"topologies/{name}.yaml"), Severity.ERROR) == []


def test_disconnected_parts():
    apart = network("abcd", [link("ab", "a", "b"), link("ab2", "a", "b"), link("cd", "c", "d"), link("cd2", "c", "d")])
    finding = only(apart)
    assert (finding.severity, finding.kind, finding.objects) == (Severity.ERROR, Kind.DISCONNECTED, ("c", "d"))


def test_a_link_out_of_service_connects_nobody():
    two = [link("ab", "a", "b", enabled=False)]
    assert Kind.DISCONNECTED in kinds(network("ab", two))
    assert Kind.OUT_OF_SERVICE in kinds(network("ab", two))


def test_a_node_out_of_service_is_not_missed():
    found = kinds(network([*"abc", node("d", enabled=False)], [*ring().links, link("ad", "a", "d")]))
    assert found == [Kind.OUT_OF_SERVICE]


def test_an_isolated_site():
    topology = network("abcd", ring().links, sites=(Site(name="s", node="d", port=9), Site(name="t", node="a", port=9)))
    found = [one for one in check_topology(topology) if one.kind is Kind.SITE_ISOLATED]
    assert [one.objects for one in found] == [("s", "d")]


def test_two_sites_of_a_network_of_one_node_reach_each_other():
    topology = network("a", [], sites=(Site(name="s", node="a", port=1), Site(name="t", node="a", port=2)))
    assert check_topology(topology) == ()


@pytest.mark.parametrize(
    ("delay_ns", "kind"),
    [
        (LEAST_NS - 60_000, Kind.FASTER_THAN_LIGHT),
        (LEAST_NS + 10_000, None),
        (LEAST_NS * 19, None),
        (LEAST_NS * 21, Kind.DELAY_UNLIKELY),
    ],
)
def test_delay_and_distance(delay_ns, kind):
    nodes = [node("a"), node("b", SHANGHAI)]
    links = [link("one", "a", "b", delay_ns), link("two", "a", "b", LEAST_NS * 2)]
    found = check_topology(network(nodes, links))
    assert [(one.kind, one.objects) for one in found] == ([] if kind is None else [(kind, ("one",))] * 2)


def test_each_direction_counts():
    nodes = [node("a"), node("b", SHANGHAI)]
    links = [link("one", "a", "b", LEAST_NS * 2), link("two", "a", "b", LEAST_NS * 2)]
    one_way = dataclasses.replace(links[0], delay_ns=PerDirection(LEAST_NS * 2, 1))
    finding = only(network(nodes, [one_way, links[1]]))
    assert finding.kind is Kind.FASTER_THAN_LIGHT
    assert "zToA" in finding.message


def test_a_location_that_is_not_known_is_told():
    finding = only(network(["a", node("b", None), "c"], ring().links))
    assert (finding.kind, finding.objects) == (Kind.LOCATION_UNKNOWN, ("ab", "bc"))


@pytest.mark.parametrize(("mtu", "found"), [(1525, [Kind.MTU_TOO_SMALL]), (1526, [])])
def test_room_for_the_wrap(mtu, found):
    links = [dataclasses.replace(one, mtu_bytes=mtu) if one.name == "ab" else one for one in ring().links]
    assert kinds(network("abc", links)) == found


def test_a_node_without_a_device():
    finding = only(network([Node(name="a", role=Role.P, location=BEIJING), "b", "c"], ring().links))
    assert (finding.kind, finding.objects) == (Kind.NO_DEVICE, ("a",))


def test_bridges_and_cut_nodes():
    topology = network("abcd", [*ring().links, link("cd", "c", "d")])
    found = {one.kind: one for one in check_topology(topology)}
    assert found[Kind.BRIDGE].objects == ("cd",)
    assert found[Kind.CUT_NODE].objects == ("c",)
    assert "d is cut off" in found[Kind.BRIDGE].message


def test_two_parallel_links_are_no_bridge():
    assert kinds(network("ab", [link("one", "a", "b"), link("two", "a", "b")])) == []


def test_a_node_whose_only_two_links_share_an_srlg():
    finding = only(ring(["duct"], ["duct"]))
    assert (finding.kind, finding.severity) == (Kind.CUT_SRLG, Severity.WARNING)
    assert finding.objects == ("duct", "ab", "bc")
    assert "b is cut off" in finding.message


def test_an_srlg_that_cuts_nobody_off_is_no_finding():
    assert kinds(network("abc", [*ring(["duct"], ["duct"]).links, link("ab2", "a", "b")])) == []


def test_parallel_links_in_one_srlg():
    links = [link("one", "a", "b", srlgs=("x", "y")), link("two", "a", "b", srlgs=("y",))]
    found = {one.kind: one.objects for one in check_topology(network("ab", links))}
    assert found[Kind.PARALLEL_SHARE_SRLG] == ("one", "two")


def test_a_gateway_that_the_network_cannot_feed():
    gateways = tuple(Gateway(name=f"gw{gbps}", node="a", port=9, capacity_bps=gbps * 10**9) for gbps in (2, 3))
    finding = only(dataclasses.replace(ring(), gateways=gateways))
    assert (finding.kind, finding.objects) == (Kind.GATEWAY_OVERSIZED, ("gw3", "a"))


def test_errors_come_first():
    found = [one.severity for one in check_topology(network("abc", [link("ab", "a", "b", mtu_bytes=1500)]))]
    assert Severity.WARNING in found
    assert found == sorted(found)


SRLGS = st.lists(st.sampled_from(["x", "y", "z"]), max_size=2, unique=True).map(tuple)


@settings(deadline=None)
@given(st.data(), topologies(max_nodes=7))
def test_single_failures_are_those_of_taking_away_one_by_one(data, whole):
    links = [dataclasses.replace(one, srlgs=data.draw(SRLGS)) for one in whole.links]
    links = [one for one in links if data.draw(st.integers(0, 5))]  # some networks fall apart
    risks = single_failures(whole, links)
    names = set(whole.node)

    def parts(nodes, kept):
        graph = nx.Graph()
        graph.add_nodes_from(nodes)
        graph.add_edges_from((one.a, one.z) for one in kept if {one.a, one.z} <= nodes)
        return [set(part) for part in nx.connected_components(graph)]

    before = parts(names, links)
    assert sorted(map(sorted, risks.parts)) == sorted(map(sorted, before))

    def lost(nodes, kept):
        """How many of each part that there was are no longer with the largest that is left of it."""
        after = parts(nodes, kept)
        return sum(
            sum(sizes) - max(sizes) for part in before if (sizes := [len(piece) for piece in after if piece <= part])
        )

    def counted(found):
        return {name: len(cut_off) for name, cut_off in found}

    by_link = {one.name: lost(names, [other for other in links if other != one]) for one in links}
    by_node = {name: lost(names - {name}, links) for name in names}
    by_srlg = {
        srlg: lost(names, [other for other in links if srlg not in other.srlgs])
        for srlg in "xyz"
        if sum(srlg in one.srlgs for one in links) > 1
    }
    for found, expected in ((risks.bridges, by_link), (risks.cut_nodes, by_node), (risks.cut_srlgs, by_srlg)):
        assert counted(found) == {name: count for name, count in expected.items() if count}
