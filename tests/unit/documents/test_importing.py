"""Published networks become topologies of ours; whatever the source lacks is assumed, and told."""

import json

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.documents import read_topology, write_topology
from controller.documents.files import MAX_BYTES
from controller.documents.importing.assembling import Defaults
from controller.documents.importing.graph import Span, once_for_both_directions
from controller.documents.importing.naming import Names
from controller.documents.importing.reading import import_topology
from controller.domain.errors import InvalidInput
from controller.domain.geography import FIBRE_NS_PER_KM, great_circle_km
from controller.domain.validation import name_problem


@pytest.fixture
def zoo(tmp_path):
    """A network with the faults that the Topology Zoo's have: doubled labels, no positions, parallel links, loops."""
    graph = nx.MultiGraph(Network="Zoo of São Paulo")
    graph.add_node(0, label="São Paulo", Latitude=-23.5475, Longitude=-46.63611, Internal=1)
    graph.add_node(1, label="Sao Paulo", Internal=0)
    graph.add_node(2, label="Rio (GIG)", Latitude=-22.90278, Longitude=-43.2075, Internal=1)
    graph.add_node(3, label="東京", Latitude=35.69, Longitude=139.69, Internal=1)
    graph.add_edge(0, 2, LinkSpeedRaw=1e10, LinkLabel="10 Gbps")
    graph.add_edge(0, 2)
    graph.add_edge(1, 2)
    graph.add_edge(2, 3)
    graph.add_edge(1, 1)
    path = tmp_path / "zoo.graphml"
    nx.write_graphml(graph, path)
    return path


def node_link(path, **changes):
    found = {
        "graph": {"name": "net", "demands": {}},
        "nodes": [{"id": 0, "name": "A", "pos": [4.9, 52.37]}, {"id": 1, "name": "B", "pos": [8.68, 50.11]}],
        "edges": [{"source": 0, "target": 1, "dist": 500.0}],
    }
    path.write_text(json.dumps(found | changes))
    return str(path)


def test_graphml(zoo):
    imported = import_topology(str(zoo), Defaults(capacity_bps=40 * 10**9, delay_ns=7_000_000, sites_per_node=2))
    topology = imported.topology
    assert topology.name == "Zoo-of-Sao-Paulo"
    assert [node.name for node in topology.nodes] == ["Sao-Paulo", "Sao-Paulo-2", "Rio-GIG", "node"]
    assert [link.name for link in topology.links] == [
        "Sao-Paulo-Rio-GIG", "Sao-Paulo-Rio-GIG-2", "Sao-Paulo-2-Rio-GIG", "Rio-GIG-node",
    ]  # fmt: skip
    assert [link.capacity_bps.a_to_z for link in topology.links] == [10**10, 4 * 10**10, 4 * 10**10, 4 * 10**10]
    sao_paulo, unknown, rio, _ = topology.nodes
    light_ns = great_circle_km(sao_paulo.location, rio.location) * 1.3 * FIBRE_NS_PER_KM
    assert light_ns <= topology.links[0].delay_ns.a_to_z <= light_ns + 1_000
    assert unknown.location is None
    assert topology.links[2].delay_ns.a_to_z == 7_000_000
    assert len(topology.sites) == 8


def test_every_assumption_is_told(zoo):
    notes = "\n".join(import_topology(str(zoo), Defaults()).notes)
    for told in (
        "'São Paulo' is Sao-Paulo", "100Gbps for 3 of 4 links", "great circle x 1.3", "1ms for 1 link",
        "numbered from 1", "sites: 1 at each node", "left out: 1 link from a node to itself", "other networks",
    ):  # fmt: skip
        assert told in notes


@pytest.mark.parametrize("name", ["sndlib/germany50", "sndlib/nobel-eu", "topozoo/Abilene", "gabriel/25/0"])
def test_what_topohub_has_reads_back_and_hangs_together(name):
    imported = import_topology(name, Defaults())
    topology = imported.topology
    assert read_topology(write_topology(topology, header=imported.notes), name) == topology
    assert nx.is_connected(nx.Graph((link.a, link.z) for link in topology.links))


def test_lengths_count_before_positions(tmp_path):
    topology = import_topology(node_link(tmp_path / "net.json"), Defaults(route_factor=2.0)).topology
    assert topology.links[0].delay_ns.a_to_z == 500 * 2 * FIBRE_NS_PER_KM


def test_positions_in_a_plane_are_no_locations():
    """Those of generated networks: their lengths give them away."""
    imported = import_topology("gabriel/25/0", Defaults())
    assert {node.location for node in imported.topology.nodes} == {None}
    assert any("positions left out" in note for note in imported.notes)


def test_a_network_without_sites():
    assert import_topology("sndlib/abilene", Defaults(sites_per_node=0)).topology.sites == ()


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"nodes": []}', '{"nodes": [], "edges": []}', '{"nodes": [1], "edges": []}',
        '{"nodes": 3, "edges": 4}', '{"nodes": {"id": 0}, "edges": []}',
        '{"nodes": [{"id": 0}, {"id": "0"}], "edges": []}',
        '{"nodes": [{"id": 0}], "edges": [{"source": 0}]}', '{"nodes": [{"id": 0}], "edges": "ab"}', "{" * 100_000,
        "<", "<graphml/>", "<html><body/></html>", '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"/>',
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><graphml/>',
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="undirected"/></graphml>',
    ],
)  # fmt: skip
def test_what_is_no_network_is_refused_with_its_name(tmp_path, text):
    path = tmp_path / "net"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=str(path)):
        import_topology(str(path), Defaults())


def test_a_node_that_only_a_link_names_is_not_made_up(tmp_path):
    path = tmp_path / "net.graphml"
    path.write_text(
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="undirected">'
        '<node id="a"/><node id="b"/>'
        '<edge source="a" target="b"/><edge source="a" target="c"/></graph></graphml>'
    )
    imported = import_topology(str(path), Defaults())
    assert ([node.name for node in imported.topology.nodes], len(imported.topology.links)) == (["a", "b"], 1)
    assert any("left out: 1 link from a node to itself, or to none that is listed" in note for note in imported.notes)


def test_what_is_too_large_is_not_read_in_part(tmp_path):
    path = tmp_path / "net.json"
    path.write_text('{"nodes": [{"id": 0}], "edges": []}' + " " * MAX_BYTES)
    with pytest.raises(InvalidInput, match="larger than 8 MiB"):
        import_topology(str(path), Defaults())


@pytest.mark.parametrize(
    "node",
    [{"id": 0, "pos": ["x", None]}, {"id": 0, "pos": [1e400, 0]}, {"id": 0, "pos": [999, 99]}, {"id": 0, "name": 7}],
)
def test_odd_values_are_missing_values(tmp_path, node):
    nodes = [node, {"id": 1, "lat": "50.1", "lon": "8.7"}]
    edges = [{"source": 0, "target": 1, "dist": -4, "capacity_bps": "fast"}]
    topology = import_topology(node_link(tmp_path / "net.json", nodes=nodes, edges=edges), Defaults()).topology
    assert topology.nodes[0].location is None
    assert topology.nodes[1].location is not None
    assert topology.links[0].delay_ns.a_to_z == 1_000_000


@pytest.mark.parametrize("rate", [1e16, 0.5, -1, "fast"])
def test_a_rate_that_no_topology_may_have_is_not_told(tmp_path, rate):
    edges = [{"source": 0, "target": 1, "capacity_bps": rate}]
    topology = import_topology(node_link(tmp_path / "net.json", edges=edges), Defaults()).topology
    assert topology.links[0].capacity_bps.a_to_z == Defaults().capacity_bps


def test_a_name_that_nobody_knows():
    with pytest.raises(InvalidInput, match="did you mean 'germany50'"):
        import_topology("sndlib/germany05", Defaults())


def test_two_edges_of_a_directed_graph_are_one_link():
    edges = [Span(a="a", z="b"), Span(a="b", z="a"), Span(a="b", z="a"), Span(a="b", z="c"), Span(a="a", z="b")]
    assert [(span.a, span.z) for span in once_for_both_directions(iter(edges))] == [("a", "b"), ("b", "a"), ("b", "c")]


@settings(deadline=None)
@given(st.lists(st.text(max_size=80), max_size=30))
def test_names_keep_the_rules_and_are_unique(wishes):
    names = Names()
    taken = [names.take(wish) for wish in wishes]
    assert [name_problem(name) for name in taken] == [None] * len(taken)
    assert len({name.lower() for name in taken}) == len(taken)
