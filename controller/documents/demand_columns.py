"""Demand matrices in columnar files: Parquet and Arrow IPC (which Feather is), read by pyarrow, as cells of text.

They have the columns of a CSV, all of text, with nulls where a CSV has nothing. Rates may be numbers instead, in a
column ``rateBps``: a number has no unit, so the column's name says it. Only who has such a file needs the library, and
waits for it.

Sources: Apache Parquet format 2; Arrow columnar format, IPC files and streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from controller.documents.faults import FaultLog
from controller.documents.files import is_bounded
from controller.domain.errors import Reason

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNAR: Final = (".parquet", ".feather", ".arrow")
"""Endings of the names of such files."""
RATE_BPS: Final = "rateBps"
_IPC_FILE_MAGIC: Final = b"ARROW1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The cells of each column, by row, one list a column, all equally long."""

    names: tuple[str, ...]
    cells: tuple[list[str], ...]


def read_columns(data: bytes, ending: str, log: FaultLog, *, most_bytes: int, most_rows: int) -> Columns | None:
    """Return what is in a file with this ending (of ``COLUMNAR``); ``None``, and what is wrong in the log, if it cannot
    be used. A column ``rateBps`` is returned as ``rate``, with the unit."""
    if not is_bounded(data, log, most_bytes):
        return None
    try:
        import pyarrow as pa
    except ImportError:
        message = f"{ending[1:]} files are read by pyarrow, which is not installed: pip install 'trunkline[columnar]'"
        log.add(Reason.INVALID_FORMAT, "", message, line=0)
        return None
    try:
        table = _table(data, ending, most_rows)
        if table is not None:
            table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        what = "Parquet file" if ending == ".parquet" else "Arrow IPC file"
        first_line = str(error).partition("\n")[0]
        log.add(Reason.INVALID_FORMAT, "", f"is no {what}: {first_line[:200]}", line=0)
        return None
    if table is None:
        log.add(Reason.INVALID_FORMAT, "", f"more than {most_rows} rows", line=0)
        return None
    before = log.count
    cells = tuple(_texts(name, column, log) for name, column in zip(table.column_names, table.columns, strict=True))
    if log.count > before:
        return None
    return Columns(names=tuple("rate" if name == RATE_BPS else name for name in table.column_names), cells=cells)


def _table(data: bytes, ending: str, most_rows: int) -> pa.Table | None:
    """``None``: it has more rows than it may; they are not all read then."""
    import pyarrow as pa
    from pyarrow import ipc, parquet

    source = pa.BufferReader(data)
    if ending == ".parquet":
        file = parquet.ParquetFile(source)
        return file.read() if file.metadata.num_rows <= most_rows else None
    if data.startswith(_IPC_FILE_MAGIC):
        reader = ipc.open_file(source)
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        reader = ipc.open_stream(source)
        batches = iter(reader)
    kept, rows = [], 0
    for batch in batches:
        rows += batch.num_rows
        if rows > most_rows:
            return None
        kept.append(batch)
    return pa.Table.from_batches(kept, reader.schema)


def _texts(name: str, column: pa.ChunkedArray, log: FaultLog) -> list[str]:
    """A column's cells; empty, and a fault, for one of a kind that says nothing here."""
    from pyarrow import types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if any(is_text(kind) for is_text in (types.is_string, types.is_large_string, types.is_string_view, types.is_null)):
        return ["" if cell is None else cell for cell in column.cast(kind).to_pylist()]
    if name == RATE_BPS and types.is_integer(kind):
        return ["" if cell is None else f"{cell}bps" for cell in column.to_pylist()]
    if name == RATE_BPS and types.is_floating(kind):
        return ["" if cell is None else f"{cell:.0f}bps" for cell in column.to_pylist()]
    if name == "rate" and (types.is_integer(kind) or types.is_floating(kind)):
        message = f"has numbers without a unit: write text such as 500Mbps, or call the column {RATE_BPS}"
    else:
        message = f"is a column of {str(kind)[:80]}: it has to be one of text"
    log.add(Reason.INVALID_FORMAT, name[:80], message, line=0)
    return []
