"""``trunkline drain`` and ``undrain``: what is to carry nothing, because somebody works there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import click

from controller.cli.app import output_option, server_option, trunkline
from controller.cli.client import connected
from controller.cli.egress_completion import gateway_names
from controller.cli.failing import telling
from controller.cli.output import Format, emit, say
from controller.cli.views import Json
from controller.wire.gen.trunkline.v1 import operations_pb2

_MOST_NAMED = 12


@trunkline.group(short_help="Move traffic away from where somebody is to work.")
def drain() -> None:
    """Move traffic away from where somebody is to work."""


@trunkline.group(short_help="Let traffic come back to what was drained.")
def undrain() -> None:
    """Let traffic come back to what was drained."""


@drain.command("gateway", short_help="Have a gateway carry nothing.")
@click.argument("name", metavar="NAME", shell_complete=gateway_names)
@click.option("--reason", metavar="TEXT", default="", help="Why, for whoever looks at the status.")
@server_option
@output_option
def drain_gateway(name: str, reason: str, server: str, output: Format) -> None:
    """Have a gateway carry nothing, over restarts, until undrain. Its traffic moves to others at once, in steps that
    overload nothing; what no other gateway leads to is carried no more (egress simulate tells before). A frozen
    controller moves it when it is frozen no more."""
    with telling(server), connected(server) as client:
        asked = operations_pb2.DrainGatewayRequest(gateway=name, reason=reason)
        state = client.call(client.operations.DrainGateway, asked)
    emit(output, drain_json(state), lambda to: say(to, drain_words(state)))


@undrain.command("gateway", short_help="Let a gateway carry traffic again.")
@click.argument("name", metavar="NAME", shell_complete=gateway_names)
@server_option
@output_option
def undrain_gateway(name: str, server: str, output: Format) -> None:
    """Let a gateway carry traffic again. It comes back as other moves are made: for a gain worth it, a bounded part of
    it at a time."""
    with telling(server), connected(server) as client:
        state = client.call(client.operations.UndrainGateway, operations_pb2.UndrainGatewayRequest(gateway=name))
    emit(output, drain_json(state), lambda to: say(to, drain_words(state)))


def drain_words(state: operations_pb2.DrainState) -> str:
    waits = f"; {state.waits}" if state.waits else ""
    if not state.drained:
        return f"gateway {state.gateway} is not drained{waits}"
    why = f": {state.reason}" if state.reason else ""
    return f"gateway {state.gateway} is drained since {state.since.ToJsonString()}{why}{waits}"


def down_words(down: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A line for each kind of thing (in the plural) of which some are down."""
    for kind, names in down.items():
        if names:
            more = len(names) - _MOST_NAMED
            behind = f", and {more} more (-o json lists them)" if more > 0 else ""
            yield f"{kind} that are down: {', '.join(names[:_MOST_NAMED])}{behind}"


def drain_json(state: operations_pb2.DrainState) -> Json:
    shown: Json = {"gateway": state.gateway, "drained": state.drained, "waits": state.waits or None}
    if not state.drained:
        return shown
    return shown | {"reason": state.reason, "since": state.since.ToJsonString()}
