"""Demand matrices: CSV with the columns source, destination, class and rate, to rows of the domain; or the same in a
columnar file (``documents.demand_columns``).

``source`` is a node, or a region (its PEs then send equal parts), ``destination`` a region that gateways serve,
``class`` may be left out (bulk), ``rate`` has a unit as in documents.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Final

from controller.documents.demand_columns import COLUMNAR, RATE_BPS, Columns, read_columns
from controller.documents.faults import FaultLog, refuse_if_faulty
from controller.documents.fields import one_of
from controller.documents.files import decode, read_file
from controller.documents.scalars import shown
from controller.domain.egress import EgressPolicy, TrafficClass
from controller.domain.egress_demand import DemandRow, Flow, check_rows, equal_parts
from controller.domain.egress_validation import MAX_DEMAND_BPS
from controller.domain.errors import Reason
from controller.domain.spelling import did_you_mean
from controller.domain.topology import Role, Topology
from controller.domain.units import format_rate, parse_rate_bps
from controller.domain.validation import unknown

COLUMNS: Final = ("source", "destination", "class", "rate")
NEEDED: Final = ("source", "destination", "rate")
MAX_MATRIX_BYTES: Final = 64 * 1024 * 1024
MOST_ROWS: Final = 900_000
"""What the optimiser takes (``egress.instance.MOST_AGGREGATES``)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How faults speak of what is written: where a row is, and how the columns should be named."""

    place: str
    names: str


IN_LINES: Final = Layout(
    "line", f"the first line names the columns, separated by commas: {','.join(COLUMNS)} (class may be left out)"
)
IN_COLUMNS: Final = Layout(
    "row", f"the columns are called {', '.join(COLUMNS)} (class may be left out, {RATE_BPS} instead of rate)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The rows of a file, one a node, with the line that each comes from (in a columnar file its row, from 1)."""

    source: str
    rows: tuple[DemandRow, ...]
    lines: tuple[int, ...]


def load_demand(path: str | os.PathLike[str], topology: Topology) -> Matrix:
    """Read a demand matrix, CSV unless its name ends otherwise; ``InvalidInput`` with file, line and column of every
    fault in it."""
    log = FaultLog(os.fspath(path))
    data = read_file(path, log, MAX_MATRIX_BYTES)
    refuse_if_faulty([log])
    ending = Path(path).suffix.lower()
    if ending in COLUMNAR:
        return read_columnar(data, ending, os.fspath(path), topology)
    return read_demand(data, os.fspath(path), topology)


def read_demand(data: str | bytes, source: str, topology: Topology) -> Matrix:
    """As ``load_demand``, of what is in a file; ``source`` names it in faults."""
    log = FaultLog(source)
    text = decode(data, log, MAX_MATRIX_BYTES)
    return _matrix(Reading(topology, log).rows(text) if text is not None else (), log)


def read_columnar(data: bytes, ending: str, source: str, topology: Topology) -> Matrix:
    """As ``read_demand``, of a columnar file; ``ending`` is one of ``COLUMNAR``."""
    log = FaultLog(source)
    columns = read_columns(data, ending, log, most_bytes=MAX_MATRIX_BYTES, most_rows=MOST_ROWS)
    return _matrix(Reading(topology, log, IN_COLUMNS).rows_of(columns) if columns is not None else (), log)


def _matrix(read: Iterable[tuple[int, DemandRow]], log: FaultLog) -> Matrix:
    rows: list[DemandRow] = []
    lines: list[int] = []
    try:
        for line, row in read:
            rows.append(row)
            lines.append(line)
    except TooMany:
        log.add(Reason.INVALID_FORMAT, "", f"more than {MOST_ROWS} rows", line=0)
    refuse_if_faulty([log])
    return Matrix(source=log.source, rows=tuple(rows), lines=tuple(lines))


def check_demand(matrix: Matrix, policies: Sequence[EgressPolicy], topology: Topology) -> None:
    """Raise ``InvalidInput``, with file and line, for rows of which it cannot be told how much is whose policy's."""
    log = FaultLog(matrix.source)
    for fault in check_rows(matrix.rows, policies, topology):
        log.add(fault.reason, fault.field, fault.message, line=matrix.lines[fault.document])
    refuse_if_faulty([log])


class TooMany(Exception):
    """There are more rows than anything could be done with."""


class Reading:
    """What names mean in one network, and what has been read."""

    def __init__(self, topology: Topology, log: FaultLog, layout: Layout = IN_LINES) -> None:
        self._log = log
        self._layout = layout
        self._nodes = {node.name for node in topology.nodes if node.role is not Role.OTN}
        self._regions = topology.regions
        self._pes: dict[str, list[str]] = {}
        for node in topology.nodes:
            if node.role is Role.PE and node.region is not None:
                self._pes.setdefault(node.region, []).append(node.name)
        self._abroad = {region for gateway in topology.gateways for region, _ in gateway.delays_ns}
        self._first_line: dict[Flow, int] = {}
        self._count = 0

    def rows(self, text: str) -> Iterator[tuple[int, DemandRow]]:
        """Rows with their lines; what is wrong is told to the log and left out."""
        reader = csv.reader(StringIO(text, newline=""), strict=True)
        try:
            header = next((row for row in reader if row), None)
            names = self.header(header, reader.line_num)
            if names is None:
                return
            for cells in reader:
                if cells:
                    yield from self.row(names, cells, reader.line_num)
            if not self._count and not self._log.count:
                self._fault("", "has no row below the header", reader.line_num, Reason.INVALID_FORMAT)
        except csv.Error as error:
            self._fault("", f"is no CSV: {error}", reader.line_num, Reason.INVALID_FORMAT)

    def rows_of(self, columns: Columns) -> Iterator[tuple[int, DemandRow]]:
        """Rows with their numbers, from 1; what is wrong is told to the log and left out."""
        names = self.header(columns.names, 0)
        if names is None:
            return
        for number, cells in enumerate(zip(*columns.cells, strict=True), start=1):
            yield from self.row(names, cells, number)
        if not self._count and not self._log.count:
            self._fault("", "has no rows", 0, Reason.INVALID_FORMAT)

    def row(self, names: Sequence[str], cells: Sequence[str], line: int) -> Iterator[tuple[int, DemandRow]]:
        """What a line with these cells says; ``TooMany``: it is one too many."""
        if len(cells) != len(names):
            message = f"has {len(cells)} cells, and the header {len(names)}: {','.join(names)}"
            self._fault("", message, line, Reason.INVALID_FORMAT)
            return
        for row in self._row(dict(zip(names, map(str.strip, cells), strict=True)), line):
            self._count += 1
            if self._count > MOST_ROWS:
                raise TooMany
            yield line, row

    def header(self, cells: Sequence[str] | None, line: int) -> list[str] | None:
        """The names of columns; ``None`` for a header that cannot be used."""
        should = self._layout.names
        if cells is None:
            self._fault("", f"is empty: {should}", 1, Reason.INVALID_FORMAT)
            return None
        names = [cell.strip() for cell in cells]
        for name in names:
            if name not in COLUMNS:
                message = f"no column is called {shown(name)}{did_you_mean(name, COLUMNS)}: {should}"
                self._fault("", message, line, Reason.UNEXPECTED_PROPERTY)
            elif names.count(name) > 1:
                self._fault(name, f"is there twice: {should}", line, Reason.INVALID_FORMAT)
        for name in NEEDED:
            if name not in names:
                self._fault(name, f"is missing: {should}", line, Reason.MISSING_PROPERTY)
        return None if self._log.count else names

    def _row(self, cells: dict[str, str], line: int) -> Iterator[DemandRow]:
        """A row for each node that the source stands for."""
        before = self._log.count
        sources = self._sources(cells["source"], line)
        to_region = cells["destination"]
        if to_region not in self._abroad:
            self._unknown("destination", "region that a gateway serves", to_region, self._abroad, line)
        traffic_class = self._class(cells.get("class", ""), line)
        rate_bps = self._rate(cells["rate"], line)
        if self._log.count > before or traffic_class is None or rate_bps is None:
            return
        for source, part_bps in equal_parts(rate_bps, sources).items():
            flow = (source, to_region, traffic_class)
            first = self._first_line.setdefault(flow, line)
            if first != line:
                there = f"{self._layout.place} {first}"
                message = f"{traffic_class} traffic from {source} to {to_region} is in {there}, too: add them up"
                self._fault("", message, line, Reason.INVALID_VALUE)
            else:
                yield DemandRow(source=source, to_region=to_region, traffic_class=traffic_class, rate_bps=part_bps)

    def _sources(self, name: str, line: int) -> list[str]:
        if name in self._nodes:
            return [name]
        if name in self._pes:
            return self._pes[name]
        if name in self._regions:
            self._fault("source", f"no PE is in {name}: nobody sends from there", line, Reason.INVALID_VALUE)
        else:
            self._unknown("source", "node or region", name, {*self._nodes, *self._regions}, line)
        return []

    def _class(self, text: str, line: int) -> TrafficClass | None:
        if not text:
            return TrafficClass.BULK
        try:
            return _class_of(text)
        except ValueError as error:
            self._fault("class", str(error), line, Reason.INVALID_VALUE)
            return None

    def _rate(self, text: str, line: int) -> int | None:
        try:
            rate_bps = _rate_of(text)
        except ValueError as error:
            self._fault("rate", str(error), line, Reason.INVALID_VALUE)
            return None
        if rate_bps > MAX_DEMAND_BPS:
            message = f"{format_rate(rate_bps)} is no demand: the most is {format_rate(MAX_DEMAND_BPS)}"
            self._fault("rate", message, line, Reason.INVALID_VALUE)
        return rate_bps

    def _unknown(self, field: str, what: str, name: str, known: set[str], line: int) -> None:
        message = "" if self._log.full else unknown(field, what, name, known).message
        self._fault(field, message, line, Reason.REFERENCE_NOT_FOUND)

    def _fault(self, field: str, message: str, line: int, reason: Reason) -> None:
        self._log.add(reason, field, message, line=line)


# A matrix has few classes, and often the same rates many times.
_class_of = lru_cache(maxsize=1_000)(one_of(TrafficClass))
_rate_of = lru_cache(maxsize=100_000)(parse_rate_bps)
