"""What a controller learns of links, gateways and sites by their ports, from switches in another process."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from running.controllers import RING
from running.processes import LIMIT_S

from controller.documents import load_topology
from controller.service.port_states import Outages, PortStates
from controller.simulation.process import SimulationProcess
from controller.southbound.openflow.southbound import OpenFlowSouthbound

GATEWAY = "  gateways:\n    - {name: igw, node: pe-z, port: 21, capacity: 50Mbps, delays: {north-america: 65ms}}\n"


class Listening:
    """A southbound whose switches' ports are kept in ``states``."""

    def __init__(self, topology):
        names = {node.device.datapath_id: node.name for node in topology.nodes}
        self._told = asyncio.Event()
        self.states = PortStates(topology, lambda before, after: self._told.set())
        self.southbound = OpenFlowSouthbound(
            names,
            self._on_connection,
            on_ports=self._on_ports,
            on_port_status=lambda device, status: self.states.changed(device, status.port, status.up),
        )

    def _on_connection(self, device, connected):
        if not connected:
            self.states.gone(device)
            self._told.set()

    def _on_ports(self, device, ports):
        self.states.listed(device, ports)
        self._told.set()

    async def until(self, down=None, silent=frozenset()):
        wanted = Outages() if down is None else down
        async with asyncio.timeout(LIMIT_S):
            while (self.states.down, self.states.silent) != (wanted, silent):
                self._told.clear()
                await self._told.wait()


@asynccontextmanager
async def listening(topology_file, address):
    found = Listening(load_topology(topology_file))
    await found.southbound.start(address)
    try:
        yield found
    finally:
        await found.southbound.close()


@pytest.fixture
def topology_file(tmp_path):
    path = tmp_path / "ring.yaml"
    path.write_text(RING.read_text() + GATEWAY)
    return path


async def test_what_is_cut_is_known_and_so_is_what_is_repaired(topology_file, tmp_path):
    address = f"unix:{tmp_path}/openflow"
    cut = Outages(links=frozenset({"a-n"}))
    without = Outages(links=frozenset({"a-n"}), gateways=frozenset({"igw"}), sites=frozenset({"a1"}))
    with SimulationProcess(topology_file, address, tmp_path / "control") as switches:
        async with listening(topology_file, address) as lab:
            await lab.until()
            switches.set_link("a-n", up=False)
            await lab.until(cut)
            switches.plug(gateway="igw", plugged=False)
            switches.plug(site="a1", plugged=False)
            await lab.until(without)
            # One end goes: the other still says that the link is down; of a1 nobody knows any more.
            switches.set_switch("pe-a", connected=False)
            await lab.until(Outages(links=frozenset({"a-n"}), gateways=frozenset({"igw"})), silent=frozenset({"pe-a"}))
            switches.set_switch("pe-a", connected=True)
            await lab.until(without)
        # Another controller finds it as it is.
        async with listening(topology_file, address) as lab:
            await lab.until(without)
            switches.plug(gateway="igw", plugged=True)
            switches.plug(site="a1", plugged=True)
            await lab.until(cut)
            switches.set_link("a-n", up=True)
            await lab.until()
