"""Devices that say what they should not, or nothing: the error names the device and why, and a session is made anew."""

import asyncio
import contextlib
import os
import re
import socket
from dataclasses import replace

import pytest
from netconf_rules import cross_connect
from scripted_netconf import CAPABILITIES, MARK, OK, ScriptedDevice, hello, reply

from controller.domain.errors import DeviceRefused, DeviceUnreachable
from controller.domain.rules import Change
from controller.southbound.netconf.connection import Limits
from controller.southbound.netconf.endpoint import Endpoint, known_host_key
from controller.southbound.netconf.session import CannotConnect, SessionLimits, open_session
from controller.southbound.netconf.southbound import ManagedDevice, NetconfSouthbound
from lab.places import YANG

LIMITS = Limits(connect_s=5, answer_s=5, retry_s=0.01, longest_retry_s=0.05, message_bytes=100_000)
NODE = '<data><otn-node xmlns="urn:trunkline:otn-node">{}</otn-node></data>'
PORTS = (
    "<port><number>1</number><usage>client</usage></port>"
    "<port><number>100</number><usage>line</usage><tributary-slots>8</tributary-slots></port>"
)
CHANGES = (Change(before=None, after=cross_connect()),)


class Watched:
    def __init__(self, endpoint, limits=LIMITS, *, manages=True):
        self.comings = []
        self._changed = asyncio.Event()
        self.southbound = NetconfSouthbound(
            {"otn-1": ManagedDevice(endpoint=endpoint, profile="otn-node")},
            YANG,
            lambda device, connected: (self.comings.append(connected), self._changed.set()),
            lambda device: None,
            limits,
            manages=manages,
        )
        self.driver = self.southbound.driver("otn-1")

    async def until(self, holds):
        async with asyncio.timeout(20):
            while not holds(self.comings):
                self._changed.clear()
                await self._changed.wait()

    async def error(self, words):
        """The error of a read, once it is one with these words."""
        async with asyncio.timeout(20):
            while True:
                try:
                    await self.driver.read()
                except (DeviceUnreachable, DeviceRefused) as error:
                    if words in str(error):
                        return error
                await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def watched(endpoint, limits=LIMITS, *, connected=True, manages=True):
    found = Watched(endpoint, limits, manages=manages)
    found.southbound.start()
    try:
        if connected:
            await found.until(lambda comings: True in comings)
        yield found
    finally:
        await found.southbound.close()


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        ("<hello" + MARK, "no NETCONF"),
        ("x" * 200_000, "more than 100000 bytes"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>' + MARK, "document type"),
        (hello(CAPABILITIES[:1]) + MARK, "it lacks :candidate, :confirmed-commit:1.1, :validate, :rollback-on-error"),
    ],
)
async def test_a_greeting_that_is_none_is_told(tmp_path, greeting, words):
    with ScriptedDevice(tmp_path, greeting) as device:
        async with watched(device.endpoint, connected=False) as seen:
            error = await seen.error(words)
            assert str(error).startswith("otn-1: ")
            assert seen.comings == []


async def test_a_device_that_says_nothing_is_given_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = Endpoint(
            host="127.0.0.1",
            port=silent.getsockname()[1],
            username="trunkline",
            key_file=str(tmp_path / "none"),
            host_key="AAAAC3NzaC1lZDI1NTE5AAAAIJqNqZ1kqFAFxv5JNVVvPzYpP0JKYbV5AlVbqvRdDBBS",
        )
        async with watched(endpoint, replace(LIMITS, connect_s=0.2), connected=False) as seen:
            assert f"{endpoint.host}:{endpoint.port}" in str(await seen.error("127.0.0.1"))


async def test_a_device_that_is_not_there_is_named_with_its_address(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    endpoint = Endpoint(host="127.0.0.1", port=port, username="x", key_file="x", host_key="x")
    async with watched(endpoint, connected=False) as seen:
        assert f"otn-1: 127.0.0.1:{port}: " in str(await seen.error("refused"))


@pytest.mark.parametrize("manages", [True, False])
async def test_only_who_writes_to_a_device_cancels_what_waits_there(tmp_path, manages):
    """Who watches a lab beside a controller must not take back what that is about to confirm."""
    with ScriptedDevice(tmp_path, answer=lambda question: reply(NODE.format(PORTS))) as device:
        async with watched(device.endpoint, manages=manages) as seen:
            await seen.driver.read()
    assert len(device.cancelled) == manages


async def test_what_nobody_expected_is_told_and_does_not_end_the_trying(tmp_path):
    with ScriptedDevice(tmp_path) as device:
        async with watched(replace(device.endpoint, host="no..name"), connected=False) as seen:
            await seen.error("UnicodeError")
            (trying,) = seen.southbound._keeping
            assert not trying.done()


async def test_another_host_key_is_not_talked_to(tmp_path):
    with ScriptedDevice(tmp_path) as device, ScriptedDevice(tmp_path) as other:
        endpoint = replace(device.endpoint, host_key=other.endpoint.host_key)
        async with watched(endpoint, connected=False) as seen:
            error = await seen.error("the host key is not the one that is known")
            assert isinstance(error, DeviceUnreachable)
            assert str(error).startswith(f"otn-1: {endpoint.address}: ")
        assert device.questions == []


def test_an_attempt_that_fails_leaves_nothing_open(tmp_path):
    def pipes():
        found = set()
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(FileNotFoundError):  # that of listing them
                found.add(os.readlink(f"/proc/self/fd/{name}"))
        return {link for link in found if link.startswith("pipe:")}

    limits = SessionLimits(connect_s=5, message_bytes=1000)
    with ScriptedDevice(tmp_path) as device, ScriptedDevice(tmp_path) as other:
        endpoint = replace(device.endpoint, host_key=other.endpoint.host_key)
        before = pipes()
        for _ in range(3):
            with pytest.raises(CannotConnect, match="host key"):
                open_session(endpoint, limits, lambda notification: None, lambda why: None)
        assert pipes() <= before  # sessions of other tests may be ending meanwhile


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("<rpc-reply" + MARK, "no NETCONF"),
        ("y" * 200_000, "more than 100000 bytes"),
        (None, "closed by the device"),
    ],
)
async def test_an_answer_that_is_none_ends_the_session_and_a_new_one_is_made(tmp_path, answer, words):
    with ScriptedDevice(tmp_path, answer=lambda question: answer) as device:
        async with watched(device.endpoint) as seen:
            error = await seen.error(words)
            assert isinstance(error, DeviceUnreachable)
            assert str(error).startswith("otn-1: ")
            await seen.until(lambda comings: comings[-2:] == [False, True])


async def test_no_answer_ends_the_session(tmp_path):
    with ScriptedDevice(tmp_path, answer=lambda question: "") as device:
        async with watched(device.endpoint, replace(LIMITS, answer_s=0.1)) as seen:
            with pytest.raises(DeviceUnreachable, match=r"otn-1: get-config: no answer within 0\.1 s"):
                await seen.driver.read()
            await seen.until(lambda comings: False in comings)


async def test_what_is_not_of_the_model_is_told_with_its_path(tmp_path):
    told = NODE.format("<port><number>1</number><usage>both</usage></port>")
    with ScriptedDevice(tmp_path, answer=lambda question: reply(told)) as device:
        async with watched(device.endpoint) as seen:
            with pytest.raises(DeviceRefused, match=r"otn-1: what it holds is not of its model: .*usage.*both"):
                await seen.driver.read()


async def test_of_several_errors_the_first_is_told_with_its_path_and_how_many_there_are(tmp_path):
    error = (
        "<rpc-error><error-type>application</error-type><error-tag>{}</error-tag><error-severity>error</error-severity>"
        "<error-path>/otn-node/interface[name='x']</error-path><error-message>{}</error-message></rpc-error>"
    )

    def answer(question):
        if "edit-config" in question:
            return reply(error.format("invalid-value", "no such slot") + error.format("data-missing", "no such port"))
        return reply(NODE.format(PORTS) if "get-config" in question else OK)

    with ScriptedDevice(tmp_path, answer=answer) as device:
        async with watched(device.endpoint) as seen:
            await seen.driver.stage("t", 0, CHANGES)
            with pytest.raises(DeviceRefused) as caught:
                await seen.driver.commit("t", 0)
    text = str(caught.value)
    assert "otn-1: edit-config: /otn-node/interface[name='x']: no such slot (2 errors, this is the first)" in text
    assert "caused by: add line 1: cross-connect 1" in text
    asked = [
        word for question in device.questions for word in ASKED if f"<{word}" in question or f":{word}" in question
    ]
    assert asked[-2:] == ["discard-changes", "unlock"]


ASKED = ("get-config", "edit-config", "cancel-commit", "discard-changes", "unlock")


async def test_ok_for_everything_and_nothing_done_is_found_out(tmp_path):
    def answer(question):
        return reply(NODE.format(PORTS) if "get-config" in question else OK)

    with ScriptedDevice(tmp_path, answer=answer) as device:
        async with watched(device.endpoint) as seen:
            await seen.driver.stage("t", 0, CHANGES)
            await seen.driver.commit("t", 0)
            with pytest.raises(DeviceRefused, match=r"read back: .*trunkline-1-a.* is not there, and 2 more"):
                await seen.driver.verify("t")
            await seen.driver.undo("t")


async def test_an_undo_that_does_not_help_leaves_no_lock_behind(tmp_path):
    """What was taken away does not come back, whatever the device says."""

    def answer(question):
        return reply(NODE.format(PORTS) if "get-config" in question else OK)

    with ScriptedDevice(tmp_path, answer=answer) as device:
        async with watched(device.endpoint) as seen:
            await seen.driver.stage("t", 0, tuple(change.inverse for change in CHANGES))
            await seen.driver.commit("t", 0)
            with pytest.raises(DeviceRefused, match=r"read back: .*trunkline-1-a.* is not there"):
                await seen.driver.undo("t")
    locks = [found[1] for question in device.questions if (found := re.search(r"[<:]((un)?lock)\b", question))]
    assert (locks[0], locks[-1]) == ("lock", "unlock")


def test_the_key_of_a_host_is_found_in_known_hosts(tmp_path):
    with ScriptedDevice(tmp_path) as device:
        endpoint = device.endpoint
        file = tmp_path / "known_hosts"
        file.write_text(f"[127.0.0.1]:{endpoint.port} ecdsa-sha2-nistp256 {endpoint.host_key}\n", encoding="ascii")
        assert known_host_key(file, "127.0.0.1", endpoint.port) == endpoint.host_key
        with pytest.raises(ValueError, match="ssh-keyscan -p 1 127"):
            known_host_key(file, "127.0.0.1", 1)
