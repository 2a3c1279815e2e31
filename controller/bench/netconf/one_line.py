"""One line over both layers, from the request to verified, measured inside a lab with its PEs and OTN nodes.

Ours is a whole server in a process of its own: the request comes over a socket, and the answer after every device was
read back and confirmed. The others do the same on the same devices by ncclient and ovs-ofctl, with nothing planned,
checked or written down. As everywhere, engines take turns; who is not measured does not run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any

from controller.bench.bulk import orders
from controller.bench.bulk.server import Api, Server
from controller.bench.goals import OURS
from controller.bench.netconf import ncclients, two_layers
from controller.bench.netconf.nodes import Nodes
from controller.bench.netconf.ofctl import Switch
from controller.bench.netconf.turns import TURNS, repeated, takes_part
from controller.bench.rows import Detail, Row, row_of
from controller.compiler.planner import Planner
from controller.documents import load_topology
from controller.domain.rules import Change, CrossConnect

WORK, CASE = "apply", "one line"
GOAL_MS = 300
NAMES = {way.name: way for way in ncclients.WAYS if way.threads == (way.tick_s is not None)}
"""ncclient as it comes in sequence, and tuned on threads: the slowest and the fastest of its ways."""


def one_line_rows(
    nodes: Nodes, openflow: Path, management: Mapping[str, str], directory: Path, *, repetitions: int
) -> list[Row]:
    """``openflow`` is the socket where the PEs look for a controller, ``management`` where ovs-ofctl reaches each.
    ``repetitions`` of every engine, in turns. Raises ``BenchFailed`` and ``Disagreement``."""
    topology_file = _written(nodes, directory)
    each = max(1, repetitions // TURNS)
    figures: dict[str, list[float]] = {OURS: [], **{f"{name}+ovs-ofctl": [] for name in NAMES}}
    rules = 0
    cross_connects = _cross_connects(topology_file)
    for _ in range(TURNS):
        with _server(topology_file, directory, openflow, nodes) as api:
            figures[OURS] += repeated(partial(_ordered, api), each, partial(_withdrawn, api))
            rules = orders.in_one(api, [two_layers.line()]).rules
            switches = [Switch(where, two_layers.UNI_PORT) for where in management.values()]
            _withdrawn(api)
        for name, way in NAMES.items():
            engine = f"{name}+ovs-ofctl"
            if not takes_part(figures[engine]):
                continue
            with ncclients.connected(nodes, way, beside=len(switches)) as sessions:
                by_hand = _ByHand(sessions, switches, cross_connects)
                figures[engine] += repeated(by_hand.run, each, by_hand.take_back)
    detail: Detail = {"nodes": len(nodes.devices) + len(switches), "rules": rules, "dataPlane": "ovs"}
    ours_only = {"goalMs": GOAL_MS, "journal": True}
    return [
        row_of(
            work=WORK,
            case=CASE,
            engine=engine,
            unit="ms",
            figures=found,
            detail={**detail, **(ours_only if engine == OURS else {})},
        )
        for engine, found in figures.items()
    ]


class _ByHand:
    """The line's rules on all devices, each verb on all before the next, the head ends last."""

    def __init__(
        self, sessions: ncclients.Sessions, switches: Sequence[Switch], cross_connects: Mapping[str, Change]
    ) -> None:
        self._sessions = sessions
        self._switches = switches
        self._cross_connects = cross_connects

    def run(self) -> float:
        for name, node in self._sessions.nodes.items():
            node.aim(self._cross_connects[name])
        devices: list[Any] = [*self._switches, *self._sessions.nodes.values()]
        begin = time.perf_counter()
        for verb in ("prepare", "read_back", "confirm", "flip"):
            list(self._sessions.each(methodcaller(verb), devices))
        seconds = time.perf_counter() - begin
        for device in devices:
            device.check()
        return seconds

    def take_back(self) -> None:
        for switch in self._switches:
            switch.clear()
        for name, node in self._sessions.nodes.items():
            node.take_back(self._cross_connects[name])


@contextmanager
def _server(topology_file: Path, directory: Path, openflow: Path, nodes: Nodes) -> Iterator[Api]:
    """The API of a server that has every device in step."""
    options = ("--yang", str(nodes.yang))
    with Server(topology_file, directory, openflow=openflow, options=options) as server:
        server.start()
        with Api(server.address) as api:
            orders.until_applied(api, [two_layers.line()])
            _withdrawn(api)
            yield api


def _ordered(api: Api) -> float:
    return orders.in_one(api, [two_layers.line()]).seconds


def _withdrawn(api: Api) -> None:
    orders.delete(api, [two_layers.line()])


def _written(nodes: Nodes, directory: Path) -> Path:
    known_hosts = directory / "known_hosts"
    known_hosts.write_text(two_layers.known_hosts(nodes.devices), encoding="ascii")
    topology_file = directory / "topology.yaml"
    topology_file.write_text(two_layers.document(nodes.devices, known_hosts), encoding="utf-8")
    return topology_file


def _cross_connects(topology_file: Path) -> dict[str, Change]:
    """What the plan of the line has for each OTN node."""
    plan = Planner(load_topology(topology_file)).plan([two_layers.line()])
    return {
        device: change
        for part in plan.rounds
        for device, changes in part.changes
        for change in changes
        if isinstance(change.rule, CrossConnect)
    }
