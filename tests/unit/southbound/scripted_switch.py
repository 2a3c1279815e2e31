"""A switch whose every byte a test decides, and a southbound for it to connect to."""

import asyncio
import struct
from contextlib import asynccontextmanager

from controller.simulation import replies
from controller.southbound.openflow.connection import Limits
from controller.southbound.openflow.protocol import HEADER, MessageType, frame
from controller.southbound.openflow.southbound import OpenFlowSouthbound

LIMIT_S = 10
DEVICES = {1: "pe-1", 2: "pe-2"}


class ScriptedSwitch:
    """Sends what it is told; ``receive`` returns the next message as (type, xid, body), ``None`` at the end."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer

    def send(self, data):
        self._writer.write(data)

    async def receive(self):
        async with asyncio.timeout(LIMIT_S):
            try:
                header = await self._reader.readexactly(HEADER.size)
                _, kind, length, xid = HEADER.unpack(header)
                return MessageType(kind), xid, await self._reader.readexactly(length - HEADER.size)
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return None

    async def expect(self, wanted):
        """(xid, body) of the next message, which must be of the type ``wanted``; echo requests are answered first."""
        while (received := await self.receive()) is not None:
            kind, xid, body = received
            if kind == MessageType.ECHO_REQUEST and wanted != kind:
                self.send(frame(MessageType.ECHO_REPLY, xid, body))
                continue
            assert kind == wanted, f"{kind.name} instead of {wanted.name}"
            return xid, body
        raise AssertionError(f"the connection ended before {wanted.name}")

    async def expect_end(self):
        while (received := await self.receive()) is not None:
            assert received[0] not in (MessageType.FLOW_MOD, MessageType.GROUP_MOD, MessageType.METER_MOD)

    async def say_hello(self):
        await self.expect(MessageType.HELLO)
        self.send(frame(MessageType.HELLO, 1))

    async def shake_hands(self, datapath_id=1):
        """All that comes before the role request, whose transaction id and body are returned."""
        await self.say_hello()
        xid, _ = await self.expect(MessageType.FEATURES_REQUEST)
        self.send(replies.features(xid, datapath_id))
        return await self.expect(MessageType.ROLE_REQUEST)

    async def join(self, datapath_id=1):
        xid, body = await self.shake_hands(datapath_id)
        self.send(frame(MessageType.ROLE_REPLY, xid, body))

    def refuse(self, xid, kind, code):
        self.send(frame(MessageType.ERROR, xid, struct.pack("!HH", kind, code)))


class Southbound:
    """``events`` are (device, connected), ``frames`` (device, frame), in order; ``on_ports``: see
    ``OpenFlowSouthbound``."""

    def __init__(self, on_ports=None, **limits):
        self.events = []
        self.ports = []
        self.frames = []
        self._told = asyncio.Event()
        self.southbound = OpenFlowSouthbound(
            DEVICES,
            self._on_connection,
            on_port_status=self._on_port_status,
            on_ports=on_ports,
            on_frame=self._on_frame,
            limits=Limits(**limits),
        )

    def driver(self, device="pe-1"):
        return self.southbound.driver(device)

    async def until(self, holds):
        async with asyncio.timeout(LIMIT_S):
            while not holds():
                self._told.clear()
                await self._told.wait()

    @asynccontextmanager
    async def connection(self):
        """A switch that has connected and said nothing yet."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield ScriptedSwitch(reader, writer)
        finally:
            writer.transport.abort()

    @asynccontextmanager
    async def joined(self, datapath_id=1):
        async with self.connection() as switch:
            known = len(self.events)
            await switch.join(datapath_id)
            await self.until(lambda: (DEVICES[datapath_id], True) in self.events[known:])
            yield switch

    def _on_connection(self, device, connected):
        self.events.append((device, connected))
        self._told.set()

    def _on_frame(self, device, told):
        self.frames.append((device, told))
        self._told.set()

    def _on_port_status(self, device, status):
        self.ports.append((device, status))
        self._told.set()


@asynccontextmanager
async def southbound(on_ports=None, **limits):
    here = Southbound(on_ports, **limits)
    address = await here.southbound.start("tcp:127.0.0.1:0")
    here.port = int(address.rpartition(":")[2])
    try:
        yield here
    finally:
        await here.southbound.close()
