"""The bench as a whole: what it prints, that a seed decides everything, and that a wrong answer ends it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import click
import pytest
from click.testing import CliRunner
from small_networks import small_case

from controller.__main__ import trunkline
from controller.bench import cases, demands, suite
from controller.bench.arcs import Arcs
from controller.bench.checking import Disagreement, Judge
from controller.bench.demands import Query
from controller.bench.engine import Engine
from controller.bench.peers import roster
from controller.bench.peers.way import Finder, Way
from controller.bench.rows import Report, row_of
from controller.bench.timing import Contender, interleaved
from controller.bench.works import batch
from controller.bench.works.setting import Effort, Setting

SMALL = "topologies/lab-small.yaml"
ABILENE = "topozoo/Abilene"


def bench(*arguments):
    return CliRunner().invoke(trunkline, ["bench", "paths", *arguments], catch_exceptions=False, standalone_mode=False)


@pytest.fixture(scope="module")
def printed():
    """All works on a network of eleven nodes, as -o json prints them."""
    effort = Effort(repetitions=3, queries=40, demands=60, allowance_s=0.001, cases=1)
    report = suite.run("paths", works=(), cases=(ABILENE,), seed=1, effort=effort, tell=lambda _: None)
    return json.loads(json.dumps(report.as_json()))


def test_json_has_the_promised_shape(printed):
    assert printed["bench"] == "paths"
    assert {"date", "processor", "cores", "memoryGb"} <= printed["machine"].keys()
    assert {"python", "numba", "networkx"} <= printed["versions"].keys()
    for row in printed["rows"]:
        assert list(row) == ["work", "case", "engine", "unit", "median", "p25", "p75", "n", "detail"]
        assert row["case"] == ABILENE
        assert row["unit"] in ("us", "ms")
        assert 0 < row["p25"] <= row["median"] <= row["p75"]
        assert row["n"] == 3
        assert row["detail"]["nodes"] == 11


def test_every_work_has_our_row_and_another_one(printed):
    engines = {}
    for row in printed["rows"]:
        engines.setdefault(row["work"], set()).add(row["engine"])
    assert list(engines) == [
        "single-batch",
        "single-batch-corouted",
        "single-call",
        "cost-bounded",
        "admission",
        "disjoint",
        "k8",
        "failure",
        "whatif",
        "cpp",
    ]
    for work, found in engines.items():
        assert "trunkline" in found
        assert len(found) > 1 or work == "cpp"


def test_what_was_saved_is_shown_again(printed, tmp_path):
    saved = tmp_path / "run.json"
    saved.write_text(json.dumps(printed), encoding="utf-8")
    for row in printed["rows"]:
        assert row["engine"] in bench("--from", str(saved)).stdout
        break
    lines = bench("--from", str(saved), "-o", "markdown").stdout.splitlines()
    assert lines[0].startswith("| work | case | trunkline |")
    assert sum(line.startswith("| single-") for line in lines) == 3
    assert Report.from_json(printed).as_json() == printed


def test_the_table_of_a_document_is_replaced(printed, tmp_path):
    saved, document = tmp_path / "run.json", tmp_path / "page.md"
    saved.write_text(json.dumps(printed), encoding="utf-8")
    document.write_text("before\n<!-- bench paths -->\nold\n<!-- end of bench paths -->\nafter\n", encoding="utf-8")
    assert bench("--from", str(saved), "-o", "markdown", "--to", str(document)).exit_code == 0
    lines = document.read_text(encoding="utf-8").splitlines()
    assert (lines[0], lines[1], lines[-2], lines[-1]) == (
        "before",
        "<!-- bench paths -->",
        "<!-- end of bench paths -->",
        "after",
    )
    assert "old" not in lines
    assert lines[2].startswith("| work |")


@pytest.mark.parametrize(
    ("content", "arguments", "told"),
    [
        ("{}", (), "not what `trunkline bench -o json` prints"),
        ("no json", (), "not what `trunkline bench -o json` prints"),
        (None, ("-o", "plot", "--to", "picture.pdf"), "has to end in .svg or .png"),
        (None, ("-o", "json", "--to", "x.svg"), "--to goes with"),
        (None, ("-o", "markdown", "--to", "no-such-page.md"), "no lines"),
    ],
)
def test_a_wrong_use_is_told(printed, tmp_path, content, arguments, told):
    saved = tmp_path / "run.json"
    saved.write_text(json.dumps(printed) if content is None else content, encoding="utf-8")
    with pytest.raises(click.UsageError, match=re.escape(told)):
        bench("--from", str(saved), *arguments)


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_plot_is_drawn(printed, tmp_path, suffix):
    pytest.importorskip("matplotlib")
    saved, picture = tmp_path / "run.json", tmp_path / f"plot.{suffix}"
    saved.write_text(json.dumps(printed), encoding="utf-8")
    assert bench("--from", str(saved), "-o", "plot", "--to", str(picture)).exit_code == 0
    assert picture.stat().st_size > 10_000


def test_a_topology_file_is_a_case():
    result = bench("--quick", "--case", SMALL, "--work", "single-batch-corouted", "-o", "json")
    rows = json.loads(result.stdout)["rows"]
    assert {row["case"] for row in rows} == {SMALL}
    assert {row["engine"].partition("/")[0] for row in rows} >= {"trunkline", "networkx"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--case", "nowhere"), "no network is called nowhere"),
        (("--case", "geometric/5"), "from 10 to 100000"),
        (("--case", "missing.yaml"), "cannot be read"),
        (("--work", "everything"), "no work called everything"),
    ],
)
def test_an_unknown_name_is_an_error_that_says_what_there_is(arguments, told):
    result = CliRunner().invoke(trunkline, ["bench", "paths", *arguments])
    assert result.exit_code == 1
    assert told in result.output
    assert "Traceback" not in result.output


def test_a_seed_decides_everything():
    for name in (ABILENE, "geometric/50"):
        one, again, other = (cases.case_named(name, seed) for seed in (1, 1, 2))
        assert one.topology == again.topology != other.topology
        assert demands.congested(one, 1).topology == demands.congested(one, 1).topology
        assert demands.congested(one, 1).topology != demands.congested(one, 2).topology
        made = [demands.batches(one, seed, count=2, size=50, corouted=True) for seed in (1, 1, 2)]
        assert made[0] == made[1] != made[2]
        assert demands.lines(one, 1, 50) == demands.lines(one, 1, 50) != demands.lines(one, 2, 50)


def test_congestion_is_where_it_is_said_to_be():
    case = demands.congested(cases.case_named("geometric/2000", 1), 1)
    free = Arcs.of(case).free_bps
    full = (free < demands.RATES_BPS[0]).mean()
    assert 0.02 < full < 0.04
    assert ((free < demands.RATES_BPS[0]) | (free >= demands.RATES_BPS[-1])).all()


def lying(way, arcs):
    """The same way, but it never finds what is more than one hop away."""

    def filtered(there, back):
        finder = way.filtered(there, back)

        def find(a, z):
            route = finder.find(a, z)
            return route if route is None or len(route) == 2 else None

        return Finder.one_by_one(find)

    return Way(way.name, filtered)


def test_an_engine_that_differs_ends_the_bench(monkeypatch):
    monkeypatch.setattr(batch, "ways", lambda arcs: [lying(roster.ways(arcs)[0], arcs)])
    case = cases.case_named(ABILENE, 1)
    effort = Effort(repetitions=1, queries=50, demands=10, allowance_s=1.0, cases=1)
    contenders = batch.corouted(Setting(case=case, seed=1, effort=effort))
    with pytest.raises(Disagreement, match="found None, but"):
        interleaved(contenders, 1)
    result = CliRunner().invoke(
        trunkline, ["bench", "paths", "--quick", "--case", ABILENE, "--work", "single-batch-corouted"]
    )
    assert result.exit_code == 1
    assert "engines disagree" in result.output


@pytest.mark.parametrize("route", [[0], [0, 2], [0, 1, 0, 2], []])
def test_a_route_that_is_none_is_found_out(route):
    case = small_case(3)
    arcs = Arcs.of(case)
    missing_hop = [pair for pair in ((0, 1), (0, 2), (0, 3)) if pair not in arcs.arcs_between]
    assert missing_hop or route != [0, 2]
    with pytest.raises(Disagreement):
        Judge(arcs).delay_ns("somebody", Query(0, 2, 10**18, 0), route)


def test_memory_is_told_and_trees_grow():
    engine = Engine(cases.case_named(ABILENE, 1))
    before = engine.memory()
    assert before["graphMb"] > 0
    assert before["treesMb"] <= before["treesMostMb"]


def test_quartiles_are_those_of_the_figures():
    row = row_of(work="w", case="c", engine="a/b", unit="us", figures=[5.0, 1.0, 3.0, 2.0, 4.0], detail={})
    assert (row.p25, row.median, row.p75, row.n, row.library) == (2.0, 3.0, 4.0, 5, "a")
    assert replace(row, n=1).n == 1
    single = row_of(work="w", case="c", engine="a", unit="us", figures=[7.12345], detail={})
    assert single.p25 == single.median == single.p75 == 7.123


def test_contenders_take_turns():
    order = []

    def contender(name, most):
        return Contender(name, lambda repetition: order.append((repetition, name)) or 1.0, dict, most)

    figures = interleaved([contender("x", 9), contender("y", 9), contender("z", 1)], 3)
    assert [name for _, name in order] == ["x", "y", "z", "y", "x", "x", "y"]
    assert {name: len(found) for name, found in figures.items()} == {"x": 3, "y": 3, "z": 1}
