"""``trunkline explain``: why intents are refused, or ride where they ride."""

from __future__ import annotations

from pathlib import Path

import click

from controller.cli.app import files_option, output_option, server_option, topology_option, trunkline
from controller.cli.client import connected
from controller.cli.explain_words import explanations_words
from controller.cli.failing import EXIT_INFEASIBLE, telling, usage
from controller.cli.inspection_views import explanation_json
from controller.cli.names import intent_argument
from controller.cli.output import Format, emit
from controller.compiler.planner import Planner
from controller.documents import Written, check_all, load_all, load_topology
from controller.wire.explanations import explanation_to_wire
from controller.wire.gen.trunkline.v1 import explain_pb2, intent_pb2
from controller.wire.intents import intent_to_wire


@trunkline.command(short_help="Say why intents are refused, or ride where they ride.")
@click.argument("names", nargs=-1, metavar="[[KIND/]TENANT/NAME]...")
@files_option(required=False)
@topology_option(required=False, help="Topology file: explain the intents of -f offline, from an empty network.")
@server_option
@output_option
def explain(
    names: tuple[str, ...], files: tuple[Path, ...], topology_file: Path | None, server: str, output: Format
) -> None:
    """Say why intents are refused, or ride where they ride, and what is wrong with the other routes.

    Intents that there are by name, or those of files (-f) as if applied together; with -t offline. Exit code 2: one is
    refused.
    """
    if bool(names) == bool(files):
        raise usage("name intents that there are (TENANT/NAME), or give a file of them with -f")
    if topology_file is not None and not files:
        raise usage("-t explains the intents of files: give them with -f")
    with telling():
        written = load_all(files) if files else Written(lines=(), policies=())
    with telling(server, written.all, offline="; or explain a file offline with -t TOPOLOGY"):
        found = _online(server, names, written) if topology_file is None else _offline(topology_file, written)
    emit(output, {"intents": [explanation_json(one) for one in found]}, explanations_words(found))
    if not all(one.verdict.feasible for one in found):
        raise SystemExit(EXIT_INFEASIBLE)


def _offline(topology_file: Path, written: Written) -> list[explain_pb2.Explanation]:
    topology = load_topology(topology_file)
    check_all(written, topology)
    planner = Planner(topology)
    lines = planner.explain([one.intent for one in written.lines])
    policies = planner.explain_policies([one.intent for one in written.all])
    return [*map(explanation_to_wire, lines), *map(explanation_to_wire, policies)]


def _online(server: str, names: tuple[str, ...], written: Written) -> list[explain_pb2.Explanation]:
    request = intent_pb2.ExplainRequest(
        names=list(dict.fromkeys(map(intent_argument, names))),
        intents=[intent_to_wire(one.intent) for one in written.all],
    )
    with connected(server) as client:
        return list(client.call(client.stub.Explain, request).explanations)
