"""Files of measurements: what they say, and what is wrong with them."""

from __future__ import annotations

import pytest

from controller.documents.measurements import load_measurements, read_measurements
from controller.domain.errors import InvalidInput
from controller.domain.gateway_quality import Measurement

NOW_S = 1_800_000_000.0


def read(text):
    return read_measurements(text, "m.csv", NOW_S)


def faults(text):
    with pytest.raises(InvalidInput) as refused:
        read(text)
    return [(fault.line, fault.field, fault.message) for fault in refused.value.faults]


def test_columns_may_come_in_any_order_and_some_may_be_missing():
    found = read(
        "loss,region,time,gateway,delay\n"
        "0.1%,europe,2027-01-15T08:00:00Z,igw-n,81.2ms\n"
        "\n"
        "500ppm, japan ,1800000000.25,igw-s,\n"
        ",japan,2027-01-15T09:00:01.5+01:00,igw-s,16ms\n"
    )
    assert found.rows == (
        Measurement(gateway="igw-n", region="europe", at_s=NOW_S, delay_ns=81_200_000, loss_ppm=1_000),
        Measurement(gateway="igw-s", region="japan", at_s=NOW_S + 0.25, loss_ppm=500),
        Measurement(gateway="igw-s", region="japan", at_s=NOW_S + 1.5, delay_ns=16_000_000),
    )
    assert found.lines == (2, 4, 5)
    assert read("gateway,region,loss\nigw-n,europe,100%\n").rows == (
        Measurement(gateway="igw-n", region="europe", at_s=NOW_S, loss_ppm=1_000_000),
    )


@pytest.mark.parametrize(
    ("row", "field", "part"),
    [
        ("igw-n,europe,80,0%,", "delay", "is not a delay"),
        ("igw-n,europe,-80ms,0%,", "delay", "is not a delay"),
        ("igw-n,europe,nan,0%,", "delay", "is not a delay"),
        ("igw-n,europe,11s,0%,", "delay", "is too large"),
        ("igw-n,europe,80ms,0.5,", "loss", "is not a loss"),
        ("igw-n,europe,80ms,101%,", "loss", "is too large: the most is 100%"),
        ("igw-n,europe,80ms,0.00001%,", "loss", "is finer than 1ppm"),
        ("igw-n,europe,80ms,0%,2027-01-15T08:00:00", "time", "with Z or an offset"),
        ("igw-n,europe,80ms,0%,0001-01-01T00:00:00+14:00", "time", "is not of a year between 1 and 9999"),
        ("igw-n,europe,80ms,0%,9999-12-31T23:59:59-12:00", "time", "is not of a year between 1 and 9999"),
        ("igw-n,europe,80ms,0%,yesterday", "time", "is no time"),
        ("igw-n,europe,,,", "delay", "one of them is needed"),
        (",europe,80ms,,", "gateway", "is empty"),
        ("igw-n,,80ms,,", "region", "is empty"),
        ("igw-n,europe,80ms", "", "has 3 cells, and the header 5"),
    ],
)
def test_a_row_that_is_wrong_is_told_with_its_line(row, field, part):
    (found,) = faults(f"gateway,region,delay,loss,time\nigw-n,europe,80ms,,\n{row}\n")
    assert found[:2] == (3, field)
    assert part in found[2]


@pytest.mark.parametrize(
    ("text", "field", "part"),
    [
        ("", "", "is empty: the first line names the columns"),
        ("gateway,region,delay\n", "", "has no row below the header"),
        ("gateway,delay\nigw-n,80ms\n", "region", "is missing"),
        ("gateway,region,delay,los\nigw-n,europe,80ms,\n", "", "did you mean 'loss'?"),
        ("gateway,region,delay,delay\nigw-n,europe,80ms,\n", "delay", "is there twice"),
        ('gateway,region,delay\n"igw-n,europe,80ms\n', "", "is no CSV"),
    ],
)
def test_what_is_no_table_of_measurements_is_refused(text, field, part):
    found = faults(text)
    assert found[0][1] == field
    assert part in found[0][2]


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InvalidInput) as refused:
        load_measurements(tmp_path / "none.csv", NOW_S)
    assert "cannot be read" in refused.value.faults[0].message
