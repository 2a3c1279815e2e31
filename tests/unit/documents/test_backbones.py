"""The backbones are what their generator writes and what their headers promise; the intents take the routes told."""

import dataclasses
import json
import re
import runpy
from itertools import combinations
from pathlib import Path

import networkx as nx
import pytest
from running.command import ROOT, plan

from controller.documents import LocatedIntent, load_intents, load_topology
from controller.domain.geography import FIBRE_NS_PER_KM, great_circle_km
from controller.domain.intents import Disjointness, Isolation, LayerChoice, Objective, PrivateLine, Protection
from controller.domain.topology import Layer, Link, Role, SiteService, Topology
from controller.domain.validation import check_lines
from lab.emulable import check_emulable

TOPOLOGIES = ROOT / "topologies"
LINES = ROOT / "intents/lab-backbone.yaml"
OPTICAL = ROOT / "intents/lab-backbone-otn.yaml"
PROTECTED = ROOT / "intents/lab-backbone-protected.yaml"


@pytest.fixture(scope="module")
def china() -> Topology:
    return load_topology(TOPOLOGIES / "china-backbone.yaml")


@pytest.fixture(scope="module")
def lab() -> Topology:
    return load_topology(TOPOLOGIES / "lab-backbone.yaml")


@pytest.fixture(scope="module")
def located() -> tuple[LocatedIntent, ...]:
    return load_intents([LINES])


def packet_links(topology: Topology) -> list[Link]:
    return [link for link in topology.links if topology.layer(link) is Layer.PACKET]


def edges(topology: Topology) -> list[str]:
    return [node.name for node in topology.nodes if node.role is Role.PE]


def test_the_files_are_what_the_generator_writes() -> None:
    files = runpy.run_path(str(TOPOLOGIES / "make_backbones.py"))["files"]()
    assert {path.name for path in files} == {"china-backbone.yaml", "lab-backbone.yaml"}
    for path, text in files.items():
        assert Path(path).read_text(encoding="utf-8") == text, f"run: python topologies/make_backbones.py ({path.name})"


def test_what_the_backbone_has(china: Topology) -> None:
    assert len(edges(china)) == 31
    assert len({china.node[name].region for name in edges(china)}) == 31
    assert len(china.nodes) - 31 == 10
    tbps = sum(link.capacity_bps.a_to_z for link in china.links) / 10**12
    assert 180 <= tbps <= 220
    assert f"{tbps:.0f} Tbps over all links" in (TOPOLOGIES / "china-backbone.yaml").read_text()
    assert sum(gateway.capacity_bps for gateway in china.gateways) == 2_460 * 10**9


def test_who_attaches_where(china: Topology) -> None:
    data_centres = {site.node for site in china.sites if site.service is SiteService.L2}
    assert len(data_centres) == 21
    internet = [site.node for site in china.sites if site.service is SiteService.INTERNET]
    assert sorted(internet) == sorted(edges(china))


def test_full_gateways_reach_every_region_and_regional_ones_some(china: Topology) -> None:
    reach = {gateway.name: {region for region, _ in gateway.delays_ns} for gateway in china.gateways}
    everywhere = set().union(*reach.values())
    assert {name for name, regions in reach.items() if regions == everywhere} == {"igw-bj", "igw-sh", "igw-gz"}
    assert len(reach) > 3


@pytest.mark.parametrize("which", ["china", "lab"])
def test_each_edge_has_two_ways_that_share_no_cable(which: str, request: pytest.FixtureRequest) -> None:
    topology: Topology = request.getfixturevalue(which)
    for name in edges(topology):
        first, second = (link for link in packet_links(topology) if link.a == name)
        assert first.z != second.z
        assert not set(first.srlgs) & set(second.srlgs), name
    for links in (topology.links, packet_links(topology)):
        assert nx.is_biconnected(nx.Graph((link.a, link.z) for link in links))


def test_delays_are_those_of_cables(china: Topology) -> None:
    """At least light's in fibre along the great circle; at most six times that (rings around mountains)."""
    for link in china.links:
        a, z = (china.node[name].location for name in (link.a, link.z))
        assert a is not None
        assert z is not None
        straight_ns = great_circle_km(a, z) * FIBRE_NS_PER_KM
        assert straight_ns <= link.delay_ns.a_to_z <= 6 * max(straight_ns, 49_000), link.name


def test_the_lab_has_the_same_network_at_a_rate_it_carries(china: Topology, lab: Topology) -> None:
    check_emulable(lab)
    assert sum(node.role is not Role.OTN for node in lab.nodes) == 31
    for link in packet_links(lab):
        original = china.link[link.name]
        assert (link.delay_ns, link.srlgs, link.cost) == (original.delay_ns, original.srlgs, original.cost)
        assert link.capacity_bps.a_to_z * 20_000 == original.capacity_bps.a_to_z


def test_the_lab_has_an_optical_layer_below(lab: Topology) -> None:
    nodes = [node for node in lab.nodes if node.role is Role.OTN]
    assert len(nodes) == 12
    between = [link for link in lab.links if link.odu is not None]
    clients = [link for link in lab.links if lab.is_client_link(link)]
    assert len(between) + len(clients) + len(packet_links(lab)) == len(lab.links)
    assert nx.is_biconnected(nx.Graph((link.a, link.z) for link in between))
    for node in nodes:
        assert sum(link.z == node.name for link in clients) >= 2
    with_clients = {link.a for link in clients}
    assert any(name not in with_clients for name in edges(lab))


def planned(path: Path) -> dict[str, dict]:
    """The working route of each line, by name, as `trunkline plan` prints it."""
    answer = plan(TOPOLOGIES / "lab-backbone.yaml", path)
    assert answer.code == 0, answer.err
    intents = json.loads(answer.out)["intents"]
    return {f"{intent['tenant']}/{intent['name']}": intent["paths"][0] for intent in intents}


def test_what_the_intents_show(lab: Topology, located: tuple[LocatedIntent, ...]) -> None:
    lines = [one.intent for one in located]
    hops = [len(path["links"]) for path in planned(LINES).values()]
    assert len(hops) == len(lines) >= 12
    assert sum(count >= 4 for count in hops) >= 3
    types = [line.service_type for line in lines]
    assert types.count("EPL") >= 2
    assert sum(line.a.vlan != line.z.vlan for line in lines if line.service_type == "EVPL") >= 4
    assert any(line.cir_bps.a_to_z != line.cir_bps.z_to_a for line in lines)
    assert len({line.priority for line in lines}) >= 3
    assert any(one.a.site == other.a.site for one, other in combinations(lines, 2))


@pytest.mark.parametrize("file", [LINES, OPTICAL])
def test_the_comments_name_the_routes(file: Path) -> None:
    routes = planned(file)
    for one in load_intents([file]):
        path = routes[f"{one.intent.tenant}/{one.intent.name}"]
        written = Path(one.source).read_text().splitlines()[one.lines["spec"] - 1]
        told = re.search(r"# ([a-z -]+), ([0-9.]+) ms", written)
        assert told is not None, written
        assert (told[1].split(), float(told[2])) == (path["nodes"], path["delayUs"]["aToZ"] / 1000)


def test_optical_lines_and_one_over_both_layers(lab: Topology) -> None:
    routes = planned(OPTICAL)
    lines = {f"{one.intent.tenant}/{one.intent.name}": one.intent for one in load_intents([OPTICAL])}
    chosen = {name: line for name, line in lines.items() if line.layer is LayerChoice.OTN}
    assert len(chosen) >= 3
    assert any(line.isolation is Isolation.DEDICATED for line in chosen.values())
    for name in chosen:
        nodes = routes[name]["nodes"]
        assert [lab.node[node].role for node in nodes] == [Role.PE, *[Role.OTN] * (len(nodes) - 2), Role.PE]
    ((name, both),) = lines.items() - chosen.items()
    assert both.layer is LayerChoice.AUTO
    roles = {lab.node[node].role for node in routes[name]["nodes"]}
    assert roles == {Role.PE, Role.P, Role.OTN}
    graph = nx.MultiGraph()
    for link in packet_links(lab):
        graph.add_edge(link.a, link.z, delay=link.delay_ns.a_to_z)
    ends = (lab.site[both.a.site].node, lab.site[both.z.site].node)
    assert both.max_delay_ns is not None
    assert nx.shortest_path_length(graph, *ends, weight="delay") > both.max_delay_ns


def test_cost_and_via_make_a_difference(lab: Topology, located: tuple[LocatedIntent, ...]) -> None:
    graph = nx.MultiGraph()
    for link in packet_links(lab):
        graph.add_edge(link.a, link.z, delay=link.delay_ns.a_to_z)
    routes = planned(LINES)
    special = [one.intent for one in located if one.intent.objective is Objective.COST or one.intent.via]
    assert len(special) == 2
    for line in special:
        a, z = lab.site[line.a.site].node, lab.site[line.z.site].node
        fastest_ns = nx.shortest_path_length(graph, a, z, weight="delay")
        assert routes[f"{line.tenant}/{line.name}"]["delayUs"]["aToZ"] > fastest_ns / 1000, line.key


def test_there_is_a_pair_for_each_line_that_wants_one(lab: Topology) -> None:
    """Two routes within the bound that share no node (link, SRLG), found by trying all."""
    graph = nx.MultiGraph()
    for link in packet_links(lab):
        graph.add_edge(link.a, link.z, key=link.name)
    lines = [one.intent for one in load_intents([PROTECTED])]
    assert {line.disjoint for line in lines} == {Disjointness.NODE, Disjointness.SRLG}
    for line in lines:
        assert line.protection is Protection.ONE_TO_ONE
        ends = (lab.site[line.a.site].node, lab.site[line.z.site].node)
        routes = [
            [lab.link[name] for _, _, name in route] for route in nx.all_simple_edge_paths(graph, *ends, cutoff=5)
        ]

        def risks(route: list[Link], line: PrivateLine = line, ends: tuple[str, str] = ends) -> set[str]:
            names = {link.name for link in route}
            if line.disjoint is Disjointness.NODE:
                return names | {end for link in route for end in (link.a, link.z)} - set(ends)
            return names.union(*(link.srlgs for link in route))

        bound_ns = 10**10 if line.max_delay_ns is None else line.max_delay_ns
        fast = [risks(route) for route in routes if sum(link.delay_ns.a_to_z for link in route) <= bound_ns]
        assert any(one.isdisjoint(other) for one, other in combinations(fast, 2)), line.key


def test_the_protected_ones_clash_with_nobody(lab: Topology) -> None:
    located = load_intents([LINES, PROTECTED, OPTICAL])
    lines = [dataclasses.replace(one.intent, protection=Protection.NONE) for one in located]
    assert check_lines(lines, lab) == []


def test_lines_over_the_whole_country(china: Topology) -> None:
    answer = plan(TOPOLOGIES / "china-backbone.yaml", ROOT / "intents/china-backbone.yaml")
    intents = {intent["name"]: intent for intent in json.loads(answer.out)["intents"]}
    refused = {name: intent["reasons"][0]["reason"] for name, intent in intents.items() if not intent["feasible"]}
    assert answer.code == 2
    assert refused == {"bj-gz-impossible": "DELAY_BOUND_UNREACHABLE"}
    assert len(intents) >= 5
