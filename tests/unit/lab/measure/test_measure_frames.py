import struct

import pytest

from lab.measure import frames
from lab.measure.frames import Identity, VlanTag

WHO = Identity(source=b"\x02TL\x00\x00\x0a", target=b"\x02TL\x00\x00\x0f", mark=0x0123456789ABCDEF)
MAKERS = (
    frames.ipv4_udp,
    frames.ipv6_udp,
    frames.arp_request,
    frames.lldp,
    frames.bridge_protocol,
    frames.unknown_ethertype,
    frames.mpls,
)


def ones_complement_sum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@pytest.mark.parametrize("make", MAKERS)
def test_every_frame_carries_its_mark_and_is_long_enough(make):
    frame = make(WHO)
    assert frames.mark_of(frame) == WHO.mark
    assert len(frame) >= 60
    assert frame[6:12] == WHO.source


@pytest.mark.parametrize("make", MAKERS)
def test_tags_change_nothing_else(make):
    plain = make(WHO)
    frame = frames.tagged(plain, VlanTag(vid=100, pcp=5, dei=1, tpid=0x88A8), VlanTag(vid=7))
    assert frame[12:20] == bytes.fromhex("88a8b064" + "81000007")
    assert frame[:12] + frame[20:] == plain
    assert frames.mark_of(frame) == WHO.mark


def test_a_translated_vid_keeps_priority_and_drop_eligibility():
    frame = frames.tagged(frames.ipv4_udp(WHO), VlanTag(vid=100, pcp=6, dei=1), VlanTag(vid=9))
    assert frames.with_vid(frame, 200)[12:20] == bytes.fromhex("8100d0c8" + "81000009")
    assert frames.with_vid(frames.with_vid(frame, 200), 100) == frame


@pytest.mark.parametrize("ethertype", ["0800", "86dd", "0806", "88cc", "88b5", "8847"])
def test_one_frame_of_each_ethertype(ethertype):
    assert [make for make in MAKERS if make(WHO)[12:14].hex() == ethertype]


def test_reserved_addresses_are_those_of_the_standards():
    assert frames.lldp(WHO)[:6].hex() == "0180c200000e"
    assert frames.bridge_protocol(WHO)[:6].hex() == "0180c2000000"
    assert frames.arp_request(WHO)[:6].hex() == "ffffffffffff"


def test_a_spanning_tree_frame_has_a_length_and_an_llc_header():
    frame = frames.bridge_protocol(WHO)
    assert struct.unpack("!H", frame[12:14])[0] < 1536
    assert frame[14:17].hex() == "424203"


@pytest.mark.parametrize("packet_bytes", [46, 64, 65, 1500])
def test_an_ipv4_packet_has_the_size_asked_for_and_right_checksums(packet_bytes):
    packet = frames.ipv4_udp(WHO, packet_bytes)[14:]
    assert len(packet) == packet_bytes
    assert struct.unpack("!H", packet[2:4])[0] == packet_bytes
    assert ones_complement_sum(packet[:20]) == 0xFFFF
    udp = packet[20:]
    pseudo = packet[12:20] + struct.pack("!HH", 17, len(udp))
    assert ones_complement_sum(pseudo + udp + b"\0" * (len(udp) % 2)) == 0xFFFF


def test_an_ipv6_packet_has_a_right_checksum():
    packet = frames.ipv6_udp(WHO)[14:]
    length, next_header = struct.unpack("!HB", packet[4:7])
    assert (length, next_header) == (len(packet) - 40, 17)
    assert ones_complement_sum(packet[8:40] + struct.pack("!II", length, 17) + packet[40:]) == 0xFFFF


def test_a_packet_without_room_for_the_mark_is_refused():
    with pytest.raises(ValueError, match="no room for a mark"):
        frames.ipv4_udp(WHO, 40)


@pytest.mark.parametrize("data", [b"", b"\0" * 60, frames.ipv4_udp(WHO)[:44]])
def test_what_is_no_probe_has_no_mark(data):
    assert frames.mark_of(data) is None


def test_lldp_is_a_chain_of_tlvs_that_ends():
    body = frames.lldp(WHO)[14:]
    kinds = []
    while not kinds or kinds[-1] != 0:
        (head,) = struct.unpack("!H", body[:2])
        kinds.append(head >> 9)
        body = body[2 + (head & 0x1FF) :]
    assert kinds == [1, 2, 3, 127, 0]
