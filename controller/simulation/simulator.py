"""The virtual network with its switches on real connections: what the control socket acts on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from controller.domain.topology import PerDirection, Topology
from controller.simulation.address import Address
from controller.simulation.dialler import Dialler
from controller.simulation.flood import Flood, FloodRun, Tally
from controller.simulation.network import Network, Outcome

_FRAMES_AT_A_TIME: Final = 200
"""Some 10 ms of work: the switches must go on answering their controller during a long flood."""


class Simulator:
    """All switches try to reach ``controller`` as long as ``run`` runs."""

    def __init__(self, topology: Topology, controller: Address, seed: int = 0) -> None:
        self.network = Network(topology, seed)
        self.diallers = {node: Dialler(datapath, controller) for node, datapath in self.network.datapaths.items()}
        self._measuring = asyncio.Lock()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for dialler in self.diallers.values():
                tasks.create_task(dialler.run())

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

    def restart(self, node: str) -> None:
        """Power off and on: the connection breaks, all rules are lost, and the switch connects anew."""
        self.network.datapaths[node].restart()
        self.diallers[node].hang_up()
