"""``trunkline egress routes`` and ``accept``: where a server has its routes from, and which of them count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import click
from rich.console import Console

from controller.cli.app import output_option, server_option
from controller.cli.client import connected
from controller.cli.egress_completion import gateway_names
from controller.cli.failing import telling
from controller.cli.output import Format, columns, emit, say
from controller.cli.views import Json
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

_HEADERS: Final = ("gateway", "ip", "state", "for", "routes", "heard", "counts", "source", "why")


@click.command(short_help="Where routes come from, and which of them count.")
@server_option
@output_option
def routes(server: str, output: Format) -> None:
    """List the feeds of routes: what each router (or file) says by IP version, how many of its routes count, and why
    it is held or stale if it is."""
    with telling(server), connected(server) as client:
        found = client.call(client.egress.ListFeeds, pb.ListFeedsRequest()).feeds
    emit(output, {"feeds": [feed_json(one) for one in found]}, lambda to: feeds_table(to, found))


@click.command(short_help="Have what a held feed of routes says count.")
@click.argument("gateway", shell_complete=gateway_names)
@click.option("--ip", "version", type=click.Choice(["4", "6"]), help="Only this version's feed; else both.")
@server_option
@output_option
def accept(gateway: str, version: str | None, server: str, output: Format) -> None:
    """Have what held feeds of GATEWAY say count after all: a router really has lost most of its routes, or has got many
    more. Traffic that has no route there any more leaves elsewhere at once."""
    request = pb.AcceptFeedRequest(gateway=gateway, ip_version=0 if version is None else int(version))
    with telling(server), connected(server) as client:
        found = client.call(client.egress.AcceptFeed, request).accepted
    emit(output, {"accepted": [feed_json(one) for one in found]}, lambda to: _say_accepted(to, gateway, found))


def feeds_table(to: Console, feeds: Sequence[pb.RouteFeed]) -> None:
    if not feeds:
        say(to, "no feeds of routes: nobody has told any yet, or the server is not to hear any (serve --bmp, --rib)")
        return
    columns(to, _HEADERS, [_row(one) for one in feeds])
    for gateway in dict.fromkeys(one.gateway for one in feeds if one.held and not one.too_many):
        say(to, f"to have what it says count after all: trunkline egress accept {gateway}")


def feed_json(one: pb.RouteFeed) -> Json:
    return {
        "gateway": one.gateway,
        "ipVersion": one.ip_version,
        "source": one.source,
        "state": one.state,
        "stateAgeSeconds": one.state_age.ToNanoseconds() / 1e9,
        "routes": one.routes,
        "heard": one.heard,
        "held": one.held,
        "stale": one.stale,
        "tooMany": one.too_many,
        "why": one.why if one.why else None,
    }


def _row(one: pb.RouteFeed) -> tuple[str, ...]:
    return (
        one.gateway,
        f"v{one.ip_version}",
        one.state,
        str(timedelta(seconds=one.state_age.seconds)),
        str(one.routes),
        str(one.heard),
        _what_counts(one),
        one.source,
        one.why,
    )


def _what_counts(one: pb.RouteFeed) -> str:
    """In a word."""
    if one.held:
        return "held"
    if one.stale:
        return "stale"
    return "as told" if one.state == "LIVE" else "as before"


def _say_accepted(to: Console, gateway: str, feeds: Sequence[pb.RouteFeed]) -> None:
    if not feeds:
        say(to, f"no feed of {gateway} is held: nothing to accept")
    for one in feeds:
        say(to, f"{gateway} (IPv{one.ip_version}) has {one.routes} {'route' if one.routes == 1 else 'routes'}")
