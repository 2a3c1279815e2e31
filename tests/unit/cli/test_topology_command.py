"""`trunkline topology`: what a person and a script get to see, and the exit codes."""

import json

import networkx as nx
import pytest
import yaml
from running.command import LAB_SMALL, ROOT, topology, trunkline, write

from controller.documents import load_topology, read_topology

CHINA = ROOT / "topologies/china-backbone.yaml"
NODES = [
    {"name": "a", "role": "pe", "location": {"lat": 39.90, "lon": 116.41}},
    {"name": "b", "role": "pe", "location": {"lat": 31.23, "lon": 121.47}},
]


def link(name="ab", port=1, **other):
    return {
        "name": name, "a": "a", "z": "b", "aPort": port, "zPort": port, "capacity": "1Gbps", "delay": "7ms",
    } | other  # fmt: skip


def file(tmp_path, *links):
    return write(tmp_path / "net.yaml", topology(nodes=NODES, links=list(links)))


@pytest.mark.parametrize("command", ["show", "check"])
def test_without_a_file_it_says_what_to_do(command):
    answer = trunkline("topology", command)
    assert (answer.code, answer.out) == (1, "")
    assert "-t FILE" in answer.err


def test_check_a_sound_network():
    answer = trunkline("topology", "check", "-t", CHINA)
    assert (answer.code, answer.out) == (0, "china-backbone: 41 nodes, 87 links: no findings\n")


def test_warnings_are_no_failure(tmp_path):
    answer = trunkline("topology", "check", "-t", file(tmp_path, link()), "-o", "json")
    found = json.loads(answer.out)
    assert (answer.code, found["errors"]) == (0, 0)
    assert {(one["kind"], *one["objects"]) for one in found["findings"]} == {("BRIDGE", "ab"), ("NO_DEVICE", "a", "b")}


def test_errors_are_exit_code_two(tmp_path):
    path = file(tmp_path, link(delay="1ms"))
    answer = trunkline("topology", "check", "-t", path)
    assert answer.code == 2
    assert "less than light in fibre takes for the 1067 km from a to b: 5.23ms at least" in answer.out
    assert answer.out.endswith("net: 2 nodes, 1 link: 2 errors, 2 warnings\n")
    found = json.loads(trunkline("topology", "check", "-t", path, "-o", "json").out)
    assert (found["errors"], found["warnings"], len(found["findings"])) == (2, 2, 4)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ([link(), link("two")], "port 1 of 'a' is used on line"),
        ([link(capacity="0bps")], "0bps is no capacity"),
        ([link(), link(port=2)], "there is a link 'ab' on line"),
        ([link(z="c")], "there is no node 'c'"),
    ],
)
def test_faults_of_the_document_are_exit_code_one(tmp_path, fault, told):
    path = file(tmp_path, *fault)
    answer = trunkline("topology", "check", "-t", path)
    assert (answer.code, answer.out) == (1, "")
    assert told in answer.err
    answer = trunkline("topology", "check", "-t", path, "-o", "json")
    assert answer.code == 1
    assert any(told in one["message"] and one["line"] for one in json.loads(answer.out)["findings"])


def test_a_file_that_is_not_there(tmp_path):
    answer = trunkline("topology", "check", "-t", tmp_path / "none.yaml")
    assert (answer.code, answer.out) == (1, "")
    assert "none.yaml" in answer.err


def test_show_as_tables():
    answer = trunkline("topology", "show", "-t", CHINA)
    lines = answer.out.splitlines()
    assert lines[:3] == [
        "china-backbone: 41 nodes, 87 links, 69 sites, 7 gateways",
        "200.8Tbps over all links, each counted in one direction",
        "2.46Tbps abroad",
    ]
    first = {line.split()[0] for line in lines if line.strip()}
    network = load_topology(CHINA)
    for part in (*network.nodes, *network.links, *network.sites, *network.gateways):
        assert part.name in first
    assert "◆" in answer.out


def test_show_as_data():
    found = json.loads(trunkline("topology", "show", "-t", CHINA, "-o", "json").out)
    network = load_topology(CHINA)
    assert found["totals"]["gatewayCapacityBps"] == 2_460 * 10**9
    assert [one["name"] for one in found["links"]] == [one.name for one in network.links]
    assert found["links"][0]["delayUs"]["aToZ"] == network.links[0].delay_ns.a_to_z / 1000


def test_show_as_the_document_it_is():
    text = trunkline("topology", "show", "-t", LAB_SMALL, "-o", "yaml").out
    assert read_topology(text, "shown") == load_topology(LAB_SMALL)


def test_a_map_beside_the_data(tmp_path):
    target = tmp_path / "map.svg"
    answer = trunkline("topology", "show", "-t", LAB_SMALL, "--map", target, "-o", "json")
    assert json.loads(answer.out)["topology"] == "lab-small"
    assert answer.err == f"drawn: {target}\n"
    assert target.read_text().startswith("<svg")


@pytest.mark.parametrize("name", ["map.gif", "map"])
def test_a_form_that_cannot_be_drawn(tmp_path, name):
    answer = trunkline("topology", "show", "-t", LAB_SMALL, "--map", tmp_path / name)
    assert answer.code == 1
    assert ".svg, .html or .png" in answer.err


def test_a_map_that_cannot_be_written(tmp_path):
    answer = trunkline("topology", "show", "-t", LAB_SMALL, "--map", tmp_path / "none" / "map.svg")
    assert answer.code == 1
    assert "No such file or directory" in answer.err


def test_import_to_standard_output_and_what_was_assumed_to_standard_error():
    answer = trunkline("topology", "import", "sndlib/germany50", "--default-capacity", "10Gbps", "--sites", "2")
    network = read_topology(answer.out, "imported")
    assert (answer.code, len(network.nodes), len(network.sites)) == (0, 50, 100)
    assert {link.capacity_bps.a_to_z for link in network.links} == {10 * 10**9}
    assert "10Gbps for 88 of 88 links" in answer.err
    for note in answer.err.splitlines():
        assert f"# {note}\n" in answer.out  # the file keeps what is known about it


def test_import_into_a_file_that_can_be_planned_with(tmp_path):
    graph = nx.path_graph(3)
    nx.set_node_attributes(graph, {0: "x", 1: "y", 2: "z"}, "label")
    source, target = tmp_path / "path.graphml", tmp_path / "path.yaml"
    nx.write_graphml(graph, source)
    answer = trunkline("topology", "import", source, "--to", target)
    assert (answer.code, answer.out) == (0, "")
    assert f"written: {target} (3 nodes, 2 links, 3 sites)" in answer.err
    spec = {"a": {"site": "site-x-1"}, "z": {"site": "site-z-1"}, "bandwidth": "1Gbps"}
    line = {"apiVersion": "trunkline/v1", "kind": "PrivateLine", "metadata": {"tenant": "t", "name": "n"}, "spec": spec}
    lines = write(tmp_path / "lines.yaml", line)
    planned = yaml.safe_load(trunkline("plan", "-t", target, "-f", lines, "-o", "yaml").out)
    assert planned["intents"][0]["paths"][0]["nodes"] == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("none.graphml",), "there is no file 'none.graphml'"),
        (("sndlib/abilene", "--default-capacity", "10"), "--default-capacity: '10' is not a rate"),
        (("sndlib/abilene", "--default-capacity", "0bps"), "more than 0"),
        (("sndlib/abilene", "--default-delay", "fast"), "--default-delay: 'fast' is not a delay"),
        (("sndlib/abilene", "--route-factor", "0.5"), "--route-factor"),
        (("sndlib/abilene", "--route-factor", "nan"), "nan is not a number"),
        (("sndlib/abilene", "--to", "/nowhere/x.yaml"), "/nowhere/x.yaml cannot be written"),
    ],
)
def test_import_says_what_is_wrong(arguments, told):
    answer = trunkline("topology", "import", *arguments)
    assert (answer.code, answer.out) == (1, "")
    assert told in answer.err


@pytest.mark.parametrize("command", ["show", "check", "import"])
def test_help_fits_a_narrow_terminal(command):
    answer = trunkline("topology", command, "--help")
    assert answer.code == 0
    assert max(map(len, answer.out.splitlines())) <= 80
