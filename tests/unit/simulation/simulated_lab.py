"""A small network for tests of the simulation, and all of it in one event loop: southbound, switches, links."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from controller.compiler.planner import Planner
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.rules import Change, Rule
from controller.domain.topology import Link, Node, OpenFlowDevice, PerDirection, Role, Site, Topology
from controller.simulation.address import UnixAddress
from controller.simulation.simulator import Simulator
from controller.southbound.openflow.connection import Limits
from controller.southbound.openflow.southbound import OpenFlowSouthbound

MS = 1_000_000
MBPS = 1_000_000


def ring() -> Topology:
    """Four nodes in a ring, ``pe-1`` and ``pe-2`` opposite: by ``p-n`` 3 + 4 ms one way, by ``p-s`` 10 + 10 ms."""

    def link(name: str, a: str, a_port: int, z: str, z_port: int, delay_ms: int, back_ms: int | None = None) -> Link:
        back = delay_ms if back_ms is None else back_ms
        return Link(
            name=name,
            a=a,
            z=z,
            a_port=a_port,
            z_port=z_port,
            capacity_bps=PerDirection.both(100 * MBPS),
            delay_ns=PerDirection(delay_ms * MS, back * MS),
        )

    names = ("pe-1", "p-n", "pe-2", "p-s")
    return Topology(
        name="ring",
        nodes=tuple(
            Node(name=name, role=Role.PE if name[:2] == "pe" else Role.P, device=OpenFlowDevice(datapath_id=number))
            for number, name in enumerate(names, start=1)
        ),
        links=(
            link("1-n", "pe-1", 1, "p-n", 1, 3),
            link("n-2", "p-n", 2, "pe-2", 1, 4, 5),
            link("1-s", "pe-1", 2, "p-s", 1, 10),
            link("s-2", "p-s", 2, "pe-2", 2, 10),
        ),
        sites=tuple(
            Site(name=name, node=node, port=port)
            for name, node, port in (("a1", "pe-1", 11), ("a2", "pe-1", 12), ("z1", "pe-2", 11), ("z2", "pe-2", 12))
        ),
        hop_delay_ns=1000,
    )


def line(name: str, a: Attachment, z: Attachment, mbps: int = 8) -> PrivateLine:
    return PrivateLine(tenant="acme", name=name, a=a, z=z, cir_bps=PerDirection.both(mbps * MBPS))


EPL = line("whole", Attachment(site="a1"), Attachment(site="z1"))
EVPL = line("vlan", Attachment(site="a2", vlan=100), Attachment(site="z2", vlan=200), mbps=4)


def planned(topology: Topology, *lines: PrivateLine) -> tuple[Planner, list[dict[str, tuple[Change, ...]]]]:
    """The planner that has adopted the lines, and the changes by device of each round."""
    planner = Planner(topology)
    plan = planner.plan(lines)
    assert plan.feasible
    planner.adopt(plan)
    return planner, [dict(part.changes) for part in plan.rounds]


def rules(changes: Iterable[Change]) -> set[Rule]:
    return {change.after for change in changes}


@dataclass
class Bench:
    """``events`` are (device, connected) in the order in which the southbound told of them."""

    topology: Topology
    southbound: OpenFlowSouthbound
    simulator: Simulator
    connected: set[str] = field(default_factory=set)
    events: list[tuple[str, bool]] = field(default_factory=list)
    ports: list[tuple[str, int, bool]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note_connection(self, device: str, connected: bool) -> None:
        self.events.append((device, connected))
        (self.connected.add if connected else self.connected.discard)(device)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what only the southbound can make true."""
        async with asyncio.timeout(20):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def install(self, rounds: Iterable[dict[str, tuple[Change, ...]]], txn: str = "t") -> None:
        """Carry rounds out as a transaction would."""
        for number, part in enumerate(rounds):
            for device, changes in part.items():
                driver = self.southbound.driver(device)
                await driver.stage(txn, number, changes)
                await driver.commit(txn, number)
                await driver.verify(txn)


@contextlib.asynccontextmanager
async def bench(topology: Topology, path: str, limits: Limits | None = None, on_frame=None) -> AsyncIterator[Bench]:
    """All switches of ``topology``, connected to a southbound; ``on_frame``: see there."""
    names = {node.device.datapath_id: node.name for node in topology.nodes}

    def port_status(device, status):
        found.ports.append((device, status.port, status.up))
        found.changed.set()

    southbound = OpenFlowSouthbound(
        names,
        lambda device, connected: found.note_connection(device, connected),
        on_port_status=port_status,
        on_frame=on_frame,
        limits=limits,
    )
    found = Bench(topology, southbound, Simulator(topology, UnixAddress(path)))
    await southbound.start(f"unix:{path}")
    running = asyncio.create_task(found.simulator.run())
    try:
        await found.until(lambda: found.connected == set(names.values()))
        yield found
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await southbound.close()
