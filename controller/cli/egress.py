"""``trunkline egress``: which gateway does traffic leave by, why, and what if. Offline, against a topology file.

What brings the optimiser is imported when a command begins, so that help and wrong uses answer at once.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.app import files_option, output_option, topology_option, trunkline
from controller.cli.egress_cycles import cycles
from controller.cli.egress_offline import Asked, asked_offline, demand_option, planned_offline
from controller.cli.failing import EXIT_INFEASIBLE, telling, usage
from controller.cli.output import Format, emit, note
from controller.cli.words import counted
from controller.compiler.plan import Plan
from controller.documents import Written, load_all
from controller.domain.egress import TrafficClass
from controller.domain.egress_validation import MAX_DEMAND_BPS
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.spelling import did_you_mean
from controller.domain.topology import Topology
from controller.domain.units import format_rate

if TYPE_CHECKING:
    from controller.compiler.egress import EgressPlan

PLOT = "plot"
PICTURES = (".svg", ".png")
_FACTOR = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_TOPOLOGY_HELP = "Topology file; lines of -f are planned first."


@trunkline.group(short_help="Show and explain by which gateways traffic leaves.", invoke_without_command=True)
@click.pass_context
def egress(context: click.Context) -> None:
    """Show by which gateways international traffic leaves, why, and what a failure or growth would do.

    Offline: -t TOPOLOGY, with policies and lines (-f), a demand matrix (--demand), or both. `cycles` asks a server.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


egress.add_command(cycles)


@egress.command(short_help="Gateways, what they carry, what they cost.")
@topology_option(required=False, help=_TOPOLOGY_HELP)
@files_option(required=False)
@demand_option
@click.option(
    "-o",
    "--output",
    type=click.Choice([*map(str, Format), PLOT]),
    default="table",
    show_default=True,
    help="For people, for scripts, or a picture beside simple rules, which needs --to.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"Where -o plot draws: {' or '.join(PICTURES)}.",
)
def show(
    topology_file: Path | None, files: tuple[Path, ...], demand_file: Path | None, output: str, target: Path | None
) -> None:
    """Show how full each gateway is and with what, what room there costs, how fast traffic is, and what is not
    carried."""
    if (output == PLOT) != (target is not None):
        raise usage("-o plot and --to FILE belong together")
    if target is not None and target.suffix not in PICTURES:
        raise usage(f"--to {target}: the name has to end in {' or '.join(PICTURES)}")
    asked = _asked(topology_file, files, demand_file)
    planned = _planned(asked)
    if target is not None:
        _draw(planned, target)
        return

    from controller.cli.egress_tables import show_table
    from controller.cli.egress_views import show_json

    emit(Format(output), show_json(asked.topology.name, planned), show_table(planned))


@egress.command(short_help="Why traffic leaves where it leaves.")
@click.argument("source")
@click.argument("destination")
@click.option(
    "--class",
    "class_name",
    type=click.Choice([*map(str, TrafficClass)]),
    help="Only traffic of this class; else of all.",
)
@topology_option(required=False, help=_TOPOLOGY_HELP)
@files_option(required=False)
@demand_option
@output_option
def why(
    source: str,
    destination: str,
    class_name: str | None,
    topology_file: Path | None,
    files: tuple[Path, ...],
    demand_file: Path | None,
    output: Format,
) -> None:
    """Say why traffic from SOURCE (a node, or a region) to DESTINATION (a region abroad) leaves where it does: every
    gateway with its delay inside and beyond, and what room there costs."""
    asked = _asked(topology_file, files, demand_file)
    with telling():
        sources = _sources(source, asked.topology)
    planned = _planned(asked)

    from controller.cli.egress_tables import why_table
    from controller.cli.egress_views import why_json
    from controller.compiler.egress_options import reasons

    traffic_class = None if class_name is None else TrafficClass(class_name)
    found = () if planned.solved is None else reasons(planned.solved, sources, destination, traffic_class)
    with telling():
        if not found:
            raise _no_such_traffic(source, destination, planned, class_name)
    emit(output, why_json(found), why_table(found))


@egress.command(short_help="What a failure or more demand would do.")
@topology_option(required=False, help=_TOPOLOGY_HELP)
@files_option(required=False)
@demand_option
@click.option(
    "--fail",
    multiple=True,
    metavar="GATEWAY|LINK|SRLG|NODE",
    help="What fails; given several times, all of it fails together. Where a name is that of several things, write "
    "gateway/NAME, link/NAME, node/NAME or srlg/NAME.",
)
@click.option("--scale", metavar="FACTOR", default="1", show_default=True, help="So many times the demand, as in 1.2.")
@output_option
def simulate(
    topology_file: Path | None,
    files: tuple[Path, ...],
    demand_file: Path | None,
    fail: tuple[str, ...],
    scale: str,
    output: Format,
) -> None:
    """Show gateways before and after a failure or growth: what moves, how much later it is, what is lost.

    All is planned again in the network that is left, lines first. Exit code 2: less of the demand is carried.
    """
    factor = _factor(scale)
    asked = _asked(topology_file, files, demand_file)

    from controller.compiler.egress_failures import failed

    with telling():
        network = failed(asked.topology, fail)
    before = _planned(asked)
    if before.solved is None:
        raise click.ClickException("there is no traffic to carry, and so nothing to simulate")
    with telling():
        _must_be_solvable(before, factor)
        plan, after = planned_offline(asked, network, factor)
    left_out = _without_place(plan)
    if left_out:
        note(f"{counted(left_out, 'line')} without a place in the network that is left (trunkline whatif says which)")
    assert after is not None, "what has been asked for before is asked for again"

    from controller.cli.egress_beside import simulate_table
    from controller.cli.egress_views import simulate_json
    from controller.compiler.egress_changes import changes

    changed = changes(before.solved, after.solved)
    emit(
        output,
        simulate_json(asked.topology.name, fail, float(factor), before, after, before.solved, changed),
        simulate_table(before, after, before.solved, changed),
    )
    if any(one.missing_bps[1] > one.missing_bps[0] for one in changed):
        raise SystemExit(EXIT_INFEASIBLE)


def _asked(topology_file: Path | None, files: tuple[Path, ...], demand_file: Path | None) -> Asked:
    if topology_file is None:
        raise usage("egress is looked at offline so far, since servers do not steer it yet: give -t TOPOLOGY")
    if not files and demand_file is None:
        raise usage("nothing says what traffic there is: give policies (-f), a demand matrix (--demand), or both")
    with telling():
        return asked_offline(topology_file, load_all(files) if files else Written(lines=(), policies=()), demand_file)


def _planned(asked: Asked) -> EgressPlan:
    with telling():
        plan, planned = planned_offline(asked)
    if planned is None:
        raise usage("there are only lines in these files: give EgressPolicy documents, a demand matrix, or both")
    left_out = _without_place(plan)
    if left_out:
        note(f"{counted(left_out, 'line')} without a place: nothing is reserved there (trunkline plan says why)")
    return planned


def _without_place(plan: Plan) -> int:
    return sum(not verdict.feasible for verdict in plan.verdicts if verdict.key.kind == "PrivateLine")


def _sources(name: str, topology: Topology) -> tuple[str, ...]:
    """The node of this name, or the nodes of this region."""
    if name in topology.node:
        return (name,)
    nodes = tuple(node.name for node in topology.nodes if node.region == name)
    if nodes:
        return nodes
    near = did_you_mean(name, [*topology.node, *sorted(topology.regions)])
    message = f"there is no node or region {name[:80]!r} in the topology{near}"
    raise InvalidInput((Fault(reason=Reason.REFERENCE_NOT_FOUND, field="SOURCE", message=message),))


def _no_such_traffic(source: str, destination: str, planned: EgressPlan, class_name: str | None) -> InvalidInput:
    abroad: set[str] = set()
    if planned.solved is not None:
        abroad = {one.to_region for one in planned.solved.asked.aggregates}
    what = f"{class_name} traffic" if class_name is not None else "traffic"
    message = f"no {what} from {source} to {destination[:80]!r} is asked for"
    message += did_you_mean(destination, sorted(abroad)) if destination not in abroad else ""
    return InvalidInput((Fault(reason=Reason.REFERENCE_NOT_FOUND, field="DESTINATION", message=message),))


def _factor(text: str) -> Fraction:
    if _FACTOR.fullmatch(text) is None:
        raise usage(f"--scale {text[:40]!r} is no factor: write a number such as 1.2")
    factor = Fraction(text)
    if not 0 < factor <= 1_000:
        raise usage(f"--scale {text}: it must be more than 0, and at most 1000")
    return factor


def _must_be_solvable(planned: EgressPlan, factor: Fraction) -> None:
    assert planned.solved is not None
    largest = max(one.rate_bps for one in planned.solved.asked.aggregates)
    if largest * factor > MAX_DEMAND_BPS:
        message = f"an aggregate of {format_rate(largest)} would be more than {format_rate(MAX_DEMAND_BPS)}, the most"
        raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field="--scale", message=message),))


def _draw(planned: EgressPlan, target: Path) -> None:
    from controller.cli.egress_plot import draw

    if planned.solved is None:
        raise click.ClickException("there is no traffic to carry, and so nothing to draw")
    try:
        draw(planned.solved, target)
    except ImportError as error:
        raise click.ClickException(f"a picture needs matplotlib: pip install 'trunkline[bench]' ({error})") from error
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from error
    note(f"drawn: {target}")


import controller.cli.egress_replay  # noqa: E402, F401 - a command of this group, in a file of its own
