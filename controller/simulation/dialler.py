"""Keeps one simulated switch connected to its controller."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from typing import Final

from controller.domain.rules import Table
from controller.simulation.address import Address, TcpAddress
from controller.simulation.agent import Agent
from controller.simulation.datapath import Datapath
from controller.southbound.openflow.inbound import PacketIn

FIRST_RETRY_S: Final = 0.05
LAST_RETRY_S: Final = 1.0
_CONNECT_LIMIT_S: Final = 5.0

_log = logging.getLogger(__name__)


class Dialler:
    """Connects, and connects again when the connection is lost: at once, then after 50 ms and twice as long each time,
    up to a second; shortened at random, so that not all switches come back in the same instant."""

    def __init__(self, datapath: Datapath, controller: Address) -> None:
        self._datapath = datapath
        self._controller = controller
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._frozen = False
        self._session: _Session | None = None

    @property
    def connected(self) -> bool:
        return self._session is not None and self._session.agent.accepted

    async def run(self) -> None:
        """Until cancelled."""
        retry_s = FIRST_RETRY_S
        try:
            while True:
                await self._wanted.wait()
                session = await self._connect()
                if session is not None:
                    self._session = session
                    session.freeze(self._frozen)
                    if not self._wanted.is_set():
                        session.close()  # told to stay away while the connection was being made
                    await session.ended
                    self._session = None
                    if session.agent.leaving:
                        self._wanted.clear()
                    if session.agent.accepted:
                        retry_s = FIRST_RETRY_S
                        continue
                await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))
                retry_s = min(2 * retry_s, LAST_RETRY_S)
        finally:
            self.hang_up()

    def hang_up(self) -> None:
        """Break the connection; it is made anew unless ``stay_away`` was called."""
        if self._session is not None:
            self._session.close()

    def stay_away(self) -> None:
        """Disconnect until ``come_back``."""
        self._wanted.clear()
        self.hang_up()

    def come_back(self) -> None:
        self._wanted.set()

    def freeze(self, frozen: bool) -> None:
        """Stop reading: connected, and answering nothing, until thawed."""
        self._frozen = frozen
        if self._session is not None:
            self._session.freeze(frozen)

    def report_port(self, number: int) -> None:
        """Tell the controller, if there is one, how a port is now."""
        if self._session is not None:
            self._session.report_port(number)

    def tell(self, told: PacketIn, table: Table) -> None:
        """Tell the controller, if there is one, of a frame."""
        if self._session is not None:
            self._session.tell(told, table)

    async def _connect(self) -> _Session | None:
        loop, controller = asyncio.get_running_loop(), self._controller

        def session() -> _Session:
            return _Session(Agent(self._datapath))

        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CONNECT_LIMIT_S):
                if isinstance(controller, TcpAddress):
                    return (await loop.create_connection(session, controller.host, controller.port))[1]
                return (await loop.create_unix_connection(session, controller.path))[1]
        return None


class _Session(asyncio.Protocol):
    """One connection: bytes to and from the agent. While the controller does not read, nothing is read from it."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._frozen = False
        self._congested = False
        self._going_on = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.agent.datapath.counters["connections"] += 1
        transport.write(self.agent.greeting())

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        answer = self.agent.receive(data)
        if answer:
            self._transport.write(answer)
        if self.agent.closed:
            self._transport.close()
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        _log.info("%s: connection to the controller ended%s", self.agent.datapath.name, f": {exc}" if exc else "")
        self._transport = None
        if not self.ended.done():
            self.ended.set_result(None)

    def pause_writing(self) -> None:
        self._congested = True
        self._read_or_not()

    def resume_writing(self) -> None:
        self._congested = False
        self._read_or_not()
        self._go_on()

    def freeze(self, frozen: bool) -> None:
        self._frozen = frozen
        self._read_or_not()
        self._go_on()

    def report_port(self, number: int) -> None:
        if self._transport is not None:
            self._transport.write(self.agent.port_status(number))

    def tell(self, told: PacketIn, table: Table) -> None:
        if self._transport is not None:
            self._transport.write(self.agent.packet_in(told, table))

    def close(self) -> None:
        """At once: what is still to be sent is lost, as with a cable that is cut."""
        if self._transport is not None:
            self._transport.abort()

    def _go_on(self) -> None:
        """See to it that what is still to be said is, soon: a message at a time, and others get their turns."""
        if self.agent.says_more and not self._going_on:
            self._going_on = True
            asyncio.get_running_loop().call_soon(self._say_more)

    def _say_more(self) -> None:
        self._going_on = False
        if self._transport is not None and not self._frozen and not self._congested:
            self._transport.write(self.agent.say_more())
            self._go_on()

    def _read_or_not(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._frozen or self._congested:
            transport.pause_reading()
        else:
            transport.resume_reading()
