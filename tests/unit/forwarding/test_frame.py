from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.forwarding import frame as frames
from controller.forwarding.frame import MalformedFrame

ADDRESSES = bytes.fromhex("020000000b01" + "020000000a01")
labels = st.integers(0, (1 << 20) - 1)
customer_frames = st.binary(min_size=14, max_size=80)


@given(customer_frames, labels, labels)
def test_what_is_wrapped_comes_out_as_it_went_in(sent, service_label, trunk_label):
    wrapped = frames.set_label(frames.wrap(sent, service_label), trunk_label)
    assert frames.outer_label(wrapped) == trunk_label
    at_the_end = frames.pop_label(wrapped)
    assert frames.outer_label(at_the_end) == service_label
    assert frames.unwrap(at_the_end) == sent


def test_a_wrapped_frame_byte_by_byte():
    """RFC 3032: label, TC 0, bottom of stack on the second entry only, TTL 64. 22 bytes more than the frame."""
    sent = ADDRESSES + b"\x08\x00payload"
    wrapped = frames.set_label(frames.wrap(sent, 524_289), 1_025)
    outer = bytes.fromhex("02544c00000202544c000001" + "8847" + "00401040" + "80001140")
    assert wrapped == outer + sent
    assert len(wrapped) == len(sent) + 22


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
        (frames.unwrap, ADDRESSES + b"\x88\x47" + bytes.fromhex("00007140") + b"thirteen byte"),
    ],
)
def test_a_frame_of_another_shape_cannot_be_edited(edit, sent):
    with pytest.raises(MalformedFrame):
        edit(sent)


@given(st.binary(max_size=24))
def test_no_frame_is_too_short_or_strange_to_be_read(sent):
    assert frames.vlan(sent) is None or len(sent) >= 18
    assert frames.outer_label(sent) is None or len(sent) >= 18
