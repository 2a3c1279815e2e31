"""All devices that speak NETCONF: one driver each, whose session is kept as long as this runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.topology import NetconfDevice, Topology
from controller.southbound.netconf.connection import Connection, Limits
from controller.southbound.netconf.driver import NetconfDriver
from controller.southbound.netconf.endpoint import Endpoint, known_host_key
from controller.southbound.netconf.model import Model
from controller.southbound.netconf.profile import profile

CONNECTING_AT_ONCE = 8
"""A handshake keeps a processor busy for some 20 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedDevice:
    """Where a device is, and the name of its profile."""

    endpoint: Endpoint
    profile: str


def managed_devices(topology: Topology, directory: Path) -> dict[str, ManagedDevice]:
    """The devices of a topology that speak NETCONF, with the public keys that they are known by. Files that it names
    are relative to ``directory``, where it lies itself. ``InvalidInput`` names each device that has no key, or for
    which we have none."""
    found: dict[str, ManagedDevice] = {}
    faults: list[Fault] = []
    for node in topology.nodes:
        device = node.device
        if not isinstance(device, NetconfDevice):
            continue
        known_hosts = directory / Path(device.known_hosts).expanduser()
        key_file = directory / Path(device.key_file).expanduser()
        try:
            profile(device.profile)
            host_key = known_host_key(known_hosts, device.host, device.port)
            key_file.read_bytes()
        except (ValueError, OSError) as error:
            faults.append(Fault(reason=Reason.INVALID_VALUE, field=f"node {node.name}", message=str(error)))
            continue
        endpoint = Endpoint(
            host=device.host, port=device.port, username=device.username, key_file=str(key_file), host_key=host_key
        )
        found[node.name] = ManagedDevice(endpoint=endpoint, profile=device.profile)
    if faults:
        raise InvalidInput(tuple(faults))
    return found


class NetconfSouthbound:
    """``on_connection(device, connected)`` is told each time a session is made or lost, ``on_suspect(device)`` when
    somebody else has changed the device's configuration: both in the loop. Unless it ``manages`` the devices, it must
    only read.

    ``yang`` is the directory with the modules that the profiles name. ``ValueError`` when one is not there.
    """

    def __init__(
        self,
        devices: Mapping[str, ManagedDevice],
        yang: Path,
        on_connection: Callable[[str, bool], None],
        on_suspect: Callable[[str], None],
        limits: Limits | None = None,
        *,
        manages: bool = True,
    ) -> None:
        limits = Limits() if limits is None else limits
        self._on_connection = on_connection
        self._on_suspect = on_suspect
        self._pool = ThreadPoolExecutor(CONNECTING_AT_ONCE, thread_name_prefix="netconf-connect")
        self._connections: dict[str, Connection] = {}
        self._drivers: dict[str, NetconfDriver] = {}
        self._keeping: list[asyncio.Task[None]] = []
        models: dict[str, Model] = {}
        for name, device in devices.items():
            kind = profile(device.profile)
            if kind.name not in models:
                models[kind.name] = Model(kind.modules, yang)
            self._connections[name] = Connection(
                name,
                device.endpoint,
                limits=limits,
                pool=self._pool,
                on_connection=lambda connected, name=name: self._connection(name, connected),  # type: ignore[misc]
                on_change=lambda words, name=name: self._changed(name),  # type: ignore[misc]
                manages=manages,
            )
            self._drivers[name] = NetconfDriver(name, self._connections[name], kind, models[kind.name], limits)

    @property
    def drivers(self) -> Mapping[str, NetconfDriver]:
        """All drivers, by device."""
        return self._drivers

    def driver(self, device: str) -> NetconfDriver:
        """The driver of a device, connected or not. ``KeyError`` when there is no such device."""
        return self._drivers[device]

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._keeping = [asyncio.create_task(connection.keep()) for connection in self._connections.values()]

    async def close(self) -> None:
        """End every session. What the devices hold stays as it is."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    def _connection(self, device: str, connected: bool) -> None:
        self._drivers[device].forget()
        self._on_connection(device, connected)

    def _changed(self, device: str) -> None:
        self._drivers[device].forget()
        self._on_suspect(device)
