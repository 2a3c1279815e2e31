"""Lines and egress planned without a server: against a topology file, from an empty network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from controller.compiler.plan import Plan
from controller.compiler.planner import Planner
from controller.documents import Written, check_all, load_topology
from controller.documents.demand import check_demand, load_demand
from controller.domain.egress_demand import DemandRow
from controller.domain.topology import Topology

if TYPE_CHECKING:  # it brings the optimiser, which lines alone have no need of
    from controller.compiler.egress import EgressPlan

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
        help="Demand matrix (CSV with the columns source,destination,class,rate), - for standard input.",
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
