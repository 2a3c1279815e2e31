"""Measurements of ways abroad: CSV with the columns gateway, region, delay, loss and time, in any order.

``delay`` (one way, ``81.2ms``) or ``loss`` (``0.1%``) may be empty or left out, not both. ``time`` is that of RFC 3339
(``2026-11-21T02:30:00Z``), or seconds since 1970; empty or left out: now. Names are checked by who knows the network.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Final

from controller.documents.faults import FaultLog, refuse_if_faulty
from controller.documents.files import decode, read_file
from controller.documents.scalars import shown
from controller.domain.errors import Reason
from controller.domain.gateway_quality import Measurement
from controller.domain.spelling import did_you_mean
from controller.domain.units import parse_delay_ns, parse_loss_ppm

COLUMNS: Final = ("gateway", "region", "delay", "loss", "time")
NEEDED: Final = ("gateway", "region")
_SHOULD: Final = (
    "the first line names the columns, separated by commas: gateway,region,delay,loss,time "
    "(delay or loss, and time, may be left out)"
)
_YEARS: Final = (1, 9999)
"""An offset could take a time of these out of what Timestamp of protobuf has."""
_SECONDS: Final = re.compile(r"\d{1,11}(\.\d{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """The rows of a file, with the line that each comes from."""

    source: str
    rows: tuple[Measurement, ...]
    lines: tuple[int, ...]


def load_measurements(path: str | os.PathLike[str], now_s: float) -> Measurements:
    """Read measurements; ``now_s``: the time of those without one. ``InvalidInput`` with file, line and column of every
    fault."""
    log = FaultLog(os.fspath(path))
    data = read_file(path, log)
    refuse_if_faulty([log])
    return read_measurements(data, os.fspath(path), now_s)


def read_measurements(data: str | bytes, source: str, now_s: float) -> Measurements:
    """As ``load_measurements``, of what is in a file; ``source`` names it in faults."""
    log = FaultLog(source)
    text = decode(data, log)
    found = [] if text is None else list(_Reading(log, now_s).rows(text))
    refuse_if_faulty([log])
    return Measurements(source=source, rows=tuple(row for _, row in found), lines=tuple(line for line, _ in found))


class _Reading:
    def __init__(self, log: FaultLog, now_s: float) -> None:
        self._log = log
        self._now_s = now_s

    def rows(self, text: str) -> Iterator[tuple[int, Measurement]]:
        """Each with its line; what is wrong is told to the log and left out."""
        reader = csv.reader(StringIO(text, newline=""), strict=True)
        try:
            names = self._header(next((row for row in reader if row), None), reader.line_num)
            if names is None:
                return
            empty = True
            for cells in reader:
                if not cells:
                    continue
                empty = False
                if len(cells) != len(names):
                    message = f"has {len(cells)} cells, and the header {len(names)}: {','.join(names)}"
                    self._log.add(Reason.INVALID_FORMAT, "", message, line=reader.line_num)
                    continue
                row = self._row(dict(zip(names, map(str.strip, cells), strict=True)), reader.line_num)
                if row is not None:
                    yield reader.line_num, row
            if empty:
                self._log.add(Reason.INVALID_FORMAT, "", "has no row below the header", line=reader.line_num)
        except csv.Error as error:
            self._log.add(Reason.INVALID_FORMAT, "", f"is no CSV: {error}", line=reader.line_num)

    def _header(self, cells: list[str] | None, line: int) -> list[str] | None:
        """The names of columns; ``None`` for a header that cannot be used."""
        if cells is None:
            self._log.add(Reason.INVALID_FORMAT, "", f"is empty: {_SHOULD}", line=1)
            return None
        names = [cell.strip() for cell in cells]
        for name in names:
            if name not in COLUMNS:
                message = f"no column is called {shown(name)}{did_you_mean(name, COLUMNS)}: {_SHOULD}"
                self._log.add(Reason.UNEXPECTED_PROPERTY, "", message, line=line)
            elif names.count(name) > 1:
                self._log.add(Reason.INVALID_FORMAT, name, f"is there twice: {_SHOULD}", line=line)
        for name in NEEDED:
            if name not in names:
                self._log.add(Reason.MISSING_PROPERTY, name, f"is missing: {_SHOULD}", line=line)
        return None if self._log.count else names

    def _row(self, cells: dict[str, str], line: int) -> Measurement | None:
        before = self._log.count
        for name in NEEDED:
            if not cells[name]:
                self._log.add(Reason.MISSING_PROPERTY, name, "is empty", line=line)
        delay_ns = self._value(cells, "delay", parse_delay_ns, line)
        loss_ppm = self._value(cells, "loss", parse_loss_ppm, line)
        at_s = self._value(cells, "time", _moment, line)
        if not cells.get("delay") and not cells.get("loss"):
            self._log.add(
                Reason.MISSING_PROPERTY, "delay", "is empty, and so is loss: one of them is needed", line=line
            )
        if self._log.count != before:
            return None
        return Measurement(
            gateway=cells["gateway"],
            region=cells["region"],
            at_s=self._now_s if at_s is None else at_s,
            delay_ns=None if delay_ns is None else int(delay_ns),
            loss_ppm=None if loss_ppm is None else int(loss_ppm),
        )

    def _value(self, cells: dict[str, str], name: str, parse: Callable[[str], float], line: int) -> float | None:
        """``None``: the cell is empty, or there is a fault."""
        text = cells.get(name, "")
        if not text:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self._log.add(Reason.INVALID_VALUE, name, str(error), line=line)
            return None


def _moment(text: str) -> float:
    """Seconds since 1970."""
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        example = "2026-11-21T02:30:00Z"
        raise ValueError(
            f"{shown(text)} is no time: write it as {example}, with Z or an offset, or in seconds since 1970"
        )
    if not _YEARS[0] < moment.year < _YEARS[1]:
        raise ValueError(f"{shown(text)} is not of a year between {_YEARS[0]} and {_YEARS[1]}")
    return moment.timestamp()
