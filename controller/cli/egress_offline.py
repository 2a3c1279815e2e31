"""Lines and egress planned without a server: against a topology file, from an empty network.

What brings the optimiser is imported when something is planned, so that help and wrong uses answer at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from controller.cli.failing import telling, usage
from controller.cli.output import note
from controller.cli.words import counted
from controller.compiler.plan import Plan
from controller.compiler.planner import Planner
from controller.documents import Written, check_all, load_all, load_topology
from controller.documents.demand import check_demand, load_demand
from controller.domain.egress_demand import DemandRow
from controller.domain.topology import Topology

if TYPE_CHECKING:  # it brings the optimiser, which lines alone have no need of
    from controller.compiler.egress import EgressPlan
    from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What files ask for, checked against the topology and each other."""

    topology: Topology
    written: Written
    rows: tuple[DemandRow, ...]


def demand_option(command: Command) -> Command:
    return click.option(
        "--demand",
        "demand_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        callback=_standard_input,
        help="Demand matrix: CSV with the columns source,destination,class,rate (- for standard input), or the same as "
        "a .parquet, .feather or .arrow file.",
    )(command)


def _standard_input(_context: click.Context, _parameter: click.Parameter, file: Path | None) -> Path | None:
    return Path("/dev/stdin") if file is not None and str(file) == "-" else file


def asked_offline(topology_file: Path, written: Written, demand_file: Path | None) -> Asked:
    """Raises ``InvalidInput``."""
    topology = load_topology(topology_file)
    check_all(written, topology)
    rows: tuple[DemandRow, ...] = ()
    if demand_file is not None:
        matrix = load_demand(demand_file, topology)
        check_demand(matrix, [one.intent for one in written.policies], topology)
        rows = matrix.rows
    return Asked(topology=topology, written=written, rows=rows)


def asked_of(topology_file: Path, files: tuple[Path, ...], demand_file: Path | None) -> Asked:
    """Errors end the command."""
    if not files and demand_file is None:
        raise usage("nothing says what traffic there is: give policies (-f), a demand matrix (--demand), or both")
    with telling():
        return asked_offline(topology_file, load_all(files) if files else Written(lines=(), policies=()), demand_file)


def egress_of(asked: Asked) -> EgressPlan:
    """Errors end the command; lines without a place are told of."""
    with telling():
        plan, planned = planned_offline(asked)
    if planned is None:
        raise usage("there are only lines in these files: give EgressPolicy documents, a demand matrix, or both")
    left_out = _without_place(plan)
    if left_out:
        note(f"{counted(left_out, 'line')} without a place: nothing is reserved there (trunkline plan says why)")
    return planned


def simulated_offline(asked: Asked, fail: tuple[str, ...], factor: Fraction) -> pb.SimulateResponse:
    """All is planned again in the network that is left, lines first. Errors end the command."""
    from controller.compiler.egress_changes import changes
    from controller.compiler.egress_failures import check_growth, failed
    from controller.wire.egress_view import changes_to_wire, view_to_wire
    from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

    with telling():
        network = failed(asked.topology, fail)
    before = egress_of(asked)
    name = asked.topology.name
    if before.solved is None:
        return pb.SimulateResponse(topology=name, before=view_to_wire(before))
    with telling():
        check_growth(before.solved.asked.aggregates, factor)
        plan, after = planned_offline(asked, network, factor)
    left_out = _without_place(plan)
    if left_out:
        note(f"{counted(left_out, 'line')} without a place in the network that is left (trunkline whatif says which)")
    assert after is not None, "what has been asked for before is asked for again"
    return pb.SimulateResponse(
        topology=name,
        before=view_to_wire(before),
        after=view_to_wire(after),
        changes=changes_to_wire(changes(before.solved, after.solved), before.solved),
    )


def _without_place(plan: Plan) -> int:
    return sum(not verdict.feasible for verdict in plan.verdicts if verdict.key.kind == "PrivateLine")


def planned_offline(
    asked: Asked, topology: Topology | None = None, scale: Fraction = Fraction(1)
) -> tuple[Plan, EgressPlan | None]:
    """The plan with everything in it, and that of egress by itself, if any was asked for. ``topology``: another state
    of the network; ``scale``: so many times the demand."""
    planner = Planner(asked.topology if topology is None else topology)
    plan = planner.plan([one.intent for one in asked.written.lines])
    if not asked.written.policies and not asked.rows:
        return plan, None
    egress = planner.plan_egress([one.intent for one in asked.written.policies], plan, asked.rows, scale)
    return egress.added_to(plan), egress
