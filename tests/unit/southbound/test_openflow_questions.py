"""Which flows a switch is asked for: with 100,000 of them, no more than needed."""

import asyncio
import struct

import pytest
from scripted_switch import southbound

from controller.domain.errors import DeviceRefused, DeviceUnreachable
from controller.domain.prefixes import ANY_IPV4, parse_prefix
from controller.domain.rules import (
    COOKIE_MARK,
    COOKIE_MARK_MASK,
    Change,
    FlowRule,
    GoTo,
    Match,
    Owner,
    SetGroup,
    Table,
    cookie,
    key_of,
)
from controller.simulation import replies
from controller.simulation.requests import read_flow_filter
from controller.southbound.driver import FlowCount
from controller.southbound.openflow.protocol import MessageType, frame
from controller.southbound.openflow.touched import FEW

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


def routed(prefix, group=1):
    match = Match(ip_dst=parse_prefix(prefix))
    actions = (SetGroup(group), GoTo(Table.STEER))
    bearing = cookie(Owner.EGRESS, group)
    return FlowRule(cookie=bearing, table=Table.ROUTE, priority=100 + match.ip_dst.length, match=match, actions=actions)


async def test_prefixes_are_read_back_by_where_they_are_whoever_owns_them():
    """Of 100,000 prefixes that one owner may have, a block with those that changed."""
    near = [routed(f"198.51.{number}.0/24", number) for number in range(100, 100 + 2 * FEW)]
    far, gone = routed("2001:db8::/48"), routed("10.0.0.0/8")
    async with southbound() as here, here.joined() as switch:
        driver = here.driver()
        changes = [Change(before=None, after=rule) for rule in (*near, far)]
        await driver.stage("t", 1, (*changes, Change(before=gone, after=None)))
        committing = asyncio.create_task(driver.commit("t", 1))
        for _ in range(len(near) + 2):
            await switch.expect(MessageType.FLOW_MOD)
        xid, _ = await switch.expect(MessageType.BARRIER_REQUEST)
        switch.send(frame(MessageType.BARRIER_REPLY, xid))
        await committing
        verifying = asyncio.create_task(driver.verify("t"))
        seen = []
        while len(seen) < FEW:
            xid, request = await switch.expect(MessageType.MULTIPART_REQUEST)
            assert asked(request) == (Table.ROUTE, COOKIE_MARK, COOKIE_MARK_MASK)
            block = read_flow_filter(request[8:]).match.ip_dst
            seen.append(block)
            switch.send(
                replies.flow_statistics(xid, [rule for rule in (*near, far) if block.covers(rule.match.ip_dst)])
            )
        await verifying
    assert [str(block) for block in (seen[0], seen[-1])] == ["10.0.0.0/8", "2001:db8::/48"]
    assert min(block.length for block in seen[1:-1]) > 19


@pytest.mark.parametrize("lie", ["still there", "not there", "another group"])
async def test_a_prefix_that_is_not_as_it_was_told_is_noticed(lie):
    rule, gone = routed("198.51.100.0/24"), routed("203.0.113.0/24")
    there = {"still there": [rule, gone], "not there": [], "another group": [routed("198.51.100.0/24", 2)]}[lie]
    async with southbound() as here, here.joined() as switch:
        driver = here.driver()
        await driver.stage("t", 1, (Change(before=None, after=rule), Change(before=gone, after=None)))
        committing = asyncio.create_task(driver.commit("t", 1))
        for _ in range(2):
            await switch.expect(MessageType.FLOW_MOD)
        xid, _ = await switch.expect(MessageType.BARRIER_REQUEST)
        switch.send(frame(MessageType.BARRIER_REPLY, xid))
        await committing
        verifying = asyncio.create_task(driver.verify("t"))
        for _ in range(2):
            xid, request = await switch.expect(MessageType.MULTIPART_REQUEST)
            block = read_flow_filter(request[8:]).match.ip_dst
            switch.send(replies.flow_statistics(xid, [one for one in there if block.covers(one.match.ip_dst)]))
        with pytest.raises(DeviceRefused, match="read back"):
            await verifying
