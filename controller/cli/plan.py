"""``trunkline plan``: what would be, offline against a topology file or against a server's network."""

from __future__ import annotations

from pathlib import Path

import click
from google.protobuf.duration_pb2 import Duration

from controller.cli.app import files_option, output_option, server_option, topology_option, trunkline
from controller.cli.client import connected
from controller.cli.durations import DurationType
from controller.cli.failing import EXIT_INFEASIBLE, telling, usage
from controller.cli.output import Format, emit
from controller.cli.views import plan_json
from controller.cli.words import plan_table
from controller.compiler.planner import Planner
from controller.documents import LocatedIntent, Written, check_all, load_all, load_topology
from controller.wire.gen.trunkline.v1 import intent_pb2, plan_pb2
from controller.wire.intents import line_to_wire
from controller.wire.plans import plan_to_wire


@trunkline.command(short_help="Show what applying intents would do.")
@topology_option(required=False, help="Topology file: plan offline, from an empty network.")
@files_option(required=True)
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
    save: bool,
    hold_s: int | None,
    server: str,
    output: Format,
) -> None:
    """Show what applying intents would do: routes, what is reserved, rules on each device, the rounds. Nothing is
    changed, and nothing is reserved without --hold.

    With -t offline, from an empty network; else against the network of a server. Exit code 2: an intent is
    infeasible (and nothing is kept).
    """
    if topology_file is not None and (save or hold_s is not None):
        raise usage("--save and --hold keep a plan on a server: leave -t out")
    with telling():
        written = load_all(files)
        if written.policies and topology_file is None:
            raise usage("EgressPolicy documents are planned offline so far: give -t TOPOLOGY")
    lines = written.lines
    with telling(server, lines, offline="; or plan offline with -t TOPOLOGY"):
        answer = _online(server, lines, save, hold_s) if topology_file is None else _offline(topology_file, written)
    emit(output, plan_json(answer), plan_table(answer))
    if not answer.feasible:
        raise SystemExit(EXIT_INFEASIBLE)


def _offline(topology_file: Path, written: Written) -> plan_pb2.Plan:
    topology = load_topology(topology_file)
    check_all(written, topology)
    planner = Planner(topology)
    plan = planner.plan([one.intent for one in written.lines])
    if written.policies:
        plan = planner.plan_egress([one.intent for one in written.policies], plan).added_to(plan)
    return plan_to_wire(plan, topology)


def _online(server: str, located: tuple[LocatedIntent, ...], save: bool, hold_s: int | None) -> plan_pb2.Plan:
    request = intent_pb2.PlanRequest(intents=[line_to_wire(one.intent) for one in located], save=save)
    if hold_s is not None:
        request.hold.CopyFrom(Duration(seconds=hold_s))
    with connected(server) as client:
        return client.call(client.stub.Plan, request).plan
