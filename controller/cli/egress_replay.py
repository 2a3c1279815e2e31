"""``trunkline egress replay``: a series of demand matrices, cycle by cycle, through the damping that the server has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.app import files_option, topology_option
from controller.cli.durations import DurationType
from controller.cli.egress import egress
from controller.cli.egress_offline import demand_option
from controller.cli.failing import telling, usage
from controller.cli.output import Format, emit
from controller.cli.pictures import PLOT, check_target, drawing, target_option
from controller.compiler.planner import Planner
from controller.documents import Written, check_all, load_all, load_topology
from controller.documents.demand import load_demand
from controller.documents.demand_series import MOST_CYCLES, Moment, check_series, load_series, varied
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.spelling import did_you_mean
from controller.domain.topology import Topology

if TYPE_CHECKING:
    from controller.compiler.egress_replay import Outage, Step

_OUTAGE = re.compile(r"(?P<gateway>.+)@(?P<first>[0-9]{1,6})(-(?P<last>[0-9]{1,6}))?")


@egress.command(short_help="Play a series of demand matrices through.")
@topology_option(required=True, help="Topology file; lines of -f are planned first.")
@files_option(required=False)
@click.option(
    "--demand-series",
    "series_path",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    help="A directory with a demand matrix a cycle, in the order of their names, or one CSV with a first "
    "column, time or cycle, before those of a matrix.",
)
@demand_option
@click.option("--cycles", type=click.IntRange(1, MOST_CYCLES), default=40, show_default=True, help="With --demand.")
@click.option(
    "--change",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="With --demand: each rate is drawn anew in every cycle, within this share of its own.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="With --demand.")
@click.option(
    "--every", "every_s", type=DurationType(), default="30s", show_default=True, help="How long a cycle is, as in 5m."
)
@click.option(
    "--fail",
    multiple=True,
    metavar="GATEWAY@CYCLE",
    help="A gateway is lost in this cycle, counted from 1, and stays away; with GATEWAY@4-6 it is back in cycle 7.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice([*map(str, Format), PLOT]),
    default="table",
    show_default=True,
    help="For people, for scripts, or a picture, which needs --to.",
)
@target_option
def replay(
    topology_file: Path,
    files: tuple[Path, ...],
    series_path: Path | None,
    demand_file: Path | None,
    cycles: int,
    change: float,
    seed: int,
    every_s: int,
    fail: tuple[str, ...],
    output: str,
    target: Path | None,
) -> None:
    """Plan egress cycle after cycle, each from where traffic left before: what moves, what is held back and why, how
    fast traffic is, and how far from the optimum, in which moves are free.

    What the server does in a cycle is done here: what is needed moves at once, up to 5 % of all demand, what is only
    faster when it has been so for three cycles; a gateway that is lost is left at once.
    """
    if (series_path is None) == (demand_file is None):
        raise usage("give a series (--demand-series), or one matrix to make a series from (--demand)")
    check_target(output, target)

    from controller.compiler.egress_replay import replayed
    from controller.egress.damping import USUAL_LIMITS

    with telling():
        topology = load_topology(topology_file)
        written = load_all(files) if files else Written(lines=(), policies=())
        check_all(written, topology)
        policies = [one.intent for one in written.policies]
        series: tuple[Moment, ...] = ()
        if series_path is not None:
            series = load_series(series_path, topology)
        elif demand_file is not None:
            series = varied(load_demand(demand_file, topology), cycles, change, seed)
        check_series(series, policies, topology)
        outages = [_outage(index, text, topology, len(series)) for index, text in enumerate(fail)]
        planner = Planner(topology)
        plan = planner.plan([one.intent for one in written.lines])
        matrices = [(moment.name, moment.matrix.rows) for moment in series]
        steps = list(replayed(partial(planner.plan_egress, policies, plan), matrices, outages, USUAL_LIMITS))
    if target is not None:
        _draw(topology, steps, every_s, target)
        return

    from controller.cli.egress_replay_views import replay_json, replay_table

    emit(Format(output), replay_json(topology.name, every_s, steps), replay_table(every_s, steps))


def _outage(index: int, text: str, topology: Topology, cycles: int) -> Outage:
    from controller.compiler.egress_replay import Outage

    def refused(reason: Reason, message: str) -> InvalidInput:
        return InvalidInput((Fault(reason=reason, message=message, field=f"fail[{index}]"),))

    found = _OUTAGE.fullmatch(text)
    if found is None:
        raise refused(Reason.INVALID_VALUE, f"{text[:80]!r} is not GATEWAY@CYCLE, as in igw-sh@4 or igw-sh@4-6")
    names = [gateway.name for gateway in topology.gateways]
    if found["gateway"] not in names:
        near = did_you_mean(found["gateway"], names)
        message = f"there is no gateway {found['gateway'][:80]!r} in the topology{near}"
        raise refused(Reason.REFERENCE_NOT_FOUND, message)
    first = int(found["first"])
    last = None if found["last"] is None else int(found["last"])
    if not 1 <= first <= cycles or (last is not None and last < first):
        raise refused(
            Reason.INVALID_VALUE, f"{text[:80]!r}: the series has cycles 1 to {cycles}, and the last comes last"
        )
    return Outage(gateway=found["gateway"], first=first - 1, last=None if last is None else last - 1)


def _draw(topology: Topology, steps: Sequence[Step], every_s: int, target: Path) -> None:
    from controller.cli.egress_replay_plot import draw

    with drawing(target):
        draw(topology.name, steps, every_s, target)
