"""Series of demand matrices: how much is sent where, cycle after cycle.

Either a directory with a matrix (``documents.demand``) a cycle, in the order of their names; or one file, a CSV matrix
with one column more before all others, ``time`` or ``cycle``, by which lines that lie together are a cycle.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from random import Random
from typing import Final

from controller.documents.demand import MAX_MATRIX_BYTES, Matrix, Reading, TooMany, check_demand, load_demand
from controller.documents.demand_columns import COLUMNAR
from controller.documents.faults import FaultLog, refuse_if_faulty
from controller.documents.files import decode, read_file
from controller.domain.egress import EgressPolicy
from controller.domain.egress_demand import DemandRow
from controller.domain.errors import Reason
from controller.domain.topology import Topology

WHEN: Final = ("time", "cycle")
"""Names of the first column."""
MOST_CYCLES: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A cycle by its name (a file's without ending, or what the first column says), and what is sent in it."""

    name: str
    matrix: Matrix


def load_series(path: str | os.PathLike[str], topology: Topology) -> tuple[Moment, ...]:
    """Read a series; ``InvalidInput`` with file, line and column of what is wrong with it."""
    if Path(path).is_dir():
        return _load_directory(Path(path), topology)
    log = FaultLog(os.fspath(path))
    text = decode(read_file(path, log, MAX_MATRIX_BYTES), log, MAX_MATRIX_BYTES)
    refuse_if_faulty([log])
    assert text is not None, "what cannot be decoded is a fault"
    return read_series(text, os.fspath(path), topology)


def read_series(text: str, source: str, topology: Topology) -> tuple[Moment, ...]:
    """As ``load_series``, of what is in a file; ``source`` names it in faults."""
    log = FaultLog(source)
    found: dict[str, list[tuple[int, DemandRow]]] = {}
    try:
        _read(text, topology, log, found)
    except csv.Error as error:
        log.add(Reason.INVALID_FORMAT, "", f"is no CSV: {error}", line=0)
    except TooMany:
        log.add(Reason.INVALID_FORMAT, "", "has a cycle with more rows than a matrix may have", line=0)
    if not found and not log.count:
        log.add(Reason.INVALID_FORMAT, "", "has no row below the header", line=0)
    refuse_if_faulty([log])
    return tuple(
        Moment(
            name=name,
            matrix=Matrix(source=source, rows=tuple(row for _, row in rows), lines=tuple(line for line, _ in rows)),
        )
        for name, rows in found.items()
    )


def varied(matrix: Matrix, cycles: int, change: float, seed: int) -> tuple[Moment, ...]:
    """A series made from one matrix: in each cycle every rate is drawn anew, within ``change`` (0 to 1) of its own. The
    same for the same seed, everywhere."""
    random = Random(seed)
    found = []
    for number in range(cycles):
        rows = tuple(
            replace(row, rate_bps=int(row.rate_bps * random.uniform(1 - change, 1 + change))) for row in matrix.rows
        )
        found.append(Moment(name=str(number + 1), matrix=replace(matrix, rows=rows)))
    return tuple(found)


def check_series(series: Sequence[Moment], policies: Sequence[EgressPolicy], topology: Topology) -> None:
    """Raise ``InvalidInput`` for rows of which it cannot be told how much is whose policy's."""
    for moment in series:
        check_demand(moment.matrix, policies, topology)


def _load_directory(path: Path, topology: Topology) -> tuple[Moment, ...]:
    log = FaultLog(os.fspath(path))
    files = sorted(one for one in path.iterdir() if one.suffix.lower() in (".csv", *COLUMNAR))
    if not files:
        log.add(Reason.INVALID_FORMAT, "", f"has no file whose name ends in .csv, {', '.join(COLUMNAR)}", line=0)
    _must_be_bounded(len(files), log)
    refuse_if_faulty([log])
    return tuple(Moment(name=file.stem, matrix=load_demand(file, topology)) for file in files)


def _read(text: str, topology: Topology, log: FaultLog, found: dict[str, list[tuple[int, DemandRow]]]) -> None:
    """The rows of each cycle, with their lines."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    lines = ((reader.line_num, cells) for cells in reader if cells)
    first, header = next(lines, (1, []))
    when = header[0].strip() if header else ""
    if when not in WHEN:
        message = f"the first column has to be {' or '.join(WHEN)}, and the others those of a demand matrix"
        log.add(Reason.INVALID_FORMAT, "", message, line=first)
        return
    names = Reading(topology, log).header(header[1:], first)
    if names is None:
        return
    reading, now = Reading(topology, log), ""
    for line, (name, *cells) in _stripped(lines):
        if not name:
            log.add(Reason.MISSING_PROPERTY, when, "is empty: it says which cycle this is of", line=line)
            continue
        if name != now:
            reading, now = Reading(topology, log), name
            if name in found:
                log.add(Reason.INVALID_VALUE, when, f"{name[:80]} has been before: keep its lines together", line=line)
            _must_be_bounded(len(found) + 1, log)
            if len(found) > MOST_CYCLES:
                return
        found.setdefault(name, []).extend(reading.row(names, cells, line))


def _stripped(lines: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """With the name of the cycle without the space around it."""
    return ((line, [cells[0].strip(), *cells[1:]]) for line, cells in lines)


def _must_be_bounded(cycles: int, log: FaultLog) -> None:
    if cycles > MOST_CYCLES:
        log.add(Reason.INVALID_FORMAT, "", f"has more than {MOST_CYCLES} cycles", line=0)
