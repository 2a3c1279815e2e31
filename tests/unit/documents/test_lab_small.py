"""The lab's topology and intents keep what their comments promise; routes are searched with networkx alone."""

import re
from itertools import combinations, pairwise
from pathlib import Path

import networkx as nx
import pytest

from controller.documents import LocatedIntent, check_intents, load_intents, load_topology
from controller.domain.intents import PrivateLine
from controller.domain.topology import Direction, Role, Topology

ROOT = Path(__file__).parents[3]
# Service label, trunk label and the inner Ethernet header with a tag: what the wrap adds to a customer's packet.
WRAP_BYTES = 22 + 4


@pytest.fixture(scope="module")
def topology() -> Topology:
    return load_topology(ROOT / "topologies/lab-small.yaml")


@pytest.fixture(scope="module")
def located() -> tuple[LocatedIntent, ...]:
    return load_intents([ROOT / "intents/lab-small-epl.yaml", ROOT / "intents/lab-small-evpl.yaml"])


def graph(topology: Topology, line: PrivateLine | None = None) -> nx.MultiGraph:
    """The links that a line may use, with their delay. The lab's delays are the same in both directions."""
    result = nx.MultiGraph()
    result.add_nodes_from(topology.node)
    for link in topology.links:
        assert link.delay_ns.a_to_z == link.delay_ns.z_to_a
        if line is None or not (
            {link.a, link.z} & set(line.avoid.nodes)
            or link.name in line.avoid.links
            or set(link.srlgs) & set(line.avoid.srlgs)
        ):
            result.add_edge(link.a, link.z, key=link.name, delay=link.delay_ns.a_to_z)
    return result


def least_delay(topology: Topology, line: PrivateLine) -> tuple[list[str], list[str], int]:
    """(nodes, links, delay in ns) of the route of least delay that a line allows, bandwidth left aside."""
    allowed = graph(topology, line)
    ends = (topology.site[line.a.site].node, topology.site[line.z.site].node)
    nodes = nx.shortest_path(allowed, *ends, weight="delay")
    links = [min(allowed[a][z], key=lambda name: allowed[a][z][name]["delay"]) for a, z in pairwise(nodes)]
    return nodes, links, sum(topology.link[name].delay_ns.a_to_z for name in links)


def edges(topology: Topology) -> list[str]:
    return [node.name for node in topology.nodes if node.role is Role.PE]


def test_two_routes_without_a_common_node_between_any_two_edges(topology: Topology) -> None:
    simple = nx.Graph(graph(topology))
    for a, z in combinations(edges(topology), 2):
        routes = list(nx.node_disjoint_paths(simple, a, z))
        assert len(routes) >= 2, (a, z)


def test_what_the_topology_offers(topology: Topology) -> None:
    assert len(topology.nodes) == 8
    assert len({link.delay_ns for link in topology.links}) >= 8
    parallel = [
        (one.delay_ns, other.delay_ns)
        for one, other in combinations(topology.links, 2)
        if {one.a, one.z} == {other.a, other.z}
    ]
    assert parallel
    assert all(one != other for one, other in parallel)
    assert len(topology.sites) >= 10
    assert all(link.mtu_bytes >= 1500 + WRAP_BYTES for link in topology.links)


def test_what_the_intents_show(topology: Topology, located: tuple[LocatedIntent, ...]) -> None:
    check_intents(located, topology)
    lines = [one.intent for one in located]
    assert {line.service_type for line in lines} == {"EPL", "EVPL"}
    assert len(lines) >= 8
    assert sum(len(least_delay(topology, line)[1]) >= 3 for line in lines) >= 3
    assert any(line.a.vlan != line.z.vlan for line in lines)
    assert any(one.a.site == other.a.site for one, other in combinations(lines, 2))
    assert any(line.cir_bps.a_to_z != line.cir_bps.z_to_a for line in lines)


def test_all_lines_fit_together_on_their_routes_of_least_delay(
    topology: Topology, located: tuple[LocatedIntent, ...]
) -> None:
    """Then no line has to give way to another, in whatever order they are placed."""
    left = {(link.name, way): link.capacity_bps[way] for link in topology.links for way in Direction}
    for one in located:
        nodes, links, delay_ns = least_delay(topology, one.intent)
        assert one.intent.max_delay_ns is None or delay_ns <= one.intent.max_delay_ns, one.intent.key
        for node, name in zip(nodes, links, strict=False):
            way = topology.link[name].direction_from(node)
            left[name, way] -= topology.reservation_bps(one.intent.cir_bps.a_to_z)
            left[name, way.reverse] -= topology.reservation_bps(one.intent.cir_bps.z_to_a)
    assert min(left.values()) >= 0


def test_the_comments_name_the_routes(topology: Topology, located: tuple[LocatedIntent, ...]) -> None:
    for one in located:
        nodes, _, delay_ns = least_delay(topology, one.intent)
        written = Path(one.source).read_text().splitlines()[one.lines["spec"] - 1]
        told = re.search(r"# ([a-z -]+?)(?: by [a-z0-9-]+)?, ([0-9.]+) ms", written)
        assert told is not None, written
        assert (told[1].split(), float(told[2])) == (nodes, delay_ns / 10**6)


def test_the_infeasible_ones_are(topology: Topology) -> None:
    """Each alone, in an empty network."""
    fast, wide = load_intents([ROOT / "intents/infeasible.yaml"])
    check_intents([fast, wide], topology)
    _, _, delay_ns = least_delay(topology, fast.intent)
    assert fast.intent.max_delay_ns is not None
    assert delay_ns > fast.intent.max_delay_ns
    assert wide.intent.cir_bps.a_to_z > max(link.capacity_bps.a_to_z for link in topology.links)


def test_the_infeasible_ones_do_not_clash_with_the_others(topology: Topology) -> None:
    names = ("lab-small-epl", "lab-small-evpl", "infeasible")
    check_intents(load_intents([ROOT / f"intents/{name}.yaml" for name in names]), topology)
