"""Columnar demand matrices: the same rows as from CSV, the same refusals by row, and files that are none."""

import csv
import io
import random
import sys

import pyarrow as pa
import pytest
from pyarrow import feather, ipc, parquet
from running.command import ROOT

from controller.documents import load_topology
from controller.documents.demand import load_demand, read_columnar
from controller.documents.demand_columns import read_columns
from controller.documents.demand_series import load_series
from controller.documents.faults import FaultLog
from controller.domain.errors import InvalidInput, Reason

BACKBONE = load_topology(ROOT / "topologies/china-backbone.yaml")
EXAMPLE = ROOT / "intents/china-demand.csv"
GOOD = {
    "source": ["guangdong", "pe-bj"],
    "destination": ["japan", "europe"],
    "class": ["gold", None],
    "rate": ["2Gbps", "1.5Mbps"],
}


def write_stream(table, path):
    with ipc.new_stream(path, table.schema) as stream:
        stream.write_table(table, max_chunksize=1)


WRITERS = {
    "m.parquet": parquet.write_table,
    "M.PARQUET": lambda table, path: parquet.write_table(table, path, compression="zstd", row_group_size=1),
    "m.feather": feather.write_feather,
    "m.arrow": write_stream,
}


def as_parquet(columns):
    """A file's bytes; columns by name, or pairs of name and values where a name is there twice."""
    pairs = list(columns.items()) if isinstance(columns, dict) else columns
    file = io.BytesIO()
    table = pa.table(
        [values if isinstance(values, pa.Array) else pa.array(values) for _, values in pairs],
        names=[name for name, _ in pairs],
    )
    parquet.write_table(table, file)
    return file.getvalue()


def read(columns):
    return read_columnar(as_parquet(columns), ".parquet", "m.parquet", BACKBONE)


def said(matrix):
    return [(row.source, row.to_region, str(row.traffic_class), row.rate_bps) for row in matrix.rows]


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_says_what_the_csv_says(name, tmp_path):
    lines = list(csv.DictReader(EXAMPLE.read_text().splitlines()))
    WRITERS[name](pa.Table.from_pylist(lines), tmp_path / name)
    assert load_demand(tmp_path / name, BACKBONE).rows == load_demand(EXAMPLE, BACKBONE).rows


def test_nulls_are_bulk_and_rows_are_counted_from_one():
    matrix = read(GOOD)
    assert said(matrix)[-1] == ("pe-bj", "europe", "bulk", 1_500_000)
    assert (matrix.lines[0], matrix.lines[-1]) == (1, 2)


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_text_of_every_kind(kind):
    table = pa.table({name: pa.array(values).cast(kind) for name, values in GOOD.items()})
    file = io.BytesIO()
    with ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    assert said(read_columnar(file.getvalue(), ".arrow", "m.arrow", BACKBONE)) == said(read(GOOD))


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.float64()], ids=str)
def test_a_column_whose_name_has_the_unit_may_have_numbers(kind):
    numbers = {**GOOD, "rateBps": pa.array([2_000_000_000, 1_500_000], kind)}
    del numbers["rate"]
    assert said(read(numbers)) == said(read(GOOD))


def fault_of(columns):
    with pytest.raises(InvalidInput) as caught:
        read(columns)
    return caught.value.faults[0]


@pytest.mark.parametrize(
    ("changed", "line", "field", "reason", "words"),
    [
        ({"source": ["pe-bj", "pe-gx"]}, 2, "source", Reason.REFERENCE_NOT_FOUND, "pe-gx"),
        ({"source": ["pe-bj", None]}, 2, "source", Reason.REFERENCE_NOT_FOUND, "no node or region"),
        ({"destination": ["japn", "europe"]}, 1, "destination", Reason.REFERENCE_NOT_FOUND, "japan"),
        ({"class": ["gold", "golden"]}, 2, "class", Reason.INVALID_VALUE, "golden"),
        ({"rate": ["2", "1bps"]}, 1, "rate", Reason.INVALID_VALUE, "'2' is not a rate"),
        ({"rate": [5, 6]}, 0, "rate", Reason.INVALID_FORMAT, "call the column rateBps"),
        ({"source": [5, 6]}, 0, "source", Reason.INVALID_FORMAT, "a column of int64"),
        ({"rate": [["1bps"], []]}, 0, "rate", Reason.INVALID_FORMAT, "a column of list"),
        ({"rat": ["", ""]}, 0, "", Reason.UNEXPECTED_PROPERTY, "the columns are called source, destination"),
        ({"rateBps": [1, 2]}, 0, "rate", Reason.INVALID_FORMAT, "there twice"),
        ({name: [] for name in GOOD}, 0, "", Reason.INVALID_FORMAT, "has no rows"),
    ],
)  # fmt: skip
def test_what_is_refused(changed, line, field, reason, words):
    columns = {name: values if values else pa.array(values, pa.string()) for name, values in (GOOD | changed).items()}
    fault = fault_of(columns)
    assert (fault.line, fault.field, fault.reason) == (line, field, reason)
    assert words in fault.message


@pytest.mark.parametrize("rate", [-1, float("nan"), float("inf"), 1e300, 1e15])
def test_numbers_that_are_no_rates(rate):
    columns = {"source": ["pe-bj"], "destination": ["japan"], "rateBps": [rate]}
    fault = fault_of(columns)
    assert (fault.line, fault.field, fault.reason) == (1, "rate", Reason.INVALID_VALUE)


def test_a_column_that_is_missing():
    fault = fault_of({name: values for name, values in GOOD.items() if name != "destination"})
    assert (fault.field, fault.reason) == ("destination", Reason.MISSING_PROPERTY)


def test_the_same_traffic_twice_is_told_by_row():
    fault = fault_of({name: [values[0], values[0]] for name, values in GOOD.items()})
    assert fault.line == 2
    assert "is in row 1, too" in fault.message


@pytest.mark.parametrize(
    ("data", "ending", "words"),
    [
        (b"source,destination,rate\n", ".parquet", "is no Parquet file: "),
        (b"", ".parquet", "is no Parquet file: "),
        (b"ARROW1 and no more", ".feather", "is no Arrow IPC file: "),
        (b"FEA1", ".feather", "is no Arrow IPC file: "),
        (b"source,destination,rate\n", ".arrow", "is no Arrow IPC file: "),
    ],
)
def test_what_is_no_such_file(data, ending, words):
    with pytest.raises(InvalidInput, match=words):
        read_columnar(data, ending, "m" + ending, BACKBONE)


def arrow_stream(rows, chunk):
    table = pa.table({"source": ["x"] * rows})
    file = io.BytesIO()
    with ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table, max_chunksize=chunk)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "ending"), [(as_parquet({"source": ["x"] * 11}), ".parquet"), (arrow_stream(11, 3), ".arrow")]
)
def test_what_is_too_large_is_not_taken_in(data, ending):
    def told(**limits):
        log = FaultLog("m")
        found = read_columns(data, ending, log, **{"most_bytes": 10**6, "most_rows": 11, **limits})
        return found is None, [fault.message for fault in log.in_line_order()]

    assert told() == (False, [])
    assert told(most_rows=10) == (True, ["more than 10 rows"])
    assert told(most_bytes=10)[0]


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InvalidInput, match=r"pip install 'trunkline\[columnar\]'"):
        read_columnar(b"", ".parquet", "m.parquet", BACKBONE)


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
def test_whatever_comes_in_is_read_or_refused(ending):
    """Bytes of a good matrix changed at random: a fault at most, never another exception."""
    dice = random.Random(5)
    table = pa.table(GOOD)
    file = io.BytesIO()
    if ending == ".parquet":
        parquet.write_table(table, file)
    else:
        with ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    good, refused = file.getvalue(), 0
    for _ in range(300):
        data = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            read_columnar(bytes(data), ending, "m" + ending, BACKBONE)
        except InvalidInput:
            refused += 1
    assert 0 < refused < 300


def test_a_series_of_columnar_files(tmp_path):
    for name, rate in (("1.parquet", "1Gbps"), ("2.feather", "2Gbps")):
        WRITERS["m" + name[1:]](pa.table({**GOOD, "rate": [rate, rate]}), tmp_path / name)
    series = load_series(tmp_path, BACKBONE)
    assert [(one.name, one.matrix.rows[-1].rate_bps) for one in series] == [("1", 10**9), ("2", 2 * 10**9)]
