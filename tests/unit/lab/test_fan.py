"""Which region abroad a frame that leaves by a gateway goes to."""

from ipaddress import ip_address

import pytest

from lab.fan import Fan

FAN = Fan(
    {
        "europe": ("100.64.0.0/16", "fd64:1::/32"),
        "japan": ("100.65.0.0/16", "fd64:2::/32", "100.64.8.0/24"),
    },
    shared=("192.0.2.1", "fd00:ff::1"),
)
EVERYONE = ("europe", "japan")
ADDRESSES = bytes.fromhex("020000000002020000000001")


def packet(destination):
    address = ip_address(destination)
    if address.version == 4:
        return ADDRESSES + b"\x08\x00" + bytes(16) + address.packed + bytes(8)
    return ADDRESSES + b"\x86\xdd" + bytes(24) + address.packed + bytes(8)


@pytest.mark.parametrize(
    ("destination", "regions"),
    [
        ("100.64.0.1", ("europe",)),
        ("100.64.8.1", ("japan",)),
        ("100.65.255.255", ("japan",)),
        ("fd64:1::1", ("europe",)),
        ("fd64:2:0:1::", ("japan",)),
        ("100.66.0.1", ()),
        ("8.8.8.8", ()),
        ("fd64:3::1", ()),
        ("::", ()),
        ("192.0.2.1", EVERYONE),
        ("fd00:ff::1", EVERYONE),
        ("224.0.0.1", EVERYONE),
        ("255.255.255.255", EVERYONE),
        ("fe80::1", EVERYONE),
        ("ff02::1:ff00:1", EVERYONE),
    ],
)
def test_a_packet_goes_by_its_destination(destination, regions):
    assert FAN.regions(packet(destination)) == regions


@pytest.mark.parametrize("ethertype", ["0806", "88cc", "8847"])
def test_what_is_no_packet_goes_to_everyone(ethertype):
    assert FAN.regions(ADDRESSES + bytes.fromhex(ethertype) + bytes(46)) == EVERYONE


def test_a_packet_cut_short_goes_nowhere():
    assert FAN.regions(ADDRESSES + b"\x86\xdd" + bytes(10)) == ()
