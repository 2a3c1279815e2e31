"""``trunkline get`` and ``watch``: looking at intents without changing them."""

from __future__ import annotations

import json

import click

from controller.cli.app import output_option, server_option, trunkline
from controller.cli.client import connected
from controller.cli.failing import telling, usage
from controller.cli.kept_plans import show_plans
from controller.cli.names import KINDS_BY_PLURAL, intent_argument, shown_key, shown_name
from controller.cli.output import Format, as_yaml, console, emit, say
from controller.cli.views import Json, intent_json
from controller.cli.words import assurance_words, intents_table
from controller.documents import write_intent
from controller.domain.validation import name_problem
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import body_of, intent_from_wire, key_of


def _tenant(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    problem = None if value is None else name_problem(value)
    if problem is not None:
        raise click.BadParameter(problem)
    return value


@trunkline.command(short_help="List intents, or those named.")
@click.argument("names", nargs=-1, metavar="[[KIND/]TENANT/NAME]...")
@click.option("--tenant", metavar="TENANT", callback=_tenant, help="Only this tenant's; default: all.")
@server_option
@output_option
def get(names: tuple[str, ...], tenant: str | None, server: str, output: Format) -> None:
    """List intents, or those named. With -o yaml: documents that `apply` takes.

    `get privatelines` and `get egresspolicies` list one kind. `get plans` lists the plans that the server keeps
    (plan --save, plan --hold).
    """
    if names == ("plans",):
        if tenant is not None:
            raise usage("plans are those of all tenants: leave --tenant out")
        with telling(server), connected(server) as client:
            show_plans(client, output)
        return
    kind = KINDS_BY_PLURAL.get(names[0]) if len(names) == 1 else None
    if names and kind is None and tenant is not None:
        raise usage("name intents, or list a --tenant's, not both")
    with telling(server), connected(server) as client:
        if names and kind is None:
            requests = [pb.GetRequest(name=intent_argument(name)) for name in names]
            intents = [client.call(client.stub.Get, request) for request in requests]
        else:
            everything, _ = client.all_intents("-" if tenant is None else tenant)
            intents = [intent for intent in everything if kind is None or key_of(intent).kind == kind]
    if output is Format.YAML:
        click.echo("---\n".join(write_intent(intent_from_wire(intent)) for intent in intents), nl=False)
    else:
        emit(output, {"intents": [intent_json(intent) for intent in intents]}, intents_table(intents))


@trunkline.command(short_help="Follow every change of every intent.")
@click.option(
    "--from-revision",
    default=0,
    show_default=True,
    type=click.IntRange(min=0, max=2**63 - 1),
    metavar="N",
    help="What changed after this revision; 0: all there is.",
)
@server_option
@output_option
def watch(from_revision: int, server: str, output: Format) -> None:
    """Follow every change of every intent, until interrupted. With -o json: one object a line."""
    to = console()
    with telling(server), connected(server) as client:
        call = client.stub.Watch(pb.WatchRequest(from_revision=from_revision))
        for event in client.follow(call):
            match output:
                case Format.TABLE:
                    say(to, _event_words(event))
                case Format.JSON:
                    click.echo(json.dumps(_event_json(event), ensure_ascii=False))
                case Format.YAML:
                    click.echo(f"---\n{as_yaml(_event_json(event))}", nl=False)


def _event_words(event: pb.WatchEvent) -> str:
    if event.WhichOneof("event") == "progress":
        step = event.progress
        return f"{'':>8}  {step.phase}: {step.devices_done} of {step.devices_total} devices"
    if event.WhichOneof("event") == "assurance":
        return f"{'':>8}  {assurance_words(event.assurance.assurance):<9} {shown_name(event.assurance.name)}"
    status = body_of(event.intent).status
    why = f"  {status.message} [{status.reason}]" if status.reason else ""
    return f"{event.revision:>8}  {pb.State.Name(status.state):<9} {shown_key(key_of(event.intent))}{why}"


def _event_json(event: pb.WatchEvent) -> Json:
    if event.WhichOneof("event") == "intent":
        return {"revision": event.revision, "intent": intent_json(event.intent)}
    if event.WhichOneof("event") == "assurance":
        change = event.assurance
        return {"assurance": {"name": change.name, "assurance": pb.Assurance.Name(change.assurance)}}
    step = event.progress
    progress = {
        "requestId": step.request_id,
        "phase": step.phase,
        "devicesDone": step.devices_done,
        "devicesTotal": step.devices_total,
    }
    return {"progress": progress}
