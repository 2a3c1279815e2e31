"""Frames of ours that a switch sends out, and frames that it tells us of."""

import asyncio
import struct

import pytest
from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser
from scripted_switch import southbound

from controller.domain.errors import DeviceRefused, DeviceUnreachable
from controller.domain.rules import Owner, Table, cookie
from controller.simulation import replies
from controller.southbound.openflow.inbound import PacketIn
from controller.southbound.openflow.messages import packet_out
from controller.southbound.openflow.protocol import HEADER, MessageType, frame

FRAME = bytes(range(60))
OURS, OTHERS = cookie(Owner.EDGE, 600_000), 0x1234


def told(cookie, port=60):
    return replies.packet_in(1, PacketIn(port=port, cookie=cookie, frame=FRAME), Table.CLASSIFY)


def test_both_messages_say_what_they_are_meant_to():
    """OpenFlow 1.3.5, 7.3.7: buffer, port it seems to come from, bytes of actions; the action is an output."""
    sent = packet_out(60, FRAME, 9)[HEADER.size :]
    assert sent[:16] == struct.pack("!IIH6x", ofp.OFP_NO_BUFFER, ofp.OFPP_CONTROLLER, 16)
    assert sent[16:] == struct.pack("!HHIH6x", ofp.OFPAT_OUTPUT, 16, 60, 0) + FRAME
    heard = told(OURS)
    read = parser.OFPPacketIn.parser(None, 4, ofp.OFPT_PACKET_IN, len(heard), 1, heard)
    assert (read.cookie, read.match["in_port"], read.data, read.reason) == (OURS, 60, FRAME, ofp.OFPR_ACTION)


async def test_a_frame_goes_out_with_a_question_whose_answer_says_what_the_connection_takes():
    async with southbound() as here, here.joined() as switch:
        sending = asyncio.create_task(here.driver().send_frame(60, FRAME))
        kind, xid, body = await switch.receive()
        assert kind is MessageType.PACKET_OUT
        assert packet_out(60, FRAME, xid)[HEADER.size :] == body
        kind, xid, body = await switch.receive()
        assert kind is MessageType.ECHO_REQUEST
        assert not sending.done()
        switch.send(frame(MessageType.ECHO_REPLY, xid, body) + told(OURS))
        sent = await sending
        await here.until(lambda: here.frames)
        ((device, came),) = here.frames
        assert (device, came.port, came.cookie, came.frame) == ("pe-1", 60, OURS, FRAME)
        assert sent.at_ns < sent.at_ns + sent.control_ns <= came.at_ns


async def test_a_switch_may_refuse_to_send_it():
    async with southbound() as here, here.joined() as switch:
        sending = asyncio.create_task(here.driver().send_frame(61, FRAME))
        xid, _ = await switch.expect(MessageType.PACKET_OUT)
        switch.refuse(xid, ofp.OFPET_BAD_ACTION, ofp.OFPBAC_BAD_OUT_PORT)
        with pytest.raises(DeviceRefused):
            await sending


async def test_without_a_connection_nothing_is_sent():
    async with southbound() as here:
        with pytest.raises(DeviceUnreachable):
            await here.driver().send_frame(60, FRAME)
        async with here.joined() as switch:
            sending = asyncio.create_task(here.driver().send_frame(60, FRAME))
            await switch.expect(MessageType.PACKET_OUT)
        with pytest.raises(DeviceUnreachable):
            await sending


async def test_a_switch_that_is_busy_keeps_its_connection():
    """The question waits behind thousands of rules, or behind a table that is being read."""
    async with southbound(answer_s=0.02) as here, here.joined() as switch:
        with pytest.raises(DeviceUnreachable, match=r"no ECHO_REPLY within 0\.02 s"):
            await here.driver().send_frame(60, FRAME)
        _, xid, _ = await switch.receive()
        await switch.receive()
        switch.send(frame(MessageType.ECHO_REPLY, xid) + told(OURS))
        await here.until(lambda: here.frames)
        assert here.events == [("pe-1", True)]


async def test_what_flows_of_others_tell_is_not_for_us():
    async with southbound() as here, here.joined() as switch:
        switch.send(told(OTHERS) + told(OURS, port=61))
        await here.until(lambda: here.frames)
        assert [came.port for _, came in here.frames] == [61]


@pytest.mark.parametrize("bytes_left", [10, 20, 32])
async def test_one_that_is_cut_off_ends_the_connection(bytes_left):
    async with southbound() as here, here.joined() as switch:
        switch.send(frame(MessageType.PACKET_IN, 1, told(OURS)[HEADER.size :][:bytes_left]))
        await switch.expect_end()
        assert here.frames == []
