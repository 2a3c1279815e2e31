"""Two PEs, two OTN nodes, simulated, and the drivers of the OTN nodes over real sessions: all in one event loop."""

import asyncio
import contextlib
from dataclasses import replace

from controller.domain.errors import DeviceUnreachable
from controller.domain.otn import OduType
from controller.domain.rules import (
    Change,
    ClientEnd,
    CrossConnect,
    FlowRule,
    LineEnd,
    Match,
    Output,
    Owner,
    Table,
    cookie,
)
from controller.domain.topology import Link, NetconfDevice, Node, OpenFlowDevice, PerDirection, Role, Site, Topology
from controller.simulation.address import UnixAddress
from controller.simulation.simulator import Management, Simulator
from controller.southbound.netconf.connection import Limits
from controller.southbound.netconf.southbound import ManagedDevice, NetconfSouthbound
from lab.otn import YANG

CLIENT, LINE_PORT = 1, 100
FRAME = bytes.fromhex("020000000b01" + "020000000a01" + "0800").ljust(60, b"x")
LIMITS = Limits(retry_s=0.02, longest_retry_s=0.2, confirm_s=60)
DEVICE = NetconfDevice(host="192.0.2.1", port=830, username="nobody", key_file="none")


def optical_topology(profiles=("otn-node", "otn-node")):
    """pe-a - otn-a - otn-z - pe-z, twice at either end."""

    def link(name, a, z, a_port, z_port, odu=None):
        return Link(
            name=name,
            a=a,
            z=z,
            a_port=a_port,
            z_port=z_port,
            capacity_bps=PerDirection.both(10**10),
            delay_ns=PerDirection.both(1_000_000 if odu else 0),
            odu=odu,
        )

    return Topology(
        name="optical",
        nodes=(
            Node(name="pe-a", role=Role.PE, device=OpenFlowDevice(datapath_id=1)),
            Node(name="otn-a", role=Role.OTN, device=replace(DEVICE, profile=profiles[0])),
            Node(name="otn-z", role=Role.OTN, device=replace(DEVICE, profile=profiles[1])),
            Node(name="pe-z", role=Role.PE, device=OpenFlowDevice(datapath_id=2)),
        ),
        links=(
            link("a-1", "pe-a", "otn-a", 1, CLIENT),
            link("a-2", "pe-a", "otn-a", 2, CLIENT + 1),
            link("a-z", "otn-a", "otn-z", LINE_PORT, LINE_PORT, OduType.ODU2),
            link("z-1", "otn-z", "pe-z", CLIENT, 1),
            link("z-2", "otn-z", "pe-z", CLIENT + 1, 2),
        ),
        sites=(Site(name="a", node="pe-a", port=11), Site(name="z", node="pe-z", port=11)),
        hop_delay_ns=10,
        otn_node_delay_ns=2_000,
    )


def cross_connect(number=1, *, odu=OduType.ODU0, client=CLIENT, slots=None, tributary_port=None):
    """A client port to slots of the line port."""
    line = LineEnd(
        port=LINE_PORT,
        tributary_port=number if tributary_port is None else tributary_port,
        slots=(number,) if slots is None else slots,
    )
    return CrossConnect(cookie=cookie(Owner.LINE, number), number=number, odu=odu, a=ClientEnd(port=client), z=line)


def adding(*rules):
    return tuple(Change(before=None, after=rule) for rule in rules)


class Rig:
    """An async context manager: inside it, the OTN nodes run and every one has a session."""

    def __init__(self, directory, profiles=("otn-node", "otn-node"), limits=LIMITS):
        management = Management(directory=directory / "keys", yang=YANG)
        self.topology = optical_topology(profiles)
        self.simulator = Simulator(self.topology, UnixAddress(str(directory / "openflow")), management=management)
        self.plane = self.simulator.optical
        devices = {
            name: ManagedDevice(
                endpoint=self.plane.access.endpoint(name), profile=self.topology.node[name].device.profile
            )
            for name in self.plane.nodes
        }
        self.up, self.suspects = set(), []
        self._changed = asyncio.Event()
        self.southbound = NetconfSouthbound(devices, YANG, self._connection, self._suspect, limits)
        for name, towards in (("pe-a", 1), ("pe-z", 1)):
            for here, there in ((11, towards), (towards, 11)):
                self.simulator.network.datapaths[name].tables.switch.set(
                    FlowRule(
                        cookie=1, table=Table.CLASSIFY, priority=1, match=Match(in_port=here), actions=(Output(there),)
                    )
                )

    async def __aenter__(self):
        self._running = asyncio.create_task(self.simulator.run())
        self.southbound.start()
        await self.wait_until(lambda: self.up == set(self.plane.nodes))
        return self

    async def __aexit__(self, *_):
        await self.southbound.close()
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running

    def __getitem__(self, device):
        return self.southbound.driver(device)

    async def wait_until(self, holds):
        async with asyncio.timeout(30):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def until_reached(self, device):
        """Wait for a session that is alive: one may be over already and not be known to be."""
        async with asyncio.timeout(30):
            while True:
                try:
                    return await self[device].read()
                except DeviceUnreachable:
                    await asyncio.sleep(0.005)

    async def rules(self, device):
        return (await self[device].read()).rules

    async def prepare(self, changes, txn="t"):
        """All as far as before the confirmation; ``changes`` by device."""
        for device, of_device in changes.items():
            await self[device].stage(txn, 0, of_device)
            await self[device].commit(txn, 0)
            await self[device].verify(txn)

    async def carry_out(self, changes, txn="t"):
        await self.prepare(changes, txn)
        for device in changes:
            await self[device].confirm(txn)

    def sent(self, site="a"):
        """Where a frame of a customer comes out: (site, delay), or ``None``."""
        network = self.simulator.network
        (outcome,) = network.send([(*network.port_of(site), FRAME)])
        assert not outcome.fault
        if not outcome.arrivals:
            return None
        (arrival,) = outcome.arrivals
        assert arrival.frame == FRAME
        return network.site_at[arrival.node, arrival.port], arrival.delay_ns

    def _connection(self, device, connected):
        (self.up.add if connected else self.up.discard)(device)
        self._changed.set()

    def _suspect(self, device):
        self.suspects.append(device)
        self._changed.set()
