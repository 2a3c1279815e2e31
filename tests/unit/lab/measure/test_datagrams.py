"""The packets that measure traffic abroad say what they are, and nothing else is taken for one."""

import struct
from ipaddress import ip_address

import pytest

from lab.measure.datagrams import LEAST_BYTES, Datagram, datagram_in, payload

ADDRESSES = bytes.fromhex("020000000002020000000001")


def frame(source, destination, data, ttl=63, dscp=46, protocol=17):
    udp = struct.pack("!HHHH", 4000, 9, 8 + len(data), 0) + data
    addresses = ip_address(source).packed + ip_address(destination).packed
    if ip_address(source).version == 4:
        head = struct.pack("!BBHHHBBH", 0x45, dscp << 2, 20 + len(udp), 0, 0, ttl, protocol, 0)
        return ADDRESSES + b"\x08\x00" + head + addresses + udp
    head = struct.pack("!IHBB", 6 << 28 | dscp << 22, len(udp), protocol, ttl)
    return ADDRESSES + b"\x86\xdd" + head + addresses + udp


@pytest.mark.parametrize(("source", "destination"), [("10.0.0.1", "100.64.0.9"), ("fd00::1", "fd64:1::9")])
@pytest.mark.parametrize("size", [LEAST_BYTES, 1250])
def test_a_packet_is_read_as_it_was_written(source, destination, size):
    version = ip_address(source).version
    data = payload(7, 3, 12, 1_700_000_000_123_456_789, size, version)
    whole = frame(source, destination, data)
    assert len(whole) == 14 + size
    assert datagram_in(whole) == Datagram(7, 3, 12, 1_700_000_000_123_456_789, 63, 46, source, destination)


def test_anything_else_is_ignored():
    data = payload(7, 3, 12, 1, LEAST_BYTES, 4)
    whole = frame("10.0.0.1", "100.64.0.9", data)
    for other in (b"", whole[:60], whole.replace(b"TLEG", b"GELT"), frame("10.0.0.1", "100.64.0.9", data, protocol=6)):
        assert datagram_in(other) is None
