"""Flow monitoring: which changes by others make us look, and what is no such message."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.southbound.openflow.notices import changed_by_others, flow_monitor_request
from controller.southbound.openflow.protocol import Malformed

# What Open vSwitch 3.1 sent when ovs-ofctl added, replaced, modified and deleted a flow.
HEAD = "ffff000000000000" + "4f4e46000000074e"
OURS_ADDED = "002800000000000500000000000c0000544c010000000001" + "0001000c800000040000000100000000"
THEIRS_AT_OUR_PLACE = "002800000000000500000000000c00000000000000000077" + "0001000c800000040000000100000000"
THEIRS_ELSEWHERE = "002800000000000500000000000c07000000000000000077" + "0001000c800000040000000100000000"
OURS_DELETED = "002800010002000500000000000c0000544c010000000001" + "0001000c800000040000000100000000"
BY_US = "00080003000003e8"


def body(*updates):
    return bytes.fromhex(HEAD + "".join(updates))


@pytest.mark.parametrize(
    ("updates", "concerns_us"),
    [
        ((), False),
        ((BY_US,), False),
        ((OURS_ADDED,), True),
        ((OURS_DELETED,), True),
        ((THEIRS_AT_OUR_PLACE,), True),
        ((THEIRS_ELSEWHERE,), False),
        ((BY_US, THEIRS_ELSEWHERE, OURS_DELETED), True),
    ],
)
def test_only_changes_by_others_of_what_may_be_ours_count(updates, concerns_us):
    assert changed_by_others(body(*updates)) is concerns_us


def test_other_multipart_replies_are_passed_over():
    assert not changed_by_others(bytes.fromhex("0001000000000000"))
    assert not changed_by_others(bytes.fromhex("ffff000000000000" + "0000232000000002"))


@pytest.mark.parametrize("size", range(1, len(body(OURS_DELETED))))
def test_what_is_cut_off_is_malformed_or_tells_nothing(size):
    try:
        assert not changed_by_others(body(OURS_DELETED)[:size])
    except Malformed:
        return


def test_a_length_beyond_the_message_is_malformed():
    with pytest.raises(Malformed):
        changed_by_others(body("ffff0000"))


def test_the_request_is_as_open_vswitch_wants_it():
    request = flow_monitor_request(6)
    assert struct.unpack_from("!BBHI", request) == (4, 18, 48, 6)
    assert request[8:].hex() == (
        "ffff000000000000" + "4f4e46000000074e" + "00000001000e0004ffffffffff000000" + "0001000400000000"
    )


@given(st.lists(st.binary(max_size=60), max_size=4), st.binary(max_size=7))
def test_no_updates_of_right_length_do_harm(contents, rest):
    updates = []
    for content in contents:
        padded = content + bytes(-(len(content) + 2) % 8)
        updates.append(struct.pack("!H", len(padded) + 2) + padded)
    try:
        assert changed_by_others(body() + b"".join(updates) + rest) in (True, False)
    except Malformed:
        return
