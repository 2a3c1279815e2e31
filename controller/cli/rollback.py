"""``trunkline history`` and ``trunkline rollback``: what an intent was, and back to it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import click
from rich.console import Console

from controller.cli.app import output_option, server_option, trunkline
from controller.cli.change import carried_out, etag_option, request_id_option, show_applied
from controller.cli.client import connected
from controller.cli.confirming import confirm_option
from controller.cli.failing import telling
from controller.cli.inspection_views import entry_json
from controller.cli.names import intent_argument, shown_name
from controller.cli.output import Format, emit, say
from controller.wire.gen.trunkline.v1 import describe_pb2, saved_plan_pb2


@trunkline.command(short_help="Bring an intent back to an earlier specification.")
@click.argument("name", metavar="[KIND/]TENANT/NAME")
@click.option(
    "--to-generation",
    type=click.IntRange(min=1, max=2**63 - 1),
    metavar="N",
    help="As `history` shows it. Default: the one before; of an intent that is gone, its last.",
)
@etag_option
@request_id_option
@confirm_option
@server_option
@output_option
def rollback(
    name: str,
    to_generation: int | None,
    etag: str,
    request_id: str,
    confirm: int | None,
    server: str,
    output: Format,
) -> None:
    """Bring an intent back to an earlier specification, as a change like any other: it is planned against the network
    as it is now, and refused for the same reasons as an apply."""
    chosen = request_id or str(uuid.uuid4())
    request = saved_plan_pb2.RollbackRequest(
        name=intent_argument(name), to_generation=to_generation, etag=etag, request_id=chosen, confirm=confirm
    )
    with telling(server), connected(server) as client:
        answer = carried_out(client, client.stub.Rollback, request)
    show_applied(output, answer)


@trunkline.command(short_help="Show what became of an intent: when, by whom, what.")
@click.argument("name", metavar="[KIND/]TENANT/NAME")
@server_option
@output_option
def history(name: str, server: str, output: Format) -> None:
    """Show what became of an intent, also of one that is gone: each change of its state with its generation, when,
    who asked for it, and what of the specification changed. The last 200 changes are kept, and the specifications of
    the last 50 generations."""
    resource = intent_argument(name)
    with telling(server), connected(server) as client:
        answer = client.call(client.stub.GetHistory, saved_plan_pb2.GetHistoryRequest(name=resource))

    def words(to: Console) -> None:
        for entry in answer.history:
            for line in history_words(entry):
                say(to, line)

    emit(output, {"intent": shown_name(resource), "history": [entry_json(one) for one in answer.history]}, words)


def history_words(entry: describe_pb2.HistoryEntry) -> Iterator[str]:
    """One change of state, and what changed with it."""
    when = entry.time.ToDatetime().strftime("%Y-%m-%d %H:%M:%SZ")
    by = f"  by {entry.caller}" if entry.caller else ""
    request = f"  request {entry.request_id}" if entry.request_id else ""
    yield f"{when}  {entry.state:<9} generation {entry.generation}{by}{request}"
    if entry.reason:
        yield f"    {entry.message} [{entry.reason}]"
    for change in entry.changes:
        yield f"    {change_words(change)}"


def change_words(change: describe_pb2.FieldChange) -> str:
    """``spec.bandwidth: 4Mbps -> 9Mbps``."""
    if not change.before:
        return f"{change.field}: {change.after}"
    return f"{change.field}: {change.before} -> {change.after if change.after else '(none)'}"
