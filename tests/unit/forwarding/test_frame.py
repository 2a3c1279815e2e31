from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.forwarding import frame as frames
from controller.forwarding.frame import MalformedFrame

MPLS_TYPES = (0x8847, 0x8848)
ADDRESSES = bytes.fromhex("020000000b01" + "020000000a01")
labels = st.integers(0, (1 << 20) - 1)
customer_frames = st.binary(min_size=14, max_size=80).filter(lambda sent: frames.ethertype(sent) not in MPLS_TYPES)


@given(customer_frames, labels, labels, st.booleans())
def test_what_is_wrapped_comes_out_as_it_went_in(sent, service_label, trunk_label, shim):
    wrapped = frames.set_label(frames.wrap(sent, service_label, shim=shim), trunk_label)
    assert frames.outer_label(wrapped) == trunk_label
    at_the_end = frames.pop_label(wrapped)
    assert frames.outer_label(at_the_end) == service_label
    assert frames.unwrap(at_the_end, shim=shim) == sent


def test_a_wrapped_frame_byte_by_byte():
    """RFC 3032: label, TC 0, bottom of stack on the second entry only, TTL 64. 22 bytes more than the frame."""
    sent = ADDRESSES + b"\x08\x00payload"
    wrapped = frames.set_label(frames.wrap(sent, 524_289), 1_025)
    outer = bytes.fromhex("02544c00000202544c000001" + "8847" + "00401040" + "80001140")
    assert wrapped == outer + sent
    assert len(wrapped) == len(sent) + 22
    # With a shim 8 bytes more.
    shimmed = frames.set_label(frames.wrap(sent, 524_289, shim=True), 1_025)
    assert shimmed == outer + bytes.fromhex("0fc20203000000ff") + sent


C_TAG, S_TAG, MPLS = b"\x81\x00\x00\x07", b"\x88\xa8\x00\x08", b"\x88\x47" + bytes.fromhex("00063140")


@pytest.mark.parametrize(
    ("rest", "ethertype"),
    [
        (b"\x08\x00", 0x0800),
        (C_TAG + MPLS, 0x8847),
        (S_TAG + C_TAG + MPLS, 0x8847),
        (S_TAG + S_TAG + b"\x88\x48", 0x8848),
        (C_TAG + C_TAG + C_TAG + MPLS, 0x8100),
        (b"\x81\x00\x00\x07", 0x8100),  # no room for what the tag says comes next
        (b"\x91\x00\x00\x07" + MPLS, 0x9100),
    ],
)
def test_the_ethertype_behind_up_to_two_tags(rest, ethertype):
    assert frames.ethertype(ADDRESSES + rest) == ethertype


@pytest.mark.parametrize("tags", [b"", C_TAG, S_TAG + C_TAG])
def test_mpls_can_only_be_wrapped_with_a_shim(tags):
    """As it is with Open vSwitch, which damages such a frame otherwise (tests/lab/test_openflow_line.py)."""
    for kind in (b"\x88\x47", b"\x88\x48"):
        sent = ADDRESSES + tags + kind + MPLS[2:]
        with pytest.raises(MalformedFrame):
            frames.wrap(sent, 7)
        assert frames.unwrap(frames.pop_label(frames.wrap(sent, 7, shim=True)), shim=True) == sent
    behind_three = ADDRESSES + C_TAG + S_TAG + C_TAG + MPLS
    assert frames.unwrap(frames.pop_label(frames.wrap(behind_three, 7))) == behind_three


@pytest.mark.parametrize("tpid", ["88a8", "9100", "0800", "8847"])
def test_only_the_tag_type_0x8100_is_a_customers_tag(tpid):
    assert frames.vlan(ADDRESSES + bytes.fromhex(tpid + "0064" + "0800")) is None


@given(st.integers(0, 4095), st.integers(0, 15), st.integers(0, 4095))
def test_a_translated_tag_keeps_priority_and_drop_eligibility(vid, priority, other):
    rest = b"\x81\x00\x00\x07\x08\x00inner tags and payload stay"
    sent = ADDRESSES + b"\x81\x00" + (priority << 12 | vid).to_bytes(2, "big") + rest
    assert frames.vlan(sent) == vid
    changed = frames.set_vlan(sent, other)
    assert changed == ADDRESSES + b"\x81\x00" + (priority << 12 | other).to_bytes(2, "big") + rest


def unwrap_shim(sent):
    return frames.unwrap(sent, shim=True)


@pytest.mark.parametrize(
    ("edit", "sent"),
    [
        (lambda sent: frames.set_vlan(sent, 5), ADDRESSES + b"\x08\x00untagged"),
        (lambda sent: frames.set_vlan(sent, 5), ADDRESSES + b"\x81\x00"),
        (lambda sent: frames.set_label(sent, 5), ADDRESSES + b"\x08\x00no label"),
        (lambda sent: frames.set_label(sent, 5), ADDRESSES + b"\x88\x47\x00"),
        (frames.pop_label, ADDRESSES + b"\x08\x00no label"),
        (frames.pop_label, frames.pop_label(frames.wrap(ADDRESSES + b"\x08\x00", 7))),
        (frames.unwrap, frames.wrap(ADDRESSES + b"\x08\x00", 7)),
        (frames.unwrap, ADDRESSES + b"\x08\x00no label"),
        (unwrap_shim, frames.pop_label(frames.wrap(ADDRESSES + b"\x08\x00", 7))),
        (frames.unwrap, ADDRESSES + b"\x88\x47" + bytes.fromhex("00007140") + b"thirteen byte"),
    ],
)
def test_a_frame_of_another_shape_cannot_be_edited(edit, sent):
    with pytest.raises(MalformedFrame):
        edit(sent)


@given(st.binary(max_size=24))
def test_no_frame_is_too_short_or_strange_to_be_read(sent):
    assert 0 <= frames.ethertype(sent) <= 0xFFFF
    assert frames.vlan(sent) is None or len(sent) >= 18
    assert frames.outer_label(sent) is None or len(sent) >= 18
