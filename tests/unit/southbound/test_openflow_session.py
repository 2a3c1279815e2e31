"""What the southbound does with switches that behave, and with peers that do not."""

import asyncio
import struct

import pytest
from os_ken.ofproto import ofproto_v1_3 as ofp
from scripted_switch import southbound

from controller.domain.errors import DeviceRefused, DeviceUnreachable, Reason
from controller.domain.rules import (
    Bucket,
    Change,
    FlowRule,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Opaque,
    Output,
    Owner,
    Table,
    cookie,
)
from controller.simulation import replies
from controller.simulation.replies import Port
from controller.southbound.openflow.inbound import PortEvent
from controller.southbound.openflow.protocol import HEADER, MessageType, frame
from controller.southbound.openflow.southbound import MAX_STRANGERS, OpenFlowSouthbound


def flow(number):
    return FlowRule(
        cookie=cookie(Owner.LINE, number),
        table=Table.CLASSIFY,
        priority=1,
        match=Match(in_port=number),
        actions=(Output(1),),
    )


def adding(*rules):
    return tuple(Change(before=None, after=rule) for rule in rules)


METER = MeterRule(meter_id=1, rate_kbps=1000, burst_kbits=500)
GROUP = GroupRule(group_id=1, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(Output(1),)),))


async def committing(here, *changes):
    await here.driver().stage("t", 1, changes)
    return asyncio.create_task(here.driver().commit("t", 1))


async def test_nothing_is_written_before_the_role_is_granted():
    async with southbound() as here, here.connection() as switch:
        xid, body = await switch.shake_hands()
        role, generation_id = struct.unpack("!I4xQ", body)
        assert role == ofp.OFPCR_ROLE_MASTER
        assert generation_id > 0
        assert not here.driver().connected
        with pytest.raises(DeviceUnreachable):
            await here.driver().read()
        switch.send(frame(MessageType.ROLE_REPLY, xid, body))
        await here.until(lambda: here.events == [("pe-1", True)])
        assert here.driver().connected
        assert not here.driver("pe-2").connected


async def test_a_refused_role_ends_the_connection():
    async with southbound() as here, here.connection() as switch:
        xid, _ = await switch.shake_hands()
        switch.refuse(xid, ofp.OFPET_ROLE_REQUEST_FAILED, ofp.OFPRRFC_STALE)
        await switch.expect_end()
        assert here.events == []


async def test_a_stranger_is_turned_away():
    async with southbound() as here, here.connection() as switch:
        await switch.say_hello()
        xid, _ = await switch.expect(MessageType.FEATURES_REQUEST)
        switch.send(replies.features(xid, 99))
        await switch.expect_end()
        assert here.events == []


async def test_an_auxiliary_connection_is_turned_away():
    async with southbound() as here, here.connection() as switch:
        await switch.say_hello()
        xid, _ = await switch.expect(MessageType.FEATURES_REQUEST)
        switch.send(frame(MessageType.FEATURES_REPLY, xid, struct.pack("!QIBB2xII", 1, 0, 2, 1, 0, 0)))
        await switch.expect_end()
        assert here.events == []


async def test_another_version_is_refused_with_the_error_for_it():
    async with southbound() as here, here.connection() as switch:
        await switch.expect(MessageType.HELLO)
        switch.send(HEADER.pack(1, MessageType.HELLO, HEADER.size, 1))
        _, body = await switch.expect(MessageType.ERROR)
        assert struct.unpack_from("!HH", body) == (ofp.OFPET_HELLO_FAILED, ofp.OFPHFC_INCOMPATIBLE)
        await switch.expect_end()


GARBAGE = {
    "not OpenFlow": b"GET / HTTP/1.1\r\n\r\n",
    "a length of 0": HEADER.pack(4, MessageType.HELLO, 0, 1),
    "a length of 7": HEADER.pack(4, MessageType.HELLO, 7, 1),
    "a hello element of length 0": frame(MessageType.HELLO, 1, bytes.fromhex("0001000000000010")),
    "no hello first": frame(MessageType.ECHO_REQUEST, 1),
}
LATER_GARBAGE = {
    "another version": HEADER.pack(1, MessageType.ECHO_REQUEST, HEADER.size, 1),
    "a length of 0": HEADER.pack(4, MessageType.ECHO_REQUEST, 0, 1),
    "half an error": frame(MessageType.ERROR, 1, b"\0"),
    "half a port status": frame(MessageType.PORT_STATUS, 1, b"\0" * 20),
}


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_a_peer_that_speaks_nonsense_is_cut_off_and_hurts_nobody(garbage):
    async with southbound() as here, here.joined(2) as good, here.connection() as bad:
        bad.send(GARBAGE[garbage])
        await bad.expect_end()
        assert here.events == [("pe-2", True)]
        await still_works(here.driver("pe-2"), good)


@pytest.mark.parametrize("garbage", LATER_GARBAGE)
async def test_a_switch_that_turns_to_nonsense_is_cut_off_and_hurts_nobody(garbage):
    async with southbound() as here, here.joined(2) as good, here.joined(1) as bad:
        bad.send(LATER_GARBAGE[garbage])
        await bad.expect_end()
        await here.until(lambda: here.events[-1] == ("pe-1", False))
        await still_works(here.driver("pe-2"), good)


async def still_works(driver, switch):
    reading = asyncio.create_task(driver.read())
    await answer_reads(switch)
    assert (await reading).rules == ()


async def answer_reads(switch, count=3):
    """Answer that many questions for flows, groups or meters: none."""
    for _ in range(count):
        xid, request = await switch.expect(MessageType.MULTIPART_REQUEST)
        switch.send(frame(MessageType.MULTIPART_REPLY, xid, request[:2] + bytes(6)))


async def test_an_answer_of_malformed_flows_ends_the_connection():
    async with southbound() as here, here.joined() as switch:
        reading = asyncio.create_task(here.driver().read())
        xid, request = await switch.expect(MessageType.MULTIPART_REQUEST)
        switch.send(frame(MessageType.MULTIPART_REPLY, xid, request[:2] + bytes(6 + 64)))
        with pytest.raises(DeviceUnreachable, match="not OpenFlow"):
            await reading
        await switch.expect_end()


async def test_an_answer_without_end_ends_the_connection():
    async with southbound(answer_bytes=100_000) as here, here.joined() as switch:
        reading = asyncio.create_task(here.driver().read())
        xid, request = await switch.expect(MessageType.MULTIPART_REQUEST)
        for _ in range(20):
            switch.send(frame(MessageType.MULTIPART_REPLY, xid, request[:2] + b"\0\1" + bytes(4) + bytes(10_000)))
        with pytest.raises(DeviceUnreachable):
            await reading
        await switch.expect_end()


async def test_answers_come_in_parts_and_between_other_things():
    flows = [flow(number) for number in range(1, 2001)]
    async with southbound() as here, here.joined() as switch:
        reading = asyncio.create_task(here.driver().read())
        xid, _ = await switch.expect(MessageType.MULTIPART_REQUEST)
        switch.send(frame(MessageType.ECHO_REQUEST, 77, b"payload"))
        switch.send(frame(MessageType.MULTIPART_REPLY, 12345, bytes(8)))  # of no question
        switch.send(replies.flow_statistics(xid, flows))
        assert await switch.expect(MessageType.ECHO_REPLY) == (77, b"payload")
        await answer_reads(switch, 2)
        assert list((await reading).rules) == flows


async def test_a_second_connection_replaces_the_first():
    async with southbound() as here, here.joined() as first, here.joined() as second:
        assert here.events == [("pe-1", True), ("pe-1", False), ("pe-1", True)]
        await first.expect_end()
        await still_works(here.driver(), second)
        assert here.events[-1] == ("pe-1", True)


async def test_a_question_that_is_not_answered_ends_the_connection():
    async with southbound(answer_s=0.05) as here, here.joined() as switch:
        with pytest.raises(DeviceUnreachable, match=r"no MULTIPART_REPLY within 0\.05 s"):
            await here.driver().read()
        await switch.expect_end()
        await here.until(lambda: here.events[-1] == ("pe-1", False))


@pytest.fixture
def pass_time(monkeypatch):
    """Lets seconds pass for all timeouts of the running loop, at once."""

    def passing(seconds):
        loop = asyncio.get_running_loop()
        now = loop.time
        monkeypatch.setattr(loop, "time", lambda: now() + seconds)

    return passing


NEVER = {"echo_every_s": 1e6, "silence_s": 1e6, "handshake_s": 1e6}


async def send_part(switch, xid, body, flags=ofp.OFPMPF_REPLY_MORE):
    """One part of an answer, and be sure that it has been read."""
    switch.send(replies.frame_of(ofp.OFPT_MULTIPART_REPLY, xid, body[:2] + struct.pack("!H4x", flags)))
    switch.send(frame(MessageType.ECHO_REQUEST, 7))
    await switch.expect(MessageType.ECHO_REPLY)


async def test_a_long_answer_may_take_its_time_as_long_as_it_goes_on(pass_time):
    async with southbound(answer_s=1000, longest_answer_s=5000, **NEVER) as here, here.joined() as switch:
        reading = asyncio.create_task(here.driver().read())
        xid, body = await switch.expect(MessageType.MULTIPART_REQUEST)
        for _ in range(4):
            await send_part(switch, xid, body)
            pass_time(900)
        await send_part(switch, xid, body, flags=0)
        for _ in range(2):  # groups, meters
            xid, body = await switch.expect(MessageType.MULTIPART_REQUEST)
            await send_part(switch, xid, body, flags=0)
        assert (await reading).rules == ()


@pytest.mark.parametrize("pauses", [(1100,), (900,) * 6], ids=["stops", "goes on for ever"])
async def test_an_answer_that_does_not_end_ends_the_connection(pass_time, pauses):
    async with southbound(answer_s=1000, longest_answer_s=5000, **NEVER) as here, here.joined() as switch:
        reading = asyncio.create_task(here.driver().read())
        xid, body = await switch.expect(MessageType.MULTIPART_REQUEST)
        for pause in pauses:
            if reading.done():
                break
            await send_part(switch, xid, body)
            pass_time(pause)
        with pytest.raises(DeviceUnreachable, match="the rest of MULTIPART_REPLY did not come in time"):
            await reading
        await switch.expect_end()


async def test_a_handshake_that_does_not_end_is_ended():
    async with southbound(handshake_s=0.05) as here, here.connection() as switch:
        await switch.expect_end()
        assert here.events == []


async def test_a_switch_that_answers_no_echo_is_given_up():
    async with southbound(echo_every_s=0.02, silence_s=0.1) as here, here.joined():
        await here.until(lambda: here.events[-1] == ("pe-1", False))


async def test_a_switch_that_only_answers_echoes_stays():
    async with southbound(echo_every_s=0.01, silence_s=1.0) as here, here.joined() as switch:
        for _ in range(10):
            xid, _ = await switch.expect(MessageType.ECHO_REQUEST)
            switch.send(frame(MessageType.ECHO_REPLY, xid))
        assert here.events == [("pe-1", True)]


async def test_ports_are_told():
    async with southbound() as here, here.joined() as switch:
        switch.send(replies.port_status(1, PortEvent.MODIFIED, Port(number=11, name="eth11", up=False)))
        await here.until(lambda: here.ports)
        [(device, status)] = here.ports
        assert (device, status.port, status.name, status.up) == ("pe-1", 11, "eth11", False)


async def test_the_refused_change_is_named_and_the_others_counted():
    async with southbound() as here, here.joined() as switch:
        commit = await committing(here, *adding(*map(flow, range(1, 6))))
        for number in range(1, 6):
            xid, _ = await switch.expect(MessageType.FLOW_MOD)
            if number in (2, 4):
                switch.refuse(xid, ofp.OFPET_FLOW_MOD_FAILED, ofp.OFPFMFC_TABLE_FULL)
        xid, _ = await switch.expect(MessageType.BARRIER_REQUEST)
        switch.refuse(99_999, ofp.OFPET_BAD_REQUEST, 0)  # of no change
        switch.send(frame(MessageType.BARRIER_REPLY, xid))
        with pytest.raises(DeviceRefused, match=r"FLOW_MOD_FAILED TABLE_FULL.*2 changes") as refused:
            await commit
        assert refused.value.reason is Reason.TABLE_FULL
        assert refused.value.what == "add line 2: port 2 -> port 1"


async def test_bulk_is_paced_by_barriers():
    """No more than the window is ever under way, however many changes there are."""
    step, window = 10, 3
    async with southbound(messages_per_barrier=step, barriers_in_flight=window) as here, here.joined() as switch:
        commit = await committing(here, *adding(*map(flow, range(1, 101))))
        received = [await switch.receive() for _ in range(window * (step + 1))]
        barriers = [xid for kind, xid, _ in received if kind is MessageType.BARRIER_REQUEST]
        assert len(barriers) == window
        # Nothing more comes before one is answered: the answer to an echo is next.
        switch.send(frame(MessageType.ECHO_REQUEST, 5))
        assert await switch.expect(MessageType.ECHO_REPLY) == (5, b"")
        switch.send(frame(MessageType.BARRIER_REPLY, barriers[0]))
        received += [await switch.receive() for _ in range(step + 1)]
        switch.send(frame(MessageType.ECHO_REQUEST, 6))
        assert await switch.expect(MessageType.ECHO_REPLY) == (6, b"")
        for barrier in [xid for kind, xid, _ in received if kind is MessageType.BARRIER_REQUEST][1:]:
            switch.send(frame(MessageType.BARRIER_REPLY, barrier))
        obedience = asyncio.create_task(obey(switch, received))
        await commit
        obedience.cancel()
    assert [kind for kind, _, _ in received].count(MessageType.FLOW_MOD) == 100
    assert len({xid for _, xid, _ in received}) == len(received)


async def obey(switch, received):
    """Answer every barrier, and note all that comes."""
    while (message := await switch.receive()) is not None:
        received.append(message)
        kind, xid, _ = message
        if kind is MessageType.BARRIER_REQUEST:
            switch.send(frame(MessageType.BARRIER_REPLY, xid))


async def test_meters_and_groups_come_first_and_go_last():
    kinds = (MessageType.METER_MOD, MessageType.GROUP_MOD, MessageType.FLOW_MOD)
    async with southbound() as here, here.joined() as switch:
        commit = await committing(here, *adding(flow(1), METER, GROUP, flow(2)))
        coming = [await taken(switch) for _ in range(6)]
        await commit
        undo = asyncio.create_task(here.driver().undo("t"))
        going = [await taken(switch) for _ in range(6)]
        await undo
    barrier = MessageType.BARRIER_REQUEST
    meter, group, flow_ = kinds
    assert coming == [meter, group, barrier, flow_, flow_, barrier]
    assert going == [flow_, flow_, barrier, group, meter, barrier]


async def taken(switch):
    """The type of the next message; a barrier is answered."""
    kind, xid, _ = await switch.receive()
    if kind is MessageType.BARRIER_REQUEST:
        switch.send(frame(MessageType.BARRIER_REPLY, xid))
    return kind


async def test_a_group_that_is_there_already_is_modified_and_one_that_is_not_is_added():
    for before, first, code, second in (
        (None, 0, ofp.OFPGMFC_GROUP_EXISTS, 1),
        (GROUP, 1, ofp.OFPGMFC_UNKNOWN_GROUP, 0),
    ):
        async with southbound() as here, here.joined() as switch:
            after = GroupRule(group_id=1, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(Output(2),)),))
            commit = await committing(here, Change(before=before, after=after))
            xid, body = await switch.expect(MessageType.GROUP_MOD)
            assert struct.unpack_from("!H", body) == (first,)
            switch.refuse(xid, ofp.OFPET_GROUP_MOD_FAILED, code)
            assert await taken(switch) is MessageType.BARRIER_REQUEST
            _, body = await switch.expect(MessageType.GROUP_MOD)
            assert struct.unpack_from("!H", body) == (second,)
            assert await taken(switch) is MessageType.BARRIER_REQUEST
            await commit


async def test_what_is_gone_already_need_not_be_deleted():
    async with southbound() as here, here.joined() as switch:
        commit = await committing(here, Change(before=METER, after=None))
        xid, _ = await switch.expect(MessageType.METER_MOD)
        switch.refuse(xid, ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_UNKNOWN_METER)
        assert await taken(switch) is MessageType.BARRIER_REQUEST
        await commit


async def test_nothing_after_a_refused_phase_is_sent():
    async with southbound() as here, here.joined() as switch:
        commit = await committing(here, *adding(METER, flow(1)))
        xid, _ = await switch.expect(MessageType.METER_MOD)
        switch.refuse(xid, ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_OUT_OF_METERS)
        assert await taken(switch) is MessageType.BARRIER_REQUEST
        with pytest.raises(DeviceRefused) as refused:
            await commit
        assert refused.value.reason is Reason.TABLE_FULL
        switch.send(frame(MessageType.ECHO_REQUEST, 5))
        assert await switch.expect(MessageType.ECHO_REPLY) == (5, b"")


async def test_what_cannot_be_sent_is_refused_when_it_is_staged():
    async with southbound() as here:
        driver = here.driver()
        opaque = FlowRule(
            cookie=0, table=Table.CLASSIFY, priority=1, match=Match(in_port=1), actions=(Opaque("output:CONTROLLER"),)
        )
        for rule in (flow(0), opaque, MeterRule(meter_id=0, rate_kbps=1, burst_kbits=1)):
            with pytest.raises(DeviceRefused):
                await driver.stage("t", 1, adding(rule))
        with pytest.raises(LookupError):
            await driver.commit("t", 1)


async def test_a_device_that_is_not_connected_is_unreachable_not_empty():
    async with southbound() as here:
        driver = here.driver()
        assert driver.device == "pe-1"
        await driver.stage("t", 1, adding(flow(1)))
        for verb in (driver.read(), driver.commit("t", 1), driver.verify("t"), driver.undo("t")):
            with pytest.raises(DeviceUnreachable):
                await verb
        await driver.confirm("t")
        await driver.undo("t")  # nothing is staged any more


async def test_strangers_are_counted():
    async with southbound() as here:
        writers = [(await asyncio.open_connection("127.0.0.1", here.port))[1] for _ in range(MAX_STRANGERS)]
        async with here.connection() as one_too_many:
            assert await one_too_many.receive() is None
        for writer in writers:
            writer.transport.abort()


@pytest.mark.parametrize(
    "address",
    ["", "tcp", "tcp:", "tcp:6653", "tcp::6653", "tcp:127.0.0.1:x", "tcp:127.0.0.1:70000", "unix:", "udp:a:1"],
)
async def test_an_address_that_cannot_be_is_refused(address):
    here = OpenFlowSouthbound({}, lambda device, connected: None)
    with pytest.raises(ValueError, match="tcp:HOST:PORT or unix:PATH"):
        await here.start(address)
    await here.close()


async def test_it_listens_on_a_path_too(tmp_path):
    here = OpenFlowSouthbound({}, lambda device, connected: None)
    path = f"{tmp_path}/controller.sock"
    assert await here.start(f"unix:{path}") == f"unix:{path}"
    reader, writer = await asyncio.open_unix_connection(path)
    assert HEADER.unpack(await reader.readexactly(HEADER.size))[1] == MessageType.HELLO
    writer.close()
    await here.close()
