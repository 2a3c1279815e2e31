"""Where switches come in: one listening socket, one driver per device that may connect to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping

from controller.southbound.driver import FrameTold
from controller.southbound.openflow import messages
from controller.southbound.openflow.connection import Connection, ConnectionLost, Limits
from controller.southbound.openflow.driver import OpenFlowDriver
from controller.southbound.openflow.inbound import PortStatus, read_features
from controller.southbound.openflow.protocol import Malformed, MessageType
from controller.southbound.openflow.refusals import SwitchError

log = logging.getLogger(__name__)

MAX_STRANGERS = 512
"""Connections that have not yet said who they are; beyond, a new one is closed at once."""


class NotAdmitted(Exception):
    """A switch that we have no business with."""


class OpenFlowSouthbound:
    """``datapaths`` names the devices by datapath id. ``on_connection(device, connected)`` is told each time
    a device comes (handshake done, MASTER granted) or goes; ``on_port_status`` gets what happens to its ports.
    ``on_ports(device, ports)`` is told once for each connection how all ports are (by number: up or not), before what
    happens to them later; never, if the switch does not say.

    ``on_frame(device, told)`` is told of frames that rules of ours tell us of (``TellController``).

    ``on_changed`` is told of a device that says that somebody else has changed a flow which concerns us; not all can.

    ``generation_id`` orders controllers that claim the same switch (OpenFlow 1.3.5, 6.3.5): the later one
    must have the higher number; by default it is the time of the start.
    """

    def __init__(
        self,
        datapaths: Mapping[int, str],
        on_connection: Callable[[str, bool], None],
        *,
        on_port_status: Callable[[str, PortStatus], None] | None = None,
        on_ports: Callable[[str, Mapping[int, bool]], None] | None = None,
        on_changed: Callable[[str], None] | None = None,
        on_frame: Callable[[str, FrameTold], None] | None = None,
        generation_id: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._device_of = dict(datapaths)
        self._on_connection = on_connection
        self._on_port_status = on_port_status
        self._on_ports = on_ports
        self._on_changed = on_changed
        self._on_frame = on_frame
        self._generation_id = time.time_ns() if generation_id is None else generation_id
        self._limits = Limits() if limits is None else limits
        self._connections: dict[str, Connection] = {}
        self._drivers = {
            name: OpenFlowDriver(name, lambda name=name: self._connections.get(name))  # type: ignore[misc]
            for name in self._device_of.values()
        }
        self._strangers: set[Connection] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def driver(self, device: str) -> OpenFlowDriver:
        """The driver of a device, connected or not. ``KeyError`` when there is no such device."""
        return self._drivers[device]

    async def start(self, address: str) -> str:
        """Listen on ``tcp:HOST:PORT`` or ``unix:PATH``. Returns the address with the port that was taken if it was 0.

        ``ValueError`` when the address cannot be read, ``OSError`` when nothing can listen there.
        """
        kind, _, where = address.partition(":")
        if kind == "unix" and where:
            self._server = await asyncio.start_unix_server(self._accept, where)
            return address
        host, _, port = where.rpartition(":")
        if kind != "tcp" or not host or not port.isdecimal() or int(port) > 0xFFFF:
            raise ValueError(f"{address!r} is no address to listen on: write tcp:HOST:PORT or unix:PATH")
        self._server = await asyncio.start_server(self._accept, host.strip("[]"), int(port))
        return f"tcp:{host}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening and end every connection. What the switches hold stays as it is."""
        if self._server is not None:
            self._server.close()
        for connection in (*self._strangers, *self._connections.values()):
            connection.drop("the controller stops")
        await asyncio.gather(*self._serving)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._strangers) >= MAX_STRANGERS:
            log.warning("%d connections have not introduced themselves: closing a new one", len(self._strangers))
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername") or "unix"
        named: list[str] = []
        connection = Connection(
            reader,
            writer,
            limits=self._limits,
            on_port_status=lambda status: self._port_status(connection, named, status),
            on_changed=lambda: self._changed(named),
            on_frame=lambda told: self._frame(named, told),
        )
        self._strangers.add(connection)
        reading = asyncio.create_task(connection.run())
        try:
            async with asyncio.timeout(self._limits.handshake_s):
                device = await self._introduce(connection)
        except (NotAdmitted, ConnectionLost, SwitchError, Malformed, TimeoutError) as error:
            connection.drop(str(error) or f"no handshake within {self._limits.handshake_s:g} s")
            log.warning("connection from %s refused: %s", peer, await reading)
            return
        finally:
            self._strangers.discard(connection)
        named.append(device)
        try:
            log.info("%s connected from %s", device, peer)
            if self._on_changed is not None:
                # Before the device is told of: what is changed after its first reading is noticed.
                with contextlib.suppress(ConnectionLost):
                    connection.watch_flows()
            if self._on_ports is not None:
                with contextlib.suppress(ConnectionLost):
                    connection.list_ports(lambda ports: self._ports(connection, device, ports))
            self._adopt(device, connection)
            log.info("%s disconnected: %s", device, await reading)
        finally:
            if self._connections.get(device) is connection:
                del self._connections[device]
                self._on_connection(device, False)

    async def _introduce(self, connection: Connection) -> str:
        """Learn who is there and become its master. No write goes to a switch before it has granted that."""
        await connection.greeted()
        (body,) = await connection.ask(messages.features_request, MessageType.FEATURES_REPLY)
        features = read_features(body)
        device = self._device_of.get(features.datapath_id)
        if device is None:
            raise NotAdmitted(f"datapath id {features.datapath_id:016x} is not in the topology")
        if features.auxiliary_id:
            raise NotAdmitted(f"{device}: an auxiliary connection, which is of no use here")
        try:
            await connection.ask(lambda xid: messages.role_request(xid, self._generation_id), MessageType.ROLE_REPLY)
        except SwitchError as error:
            raise NotAdmitted(f"{device} does not take us as its master: {error}") from error
        return device

    def _adopt(self, device: str, connection: Connection) -> None:
        earlier = self._connections.pop(device, None)
        if earlier is not None:
            earlier.drop("the switch has connected anew")
            self._on_connection(device, False)
        self._connections[device] = connection
        self._on_connection(device, True)

    def _changed(self, named: list[str]) -> None:
        if named and self._on_changed is not None:
            self._on_changed(named[0])

    def _frame(self, named: list[str], told: FrameTold) -> None:
        if named and self._on_frame is not None:
            self._on_frame(named[0], told)

    def _ports(self, connection: Connection, device: str, ports: Mapping[int, bool]) -> None:
        if self._connections.get(device) is connection and self._on_ports is not None:
            self._on_ports(device, ports)

    def _port_status(self, connection: Connection, named: list[str], status: PortStatus) -> None:
        """What an earlier connection of the device still had to say is of no interest any more."""
        if named and self._connections.get(named[0]) is connection and self._on_port_status is not None:
            self._on_port_status(named[0], status)
