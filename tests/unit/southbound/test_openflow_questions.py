"""Which flows a switch is asked for: with 100,000 of them, no more than needed."""

import asyncio
import struct

import pytest
from scripted_switch import southbound

from controller.domain.errors import DeviceUnreachable
from controller.domain.prefixes import ANY_IPV4
from controller.domain.rules import (
    COOKIE_MARK,
    COOKIE_MARK_MASK,
    Change,
    FlowRule,
    Match,
    Owner,
    Table,
    cookie,
    key_of,
)
from controller.simulation import replies
from controller.southbound.driver import FlowCount
from controller.southbound.openflow.driver import FEW
from controller.southbound.openflow.protocol import MessageType, frame

EXACTLY = (1 << 64) - 1


def steered(group, owner=None):
    bearing = cookie(Owner.EGRESS, group) if owner is None else owner
    match = Match(group=group, ip_dst=ANY_IPV4)
    return FlowRule(cookie=bearing, table=Table.STEER, priority=100, match=match, actions=())


def asked(request):
    """(table, cookie, its mask) of a request for flow statistics"""
    return struct.unpack_from("!B15xQQ", request, 8)


async def test_only_our_flows_of_the_one_table_are_asked_for_their_counts():
    async with southbound() as here, here.joined() as switch:
        asking = asyncio.create_task(here.driver().counts(Table.STEER))
        xid, request = await switch.expect(MessageType.MULTIPART_REQUEST)
        assert asked(request) == (Table.STEER, COOKIE_MARK, COOKIE_MARK_MASK)
        switch.send(replies.flow_statistics(xid, [steered(5), steered(6, owner=0x99)]))
        assert await asking == {key_of(steered(5)): FlowCount(bytes=0, packets=0, seconds=0)}
    with pytest.raises(DeviceUnreachable):
        await here.driver().counts(Table.STEER)


@pytest.mark.parametrize("count", [2, FEW + 1])
async def test_only_tables_that_were_touched_are_read_back(count):
    """Of a few owners each alone, else all that is ours."""
    rules = [steered(group) for group in range(1, count + 1)]
    async with southbound() as here, here.joined() as switch:
        driver = here.driver()
        await driver.stage("t", 1, tuple(Change(before=None, after=rule) for rule in rules))
        committing = asyncio.create_task(driver.commit("t", 1))
        for _ in rules:
            await switch.expect(MessageType.FLOW_MOD)
        xid, _ = await switch.expect(MessageType.BARRIER_REQUEST)
        switch.send(frame(MessageType.BARRIER_REPLY, xid))
        await committing
        verifying = asyncio.create_task(driver.verify("t"))
        few = [((Table.STEER, rule.cookie, EXACTLY), [rule]) for rule in rules]
        for wanted, found in few if count <= FEW else [((Table.STEER, COOKIE_MARK, COOKIE_MARK_MASK), rules)]:
            xid, request = await switch.expect(MessageType.MULTIPART_REQUEST)
            assert asked(request) == wanted
            switch.send(replies.flow_statistics(xid, found))
        await verifying
