"""Maps show every node where it is and every link, whatever the network; those in the documents are up to date."""

import sys
from itertools import combinations
from math import hypot
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running.command import LAB_SMALL, ROOT, trunkline
from strategies import topologies

from controller.cli.maps.drawing import draw
from controller.cli.maps.sketch import FONT, LETTER, sketch
from controller.cli.maps.svg import to_svg
from controller.cli.maps.text import to_text
from controller.documents import load_topology
from controller.domain.topology import Location, Node, Role, Topology

CHINA = load_topology(ROOT / "topologies/china-backbone.yaml")
SVG = "{http://www.w3.org/2000/svg}"
LOCATIONS = st.one_of(
    st.none(),
    st.builds(Location, lat=st.floats(-90, 90), lon=st.floats(-180, 180)),
    st.just(Location(lat=39.9, lon=116.4)),  # several in one place
)


@st.composite
def located(draw: st.DrawFn) -> Topology:
    plain = draw(topologies())
    nodes = [
        Node(name=node.name, role=draw(st.sampled_from(Role)), location=draw(LOCATIONS), enabled=draw(st.booleans()))
        for node in plain.nodes
    ]
    return Topology(name="<&>", nodes=tuple(nodes), links=plain.links)


@settings(deadline=None)
@given(located())
def test_every_node_and_link_is_on_the_sheet(topology: Topology) -> None:
    drawn = sketch(topology)
    assert len(drawn.lines) == len(topology.links)
    for dot in drawn.dots:
        assert 0 <= dot.at.x <= drawn.width
        assert 0 <= dot.at.y <= drawn.height
    for one, other in combinations(drawn.dots, 2):
        assert hypot(one.at.x - other.at.x, one.at.y - other.at.y) > one.radius
    root = ElementTree.fromstring(to_svg(drawn))
    assert len(root.findall(f".//{SVG}path")) == len(topology.links)
    assert len(root.findall(f".//{SVG}circle/{SVG}title")) == len(topology.nodes)


@settings(deadline=None)
@given(located(), st.integers(40, 120))
def test_a_map_of_letters_has_its_width_and_a_mark_for_every_role(topology: Topology, columns: int) -> None:
    *lines, legend = to_text(topology, columns)
    assert max(map(len, lines)) <= columns
    letters = "".join(lines)
    for mark, role in (("◆", Role.P), ("●", Role.PE), ("■", Role.OTN)):
        there = any(node.role is role for node in topology.nodes)
        assert (mark in letters, mark in legend) == (there, there)


def test_where_no_link_is_a_core_link_all_are_just_links() -> None:
    edges = [Node(name=name, role=Role.PE) for name in "ab"]
    topology = Topology(name="net", nodes=tuple(edges), links=())
    assert list(to_text(topology, 60))[-1] == "● edge   · link"
    assert list(to_text(CHINA, 60))[-1] == "● edge   ◆ transit   ∙ core link   · access link"


def test_north_is_up_and_east_is_right() -> None:
    at = {dot.label: dot.at for dot in sketch(CHINA).dots}
    assert at["pe-hrb"].y < at["p-bj"].y < at["p-wh"].y < at["p-gz"].y < at["pe-hk"].y
    assert at["pe-ur"].x < at["pe-lsa"].x < at["p-cd"].x < at["p-wh"].x < at["p-sh"].x


def test_labels_hide_neither_one_another_nor_nodes() -> None:
    drawn = sketch(CHINA)
    boxes = [
        (dot.label_at.x, dot.label_at.y - FONT + 2, dot.label_at.x + LETTER * len(dot.label), dot.label_at.y + 3)
        for dot in drawn.dots
        if dot.label_at is not None
    ]
    assert len(boxes) == len(CHINA.nodes)
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    for left, top, right, bottom in boxes:
        assert not any(left < dot.at.x < right and top < dot.at.y < bottom for dot in drawn.dots)


def test_gateways_and_capacities_show() -> None:
    drawn = sketch(CHINA)
    assert {dot.label for dot in drawn.dots if dot.gateway} == {gateway.node for gateway in CHINA.gateways}
    widths = {line.about.partition(":")[0]: line.width for line in drawn.lines}
    assert widths["bj-gz-1"] > widths["bj-gz-2"] > widths["up-lsa-cd"]


def test_the_map_in_the_documents_is_up_to_date() -> None:
    again = "run: trunkline topology show -t topologies/china-backbone.yaml --map docs/china-backbone.svg"
    assert (ROOT / "docs/china-backbone.svg").read_text(encoding="utf-8") == to_svg(sketch(CHINA)), again


@pytest.mark.parametrize(("name", "begins"), [("map.svg", "<svg"), ("map.html", "<!DOCTYPE html>")])
def test_forms_that_need_nothing(tmp_path, name, begins) -> None:
    draw(load_topology(LAB_SMALL), tmp_path / name)
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)


def test_a_picture_of_points(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    draw(load_topology(LAB_SMALL), tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_points_without_what_draws_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # as if it were not installed
    answer = trunkline("topology", "show", "-t", LAB_SMALL, "--map", tmp_path / "map.png")
    assert (answer.code, answer.out) == (1, "")
    assert "needs matplotlib" in answer.err
    assert not (tmp_path / "map.png").exists()
