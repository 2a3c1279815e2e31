"""Region maps: what they say, and what is told of those that cannot be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.documents.regions import load_regions, read_regions
from controller.domain.errors import InvalidInput, Reason
from controller.domain.prefixes import parse_prefix
from controller.domain.topology import Gateway, Topology

NETWORK = Topology(
    name="n",
    nodes=(),
    links=(),
    gateways=(Gateway(name="g", node="n", port=1, capacity_bps=1, delays_ns=(("japan", 1), ("north-america", 1))),),
)


def read(text):
    return read_regions(text, "map.csv", NETWORK)


def refused(text):
    with pytest.raises(InvalidInput) as error:
        read(text)
    return error.value.faults


def test_systems_and_prefixes_in_one_map_in_any_order_of_columns(tmp_path):
    file = tmp_path / "map.csv"
    file.write_text("region, prefix, asn\njapan,,AS2497\n\nnorth-america,,174\njapan,10.0.0.0/8,\njapan,fd00::/16,\n")
    found = load_regions(file, NETWORK)
    assert found.by_as == {2497: "japan", 174: "north-america"}
    assert found.by_prefix == {parse_prefix("10.0.0.0/8"): "japan", parse_prefix("fd00::/16"): "japan"}


@pytest.mark.parametrize(("header", "row"), [("asn,region", "2497,japan"), ("prefix,region", "10.0.0.0/8,japan")])
def test_one_of_the_columns_is_enough(header, row):
    found = read(f"{header}\n{row}\n")
    assert len(found.by_as) + len(found.by_prefix) == 1


@pytest.mark.parametrize(
    ("text", "line", "words", "reason"),
    [
        ("", 1, "is empty", Reason.INVALID_FORMAT),
        ("asn,region\n", 1, "no row below the header", Reason.INVALID_FORMAT),
        ("asn,region,regin\n", 1, "no column is called", Reason.UNEXPECTED_PROPERTY),
        ("asn,asn,region\n1,1,japan\n", 1, "is there twice", Reason.INVALID_FORMAT),
        ("asn\n1\n", 1, "is missing", Reason.MISSING_PROPERTY),
        ("region\njapan\n", 1, "is missing, and so is prefix", Reason.MISSING_PROPERTY),
        ("asn,region\n1\n", 2, "has 1 cells, and the header 2", Reason.INVALID_FORMAT),
        ("asn,region\n1,japn\n", 2, "japan", Reason.REFERENCE_NOT_FOUND),
        ("asn,region\n0,japan\n", 2, "no AS number", Reason.INVALID_VALUE),
        ("asn,region\n4294967295,japan\n", 2, "no AS number", Reason.INVALID_VALUE),
        ("asn,region\nASx,japan\n", 2, "no AS number", Reason.INVALID_VALUE),
        ("asn,region\n-1,japan\n", 2, "no AS number", Reason.INVALID_VALUE),
        ("asn,region\n1,japan\nAS1,japan\n", 3, "is in line 2, too", Reason.INVALID_VALUE),
        ("prefix,region\n10.0.0.1/8,japan\n", 2, "has host bits set", Reason.INVALID_VALUE),
        ("prefix,region\n10.0.0.0,japan\n", 2, "has no length", Reason.INVALID_VALUE),
        ("prefix,region\n10.0.0.0/33,japan\n", 2, "no prefix", Reason.INVALID_VALUE),
        ("prefix,region\n10.0.0.0/8,japan\n10.0.0.0/8,north-america\n", 3, "in line 2, too", Reason.INVALID_VALUE),
        ("asn,prefix,region\n1,10.0.0.0/8,japan\n", 2, "write a row for each", Reason.INVALID_FORMAT),
        ("asn,prefix,region\n,,japan\n", 2, "names no autonomous system", Reason.INVALID_FORMAT),
        ('asn,region\n"1,japan\n', 2, "is no CSV", Reason.INVALID_FORMAT),
        (b"asn,region\n\xff,japan\n", 2, "is not UTF-8", Reason.INVALID_FORMAT),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, line, words, reason):
    (fault,) = refused(text)
    assert (fault.source, fault.line, fault.reason) == ("map.csv", line, reason)
    assert words in f"{fault.field} {fault.message}"


def test_all_that_is_wrong_is_told_at_once():
    assert [fault.line for fault in refused("asn,region\nx,japan\n1,japan\n2,mars\n3\n")] == [2, 4, 5]


@given(st.text(st.sampled_from('asn,regionprefix\n0123456789./:"japan \t'), max_size=60))
def test_whatever_is_written_is_read_or_refused(text):
    for whole in (text, f"asn,prefix,region\n{text}"):
        try:
            read(whole)
        except InvalidInput:
            continue
