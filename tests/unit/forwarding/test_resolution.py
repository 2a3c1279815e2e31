from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ip_frames import (
    HOST,
    ROUTER,
    advertisement,
    arp_reply,
    arp_request,
    packet_frame,
    solicitation,
)

from controller.forwarding import resolution
from controller.forwarding.frame import MalformedFrame

v4 = st.integers(0, (1 << 32) - 1).map(lambda number: str(IPv4Address(number)))
v6 = st.integers(1, (1 << 128) - 1).map(lambda number: str(IPv6Address(number)))
macs = st.binary(min_size=6, max_size=6).map(lambda address: address.hex(":"))


@given(v4, v4, macs)
def test_an_arp_request_is_answered_as_the_library_writes_the_reply(asker, target, mac):
    request = arp_request(asker, target, mac=mac)
    assert resolution.arp_target(request) == int(IPv4Address(target))
    assert resolution.answer_arp(request, ROUTER) == arp_reply(target, ROUTER, asker, mac)


def test_padding_of_a_request_stays():
    request = arp_request("10.44.0.9", "10.44.0.1").ljust(60, b"p")
    answer = resolution.answer_arp(request, ROUTER)
    assert answer == arp_reply("10.44.0.1", ROUTER, "10.44.0.9", HOST).ljust(60, b"p")


@given(v6, v6, macs, st.booleans())
def test_a_solicitation_is_answered_as_the_library_writes_the_advertisement(asker, target, mac, option):
    """Its ICMPv6 checksum among it. An option with the address is there if the asker gave its own in one."""
    asked = solicitation(asker, target, mac=mac, option=option)
    assert resolution.solicited(asked) == int(IPv6Address(target))
    answer = advertisement(target, ROUTER, asker, mac, option=option)
    assert resolution.answer_solicitation(asked, ROUTER) == answer
    assert resolution.answer_solicitation(asked + b"trailer", ROUTER) == answer + b"trailer"


OTHERS = {
    "an ARP reply": arp_reply("10.44.0.9", HOST, "10.44.0.1", ROUTER),
    "an ARP request cut short": arp_request("10.44.0.9", "10.44.0.1")[:41],
    "a packet": packet_frame("fd00::9", "fd00::1"),
    "an advertisement": advertisement("fd00::9", HOST, "fd00::1", ROUTER),
    "a router solicitation's type": solicitation("fd00::9", "fd00::1", kind=136),
    "a solicitation cut short": solicitation("fd00::9", "fd00::1")[:77],
}


@pytest.mark.parametrize("frame", OTHERS.values(), ids=OTHERS)
def test_what_is_no_question_is_not_answered(frame):
    assert resolution.arp_target(frame) is resolution.solicited(frame) is None
    for answer in (resolution.answer_arp, resolution.answer_solicitation):
        with pytest.raises(MalformedFrame):
            answer(frame, ROUTER)


def test_a_solicitation_with_another_option_first_is_not_answered():
    asked = bytearray(solicitation("fd00::9", "fd00::1"))
    asked[78] = 14  # a nonce (RFC 3971)
    assert resolution.solicited(bytes(asked)) is not None
    with pytest.raises(MalformedFrame):
        resolution.answer_solicitation(bytes(asked), ROUTER)


def test_a_packet_that_ends_before_the_address_asked_for_is_no_solicitation():
    asked = bytearray(solicitation("fd00::9", "fd00::1"))
    asked[18:20] = (20).to_bytes(2, "big")
    assert resolution.solicited(bytes(asked)) is None
