"""The virtual network with its switches on real connections: what the control socket acts on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from controller.domain.rules import FlowRule
from controller.domain.topology import NetconfDevice, PerDirection, Topology
from controller.simulation.abroad import Abroad
from controller.simulation.address import Address
from controller.simulation.dialler import Dialler
from controller.simulation.flood import Flood, FloodRun, Tally
from controller.simulation.network import Network, Outcome
from controller.southbound.openflow.inbound import PacketIn

if TYPE_CHECKING:
    from controller.simulation.netconf.plane import OpticalPlane

_FRAMES_AT_A_TIME: Final = 200
"""Some 10 ms of work: the switches must go on answering their controller during a long flood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Management:
    """Of OTN nodes: ``directory`` has ports and keys (``netconf.access``), ``yang`` the modules of their models."""

    directory: Path
    yang: Path


class Simulator:
    """All switches try to reach ``controller``, and all OTN nodes wait for it, as long as ``run`` runs.

    ``ValueError`` when the topology has OTN nodes and no ``management`` is given, or one of them cannot be simulated.
    """

    def __init__(
        self, topology: Topology, controller: Address, seed: int = 0, management: Management | None = None
    ) -> None:
        self.network = Network(topology, seed, time.monotonic_ns, self._sent_out, self._told)
        self.abroad = Abroad(topology, seed)
        self.optical: OpticalPlane | None = None
        if any(isinstance(node.device, NetconfDevice) for node in topology.nodes):
            # Only here, since SSH and the YANG library take their time to load.
            from controller.simulation.netconf.plane import OpticalPlane

            if management is None:
                raise ValueError(
                    f"{topology.name} has OTN nodes: tell where their keys (--netconf) and models (--yang) are"
                )
            self.optical = OpticalPlane(topology, management.directory, management.yang, self.network.join)
            self.optical.listen()
        self.diallers = {node: Dialler(datapath, controller) for node, datapath in self.network.datapaths.items()}
        self._measuring = asyncio.Lock()

    async def run(self) -> None:
        """Until cancelled."""
        if self.optical is not None:
            self.optical.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                for dialler in self.diallers.values():
                    tasks.create_task(dialler.run())
        finally:
            if self.optical is not None:
                self.optical.close()

    async def send(self, frames: Sequence[tuple[str, int, bytes]], interval_ns: int) -> list[Outcome]:
        """See ``Network.send``. The clock belongs to one measurement at a time: others wait."""
        async with self._measuring:
            return self.network.send(frames, interval_ns)

    async def flood(self, floods: Sequence[Flood], duration_ns: int, drain_ns: int) -> list[Tally]:
        """See ``FloodRun``. What happens to links and switches meanwhile happens in the middle of it."""
        async with self._measuring:
            run = FloodRun(self.network, floods, duration_ns, drain_ns)
            more = True
            while more:
                more = run.step(_FRAMES_AT_A_TIME)
                await asyncio.sleep(0)
            return run.tallies

    async def advance(self, duration_ns: int) -> int:
        """Let time pass; the time that it is then."""
        async with self._measuring:
            self.network.advance(duration_ns)
            return self.network.now_ns

    def _sent_out(self, node: str, port: int, frame: bytes) -> None:
        """The controller pings from a gateway. What it has sent out of other ports is lost: frames enter the virtual
        network at its edge only."""
        gateway = self.network.gateway_at.get((node, port))
        if gateway is None or not self.network.links.port_up(node, port):
            return
        answer = self.abroad.answer(gateway, frame)
        if answer is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(answer.after_ns / 1e9, self.network.come_in, node, port, answer.frame)

    def _told(self, node: str, port: int, flow: FlowRule, frame: bytes) -> None:
        self.diallers[node].tell(PacketIn(port=port, cookie=flow.cookie, frame=frame), flow.table)

    def set_link(self, link: str, up: bool | None, delay_ns: PerDirection[int] | None, loss: float | None) -> None:
        """Change what is not ``None``. When a link goes down or comes up, both switches see it on their ports."""
        links = self.network.links
        if delay_ns is not None:
            links.set_delay(link, delay_ns)
        if loss is not None:
            links.set_loss(link, loss)
        if up is not None and links.set_up(link, up):
            for node, port in links.ends(link):
                if node in self.diallers:
                    self.diallers[node].report_port(port)

    def plug(self, node: str, port: int, plugged: bool) -> None:
        """Whoever is at the network's edge goes, or comes back; the switch sees it on its port."""
        if self.network.links.plug(node, port, plugged):
            self.diallers[node].report_port(port)

    def set_power(self, node: str, on: bool) -> None:
        """Of an OTN node. Switches at its links see their ports go down, or come up."""
        assert self.optical is not None
        self.optical.set_power(node, on)
        self.network.links.set_power(node, on)
        for neighbour, port in self.network.links.neighbours(node):
            if neighbour in self.diallers:
                self.diallers[neighbour].report_port(port)

    def restart(self, node: str) -> None:
        """Power off and on: the connection breaks, all rules are lost, and the switch connects anew."""
        self.network.datapaths[node].restart()
        self.diallers[node].hang_up()
