"""A ping of our own through Open vSwitch: out of a port, back by a rule that tells the controller of it."""

import asyncio

import pytest
from attached_switches import LIMIT_S, adding, attached, carry_out, deleting
from linux_host import LinuxHost
from private_ovs import PrivateOvs

from controller.domain.rules import (
    AnswerArp,
    AnswerNeighbour,
    EchoReply,
    FlowRule,
    Match,
    MeterRule,
    Owner,
    Police,
    Table,
    TellController,
    cookie,
)
from controller.forwarding.echo import Echo, read_reply, request_frame

pytestmark = pytest.mark.lab

DEVICE, PORT = "pe", 60
VIRTUAL_MAC = "02:54:4c:00:00:0a"
OURS = {4: "192.0.2.1", 6: "2001:db8:1::1"}
THEIRS = {4: "192.0.2.2", 6: "2001:db8:1::2"}
LENGTH = {4: 24, 6: 64}
METER = MeterRule(meter_id=60_001, rate_kbps=128, burst_kbits=128)


def flow(priority, match, *actions):
    owner = cookie(Owner.EDGE, 600_000)
    return FlowRule(cookie=owner, table=Table.CLASSIFY, priority=priority, match=match, actions=actions)


def told(version):
    reply = EchoReply(source=THEIRS[version], destination=OURS[version])
    match = Match(in_port=PORT, eth_dst=VIRTUAL_MAC, echo_reply=reply)
    return flow(150, match, Police(METER.meter_id), TellController())


RULES = (
    METER,
    flow(140, Match(in_port=PORT, arp_target=OURS[4]), AnswerArp(VIRTUAL_MAC)),
    flow(140, Match(in_port=PORT, nd_target=OURS[6]), AnswerNeighbour(VIRTUAL_MAC)),
    told(4),
    told(6),
)


@pytest.fixture
def ovs():
    return PrivateOvs()


def ping(version, sequence):
    return Echo(
        source=OURS[version], destination=THEIRS[version], identifier=77, sequence=sequence, payload=b"who is there"
    )


def answer_to(echo):
    return Echo(
        source=echo.destination,
        destination=echo.source,
        identifier=echo.identifier,
        sequence=echo.sequence,
        payload=echo.payload,
    )


async def test_a_host_behind_a_port_answers_pings_of_both_versions(ovs):
    told_of = asyncio.Queue()
    async with attached(ovs, {0x1001: DEVICE}, on_frame=lambda *frame: told_of.put_nowait(frame)) as here:
        with LinuxHost(ovs.add_customer_port(DEVICE, PORT)) as host:
            for version in (4, 6):
                host.configure(f"{THEIRS[version]}/{LENGTH[version]}", OURS[version])
            driver = here.driver(DEVICE)
            await carry_out(driver, *adding(RULES))
            assert set((await driver.read()).rules) == set(RULES)
            for sequence, version in enumerate((4, 6, 4, 6)):
                sent = await driver.send_frame(PORT, request_frame(ping(version, sequence), VIRTUAL_MAC, host.mac()))
                async with asyncio.timeout(LIMIT_S):
                    device, came = await told_of.get()
                assert (device, came.port, came.cookie) == (DEVICE, PORT, cookie(Owner.EDGE, 600_000))
                assert read_reply(came.frame) == answer_to(ping(version, sequence))
                assert sent.at_ns < came.at_ns
                assert sent.control_ns > 0
            assert told_of.empty()
            await carry_out(driver, *deleting(RULES))
            assert (await driver.read()).rules == ()
