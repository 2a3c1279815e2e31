"""What can be done to a running lab: bend, cut and swap links, switch nodes off and on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from controller.domain.topology import Direction, Node
from lab.cross_connects import described
from lab.errors import LabError
from lab.lane import Counters
from lab.netconf import NetconfNodes
from lab.network import Lab
from lab.switch import LabSwitch
from lab.wire import Impairment


class Acts:
    """The requests that a lab understands. Each is a method with JSON arguments and a JSON answer; ``LabError`` is a
    refusal. ``direction`` is ``aToZ``, ``zToA`` or, when absent, both."""

    def __init__(self, lab: Lab, otn_nodes: NetconfNodes | None = None) -> None:
        self._lab = lab
        self._otn_nodes = otn_nodes

    def perform(self, act: str, arguments: dict[str, Any]) -> Any:
        """Do it and return what it answers."""
        known: dict[str, Callable[..., Any]] = {
            "describe": self.describe,
            "delay": self.delay,
            "rate": self.rate,
            "loss": self.loss,
            "cut": lambda name: self._lab.links(name).cut(name),
            "restore": lambda name: self._lab.links(name).restore(name),
            "swap": self.swap,
            "off": self.off,
            "on": self.on,
        }
        if act not in known:
            raise LabError(f"a lab does not know {act!r}; it knows {', '.join(known)}")
        try:
            return known[act](**arguments)
        except (TypeError, ValueError) as error:
            raise LabError(f"{act}: {error}") from error

    def describe(self) -> dict[str, Any]:
        """What is where: process ids are those inside the lab; ``frames`` counts by wire and direction. Circuits are
        those that carry frames now; what an OTN node holds is as it was last read from the device."""
        lab = self._lab
        counted = lab.wires.counters()
        return {
            "topology": lab.topology.name,
            "nodes": {node.name: self._node(node) for node in lab.topology.nodes},
            "sites": {
                name: {"pid": host.pid, "interface": host.interface, "mac": host.mac, "ip": host.ip}
                for name, host in lab.hosts.items()
            },
            "abroad": {
                name: {"pid": region.pid, "interfaces": region.interfaces, "prefixes": region.prefixes}
                for name, region in lab.abroad.items()
            },
            "links": {
                link.name: {
                    direction.value: {
                        **asdict(lab.links(link.name).impairment(link.name, direction)),
                        **({"frames": asdict(counted[link.name][direction])} if link.name in counted else {}),
                    }
                    for direction in Direction
                }
                for link in lab.topology.links
            },
            "circuits": [
                {
                    "odu": circuit.joined.odu.value,
                    "nodes": circuit.joined.nodes,
                    "links": circuit.joined.links,
                    "numbers": circuit.joined.numbers,
                    **{
                        direction.value: {
                            **asdict(circuit.impairment[direction]),
                            "frames": asdict(counted.get(circuit.wire, {}).get(direction, Counters())),
                        }
                        for direction in Direction
                    },
                }
                for circuit in lab.optical.circuits
            ],
        }

    def _node(self, node: Node) -> dict[str, Any]:
        if node.name in self._lab.switches:
            switch = self._lab.switches[node.name]
            return {"pid": switch.pid, "running": switch.running, "management": switch.management}
        held = [described(rule) for rule in self._lab.optical.held(node.name)]
        if self._otn_nodes is None:
            return {"crossConnects": held}
        return {
            "running": self._otn_nodes.serving(node.name),
            "management": f"ssh://{self._otn_nodes.endpoint(node.name).address}",
            "crossConnects": held,
        }

    def swap(self, name: str, other: str) -> None:
        where = self._lab.links(name)
        if where is not self._lab.links(other):
            raise LabError(f"{name} and {other} cannot be swapped: one belongs to the optical layer")
        where.swap(name, other)

    def off(self, node: str) -> None:
        """A switch loses its rules; an OTN node is no longer managed, and what it has set up goes on carrying."""
        if self._otn_nodes is not None and node in self._otn_nodes.nodes:
            self._otn_nodes.kill(node)
        else:
            self._switch(node).power_off()

    def on(self, node: str) -> None:
        if self._otn_nodes is not None and node in self._otn_nodes.nodes:
            if self._otn_nodes.serving(node):
                raise LabError(f"OTN node {node} is running")
            self._otn_nodes.start(node)
            self._otn_nodes.wait_until_answering(node)
        else:
            self._switch(node).power_on()

    def delay(self, name: str, delay_ns: int, direction: str | None = None) -> None:
        self._bend(name, direction, lambda now: replace(now, delay_ns=delay_ns))

    def rate(self, name: str, rate_bps: int | None, direction: str | None = None) -> None:
        self._bend(name, direction, lambda now: replace(now, rate_bps=rate_bps))

    def loss(self, name: str, loss: float, direction: str | None = None) -> None:
        self._bend(name, direction, lambda now: replace(now, loss=loss))

    def _bend(self, name: str, direction: str | None, change: Callable[[Impairment], Impairment]) -> None:
        for one in Direction if direction is None else (Direction(direction),):
            self._lab.links(name).set(name, one, change(self._lab.links(name).impairment(name, one)))

    def _switch(self, node: str) -> LabSwitch:
        if node not in self._lab.switches:
            names = ", ".join(known.name for known in self._lab.topology.nodes)
            raise LabError(f"there is no node {node}; there are {names}")
        return self._lab.switches[node]
