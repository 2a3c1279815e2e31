"""``trunkline egress measurements`` and ``report``: delay and loss beyond gateways, declared and measured."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from controller.cli.app import output_option, server_option
from controller.cli.client import connected
from controller.cli.failing import telling
from controller.cli.output import Format, columns, emit, say
from controller.cli.views import Json
from controller.documents.measurements import Measurements, load_measurements
from controller.domain.errors import Fault, InvalidInput
from controller.domain.gateway_quality import Measurement
from controller.domain.units import format_delay, format_loss
from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

AT_A_TIME: Final = 5_000
"""Of a long file, so many rows go in a request."""
_HEADERS: Final = ("gateway", "region", "declared", "", "measured", "", "by", "age", "counts", "why")
_FIELD: Final = re.compile(r"measurements\[(\d+)\]\.?(.*)")


@click.command(short_help="Delay and loss beyond gateways: declared, measured, what counts.")
@server_option
@output_option
def measurements(server: str, output: Format) -> None:
    """List the delay and loss from each gateway to each region that it serves: as the topology declares them, as they
    were measured, how long ago and by whom, and which of them count."""
    with telling(server), connected(server) as client:
        found = client.call(client.egress.ListMeasurements, pb.ListMeasurementsRequest())
    emit(output, measurements_json(found), lambda to: measurements_table(to, found))


@click.command(short_help="Tell what was measured beyond gateways.")
@click.option(
    "-f",
    "--file",
    "file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=False),
    help="CSV: gateway,region,delay,loss,time. Delay (one way) or loss may be missing, and time: then it is now.",
)
@server_option
@output_option
def report(file: Path, server: str, output: Format) -> None:
    """Tell a server the delay and loss that something outside of it has measured (TWAMP, smokeping, ...). What is fresh
    counts in place of what is declared, from the next cycle on; the same rows again change nothing."""
    with telling(server), connected(server) as client:
        told = load_measurements(file, time.time())
        held: list[tuple[int, str]] = []
        for start in range(0, len(told.rows), AT_A_TIME):
            rows = told.rows[start : start + AT_A_TIME]
            request = pb.ReportMeasurementsRequest(measurements=map(_to_wire, rows))
            try:
                answer = client.call(client.egress.ReportMeasurements, request)
            except RemoteError as error:
                if not error.faults:
                    raise
                raise InvalidInput(tuple(_located(fault, told, start) for fault in error.faults)) from error
            held += [(told.lines[start + one.index], one.why) for one in answer.held]
    shown = {"taken": len(told.rows) - len(held), "held": [{"line": line, "why": why} for line, why in held]}
    emit(output, shown, lambda to: _say_taken(to, told, held))


def measurements_json(found: pb.ListMeasurementsResponse) -> Json:
    """Losses are packets in a million, delays microseconds one way; null: nobody has said."""
    return {
        "freshForSeconds": found.fresh_for.ToNanoseconds() / 1e9,
        "ways": [
            {
                "gateway": one.gateway,
                "region": one.region,
                "declared": {
                    "delayUs": one.declared_delay_ns / 1000,
                    "lossPpm": one.declared_loss_ppm if one.HasField("declared_loss_ppm") else None,
                },
                "delayUs": one.delay_ns / 1000,
                "lossPpm": one.loss_ppm if one.HasField("loss_ppm") else None,
                "measured": [_series_json(series) for series in one.measured],
            }
            for one in found.ways
        ],
    }


def measurements_table(to: Console, found: pb.ListMeasurementsResponse) -> None:
    if not found.ways:
        say(to, "no gateway of the topology serves a region")
        return
    rows = [row for way in found.ways for row in _rows(way)]
    columns(to, _HEADERS, rows)
    fresh = timedelta(seconds=found.fresh_for.seconds)
    say(to, f"what is measured counts for {fresh}; loss that is not declared and not measured keeps no bound")


def _rows(way: pb.WayQuality) -> Iterator[tuple[str, ...]]:
    """One for each who measures, one at least."""
    declared = (
        way.gateway,
        way.region,
        format_delay(way.declared_delay_ns),
        format_loss(way.declared_loss_ppm) if way.HasField("declared_loss_ppm") else "",
    )
    if not way.measured:
        yield (*declared, "", "", "", "", "declared", "")
    for number, one in enumerate(way.measured):
        yield (
            *(declared if number == 0 else ("", "", "", "")),
            format_delay(one.delay_ns) if one.HasField("delay_ns") else "",
            format_loss(one.loss_ppm) if one.HasField("loss_ppm") else "",
            one.origin,
            str(timedelta(seconds=one.age.seconds)) if one.HasField("age") else "",
            _what_counts(way, number),
            one.why,
        )


def _what_counts(way: pb.WayQuality, number: int) -> str:
    """In a word."""
    one = way.measured[number]
    if not one.fresh:
        lasts = one.HasField("loss_ppm") and not way.HasField("declared_loss_ppm") and way.loss_ppm == one.loss_ppm
        return ("loss, stale" if lasts else "stale") if one.readings else "held"
    before = [other for other in way.measured[:number] if other.fresh]
    if any(other.HasField("delay_ns") and other.HasField("loss_ppm") for other in before):
        return "behind"
    return "measured, held" if one.why else "measured"


def _series_json(one: pb.MeasuredSeries) -> Json:
    return {
        "origin": one.origin,
        "delayUs": one.delay_ns / 1000 if one.HasField("delay_ns") else None,
        "lossPpm": one.loss_ppm if one.HasField("loss_ppm") else None,
        "ageSeconds": one.age.ToNanoseconds() / 1e9 if one.HasField("age") else None,
        "readings": one.readings,
        "fresh": one.fresh,
        "why": one.why if one.why else None,
    }


def _to_wire(row: Measurement) -> pb.Measurement:
    at = Timestamp()
    at.FromNanoseconds(round(row.at_s * 1e9))
    return pb.Measurement(gateway=row.gateway, region=row.region, time=at, delay_ns=row.delay_ns, loss_ppm=row.loss_ppm)


def _located(fault: Fault, told: Measurements, start: int) -> Fault:
    """The fault of a request as one of the file."""
    found = _FIELD.fullmatch(fault.field)
    if found is None:
        return replace(fault, source=told.source)
    return replace(fault, source=told.source, line=told.lines[start + int(found[1])], field=found[2])


def _say_taken(to: Console, told: Measurements, held: Sequence[tuple[int, str]]) -> None:
    for line, why in held:
        say(to, f"{told.source}:{line}: held: {why}")
    count = len(told.rows) - len(held)
    say(to, f"{count} {'measurement' if count == 1 else 'measurements'} taken{f', {len(held)} held' if held else ''}")
