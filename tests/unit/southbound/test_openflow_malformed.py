"""Whatever bytes come, a reader answers with a value or with ``Malformed``: no other error, and no endless loop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openflow_rules import flows, groups, meters

from controller.simulation import replies
from controller.southbound.openflow import inbound
from controller.southbound.openflow.protocol import HEADER, Malformed
from controller.southbound.openflow.readback import read_flows, read_groups, read_meters

READERS = {
    "hello": lambda data: inbound.speaks_our_version(4, data),
    "features": inbound.read_features,
    "error": inbound.read_error,
    "multipart": inbound.read_multipart,
    "port status": inbound.read_port_status,
    "flows": lambda data: list(read_flows([data])),
    "groups": lambda data: list(read_groups([data])),
    "meters": lambda data: list(read_meters([data])),
}
MULTIPART_HEADER = HEADER.size + 8


def read(reader, data):
    try:
        READERS[reader](data)
    except Malformed:
        return False
    return True


@pytest.mark.parametrize("reader", READERS)
@given(data=st.binary(max_size=200))
def test_random_bytes(reader, data):
    read(reader, data)


@st.composite
def spoiled(draw, values, encode):
    """Good entries with a few bytes changed, added or cut off."""
    data = bytearray(encode(1, draw(st.lists(values, min_size=1, max_size=3)))[MULTIPART_HEADER:])
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(("change", "zero", "cut", "insert"))):
            case "change":
                data[place] = draw(st.integers(0, 255))
            case "zero":
                data[place : place + 2] = bytes(2)
            case "cut":
                del data[place + 1 :]
            case "insert":
                data[place:place] = draw(st.binary(min_size=1, max_size=9))
    return bytes(data)


@given(spoiled(flows, replies.flow_statistics))
def test_spoiled_flows(data):
    read("flows", data)


@given(spoiled(groups(), replies.group_descriptions))
def test_spoiled_groups(data):
    read("groups", data)


@given(spoiled(meters, replies.meter_configurations))
def test_spoiled_meters(data):
    read("meters", data)


@given(flows, st.data())
def test_a_flow_cut_off_is_malformed(rule, data):
    whole = replies.flow_statistics(1, [rule])[MULTIPART_HEADER:]
    cut = data.draw(st.integers(1, len(whole) - 1))
    assert read("flows", whole)
    assert not read("flows", whole[:cut])


@pytest.mark.parametrize(
    "element",
    ["0001 0000 00000010", "0001 0003 00000010", "0001 000c 00000010", "0002 ffff"],
)
def test_a_hello_element_of_an_impossible_length(element):
    """os-ken's own reader never returns from the first of these."""
    assert not read("hello", bytes.fromhex(element))


@pytest.mark.parametrize(
    ("version", "body", "ours"),
    [
        (4, "", True),
        (6, "", True),  # the lower of both versions is ours
        (1, "", False),
        (6, "0001 0008 00000010", True),
        (6, "0001 0008 00000012", True),
        (6, "0001 0008 00000040", False),
        (4, "0001 0008 00000002", False),  # the bitmap decides
        (6, "0001 000c 00000010 00000001 00000000", True),  # padded to 8
        (4, "0009 0005 01 000000 0001 0008 00000010", True),  # an element of a type unknown
        (4, "000000", True),
    ],
)
def test_versions_are_negotiated_as_the_specification_says(version, body, ours):
    assert inbound.speaks_our_version(version, bytes.fromhex(body)) is ours
