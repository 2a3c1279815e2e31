"""Region maps: CSV with the columns ``region`` and ``asn``, ``prefix`` or both, to where in the world prefixes are.

Each row names one autonomous system (``4134`` or ``AS4134``) or one prefix, and a region that gateways serve.
"""

from __future__ import annotations

import csv
import os
from io import StringIO
from typing import Final

from controller.documents.faults import FaultLog, refuse_if_faulty
from controller.documents.files import decode, read_file
from controller.documents.scalars import shown
from controller.domain.errors import Reason
from controller.domain.prefixes import Prefix, parse_prefix
from controller.domain.regions import RegionMap
from controller.domain.spelling import did_you_mean
from controller.domain.topology import Topology
from controller.domain.validation import unknown

COLUMNS: Final = ("asn", "prefix", "region")
MAX_MAP_BYTES: Final = 64 * 1024 * 1024
MOST_ROWS: Final = 2_000_000
"""More than there are autonomous systems and prefixes in the world's routing table."""
LARGEST_AS: Final = 2**32 - 2
"""0 and the largest number of 32 bits are reserved (RFC 7607, RFC 7300)."""


def load_regions(path: str | os.PathLike[str], topology: Topology) -> RegionMap:
    """Read a region map; ``InvalidInput`` with file, line and column of every fault in it."""
    log = FaultLog(os.fspath(path))
    data = read_file(path, log, MAX_MAP_BYTES)
    refuse_if_faulty([log])
    return read_regions(data, os.fspath(path), topology)


def read_regions(data: str | bytes, source: str, topology: Topology) -> RegionMap:
    """As ``load_regions``, of what is in a file; ``source`` names it in faults."""
    log = FaultLog(source)
    text = decode(data, log, MAX_MAP_BYTES)
    reading = _Reading(topology, log)
    if text is not None:
        reading.read(text)
    refuse_if_faulty([log])
    return RegionMap(by_prefix=reading.by_prefix, by_as=reading.by_as)


class _Reading:
    """What has been read; what is wrong is told to the log and left out."""

    def __init__(self, topology: Topology, log: FaultLog) -> None:
        self.by_prefix: dict[Prefix, str] = {}
        self.by_as: dict[int, str] = {}
        self._log = log
        self._abroad = {region for gateway in topology.gateways for region, _ in gateway.delays_ns}
        self._first_line: dict[Prefix | int, int] = {}

    def read(self, text: str) -> None:
        reader = csv.reader(StringIO(text, newline=""), strict=True)
        try:
            names = self._header(next((row for row in reader if row), None), reader.line_num)
            if names is None:
                return
            count = 0
            for cells in reader:
                if not cells:
                    continue
                count += 1
                if count > MOST_ROWS:
                    self._fault("", f"more than {MOST_ROWS} rows", 0, Reason.INVALID_FORMAT)
                    return
                if len(cells) != len(names):
                    message = f"has {len(cells)} cells, and the header {len(names)}: {','.join(names)}"
                    self._fault("", message, reader.line_num, Reason.INVALID_FORMAT)
                else:
                    self._row(dict(zip(names, map(str.strip, cells), strict=True)), reader.line_num)
            if not count:
                self._fault("", "has no row below the header", reader.line_num, Reason.INVALID_FORMAT)
        except csv.Error as error:
            self._fault("", f"is no CSV: {error}", reader.line_num, Reason.INVALID_FORMAT)

    def _header(self, cells: list[str] | None, line: int) -> list[str] | None:
        """The names of columns; ``None`` for a header that cannot be used."""
        should = "the first line names the columns, separated by commas: region, and asn, prefix or both"
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
        if "region" not in names:
            self._fault("region", f"is missing: {should}", line, Reason.MISSING_PROPERTY)
        if not {"asn", "prefix"} & set(names):
            self._fault("asn", f"is missing, and so is prefix: {should}", line, Reason.MISSING_PROPERTY)
        return None if self._log.count else names

    def _row(self, cells: dict[str, str], line: int) -> None:
        region = cells["region"]
        known = region in self._abroad
        if not known:
            what = "region that a gateway serves"
            message = "" if self._log.full else unknown("region", what, region, self._abroad).message
            self._fault("region", message, line, Reason.REFERENCE_NOT_FOUND)
        asn, prefix = cells.get("asn", ""), cells.get("prefix", "")
        if bool(asn) == bool(prefix):
            both = "names an autonomous system and a prefix: write a row for each"
            message = both if asn else "names no autonomous system and no prefix"
            self._fault("", message, line, Reason.INVALID_FORMAT)
            return
        place: Prefix | int | None = self._asn(asn, line) if asn else self._prefix(prefix, line)
        if place is None or not known:
            return
        first = self._first_line.setdefault(place, line)
        if first != line:
            self._fault("asn" if asn else "prefix", f"is in line {first}, too", line, Reason.INVALID_VALUE)
        elif isinstance(place, int):
            self.by_as[place] = region
        else:
            self.by_prefix[place] = region

    def _asn(self, text: str, line: int) -> int | None:
        digits = text[2:] if text[:2].upper() == "AS" else text
        number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 10 else 0
        if not 0 < number <= LARGEST_AS:
            message = f"{shown(text)} is no AS number: write one from 1 to {LARGEST_AS}, as 4134 or AS4134"
            self._fault("asn", message, line, Reason.INVALID_VALUE)
            return None
        return number

    def _prefix(self, text: str, line: int) -> Prefix | None:
        try:
            if "/" not in text:
                raise ValueError("has no length: write ADDRESS/LENGTH")
            return parse_prefix(text)
        except ValueError as error:
            self._fault("prefix", f"{shown(text)} is no prefix: {error}", line, Reason.INVALID_VALUE)
            return None

    def _fault(self, field: str, message: str, line: int, reason: Reason) -> None:
        self._log.add(reason, field, message, line=line)
