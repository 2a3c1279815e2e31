"""What ``bench apply`` applies, and how it tells of it; ``test_bulk_*`` of the other tests run it."""

from __future__ import annotations

import json

import networkx as nx
import pytest
from click.testing import CliRunner
from rich.console import Console

from controller.__main__ import trunkline
from controller.bench.bulk import suite, tables
from controller.bench.bulk.network import CORES, EDGES, generated_topology, lines_for, probes_for
from controller.bench.rows import Report, row_of
from controller.compiler.planner import Planner
from controller.documents import load_topology, read_topology
from controller.domain.errors import InvalidInput
from controller.domain.validation import check_lines

SMALL = "topologies/lab-small.yaml"


@pytest.fixture(scope="module")
def generated():
    return read_topology(generated_topology().encode(), "generated.yaml")


def bench(*arguments):
    return CliRunner().invoke(trunkline, ["bench", "apply", *arguments], standalone_mode=False)


def test_the_generated_network_survives_any_single_failure(generated):
    graph = nx.Graph([(link.a, link.z) for link in generated.links])
    assert len(graph) == CORES + EDGES == 30
    assert nx.is_biconnected(graph)
    assert len({node.device.datapath_id for node in generated.nodes}) == 30


@pytest.mark.parametrize(("how_many", "seed"), [(300, 1), (1_000, 2)])
def test_lines_for_any_topology_are_in_order_and_all_have_room(generated, how_many, seed):
    for topology in (generated, load_topology(SMALL)):
        lines = lines_for(topology, how_many, seed)
        assert check_lines(lines, topology) == []
        planner = Planner(topology)
        plan = planner.plan(lines)
        assert plan.feasible
        planner.adopt(plan)
        probes = probes_for(topology, lines)
        assert check_lines(probes, topology) == []
        touched = planner.plan(probes)
        assert touched.feasible
        assert {device for device, _ in touched.changes()} == {node.name for node in topology.nodes}


def test_a_seed_decides_which_lines(generated):
    assert lines_for(generated, 50, 3) == lines_for(generated, 50, 3)
    assert lines_for(generated, 50, 3) != lines_for(generated, 50, 4)


def rules_row(engine, ms):
    return row_of(work="rules", case="one switch", engine=engine, unit="ms", figures=[ms], detail={"rules": 20_000})


@pytest.fixture
def report():
    detail = {"lines": 300, "rules": 4_738, "nodes": 30, "links": 55}
    batch = row_of(work="batch-300", case="net", engine="trunkline", unit="s", figures=[0.5, 0.6, 0.7], detail=detail)
    rows = (batch, rules_row("trunkline", 100.0), rules_row("bytes", 85.0), rules_row("ovs-ofctl", 800.0))
    machine = {"processor": "a processor", "cores": 2, "date": "today"}
    return Report(bench="apply", machine=machine, versions={"python": "3"}, rows=rows, notes=("a note",))


def test_the_table_has_figures_beside_goals(report):
    console = Console(record=True, width=200, file=open("/dev/null", "w"))  # noqa: SIM115 - closed with the console
    with console.file:
        tables.show(report, console)
        shown = console.export_text()
    assert "0.6 s" in shown
    assert "2 s" in shown
    assert "net (30 switches)" in shown
    assert "0.8 of bytes, is 0.85" in shown
    assert "a note" in shown


def test_saved_figures_are_shown_and_put_into_a_document(report, tmp_path):
    saved, document = tmp_path / "apply.json", tmp_path / "page.md"
    saved.write_text(json.dumps(report.as_json()))
    document.write_text("before\n<!-- bench apply -->\nold\n<!-- end of bench apply -->\nafter\n")
    assert bench("--from", str(saved), "-o", "json").exit_code == 0
    bench("--from", str(saved), "-o", "markdown", "--to", str(document))
    text = document.read_text()
    assert "old" not in text
    assert (
        "| batch-300 | net (30 switches) | trunkline | 0.6 s | 0.55 | 0.65 | 3 | 2 s | lines 300, rules 4738 |" in text
    )
    assert text.startswith("before\n")
    assert text.endswith("after\n")


def test_wrong_uses_are_told():
    with pytest.raises(InvalidInput, match="apply has no work called nonsense: there are batch-300"):
        suite.run(["nonsense"], None, seed=1, repetitions=1, tell=lambda _: None)
    for arguments in (["--case", "no/such.yaml"], ["--case", SMALL, "--case", SMALL]):
        answer = bench(*arguments)
        assert answer.exception is not None
        assert "--case" in str(answer.exception)
