"""``trunkline egress cycles``: what the server's cycles found, decided and did."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

import click
from google.protobuf.duration_pb2 import Duration
from rich.console import Console

from controller.cli.app import output_option, server_option
from controller.cli.client import Client, connected
from controller.cli.egress_figures import bar, in_ms, price, rough_rate
from controller.cli.egress_tables import share_of
from controller.cli.failing import telling
from controller.cli.output import Format, as_yaml, columns, console, emit, say
from controller.cli.views import Json
from controller.domain.units import format_rate
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

_HEADERS: Final = ("cycle", "at", "ending", "carried", "of", "delay", "fullest", "moved", "took", "why")


@click.command(short_help="What the server's cycles decided and did.")
@click.option("--last", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help="So many.")
@click.option("--watch", "follow", is_flag=True, help="Then each one when it ends, until interrupted.")
@server_option
@output_option
def cycles(last: int, follow: bool, server: str, output: Format) -> None:
    """List what the last cycles of the server decided and did, the latest with its gateways. With --watch -o json: one
    object a line."""
    with telling(server), connected(server) as client:
        found = list(client.call(client.egress.ListCycles, pb.ListCyclesRequest(most=last)).cycles)
        if not follow:
            emit(output, {"cycles": [cycle_json(one) for one in found]}, lambda to: cycles_table(to, found))
            return
        _follow(client, found[0].number - 1 if found else 0, output)


@click.command(short_help="Follow what each cycle decides and does.")
@server_option
@output_option
def watch(server: str, output: Format) -> None:
    """Follow what cycles of the server decide and do, until interrupted: the last one, then each when it ends, a line
    each. With -o json: one object a line."""
    with telling(server), connected(server) as client:
        found = client.call(client.egress.ListCycles, pb.ListCyclesRequest(most=1)).cycles
        _follow(client, found[0].number - 1 if found else 0, output)


def _follow(client: Client, after_number: int, output: Format) -> None:
    to = console()
    for one in client.follow(client.egress.Watch(pb.WatchCyclesRequest(after_number=after_number))):
        match output:
            case Format.TABLE:
                say(to, cycle_words(one))
            case Format.JSON:
                click.echo(json.dumps(cycle_json(one), ensure_ascii=False))
            case Format.YAML:
                click.echo(f"---\n{as_yaml(cycle_json(one))}", nl=False)


def cycle_words(one: pb.Cycle) -> str:
    """In a line."""
    return "  ".join(cell for cell in _row(one) if cell)


def cycles_table(to: Console, found: list[pb.Cycle]) -> None:
    """A line each, and behind them the latest in full."""
    if not found:
        say(to, "no cycle has ended yet (or egress is off: serve --egress)")
        return
    columns(to, _HEADERS, [_row(one) for one in found], spare=(8, 6, 4))
    latest = found[-1]
    if latest.HasField("figures") and latest.figures.gateways:
        say(to, "")
        columns(
            to, ("gateway", "use", "", "carried", "capacity", "price"), [_use(one) for one in latest.figures.gateways]
        )
    for name, away in (
        ("gateways that are down or drained", latest.gateways_away),
        ("links that are down", latest.links_down),
        ("devices that cannot be told anything", latest.unreachable),
    ):
        if away:
            say(to, f"{name}: {', '.join(away)}")
    for over in latest.overloads:
        say(to, _overload_words(over))
    for reason in latest.reasons:
        say(to, reason)


def _row(one: pb.Cycle) -> tuple[str, ...]:
    figures = one.figures
    carried = sum(part.carried_bps for part in figures.classes)
    demand = sum(part.demand_bps for part in figures.classes)
    fullest = max((part for part in figures.gateways), key=share_of, default=None)
    took_s = one.deciding_time.ToTimedelta() + one.carrying_out_time.ToTimedelta()
    return (
        str(one.number),
        datetime.fromtimestamp(one.time.seconds, UTC).strftime("%H:%M:%SZ"),
        f"{one.ending}, urgent" if one.urgent else one.ending,
        rough_rate(carried) if demand else "",
        f"{rough_rate(demand)}" if demand else "",
        in_ms(figures.delays.mean_ns) if figures.HasField("delays") else "",
        "" if fullest is None else f"{fullest.gateway} {share_of(fullest):.1%}",
        _moved_words(one),
        f"{took_s.total_seconds():.3f}s",
        ", ".join(one.causes),
    )


def _moved_words(one: pb.Cycle) -> str:
    """With an exclamation mark where there was no room for it on the way."""
    return f"{rough_rate(one.moved_bps)}{'!' if one.overloads else ''}" if one.moved_bps else ""


def _overload_words(one: pb.Overload) -> str:
    what = f"gateway {one.gateway}" if one.gateway else f"link {one.link} ({one.direction})"
    return (
        f"! moves bring up to {rough_rate(one.most_bps)} to {what}, which has room for {rough_rate(one.room_bps)} "
        f"({rough_rate(one.before_bps)} before): there is no order of them in which nothing gets too much"
    )


def _use(one: pb.GatewayFigures) -> tuple[str, ...]:
    share = share_of(one)
    cost = price(one.price_ns) if one.price_ns > 0 else ""
    return one.gateway, bar(share), f"{share:.1%}", rough_rate(one.carried_bps), format_rate(one.capacity_bps), cost


def cycle_json(one: pb.Cycle) -> Json:
    figures = one.figures
    shown: Json = {
        "number": one.number,
        "time": one.time.ToJsonString(),
        "causes": list(one.causes),
        "mode": one.mode,
        "ending": one.ending,
        "urgent": one.urgent,
        "linksDown": list(one.links_down),
        "gatewaysAway": list(one.gateways_away),
        "unreachable": list(one.unreachable),
        "inputAgeSeconds": _seconds(one.input_age) if one.HasField("input_age") else None,
        "held": [
            {
                "source": held.source,
                "why": held.why,
                "readings": held.readings,
                "stale": held.stale,
                "rateBps": held.rate_bps,
                "ageSeconds": _seconds(held.age) if held.HasField("age") else None,
            }
            for held in one.held
        ],
        "movedBps": one.moved_bps,
        "rounds": one.rounds,
        "rules": one.rules,
        "overloads": [_overload_json(over) for over in one.overloads],
        "reasons": list(one.reasons),
        "decidingSeconds": _seconds(one.deciding_time),
        "carryingOutSeconds": _seconds(one.carrying_out_time),
        "figures": None,
    }
    if one.HasField("figures"):
        shown["figures"] = _figures_json(figures)
    return shown


def _overload_json(one: pb.Overload) -> Json:
    where = {"gateway": one.gateway} if one.gateway else {"link": one.link, "direction": one.direction}
    return where | {"roomBps": one.room_bps, "beforeBps": one.before_bps, "mostBps": one.most_bps}


def _figures_json(figures: pb.CycleFigures) -> Json:
    delays = figures.delays
    return {
        "classes": [
            {"class": part.traffic_class, "demandBps": part.demand_bps, "carriedBps": part.carried_bps}
            for part in figures.classes
        ],
        "gateways": [
            {
                "gateway": part.gateway,
                "capacityBps": part.capacity_bps,
                "usableBps": part.usable_bps,
                "carriedBps": part.carried_bps,
                "elsewhereBps": part.elsewhere_bps,
                "priceUs": part.price_ns / 1e3,
            }
            for part in figures.gateways
        ],
        "delaysUs": {
            "mean": delays.mean_ns / 1e3,
            "p50": delays.p50_ns / 1e3,
            "p95": delays.p95_ns / 1e3,
            "p99": delays.p99_ns / 1e3,
            "optimumMean": delays.optimum_mean_ns / 1e3,
        }
        if figures.HasField("delays")
        else None,
        "gap": figures.gap,
        "waitingBps": figures.waiting_bps,
    }


def _seconds(duration: Duration) -> float:
    return duration.ToNanoseconds() / 1e9
