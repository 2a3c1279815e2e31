"""``trunkline apply`` and ``trunkline delete``."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from controller.cli.app import files_option, output_option, server_option, trunkline
from controller.cli.client import Client, connected
from controller.cli.confirming import Request, Response, asked_twice, confirm_option
from controller.cli.failing import EXIT_INFEASIBLE, telling, usage
from controller.cli.kept_plans import release_plans
from controller.cli.names import intent_argument, shown_name
from controller.cli.output import Format, console, emit, note, say
from controller.cli.views import intent_json, plan_json
from controller.cli.words import changes_words, intents_table, refusal_words
from controller.documents import load_all
from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import intent_to_wire
from controller.wire.names import intent_name

_DONE_BEFORE = "this request had been carried out before"


def _given(_context: click.Context, _parameter: click.Parameter, etag: str | None) -> str:
    """An empty etag is an empty variable of somebody's script, not a wish to change the intent whatever it is now."""
    if etag == "":
        raise click.BadParameter("is empty: give the etag that `get` showed, or leave the option out")
    return "" if etag is None else etag


etag_option = click.option(
    "--etag", metavar="ETAG", callback=_given, help="Only if the (single) intent still bears this etag."
)
request_id_option = click.option(
    "--request-id",
    metavar="ID",
    default="",
    help="Repeat a request safely: with the same id it is carried out once. Default: a new id.",
)


@trunkline.command(short_help="Create or change intents, all or none.")
@files_option(required=False)
@click.option("--plan", "plan_id", metavar="ID", help="Carry out a plan that the server keeps, instead of a file.")
@click.option("--partial", is_flag=True, help="Apply what is feasible and leave the rest out.")
@click.option(
    "--force",
    is_flag=True,
    help="Move lines off devices that cannot be reached: rules there go when they return.",
)
@etag_option
@request_id_option
@confirm_option
@server_option
@output_option
def apply(
    files: tuple[Path, ...],
    plan_id: str | None,
    partial: bool,
    force: bool,
    etag: str,
    request_id: str,
    confirm: int | None,
    server: str,
    output: Format,
) -> None:
    """Create or change intents, all or none, and wait until every device has them.

    With --plan: as `plan --save` or `plan --hold` showed it. Refused with PLAN_STALE when something that the plan
    rests on has changed; what changed elsewhere does not matter.
    """
    if bool(files) == (plan_id is not None):
        raise usage("give a file of intents (-f FILE) or a plan that is kept (--plan ID), one of them")
    if plan_id is not None and (partial or etag):
        raise usage("a plan is carried out as it was shown, all of it: leave --partial and --etag out")
    if plan_id == "":
        raise usage("--plan is empty: give the id that `plan --save` showed")
    with telling():
        located = load_all(files).all
    if etag and len(located) != 1:
        raise usage(f"--etag is for a single intent; the files hold {len(located)}")
    chosen = request_id or str(uuid.uuid4())
    request = pb.ApplyRequest(
        intents=[intent_to_wire(one.intent, etag) for one in located],
        request_id=chosen,
        partial=partial,
        confirm=confirm,
        plan_id="" if plan_id is None else plan_id,
        force=force,
    )
    with telling(server, located), connected(server) as client:
        answer = carried_out(client, client.stub.Apply, request)
    show_applied(output, answer)
    # An answer to a repeated request shows what there is of its intents now: others may have been deleted since.
    left_out = sum(not verdict.feasible for verdict in answer.plan.intents)
    if left_out:
        for line in refusal_words(answer.plan):
            note(line)
        note(f"{left_out} of {len(located)} intents were left out as infeasible")
        raise SystemExit(EXIT_INFEASIBLE)


def carried_out(client: Client, method: Callable[[Request], Response], request: Request) -> Response:
    """Ask for a change, with progress meanwhile, and again if it must be confirmed; when the answer does not come, the
    request can be sent again under its id."""

    def send(request: Request) -> Response:
        with _shown_progress(client, request.request_id):
            return client.call(method, request)

    with _repeatable(client, request.request_id):
        return asked_twice(send, request)


def show_applied(output: Format, answer: pb.ApplyResponse) -> None:
    """The intents as they are now, with the plan that was carried out."""
    shown = {"intents": [intent_json(intent) for intent in answer.intents], "plan": plan_json(answer.plan)}
    emit(output, shown, _applied_words(answer))


def _applied_words(answer: pb.ApplyResponse) -> Callable[[Console], None]:
    """The intents as they are now, and how much was changed for that."""

    def words(to: Console) -> None:
        intents_table(answer.intents)(to)
        say(to, changes_words(answer.plan) if answer.HasField("plan") else _DONE_BEFORE)

    return words


@trunkline.command(short_help="Take intents away, all or none.")
@click.argument("names", nargs=-1, metavar="[[KIND/]TENANT/NAME]...")
@files_option(required=False)
@click.option(
    "--force",
    is_flag=True,
    help="Whatever devices say: the intents go, and devices out of reach are cleaned when they return.",
)
@etag_option
@request_id_option
@confirm_option
@server_option
@output_option
def delete(
    names: tuple[str, ...],
    files: tuple[Path, ...],
    force: bool,
    etag: str,
    request_id: str,
    confirm: int | None,
    server: str,
    output: Format,
) -> None:
    """Take intents away, all or none: those named, and those in the files given.

    `delete plan ID...` forgets plans that the server keeps, and frees what they hold.
    """
    if names and names[0] in ("plan", "plans"):
        if files or force or etag or len(names) == 1:
            raise usage("name the plans to forget: delete plan ID...")
        with telling(server), connected(server) as client:
            release_plans(client, names[1:], output)
        return
    if not names and not files:
        raise usage("name the intents to delete (TENANT/NAME), or a file of them with -f")
    with telling():
        wanted = [*map(intent_argument, names)]
        wanted += [intent_name(one.intent.key) for one in load_all(files).all] if files else []
    wanted = list(dict.fromkeys(wanted))
    if etag and len(wanted) != 1:
        raise usage(f"--etag is for a single intent; {len(wanted)} are named")
    chosen = request_id or str(uuid.uuid4())
    request = pb.DeleteRequest(names=wanted, etag=etag, request_id=chosen, confirm=confirm, force=force)
    with telling(server), connected(server) as client:
        answer = carried_out(client, client.stub.Delete, request)
    deleted = [shown_name(name) for name in wanted]

    def words(to: Console) -> None:
        for name in deleted:
            say(to, f"deleted {name}")
        say(to, changes_words(answer.plan) if answer.HasField("plan") else _DONE_BEFORE)

    emit(output, {"deleted": deleted, "plan": plan_json(answer.plan)}, words)


@contextmanager
def _repeatable(client: Client, request_id: str) -> Iterator[None]:
    """When the answer does not come, say how to get it: a request that was taken is carried out without us."""
    client.serving()  # raises when there is no server, of which then no more need be said
    try:
        yield
    except KeyboardInterrupt:
        note(f"interrupted: if the server has the request, it carries it out; {_ask_again(request_id)}")
        raise
    except RemoteError as error:
        if error.reason == error.code.name:  # gRPC's own: a server's would say why
            note(f"the answer was lost; {_ask_again(request_id)}")
        raise


def _ask_again(request_id: str) -> str:
    return f"repeat the command with --request-id {request_id} to learn how it ended"


@contextmanager
def _shown_progress(client: Client, request_id: str) -> Iterator[None]:
    """On a terminal, show how far the transaction is, from Watch."""
    to = console(stderr=True)
    if not to.is_terminal:
        yield
        return
    call = client.stub.Watch(pb.WatchRequest(from_revision=client.revision()))
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=to, transient=True) as bar:
        task = bar.add_task("planning", total=None)

        def follow() -> None:
            try:
                for event in client.follow(call):
                    step = event.progress
                    if event.WhichOneof("event") == "progress" and step.request_id == request_id:
                        bar.update(task, description=step.phase, completed=step.devices_done, total=step.devices_total)
            except RemoteError:
                return  # the call itself will say what is wrong

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            call.cancel()  # type: ignore[no-untyped-call]
            follower.join()
