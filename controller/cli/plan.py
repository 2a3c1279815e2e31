"""``trunkline plan``: what would be, offline against a topology file or against a server's network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from google.protobuf.duration_pb2 import Duration
from rich.console import Console

from controller.cli.app import files_option, output_option, server_option, topology_option, trunkline
from controller.cli.client import connected
from controller.cli.durations import DurationType
from controller.cli.egress_offline import asked_offline, demand_option, planned_offline
from controller.cli.egress_words import show_unpoliced, unpoliced_json
from controller.cli.failing import EXIT_INFEASIBLE, telling, usage
from controller.cli.output import Format, emit
from controller.cli.views import plan_json
from controller.cli.words import plan_table
from controller.documents import Written, load_all
from controller.wire.gen.trunkline.v1 import intent_pb2, plan_pb2
from controller.wire.intents import intent_to_wire
from controller.wire.plans import plan_to_wire

if TYPE_CHECKING:
    from controller.compiler.egress import EgressPlan


@trunkline.command(short_help="Show what applying intents would do.")
@topology_option(required=False, help="Topology file: plan offline, from an empty network.")
@files_option(required=True)
@demand_option
@click.option("--save", is_flag=True, help="Keep the plan on the server for a day, for `apply --plan`.")
@click.option(
    "--hold",
    "hold_s",
    type=DurationType(),
    metavar="TIME",
    help="Keep it, and reserve what it takes for so long: 90s, 10m, 2h; at most 24h.",
)
@server_option
@output_option
def plan(
    topology_file: Path | None,
    files: tuple[Path, ...],
    demand_file: Path | None,
    save: bool,
    hold_s: int | None,
    server: str,
    output: Format,
) -> None:
    """Show what applying intents would do: routes, what is reserved, rules on each device, the rounds. Nothing is
    changed, and nothing is reserved without --hold.

    With -t offline, from an empty network; else against the network of a server, beside the egress policies that are
    in force there. --demand gives the rates of egress policies; traffic in it that no policy is for is carried without
    constraints. Exit code 2: an intent is infeasible (and nothing is kept).
    """
    if topology_file is not None and (save or hold_s is not None):
        raise usage("--save and --hold keep a plan on a server: leave -t out")
    if demand_file is not None and topology_file is None:
        raise usage("--demand is for offline plans so far: give -t TOPOLOGY")
    with telling():
        written = load_all(files)
    egress: EgressPlan | None = None
    with telling(server, written.all, offline="; or plan offline with -t TOPOLOGY"):
        if topology_file is None:
            answer = _online(server, written, save, hold_s)
        else:
            asked = asked_offline(topology_file, written, demand_file)
            planned, egress = planned_offline(asked)
            answer = plan_to_wire(planned, asked.topology)
    shown = plan_json(answer)
    if demand_file is not None and egress is not None:
        shown["egress"] = unpoliced_json(egress)

    def table(to: Console) -> None:
        plan_table(answer)(to)
        if egress is not None:
            show_unpoliced(to, egress)

    emit(output, shown, table)
    if not answer.feasible:
        raise SystemExit(EXIT_INFEASIBLE)


def _online(server: str, written: Written, save: bool, hold_s: int | None) -> plan_pb2.Plan:
    request = intent_pb2.PlanRequest(intents=[intent_to_wire(one.intent) for one in written.all], save=save)
    if hold_s is not None:
        request.hold.CopyFrom(Duration(seconds=hold_s))
    with connected(server) as client:
        return client.call(client.stub.Plan, request).plan
