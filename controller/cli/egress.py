"""``trunkline egress``: which gateway does traffic leave by, why, and what if: on a server, or against a topology file.

What only the offline commands need is imported when they begin, so that the others answer at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import click

from controller.cli.app import files_option, output_option, server_option, topology_option, trunkline
from controller.cli.client import connected
from controller.cli.egress_beside import lost, simulate_table
from controller.cli.egress_completion import destination_names, element_names, source_names
from controller.cli.egress_cycles import cycles, watch
from controller.cli.egress_measurements import measurements, report
from controller.cli.egress_offline import asked_of, demand_option, egress_of, simulated_offline
from controller.cli.egress_routes import accept, routes
from controller.cli.egress_served import served_json, served_table
from controller.cli.egress_tables import show_table, why_table
from controller.cli.egress_views import show_json, simulate_json, why_json
from controller.cli.failing import EXIT_INFEASIBLE, telling, usage
from controller.cli.output import Format, emit, note
from controller.cli.pictures import PLOT, check_target, drawing, target_option
from controller.domain.egress import TrafficClass
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

_FACTOR = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_TOPOLOGY_HELP = "Topology file: offline, lines of -f planned first. Without: ask the server."
_OFFLINE = "; or work offline with -t TOPOLOGY"


@trunkline.group(short_help="Show and explain by which gateways traffic leaves.", invoke_without_command=True)
@click.pass_context
def egress(context: click.Context) -> None:
    """Show by which gateways international traffic leaves, why, and what a failure or growth would do.

    Against a server: the traffic that it knows, and what it steers. Offline with -t TOPOLOGY: policies and lines (-f),
    a demand matrix (--demand), or both.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


egress.add_command(cycles)
egress.add_command(watch)
egress.add_command(routes)
egress.add_command(accept)
egress.add_command(measurements)
egress.add_command(report)


@egress.command(short_help="Gateways, what they carry, what they cost.")
@topology_option(required=False, help=_TOPOLOGY_HELP)
@files_option(required=False)
@demand_option
@server_option
@click.option(
    "-o",
    "--output",
    type=click.Choice([*map(str, Format), PLOT]),
    default="table",
    show_default=True,
    help="For people, for scripts, or a picture beside simple rules, which needs --to.",
)
@target_option
def show(
    topology_file: Path | None,
    files: tuple[Path, ...],
    demand_file: Path | None,
    server: str,
    output: str,
    target: Path | None,
) -> None:
    """Show how full each gateway is and with what, what room there costs, how fast traffic is, and what is not
    carried. Of a server also what devices are told now, what is drained or held, and the last cycle."""
    check_target(output, target)
    if topology_file is None:
        _show_served(server, files, demand_file, output, target)
        return
    asked = asked_of(topology_file, files, demand_file)
    planned = egress_of(asked)

    from controller.compiler.egress_comparison import compared
    from controller.wire.egress_comparison import outcome_to_wire
    from controller.wire.egress_view import view_to_wire

    if target is not None:
        solved = planned.solved
        outcomes = [] if solved is None else [outcome_to_wire(one, solved) for one in compared(solved)]
        _draw(outcomes, asked.topology.name, 0 if solved is None else len(solved.asked.aggregates), target)
        return
    view = view_to_wire(planned)
    emit(Format(output), show_json(asked.topology.name, view), show_table(view))


@egress.command(short_help="Why traffic leaves where it leaves.")
@click.argument("source", shell_complete=source_names)
@click.argument("destination", shell_complete=destination_names)
@click.option(
    "--class",
    "class_name",
    type=click.Choice([*map(str, TrafficClass)]),
    help="Only traffic of this class; else of all.",
)
@topology_option(required=False, help=_TOPOLOGY_HELP)
@files_option(required=False)
@demand_option
@server_option
@output_option
def why(
    source: str,
    destination: str,
    class_name: str | None,
    topology_file: Path | None,
    files: tuple[Path, ...],
    demand_file: Path | None,
    server: str,
    output: Format,
) -> None:
    """Say why traffic from SOURCE (a node, or a region) to DESTINATION (a region abroad) leaves where it does: every
    gateway with its delay inside and beyond, and what room there costs."""
    if topology_file is None:
        _nothing_offline(files, demand_file)
        with telling(server, offline=_OFFLINE), connected(server) as client:
            traffic_class = "" if class_name is None else class_name
            request = pb.WhyRequest(source=source, destination=destination, traffic_class=traffic_class)
            found = list(client.call(client.egress.Why, request).flows)
    else:
        found = _why_offline(topology_file, files, demand_file, source, destination, class_name)
    emit(output, why_json(found), why_table(found))


@egress.command(short_help="What a failure or more demand would do.")
@topology_option(required=False, help=_TOPOLOGY_HELP)
@files_option(required=False)
@demand_option
@click.option(
    "--fail",
    multiple=True,
    metavar="GATEWAY|LINK|SRLG|NODE",
    shell_complete=element_names,
    help="What fails; given several times, all of it fails together. Where a name is that of several things, write "
    "gateway/NAME, link/NAME, node/NAME or srlg/NAME.",
)
@click.option("--scale", metavar="FACTOR", default="1", show_default=True, help="So many times the demand, as in 1.2.")
@server_option
@output_option
def simulate(
    topology_file: Path | None,
    files: tuple[Path, ...],
    demand_file: Path | None,
    fail: tuple[str, ...],
    scale: str,
    server: str,
    output: Format,
) -> None:
    """Show gateways before and after a failure or growth: what moves, how much later it is, what is lost.

    Offline, all is planned again in the network that is left, lines first. On a server: what its next cycle would move
    at once; lines keep what they reserve. Exit code 2: less of the demand is carried.
    """
    factor = _factor(scale)
    if topology_file is None:
        _nothing_offline(files, demand_file)
        with telling(server, offline=_OFFLINE), connected(server) as client:
            request = pb.SimulateRequest(fail=fail, scale=float(factor))
            found = client.call(client.egress.Simulate, request)
    else:
        found = simulated_offline(asked_of(topology_file, files, demand_file), fail, factor)
    if not found.before.HasField("figures"):
        raise click.ClickException(
            "no traffic is known, so that there is nothing to simulate: no policy or demand matrix declares any, and "
            "none is measured"
        )
    if not fail and factor == 1:
        note("nothing fails and nothing grows: say what, with --fail and --scale")
    emit(output, simulate_json(found, fail, float(factor)), simulate_table(found))
    if any(lost(one) for one in found.changes):
        raise SystemExit(EXIT_INFEASIBLE)


def _show_served(
    server: str, files: tuple[Path, ...], demand_file: Path | None, output: str, target: Path | None
) -> None:
    _nothing_offline(files, demand_file)
    drawn = target is not None
    with telling(server, offline=_OFFLINE), connected(server) as client:
        request = pb.GetAssignmentsRequest(figures_only=not drawn, comparison=drawn)
        found = client.call(client.egress.GetAssignments, request)
    if target is not None:
        _draw(found.outcomes, found.topology, len(found.flows), target)
    else:
        emit(Format(output), served_json(found), served_table(found))


def _why_offline(
    topology_file: Path,
    files: tuple[Path, ...],
    demand_file: Path | None,
    source: str,
    destination: str,
    class_name: str | None,
) -> list[pb.FlowReasons]:
    asked = asked_of(topology_file, files, demand_file)

    from controller.compiler.egress_options import sources_named
    from controller.compiler.egress_options import why as reasons_why
    from controller.wire.egress_view import reasons_to_wire

    with telling():
        sources_named(source, asked.topology)  # a wrong name is told before anything is planned
    planned = egress_of(asked)
    traffic_class = None if class_name is None else TrafficClass(class_name)
    with telling():
        found = reasons_why(planned, asked.topology, source, destination, traffic_class)
    return [reasons_to_wire(one) for one in found]


def _nothing_offline(files: tuple[Path, ...], demand_file: Path | None) -> None:
    if files or demand_file is not None:
        raise usage("-f and --demand go with -t TOPOLOGY; a server looks at the policies and the traffic that it knows")


def _factor(text: str) -> Fraction:
    if _FACTOR.fullmatch(text) is None:
        raise usage(f"--scale {text[:40]!r} is no factor: write a number such as 1.2")
    factor = Fraction(text)
    if not 0 < factor <= 1_000:
        raise usage(f"--scale {text}: it must be more than 0, and at most 1000")
    return factor


def _draw(outcomes: Sequence[pb.MethodOutcome], topology: str, aggregates: int, target: Path) -> None:
    from controller.cli.egress_plot import draw_outcomes
    from controller.wire.egress_comparison import outcome_from_wire

    if not outcomes:
        raise click.ClickException("there is no traffic to carry, and so nothing to draw")
    gateways = [(one.gateway, one.capacity_bps) for one in outcomes[0].offered]
    with drawing(target):
        draw_outcomes([*map(outcome_from_wire, outcomes)], gateways, f"{topology}: {aggregates} aggregates", target)


import controller.cli.egress_replay  # noqa: E402, F401 - a command of this group, in a file of its own
