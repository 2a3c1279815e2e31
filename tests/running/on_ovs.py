"""Rings of real Open vSwitches, each with a controller of its own; for lab tests, which run in namespaces.

What a switch holds is read over its management socket, beside the controller that it may or may not have.
"""

from __future__ import annotations

import asyncio
import os
import select
import tempfile
from pathlib import Path

from private_ovs import RUN

from controller.domain.topology import OpenFlowDevice
from controller.southbound.openflow.connection import Connection, Limits
from controller.southbound.openflow.driver import OpenFlowDriver
from lab.measure.raw_port import RawPort, SitePort
from running.controllers import RING, Controlled
from running.lines import ways
from running.processes import LIMIT_S

ATTEMPT_S = 0.2
"""Before what is tried again and again is tried once more."""


class OvsRing(Controlled):
    """The ring as bridges of one Open vSwitch, named after ``number``, so that there may be several. ``ports``: the
    customers' raw ports by site."""

    TEMPLATE = RING

    def __init__(self, processes, ovs, number):
        self.number = number
        directory = Path(tempfile.mkdtemp(prefix=f"ring{number}-"))
        topology = directory / "topology.yaml"
        topology.write_text(self.topology_text())
        socket = f"ring{number}.sock"  # Open vSwitch connects to sockets in its run directory only
        super().__init__(processes, directory, topology, f"unix:{RUN}/{socket}")
        # Open vSwitch 3.1 heeds max_backoff only once it has been connected; before, attempts are up to 8 s apart.
        self.start()
        switches = [node for node in self.topology.nodes if isinstance(node.device, OpenFlowDevice)]
        self.bridge = {node.name: f"r{number}{node.name}" for node in switches}
        self.ovs = ovs
        for node in switches:
            ovs.add_bridge(self.bridge[node.name], node.device.datapath_id, controller=socket)
        self.wire()
        self._mark = 0
        self.ports = {}
        for site in self.topology.sites:
            interface = ovs.add_customer_port(self.bridge[site.node], site.port)
            self.ports[site.name] = RawPort(SitePort(site=site.name, pid=os.getpid(), interface=interface))
        self.until_all_take_part()
        self.end()

    def topology_text(self):
        """The topology's file, with what must be unique in the Open vSwitch, too."""
        return self.TEMPLATE.read_text().replace('datapathId: "000', f'datapathId: "{self.number + 1:03x}')

    def wire(self):
        """Make the links between switches."""
        for link in self.topology.links:
            if link.a in self.bridge and link.z in self.bridge:
                self.ovs.connect(self.bridge[link.a], link.a_port, self.bridge[link.z], link.z_port)

    def close(self):
        super().close()
        for port in self.ports.values():
            port.close()

    def switches_hold(self, planner):
        return asyncio.run(self._hold(planner.desired))

    def held(self):
        """All that the switches hold, ours or not."""
        return [held for one in asyncio.run(self._read_all()) for held in (*one.rules, *one.foreign)]

    def set_link(self, name, *, up):
        """Take the signal away from both ends of a link, or give it back."""
        link = self.topology.link[name]
        self.ovs.set_link(f"{self.bridge[link.a]}-{link.a_port}", up=up)

    async def _read_all(self):
        return await asyncio.gather(*(_read(bridge) for bridge in self.bridge.values()))

    async def _hold(self, desired):
        observed = await asyncio.gather(*(_read(bridge) for bridge in self.bridge.values()))
        return all(
            set(one.rules) == set(rules.values()) and len(one.rules) == len(rules) and one.foreign == ()
            for one, rules in zip(observed, (desired[node] for node in self.bridge), strict=True)
        )

    def check_frames(self, certain, *, silent=(), possible=()):
        """Frames of ``certain`` lines come through both ways, those of ``silent`` ones do not, and those of
        ``possible`` ones do or do not; none comes out anywhere else, or otherwise than it should.

        The certain ones are sent last: what came of the others has arrived, if at all, before them.
        """
        self._mark += 1
        self._send((*silent, *possible))
        missing = self._send(certain)
        allowed = missing | {(site, data) for _, _, _, site, data in ways(possible, self._mark)}
        while missing:
            ready, _, _ = select.select([*self.ports.values()], [], [], LIMIT_S)
            assert ready, f"nothing comes any more, and these did not: {missing}\n{self.log.read_text()}"
            arrived = self._arrived()
            assert arrived <= allowed, f"{arrived - allowed} came out"
            missing -= arrived

    def carries(self, lines):
        """Whether frames of these lines come through both ways now."""
        self._mark += 1
        missing = self._send(lines)
        while missing and select.select([*self.ports.values()], [], [], ATTEMPT_S)[0]:
            missing -= self._arrived()
        return not missing

    def _send(self, lines):
        """Send frames both ways; where and as what they must come out."""
        expected = set()
        for _, site, data, far_site, far_data in ways(lines, self._mark):
            self.ports[site].send(data)
            expected.add((far_site, far_data))
        return expected

    def _arrived(self):
        """What has come out where since the last time, of the frames that were sent last."""
        arrived = set()
        for site, port in self.ports.items():
            while (received := port.receive()) is not None:
                if f"{self._mark:08} ".encode() in received[0]:
                    arrived.add((site, received[0]))
        return arrived


async def _read(bridge):
    """What a bridge holds, asked over its management socket."""
    connection = Connection(
        *await asyncio.open_unix_connection(f"{RUN}/{bridge}.mgmt"), limits=Limits(), on_port_status=lambda status: None
    )
    running = asyncio.create_task(connection.run())
    try:
        await connection.greeted()
        return await OpenFlowDriver(bridge, lambda: connection).read()
    finally:
        connection.drop("all is read")
        await running
