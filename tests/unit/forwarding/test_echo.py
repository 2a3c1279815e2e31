"""Pings: what we write a library that is not ours reads, and the other way round; what is no ping is none."""

from dataclasses import replace
from ipaddress import ip_address

import pytest
from ip_frames import HOST, ROUTER, packet_frame, written
from os_ken.lib.packet import ethernet, icmp, icmpv6, ipv4, ipv6, packet

from controller.domain.rules import EchoReply, FlowRule, Match, Table, TellController
from controller.forwarding.echo import Echo, read_reply, read_request, reply_addresses, reply_frame, request_frame
from controller.forwarding.switch import Switch

PINGS = {
    version: Echo(source=source, destination=destination, identifier=0xABCD, sequence=7, payload=b"odd number")
    for version, source, destination in ((4, "192.0.2.1", "198.51.100.7"), (6, "2001:db8::1", "2001:db8:ff::7"))
}
versions = pytest.mark.parametrize("version", [4, 6])


def turned(echo):
    return replace(echo, source=echo.destination, destination=echo.source)


def theirs(echo, kind):
    """An echo message as the library writes it; ``kind``: its type."""
    if ip_address(echo.source).version == 4:
        header = ipv4.ipv4(src=echo.source, dst=echo.destination, proto=1)
        message = icmp.icmp(type_=kind, data=icmp.echo(echo.identifier, echo.sequence, echo.payload))
        return written(ethernet.ethernet(ROUTER, HOST, 0x0800), header, message)
    header = ipv6.ipv6(src=echo.source, dst=echo.destination, nxt=58)
    message = icmpv6.icmpv6(type_=kind, data=icmpv6.echo(echo.identifier, echo.sequence, echo.payload))
    return written(ethernet.ethernet(ROUTER, HOST, 0x86DD), header, message)


REQUEST, REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}


@versions
def test_a_library_reads_our_request(version):
    read = packet.Packet(request_frame(PINGS[version], ROUTER, HOST))
    outer = read.get_protocol(ethernet.ethernet)
    assert (outer.src, outer.dst) == (ROUTER, HOST)
    header = read.get_protocol(ipv4.ipv4 if version == 4 else ipv6.ipv6)
    assert (header.src, header.dst) == (PINGS[version].source, PINGS[version].destination)
    message = read.get_protocol(icmp.icmp if version == 4 else icmpv6.icmpv6)
    kind = message.type if version == 4 else message.type_
    assert (kind, message.code) == (REQUEST[version], 0)
    assert (message.data.id, message.data.seq, message.data.data) == (0xABCD, 7, b"odd number")


@versions
def test_what_a_library_writes_is_read_and_has_the_checksums_that_we_compute(version):
    echo = PINGS[version]
    assert read_request(theirs(echo, REQUEST[version])) == echo
    assert read_reply(theirs(echo, REPLY[version])) == echo
    assert read_reply(theirs(echo, REQUEST[version])) is None
    assert read_request(theirs(echo, REPLY[version])) is None


@versions
def test_the_answer_says_the_same_the_other_way_round(version):
    answer = reply_frame(request_frame(PINGS[version], ROUTER, HOST))
    assert answer[:12] == bytes.fromhex((ROUTER + HOST).replace(":", ""))
    assert read_reply(answer) == turned(PINGS[version])
    assert reply_frame(answer) is None


@versions
def test_padding_is_passed_over_and_damage_is_not(version):
    frame = reply_frame(request_frame(turned(PINGS[version]), ROUTER, HOST))
    assert read_reply(frame + bytes(12)) == PINGS[version]
    assert read_reply(frame[:-1]) is None
    assert read_reply(frame[:-1] + b"X") is None  # the checksum of the message
    assert read_reply(frame[:12] + bytes.fromhex("81000005") + frame[12:]) is None
    assert read_reply(packet_frame(PINGS[version].source, PINGS[version].destination)) is None


def test_a_fragment_is_no_ping():
    frame = theirs(PINGS[4], REPLY[4])
    assert read_reply(frame[:20] + b"\x20\x00" + frame[22:]) is None
    assert reply_addresses(frame[:20] + b"\x00\x01" + frame[22:]) is None


@versions
def test_a_switch_tells_of_replies_between_the_two_addresses_and_of_nothing_else(version):
    echo = PINGS[version]
    asked = Match(in_port=3, eth_dst=ROUTER, echo_reply=EchoReply(echo.source, echo.destination))
    rule = FlowRule(cookie=1, table=Table.CLASSIFY, priority=150, match=asked, actions=(TellController(),))
    switch = Switch([rule])
    told = []

    def tell(frame, port=3):
        assert switch.receive(port, frame, on_told=lambda *what: told.append(what)) == []
        return bool(told) and told.pop() == (rule, frame[:128])

    reply = theirs(echo, REPLY[version])
    assert tell(reply)
    assert tell(theirs(replace(echo, payload=bytes(1000)), REPLY[version]))
    assert not tell(reply, port=4)
    assert not tell(theirs(echo, REQUEST[version]))
    assert not tell(theirs(turned(echo), REPLY[version]))
    assert not tell(packet_frame(echo.source, echo.destination))
    assert not told
