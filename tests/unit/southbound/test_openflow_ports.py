"""How the ports of a switch are: all of them when it connects, each change later, in the order in which it says so."""

import asyncio

from os_ken.ofproto import ofproto_v1_3 as ofp
from scripted_switch import southbound

from controller.simulation import replies
from controller.simulation.replies import Port
from controller.southbound.openflow.inbound import PortEvent
from controller.southbound.openflow.protocol import MessageType

ONE, TWO = (Port(number=number, name=f"eth{number}", up=number == 1) for number in (1, 2))


def status(port, up):
    return replies.port_status(1, PortEvent.MODIFIED, Port(number=port, name=f"eth{port}", up=up))


async def asked_for_ports(switch):
    xid, body = await switch.expect(MessageType.MULTIPART_REQUEST)
    assert int.from_bytes(body[:2], "big") == ofp.OFPMP_PORT_DESC
    return xid


async def test_all_ports_are_told_before_what_becomes_of_them():
    """Though both stand in one packet, so that the one is read before anybody waiting for the other could run."""
    told = []
    async with southbound(on_ports=lambda device, ports: told.append((device, dict(ports)))) as here:
        ordered = here.ports
        async with here.joined() as switch:
            xid = await asked_for_ports(switch)
            switch.send(replies.port_descriptions(xid, (ONE, TWO)) + status(1, up=False) + status(2, up=True))
            await here.until(lambda: len(here.ports) == 2)
            assert told == [("pe-1", {1: True, 2: False})]
            assert [(device, told.port, told.up) for device, told in ordered] == [("pe-1", 1, False), ("pe-1", 2, True)]


async def test_what_comes_before_the_list_is_told_before_it():
    told = []
    async with southbound(on_ports=lambda device, ports: told.append(len(here.ports))) as here, here.joined() as switch:
        xid = await asked_for_ports(switch)
        switch.send(status(1, up=False) + replies.port_descriptions(xid, (ONE, TWO)) + status(1, up=True))
        await here.until(lambda: len(here.ports) == 2)
        assert told == [1]


async def test_a_switch_that_does_not_say_is_a_switch_nevertheless():
    async with southbound(on_ports=lambda device, ports: None) as here, here.joined() as switch:
        xid = await asked_for_ports(switch)
        switch.refuse(xid, ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_BAD_MULTIPART)
        reading = asyncio.create_task(here.driver().read())
        for _ in range(3):  # flows, groups, meters
            xid, body = await switch.expect(MessageType.MULTIPART_REQUEST)
            switch.send(replies.frame_of(ofp.OFPT_MULTIPART_REPLY, xid, body[:2] + bytes(6)))
        assert (await reading).rules == ()


async def test_a_list_of_odd_length_ends_the_connection():
    async with southbound(on_ports=lambda device, ports: None) as here, here.joined() as switch:
        xid = await asked_for_ports(switch)
        switch.send(replies.frame_of(ofp.OFPT_MULTIPART_REPLY, xid, ofp.OFPMP_PORT_DESC.to_bytes(2, "big") + bytes(7)))
        await switch.expect_end()


async def test_what_an_earlier_connection_still_says_is_not_told():
    told = []
    async with southbound(on_ports=lambda device, ports: told.append(dict(ports))) as here, here.joined() as earlier:
        earlier_xid = await asked_for_ports(earlier)
        async with here.joined() as later:
            later_xid = await asked_for_ports(later)
            earlier.send(replies.port_descriptions(earlier_xid, (TWO,)) + status(1, up=False))
            later.send(replies.port_descriptions(later_xid, (ONE,)) + status(1, up=True))
            await here.until(lambda: here.ports != [])
            assert told == [{1: True}]
            assert [told.up for _, told in here.ports] == [True]
