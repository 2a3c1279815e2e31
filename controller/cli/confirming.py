"""``--confirm`` of apply and delete: a change of many lines is asked for twice."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from controller.cli.output import note
from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.gen.trunkline.v1.saved_plan_pb2 import RollbackRequest

Request = TypeVar("Request", pb.ApplyRequest, pb.DeleteRequest, RollbackRequest)
Response = TypeVar("Response")
COUNT = click.IntRange(min=0, max=2**31 - 1)
Command = TypeVar("Command", bound=Callable[..., Any])


def confirm_option(command: Command) -> Command:
    return click.option(
        "--confirm",
        type=COUNT,
        metavar="COUNT",
        help="How many lines change; a server asks for it when they are many. On a terminal you are asked.",
    )(command)


def asked_twice(call: Callable[[Request], Response], request: Request) -> Response:
    """Send the request; when the server wants the number of lines confirmed and somebody is there to type it, ask for
    it and send the request again. Typing the number, not a y, is what shows that it was read."""
    try:
        return call(request)
    except RemoteError as error:
        if error.lines is None or request.HasField("confirm") or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        note(f"{error.message} [{error.reason}]")
        request.confirm = click.prompt("how many lines are to change", type=COUNT, err=True)
    return call(request)
