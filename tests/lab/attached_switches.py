"""A southbound that the bridges of a test are attached to, and ways to wait for them."""

import asyncio
from contextlib import asynccontextmanager

from private_ovs import RUN

from controller.domain.rules import Change
from controller.southbound.openflow.southbound import OpenFlowSouthbound

LIMIT_S = 20
SOCKET = "controller.sock"


class Attached:
    """``southbound`` and what it told of: ``connected`` by device, ``ports`` as (device, status)."""

    def __init__(self, datapaths, **options):
        self.connected = dict.fromkeys(datapaths.values(), False)
        self.ports = []
        self._told = asyncio.Event()
        self.southbound = OpenFlowSouthbound(
            datapaths, self._on_connection, on_port_status=self._on_port_status, **options
        )

    def driver(self, name):
        return self.southbound.driver(name)

    async def until(self, holds):
        """Wait until ``holds()`` is true; it is asked whenever the southbound tells of something."""
        async with asyncio.timeout(LIMIT_S):
            while not holds():
                self._told.clear()
                await self._told.wait()

    async def until_all_are_here(self):
        await self.until(lambda: all(self.connected.values()))

    def wake(self):
        """Something else has happened that ``until`` may be waiting for."""
        self._told.set()

    def _on_connection(self, device, connected):
        self.connected[device] = connected
        self._told.set()

    def _on_port_status(self, device, status):
        self.ports.append((device, status))
        self._told.set()


@asynccontextmanager
async def listening(datapaths, socket=SOCKET, **options):
    """Listen where bridges with ``SOCKET`` as controller connect to; close in the end."""
    here = Attached(datapaths, **options)
    await here.southbound.start(f"unix:{RUN}/{socket}")
    try:
        yield here
    finally:
        await here.southbound.close()


@asynccontextmanager
async def attached(ovs, datapaths, **options):
    """The same with a bridge for each device, all connected."""
    async with listening(datapaths, **options) as here:
        for datapath_id, name in datapaths.items():
            ovs.add_bridge(name, datapath_id, SOCKET)
        await here.until_all_are_here()
        yield here


async def carry_out(driver, *changes, txn="t"):
    """A transaction of one round: stage, commit, verify, confirm."""
    await driver.stage(txn, 1, changes)
    await driver.commit(txn, 1)
    await driver.verify(txn)
    await driver.confirm(txn)


def adding(rules):
    return tuple(Change(before=None, after=rule) for rule in rules)


def deleting(rules):
    return tuple(Change(before=rule, after=None) for rule in rules)


class CuttingRelay:
    """Stands between switches and southbound. ``cut_after(n)``: the connections there are end when
    ``n`` more bytes have gone to a switch; later connections are whole again."""

    def __init__(self, behind):
        self._behind = behind
        self._left = None

    def cut_after(self, size):
        self._left = size

    @asynccontextmanager
    async def listening(self):
        server = await asyncio.start_unix_server(self._serve, f"{RUN}/{SOCKET}")
        async with server:
            yield self

    async def _serve(self, from_switch, to_switch):
        from_controller, to_controller = await asyncio.open_unix_connection(f"{RUN}/{self._behind}")
        back = asyncio.create_task(self._pass_on(from_switch, to_controller, lambda data: data))
        await self._pass_on(from_controller, to_switch, self._cut)
        await back

    async def _pass_on(self, reader, writer, choose):
        while (data := await reader.read(4096)) and (chosen := choose(data)):
            writer.write(chosen)
        writer.transport.abort()

    def _cut(self, data):
        """What of ``data`` still goes through."""
        if self._left is None:
            return data
        data, self._left = data[: self._left], self._left - len(data)
        if self._left < 0:
            self._left = None
            return b""
        return data
