"""One connection of one switch: framing, questions and their answers, echo, bulk delivery with pacing.

Nothing that a peer sends can hurt another connection: lengths are checked, what is kept of an answer is bounded, every
wait has a limit, and bytes that are not OpenFlow 1.3 end this connection only.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from controller.domain.rules import owner_of
from controller.southbound.driver import FrameSent, FrameTold
from controller.southbound.openflow import messages
from controller.southbound.openflow.inbound import (
    PortStatus,
    read_error,
    read_multipart,
    read_packet_in,
    read_port_status,
    read_ports,
    speaks_our_version,
)
from controller.southbound.openflow.notices import UNASKED_XID, changed_by_others, flow_monitor_request
from controller.southbound.openflow.protocol import HEADER, VERSION, Malformed, MessageType
from controller.southbound.openflow.refusals import SwitchError

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Encoder = Callable[[int], bytes]
"""From a transaction id to a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to wait (seconds), and how much to have under way at once."""

    handshake_s: float = 10.0
    answer_s: float = 10.0
    """For an answer in parts, until the first of them and between any two."""
    longest_answer_s: float = 600.0
    """For all parts together: 100,000 flows take a switch that is busy its time, and us ours when many are read."""
    echo_every_s: float = 5.0
    silence_s: float = 15.0
    """A switch that says nothing for so long, not even to an echo request, is gone."""
    messages_per_barrier: int = 256
    barriers_in_flight: int = 4
    answer_bytes: int = 256 << 20
    """The most that is kept of one answer in parts: some 1.3 million flows."""


class ConnectionLost(Exception):
    """The connection ended, or was ended, before the answer came. What the switch did is unknown."""


class NoAnswer(Exception):
    """There was no answer in time, and the connection goes on. What the switch did is unknown."""


@dataclass(slots=True, eq=False)
class _Question:
    wanted: MessageType
    answer: asyncio.Future[list[bytes]]
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    due: asyncio.Timeout | None = None
    """When whoever waits stops waiting."""
    then: Callable[[list[bytes]], None] | None = None
    """Called with the answer before anything that comes after it is read."""


@dataclass(slots=True, eq=False)
class _Delivery:
    xids: range
    errors: dict[int, SwitchError] = field(default_factory=dict)
    """By position in the delivery."""


class Connection:
    """``run`` reads until the end; the other methods are for whoever talks to the switch meanwhile.

    They raise ``ConnectionLost``; ``SwitchError`` when the switch answers with an error.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        limits: Limits,
        on_port_status: Callable[[PortStatus], None],
        on_changed: Callable[[], None] | None = None,
        on_frame: Callable[[FrameTold], None] | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._on_port_status = on_port_status
        self._on_changed = on_changed
        self._on_frame = on_frame
        self._loop = asyncio.get_running_loop()
        self._last_heard = self._loop.time()
        self._lost: str | None = None
        self._greeted: asyncio.Future[list[bytes]] = self._loop.create_future()
        self._questions: dict[int, _Question] = {}
        self._deliveries: list[_Delivery] = []
        self._unused_xid = 1

    async def run(self) -> str:
        """Read until the connection ends, and say why it did."""
        self._write(messages.hello(self._take_xids(1)[0]))
        keeper = asyncio.create_task(self._keep_alive())
        try:
            while True:
                version, kind, length, xid = HEADER.unpack(await self._reader.readexactly(HEADER.size))
                self._check_header(version, kind, length)
                body = await self._reader.readexactly(length - HEADER.size)
                self._last_heard = self._loop.time()
                await self._take(version, kind, xid, body)
        except asyncio.IncompleteReadError:
            self.drop("closed by the switch")
        except OSError as error:
            self.drop(str(error))
        except Malformed as error:
            self.drop(f"not OpenFlow 1.3: {error}")
        finally:
            keeper.cancel()
            self.drop("stopped")
        assert self._lost is not None
        return self._lost

    def drop(self, why: str) -> None:
        """End the connection now; whoever waits for an answer gets ``ConnectionLost``. The first reason stays."""
        if self._lost is None:
            self._lost = why
            self._writer.transport.abort()
            for future in (self._greeted, *(question.answer for question in self._questions.values())):
                if not future.done():
                    future.set_exception(ConnectionLost(why))
                    future.exception()  # seen: nobody may be waiting for it any more

    async def greeted(self) -> None:
        """Wait for the switch's hello."""
        await asyncio.shield(self._greeted)

    async def ask(self, build: Encoder, wanted: MessageType) -> list[bytes]:
        """Send a message and wait for the answer of the type ``wanted``: one body, or the parts of a multipart one."""
        xid = self._take_xids(1)[0]
        question = self._pose(xid, wanted)
        try:
            self._write(build(xid))
            return await self._answer(question)
        finally:
            self._questions.pop(xid, None)

    async def send_frame(self, port: int, frame: bytes) -> FrameSent:
        """Have the switch send a frame out of a port. An echo request goes right behind it, in the same bytes: its way
        there and back is what the control connection (and the two ends of it) adds to whatever is timed by this.

        ``NoAnswer`` when it does not come: it waits behind whatever else the switch was sent or tells, which may be
        long. That is no reason to end the connection and with it what the others wait for."""
        xid = self._take_xids(1)[0]
        question = self._pose(xid, MessageType.ECHO_REPLY)
        answered: list[int] = []
        question.then = lambda _: answered.append(time.monotonic_ns())
        try:
            # Both bear one number, so that a refusal of the first is an answer to the second.
            message = messages.packet_out(port, frame, xid) + messages.echo_request(xid)
            at_ns = time.monotonic_ns()
            self._write(message)
            async with asyncio.timeout(self._limits.answer_s):
                await question.answer
        except TimeoutError:
            raise NoAnswer(f"no {question.wanted.name} within {self._limits.answer_s:g} s") from None
        finally:
            self._questions.pop(xid, None)
        return FrameSent(at_ns=at_ns, control_ns=answered[0] - at_ns)

    def list_ports(self, told: Callable[[Mapping[int, bool]], None]) -> None:
        """Ask for all ports there are; ``told`` gets the answer (whether each is up), in its place among the
        ``on_port_status``. Whether there is one is not waited for."""
        xid = self._take_xids(1)[0]
        self._write(messages.port_desc_request(xid))
        question = self._pose(xid, MessageType.MULTIPART_REPLY)
        question.then = lambda parts: told(read_ports(parts))
        question.answer.add_done_callback(partial(self._listed, xid))

    def _listed(self, xid: int, answer: asyncio.Future[list[bytes]]) -> None:
        self._questions.pop(xid, None)
        if not answer.cancelled() and isinstance(error := answer.exception(), SwitchError):
            log.warning("how the ports are is not told: %s", error)

    def watch_flows(self) -> None:
        """Ask to have ``on_changed`` told of flows that somebody else changes. Whether it can is not waited for."""
        xid = self._take_xids(1)[0]
        self._write(flow_monitor_request(xid))
        self._pose(xid, MessageType.MULTIPART_REPLY).answer.add_done_callback(partial(self._watched, xid))

    def _watched(self, xid: int, answer: asyncio.Future[list[bytes]]) -> None:
        self._questions.pop(xid, None)
        if not answer.cancelled() and isinstance(error := answer.exception(), SwitchError):
            log.debug("changes of flows are not told: %s", error)

    async def deliver(
        self, items: Sequence[Item], encode: Callable[[Item, int], bytes]
    ) -> list[tuple[int, SwitchError]]:
        """Send a message for each item and wait until the switch has carried all of them out.

        Returns which were refused: (position, why), in order. A barrier follows every few hundred messages, and
        only a few barriers are open at once: so the switch is never flooded, and little is in memory.
        """
        delivery = _Delivery(self._take_xids(len(items)))
        open_barriers: deque[tuple[int, _Question]] = deque()
        self._deliveries.append(delivery)
        try:
            step = self._limits.messages_per_barrier
            for start in range(0, len(items), step):
                chunk = zip(items[start : start + step], delivery.xids[start : start + step], strict=True)
                barrier = self._take_xids(1)[0]
                open_barriers.append((barrier, self._pose(barrier, MessageType.BARRIER_REPLY)))
                self._write(b"".join(itertools.starmap(encode, chunk)) + messages.barrier_request(barrier))
                while len(open_barriers) >= self._limits.barriers_in_flight:
                    await self._answer(open_barriers[0][1])
                    self._questions.pop(open_barriers.popleft()[0])
            for _, question in open_barriers:
                await self._answer(question)
        finally:
            self._deliveries.remove(delivery)
            for barrier, _ in open_barriers:
                self._questions.pop(barrier, None)
        return sorted(delivery.errors.items(), key=lambda entry: entry[0])

    async def _answer(self, question: _Question) -> list[bytes]:
        limits = self._limits
        try:
            async with asyncio.timeout(limits.longest_answer_s), asyncio.timeout(limits.answer_s) as question.due:
                await self._writer.drain()
                return await question.answer
        except TimeoutError:
            # Late answers would find no question; a fresh connection starts from what the switch then holds.
            if question.parts:
                self.drop(f"the rest of {question.wanted.name} did not come in time")
            else:
                self.drop(f"no {question.wanted.name} within {limits.answer_s:g} s")
            raise ConnectionLost(self._lost) from None
        except OSError as error:
            self.drop(str(error))
            raise ConnectionLost(self._lost) from error

    def _pose(self, xid: int, wanted: MessageType) -> _Question:
        question = _Question(wanted, self._loop.create_future())
        self._questions[xid] = question
        return question

    def _write(self, data: bytes) -> None:
        if self._lost is not None:
            raise ConnectionLost(self._lost)
        self._writer.write(data)

    def _take_xids(self, count: int) -> range:
        if self._unused_xid + count > 1 << 32:
            self._unused_xid = 1
        taken = range(self._unused_xid, self._unused_xid + count)
        self._unused_xid = taken.stop
        return taken

    async def _keep_alive(self) -> None:
        while self._lost is None:
            await asyncio.sleep(self._limits.echo_every_s)
            silent_s = self._loop.time() - self._last_heard
            if silent_s >= self._limits.silence_s:
                self.drop(f"silent for {silent_s:.1f} s")
            elif self._lost is None:
                self._write(messages.echo_request(self._take_xids(1)[0]))

    def _check_header(self, version: int, kind: int, length: int) -> None:
        """``Malformed`` at once, not after waiting for as many bytes as a stranger's "length" says."""
        if length < HEADER.size:
            raise Malformed(f"a message of {length} bytes")
        if not self._greeted.done() and kind != MessageType.HELLO:
            raise Malformed(f"a message of type {kind} before hello")
        if self._greeted.done() and version != VERSION:
            raise Malformed(f"version {version:#04x}")

    async def _take(self, version: int, kind: int, xid: int, body: bytes) -> None:
        """Act on one message. Types that we have no use for are passed over."""
        if not self._greeted.done():
            self._take_hello(version, body)
        elif kind == MessageType.ECHO_REQUEST:
            self._write(messages.echo_reply(xid, body))
            await self._writer.drain()  # who asks without reading the answers is not read from either
        elif kind == MessageType.ERROR:
            self._take_error(xid, body)
        elif kind == MessageType.PORT_STATUS:
            self._on_port_status(read_port_status(body))
        elif kind == MessageType.PACKET_IN:
            self._take_packet_in(body)
        elif xid == UNASKED_XID and kind == MessageType.MULTIPART_REPLY:
            if self._on_changed is not None and changed_by_others(body):
                self._on_changed()
        elif (question := self._questions.get(xid)) is not None and kind == question.wanted:
            self._take_answer(question, body)

    def _take_packet_in(self, body: bytes) -> None:
        """Flows of others may tell us of frames, too: these are none of our business."""
        at_ns = time.monotonic_ns()
        told = read_packet_in(body)
        if self._on_frame is not None and told is not None and owner_of(told.cookie) is not None:
            self._on_frame(FrameTold(port=told.port, cookie=told.cookie, frame=told.frame, at_ns=at_ns))

    def _take_hello(self, version: int, body: bytes) -> None:
        if not speaks_our_version(version, body):
            self._write(messages.hello_failed(0, "OpenFlow 1.3 (0x04) is all that is spoken here"))
            raise Malformed(f"the switch speaks no OpenFlow 1.3 (its hello: version {version:#04x})")
        self._greeted.set_result([])

    def _take_error(self, xid: int, body: bytes) -> None:
        kind, code, _ = read_error(body)
        error = SwitchError(kind, code)
        question = self._questions.get(xid)
        if question is not None and not question.answer.done():
            question.answer.set_exception(error)
            return
        for delivery in self._deliveries:
            if xid in delivery.xids:
                delivery.errors[xid - delivery.xids.start] = error
                return
        log.warning("error that belongs to no message under way: %s", error)

    def _take_answer(self, question: _Question, body: bytes) -> None:
        more = False
        if question.wanted is MessageType.MULTIPART_REPLY:
            _, more, body = read_multipart(body)
        question.parts.append(body)
        question.size += len(body)
        if question.size > self._limits.answer_bytes:
            raise Malformed(f"an answer of more than {self._limits.answer_bytes} bytes")
        if more and question.due is not None and not question.due.expired():
            question.due.reschedule(self._loop.time() + self._limits.answer_s)
        if not more and not question.answer.done():
            question.answer.set_result(question.parts)
            if question.then is not None:
                question.then(question.parts)
