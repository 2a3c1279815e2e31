from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ip_frames import HOST, ROUTER, packet_frame

from controller.forwarding import packet as packets
from controller.forwarding.frame import MalformedFrame

v4 = st.integers(0, (1 << 32) - 1).map(lambda number: str(IPv4Address(number)))
v6 = st.integers(0, (1 << 128) - 1).map(lambda number: str(IPv6Address(number)))
ends = st.tuples(v4, v4) | st.tuples(v6, v6)


@given(ends, st.integers(0, 63))
def test_a_packet_is_read_as_it_was_written(ends, dscp):
    source, destination = map(ip_address, ends)
    seen = packets.packet_in(packet_frame(*ends, dscp=dscp))
    assert seen == packets.Packet(source.version, int(source), int(destination), dscp)


@given(ends, st.integers(0, 63), st.integers(2, 255))
def test_a_packet_with_a_lower_hop_limit_is_the_one_that_would_be_written_with_it(ends, dscp, hop_limit):
    """IPv4's checksum among it: the library makes it anew, we update it."""
    lowered = packets.lower_hop_limit(packet_frame(*ends, dscp=dscp, hop_limit=hop_limit))
    assert lowered == packet_frame(*ends, dscp=dscp, hop_limit=hop_limit - 1)


@pytest.mark.parametrize("ends", [("10.0.0.1", "8.8.8.8"), ("fd00::1", "2001:db8::1")])
@pytest.mark.parametrize("hop_limit", [0, 1])
def test_a_packet_that_has_no_hop_left_goes_no_further(ends, hop_limit):
    assert packets.lower_hop_limit(packet_frame(*ends, hop_limit=hop_limit)) is None


def test_a_damaged_header_is_not_mended_on_the_way():
    frame = bytearray(packet_frame("10.0.0.1", "8.8.8.8"))
    frame[24] ^= 0xFF
    lowered = packets.lower_hop_limit(bytes(frame))
    assert lowered is not None
    right = packet_frame("10.0.0.1", "8.8.8.8", hop_limit=63)
    assert lowered[24:26] != right[24:26]
    assert lowered[:24] + lowered[26:] == right[:24] + right[26:]


@given(ends)
def test_both_addresses_of_the_frame_are_rewritten_and_nothing_else(ends):
    sent = packet_frame(*ends, eth_dst="02:00:00:00:00:77", eth_src="02:00:00:00:00:78")
    assert packets.set_macs(sent, HOST, ROUTER) == packet_frame(*ends, eth_dst=ROUTER, eth_src=HOST)


def test_a_tagged_frame_is_none_of_steerings_business():
    assert packets.packet_in(packet_frame("10.0.0.1", "8.8.8.8", tagged=7)) is None


@given(ends, st.integers(0, 39))
def test_a_packet_that_is_cut_short_is_none(ends, left):
    frame = packet_frame(*ends)[: 14 + left]
    assert packets.packet_in(frame) is None
    with pytest.raises(MalformedFrame):
        packets.lower_hop_limit(frame)


@pytest.mark.parametrize("first", [0x55, 0x44, 0x4F])
def test_an_ipv4_header_of_another_version_or_an_impossible_length_is_none(first):
    frame = bytearray(packet_frame("10.0.0.1", "8.8.8.8"))
    frame[14] = first
    assert packets.packet_in(bytes(frame)) is None


@given(st.binary(max_size=80))
def test_no_frame_is_too_strange_to_be_read(data):
    for kind in (b"\x08\x00", b"\x86\xdd", b"\x08\x06"):
        assert packets.packet_in(bytes(12) + kind + data) is None or len(data) >= 20
