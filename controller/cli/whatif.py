"""``trunkline whatif``: what failures would do to private lines, offline or against a server's network.

What only the offline analysis needs is imported when it begins, so that other commands answer at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from controller.cli.app import files_option, output_option, server_option, topology_option, trunkline
from controller.cli.client import connected
from controller.cli.failing import EXIT_INFEASIBLE, telling, usage
from controller.cli.output import Format, console, emit
from controller.cli.whatif_views import whatif_json
from controller.cli.whatif_words import whatif_table
from controller.documents import LocatedIntent, check_intents, load_intents, load_topology
from controller.domain.errors import Fault, InvalidInput
from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import path_pb2 as pb
from controller.wire.gen.trunkline.v1 import plan_pb2
from controller.wire.plans import plan_to_wire


@dataclass(slots=True)
class Report:
    """Everything there is to print. ``plan``: of the intents, offline."""

    header: pb.WhatIfHeader
    impacts: list[pb.FailureImpact] = field(default_factory=list)
    at_risk: Sequence[pb.LineAtRisk] = ()
    plan: plan_pb2.Plan | None = None

    @property
    def harmless(self) -> bool:
        """Whether every line survives whatever its ends survive, and no intent was left out."""
        return not any(impact.lost for impact in self.impacts) and (self.plan is None or self.plan.feasible)


@trunkline.command(short_help="Show what failures would do to private lines.")
@topology_option(required=False, help="Topology file: offline, with the intents of -f planned first.")
@files_option(required=False)
@click.option(
    "--fail",
    multiple=True,
    metavar="LINK|SRLG|NODE",
    help="What fails; given several times, all of it fails together. Where a name is that of several things, write "
    "link/NAME, node/NAME or srlg/NAME.",
)
@click.option("--all-single", is_flag=True, help="Every link, node and SRLG, each alone. The default without --fail.")
@click.option(
    "--lines", is_flag=True, help="List every line that is hit, failure by failure (json and yaml always do)."
)
@server_option
@output_option
def whatif(
    topology_file: Path | None,
    files: tuple[Path, ...],
    fail: tuple[str, ...],
    all_single: bool,
    lines: bool,
    server: str,
    output: Format,
) -> None:
    """Show what failures would do to private lines; nothing is changed.

    With -t offline: the intents of -f are planned into an empty network, and those that are infeasible are left out.
    Else against a server: all that is placed there.

    Of each failure, the worst first: how many lines it hits, how many of them survive on a new route with their
    bandwidth and within their bound, and how long that is. The others are too slow, lack bandwidth, are cut off, or end
    at what fails. Overloaded links would be too small for all lines that would go there.

    Exit code 2: a line would be lost although both its ends stand, or an intent is infeasible.
    """
    if fail and all_single:
        raise usage("--fail and --all-single exclude each other: --fail tries one failure, of all that is named")
    if topology_file is None and files:
        raise usage("-f goes with -t TOPOLOGY; against a server, all that is placed there is looked at")
    if topology_file is not None and not files:
        raise usage("-t plans the intents of files: name one with -f FILE")
    detailed = lines or output is not Format.TABLE
    with telling():
        located = load_intents(files) if files else ()
    with telling(server, located, offline="; or work offline with -t TOPOLOGY -f FILE"), _named_by_option():
        if topology_file is None:
            report = _online(server, fail, detailed=detailed)
        else:
            report = _offline(topology_file, located, fail, detailed=detailed)
    report.impacts.sort(key=_worst_first)
    shown = whatif_json(report.header, report.impacts, report.at_risk, report.plan)
    table = whatif_table(report.header, report.impacts, report.at_risk, report.plan, lines=lines)
    emit(output, shown, table)
    if not report.harmless:
        raise SystemExit(EXIT_INFEASIBLE)


def _offline(topology_file: Path, located: tuple[LocatedIntent, ...], fail: Sequence[str], *, detailed: bool) -> Report:
    from controller.compiler.failures import failures_to_try
    from controller.compiler.planner import Planner
    from controller.compiler.whatif import Laid, Toll
    from controller.wire.whatif import at_risk_to_wire, impact_to_wire

    topology = load_topology(topology_file)
    failures = failures_to_try(fail, topology)
    check_intents(located, topology)
    planner = Planner(topology)
    plan = planner.plan([one.intent for one in located])
    planner.adopt(plan)
    laid = Laid(planner.snapshot(), planner.lines)
    header = pb.WhatIfHeader(topology=topology.name, lines=len(planner.lines), failures=len(failures))
    report = Report(header, plan=plan_to_wire(plan, topology))
    toll = Toll()
    workers = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers) as executor, _progress(header) as progress:
        for impact in laid.impacts(failures, executor.map, workers):
            toll.add(impact)
            report.impacts.append(impact_to_wire(impact, lines=detailed))
            progress(len(report.impacts))
    report.at_risk = [*map(at_risk_to_wire, toll.at_risk())]
    return report


def _online(server: str, fail: Sequence[str], *, detailed: bool) -> Report:
    report = Report(pb.WhatIfHeader())
    with connected(server) as client:
        stream = client.follow(client.paths.WhatIf(pb.WhatIfRequest(fail=fail, lines=detailed)))
        report.header = next(stream).header
        with _progress(report.header) as progress:
            for response in stream:
                if response.WhichOneof("part") == "summary":
                    report.at_risk = response.summary.at_risk
                else:
                    report.impacts.append(response.impact)
                    progress(len(report.impacts))
    return report


def _worst_first(impact: pb.FailureImpact) -> tuple[object, ...]:
    """Lines lost, then what is overloaded, then lines at their end, lines hit, how much longer, and the name."""
    excess_bps = sum(over.excess_bps for over in impact.overloads)
    names = [(part.element, part.name) for part in impact.failure]
    longer_ns = impact.worst_extra_delay_ns
    return (-impact.lost, -excess_bps, -impact.ended, -impact.hit, -longer_ns, names)


@contextmanager
def _named_by_option() -> Iterator[None]:
    """Faults of what is to fail name the option, not the field of the request."""

    def renamed(fault: Fault) -> Fault:
        return replace(fault, field="--fail") if fault.field.startswith("fail[") else fault

    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(tuple(map(renamed, error.faults))) from error
    except RemoteError as error:
        error.faults = tuple(map(renamed, error.faults))
        raise


@contextmanager
def _progress(header: pb.WhatIfHeader) -> Iterator[Callable[[int], None]]:
    """On a terminal, a bar that is moved by being told how many failures are done."""
    to = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=to, transient=True, disable=not to.is_terminal) as bar:
        task = bar.add_task("failures", total=header.failures)
        yield lambda done: bar.update(task, completed=done)
