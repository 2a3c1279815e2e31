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
from controller.documents import LocatedIntent, check_intents, load_intents, load_topology
from controller.wire.explanations import explanation_to_wire
from controller.wire.gen.trunkline.v1 import explain_pb2, intent_pb2
from controller.wire.intents import line_to_wire


@trunkline.command(short_help="Say why intents are refused, or ride where they ride.")
@click.argument("names", nargs=-1, metavar="[TENANT/NAME]...")
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
        located = load_intents(files) if files else ()
    with telling(server, located, offline="; or explain a file offline with -t TOPOLOGY"):
        found = _online(server, names, located) if topology_file is None else _offline(topology_file, located)
    emit(output, {"intents": [explanation_json(one) for one in found]}, explanations_words(found))
    if not all(one.verdict.feasible for one in found):
        raise SystemExit(EXIT_INFEASIBLE)


def _offline(topology_file: Path, located: tuple[LocatedIntent, ...]) -> list[explain_pb2.Explanation]:
    topology = load_topology(topology_file)
    check_intents(located, topology)
    return [explanation_to_wire(one) for one in Planner(topology).explain([each.intent for each in located])]


def _online(server: str, names: tuple[str, ...], located: tuple[LocatedIntent, ...]) -> list[explain_pb2.Explanation]:
    request = intent_pb2.ExplainRequest(
        names=list(dict.fromkeys(map(intent_argument, names))), intents=[line_to_wire(one.intent) for one in located]
    )
    with connected(server) as client:
        return list(client.call(client.stub.Explain, request).explanations)
