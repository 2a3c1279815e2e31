"""``trunkline bench``: the path engine and the choice of gateways beside others, and how lines come onto switches."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.app import trunkline
from controller.cli.durations import DurationType
from controller.cli.failing import EXIT_ERROR, telling, usage
from controller.cli.output import console, note
from controller.cli.pictures import check_ending, drawing

if TYPE_CHECKING:
    from controller.bench.rows import Report

# What is measured, and with what, is imported when a bench runs: no other command should wait for it.

NAMES = ("paths", "apply", "netconf", "egress")
APPLY_REPETITIONS = 3


class Shape(StrEnum):
    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    PLOT = "plot"


@trunkline.command(short_help="Measure the path engine, how lines are applied, NETCONF, or egress.")
@click.argument("name", type=click.Choice(NAMES))
@click.option(
    "--case",
    "cases",
    multiple=True,
    metavar="NAME|FILE",
    help="A network: a name of topohub's, geometric/N, or a topology file. Several times: several. For apply: one "
    "topology file, that of the lab. For netconf: '12 devices', '100 devices', 'one line'. For egress: one of "
    "its instances (china-backbone, links-capped...), or a network.",
)
@click.option("--work", "works", multiple=True, metavar="WORK", help="Only this work. Several times: several.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="For all that is random.")
@click.option("--quick", is_flag=True, help="Small networks, few repetitions: under a minute, and rough.")
@click.option(
    "--lp-limit",
    "lp_seconds",
    type=DurationType(),
    metavar="DURATION",
    help="For egress: each method of HiGHS is given up after it (300s; 30s with --quick), and its row says so.",
)
@click.option(
    "--from",
    "saved",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Run nothing: show what -o json printed before.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where -o plot draws (.svg or .png; default bench.svg), or the document whose table -o markdown replaces.",
)
@click.option(
    "-o",
    "--output",
    "shape",
    type=click.Choice([str(shape) for shape in Shape]),
    default="table",
    show_default=True,
    help="What to print, or to draw.",
)
def bench(
    name: str,
    cases: tuple[str, ...],
    works: tuple[str, ...],
    seed: int,
    quick: bool,
    lp_seconds: int | None,
    saved: Path | None,
    target: Path | None,
    shape: str,
) -> None:
    """Measure the path engine (paths), how fast lines come onto switches (apply), NETCONF (netconf), or the choice of
    gateways (egress).

    paths: beside networkx, rustworkx, igraph, scipy and C++. Needs the extra `bench` (pip install 'trunkline[bench]');
    who is not installed is left out. All answers are compared, and a difference is an error. The whole takes about
    a quarter of an hour.

    apply: 300 and 1,000 lines over Open vSwitch, in namespaces of their own (needs root; else over simulated
    switches), raw rules into one switch beside ovs-ofctl, 10,000 lines over simulated switches and a restart with them.

    netconf: the two-phase change of 12 and 100 devices beside ncclient, and one line over 2 PEs and 4 OTN nodes, from
    the request to verified (this one needs root). Needs netconfd and sshd. Takes some three minutes; --quick leaves
    the 100 devices out.

    egress: 74,000 and 200,000 aggregates over 7 and 12 gateways, beside simple rules and HiGHS (extra `bench`), each
    answer checked; after a failure, and cycle after cycle. -o plot draws one instance, beside simple rules.
    """
    chosen = Shape(shape)
    if target is not None and chosen not in (Shape.PLOT, Shape.MARKDOWN):
        raise usage("--to goes with -o plot and -o markdown")
    if chosen is Shape.PLOT and target is not None:
        check_ending(target)
    if name == "egress" and chosen is Shape.PLOT:
        _draw_egress(cases, seed, quick, target)
        return
    if saved is not None:
        report = _read(saved)
    elif name == "apply":
        report = _applied(works, cases, seed, quick)
    elif name == "netconf":
        report = _over_netconf(works, cases, quick)
    elif name == "egress":
        report = _gateways_chosen(works, cases, seed, quick, lp_seconds)
    else:
        report = _measured(name, works, cases, seed, quick)
    _print(report, chosen, target)


def _applied(works: tuple[str, ...], cases: tuple[str, ...], seed: int, quick: bool) -> Report:
    from controller.bench.bulk import suite
    from controller.bench.bulk.server import BenchFailed

    if len(cases) > 1:
        raise usage("--case: apply takes one topology file, that of the lab")
    case = Path(cases[0]) if cases else None
    if case is not None and not case.is_file():
        raise usage(f"--case {case}: for apply, name a topology file")
    with telling():
        try:
            return suite.run(works, case, seed=seed, repetitions=1 if quick else APPLY_REPETITIONS, tell=note)
        except BenchFailed as error:
            note(f"error: {error}")
            raise SystemExit(EXIT_ERROR) from error


def _over_netconf(works: tuple[str, ...], cases: tuple[str, ...], quick: bool) -> Report:
    from controller.bench.bulk.server import BenchFailed
    from controller.bench.checking import Disagreement
    from controller.bench.netconf import suite
    from controller.bench.works.setting import FULL, QUICK

    with telling():
        try:
            return suite.run(works=works, cases=cases, effort=QUICK if quick else FULL, tell=note)
        except (BenchFailed, Disagreement) as error:
            note(f"error: {error}")
            raise SystemExit(EXIT_ERROR) from error


def _gateways_chosen(
    works: tuple[str, ...], cases: tuple[str, ...], seed: int, quick: bool, lp_seconds: int | None
) -> Report:
    from controller.bench.egress import suite
    from controller.bench.egress.works import Wrong

    with telling():
        try:
            return suite.run(works, cases, seed=seed, quick=quick, tell=note, lp_seconds=lp_seconds)
        except Wrong as error:
            note(f"error: the optimum of HiGHS and ours differ, so no figure counts: {error}")
            raise SystemExit(EXIT_ERROR) from error


def _draw_egress(cases: tuple[str, ...], seed: int, quick: bool, target: Path | None) -> None:
    from controller.bench.egress.instances import BACKBONE
    from controller.bench.egress.setting import Setting
    from controller.bench.egress.suite import QUICK_AGGREGATES
    from controller.cli.egress_plot import draw_outcomes
    from controller.compiler.egress_comparison import outcomes

    if len(cases) > 1:
        raise usage("-o plot draws one instance: give one --case")
    name = cases[0] if cases else BACKBONE
    picture = Path("bench.svg") if target is None else target
    with telling():
        setting = Setting.of(name, seed, QUICK_AGGREGATES if quick else None)
    capacities = setting.instance.exits.capacity_bps.tolist()
    title = f"{name}, seed {seed}: {len(setting.instance.demand)} aggregates"
    found = outcomes(setting.instance, setting.best.shares)
    with drawing(picture):
        draw_outcomes(found, list(zip(setting.gateways, capacities, strict=True)), title, picture)


def _measured(name: str, works: tuple[str, ...], cases: tuple[str, ...], seed: int, quick: bool) -> Report:
    from controller.bench import suite
    from controller.bench.checking import Disagreement
    from controller.bench.works.setting import FULL, QUICK

    with telling():
        try:
            return suite.run(name, works=works, cases=cases, seed=seed, effort=QUICK if quick else FULL, tell=note)
        except Disagreement as error:
            note(f"error: engines disagree, so no figure counts: {error}")
            raise SystemExit(EXIT_ERROR) from error


def _read(path: Path) -> Report:
    from controller.bench.rows import Report

    try:
        return Report.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise usage(f"--from {path}: not what `trunkline bench -o json` prints") from error


def _print(report: Report, shape: Shape, target: Path | None) -> None:
    from controller.bench import plot, tables
    from controller.bench.bulk import tables as bulk_tables
    from controller.bench.egress import tables as egress_tables

    own = {"apply": bulk_tables, "netconf": bulk_tables, "egress": egress_tables}
    chosen = own.get(report.bench, tables)
    match shape:
        case Shape.TABLE:
            chosen.show(report, console())
        case Shape.JSON:
            click.echo(json.dumps(report.as_json(), indent=1, ensure_ascii=False))
        case Shape.MARKDOWN:
            table = chosen.markdown(report)
            if target is None:
                click.echo(table, nl=False)
            else:
                _replace_table(target, report.bench, table)
        case Shape.PLOT:
            if not plot.drawable(report.rows):
                raise usage("nothing to draw: a plot needs a work whose name begins with single-")
            picture = Path("bench.svg") if target is None else target
            with drawing(picture):
                plot.draw(report, picture)


def _replace_table(document: Path, name: str, table: str) -> None:
    """Put the table between the two marks in the document; what stands there goes."""
    begin, end = f"<!-- bench {name} -->\n", f"<!-- end of bench {name} -->"
    text = document.read_text(encoding="utf-8") if document.exists() else ""
    if begin not in text or end not in text:
        raise usage(f"--to {document}: no lines `{begin.strip()}` and `{end}` to put the table between")
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    document.write_text(f"{head}{begin}{table}{end}{tail}", encoding="utf-8")
    note(f"table replaced in {document}")
