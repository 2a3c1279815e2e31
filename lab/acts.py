"""What can be done to a running lab: bend, cut and swap wires, switch switches off and on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from controller.domain.topology import Direction
from lab.errors import LabError
from lab.network import Lab
from lab.switch import LabSwitch
from lab.wire import Impairment


class Acts:
    """The requests that a lab understands. Each is a method with JSON arguments and a JSON answer; ``LabError`` is a
    refusal. ``direction`` is ``aToZ``, ``zToA`` or, when absent, both."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def perform(self, act: str, arguments: dict[str, Any]) -> Any:
        """Do it and return what it answers."""
        known: dict[str, Callable[..., Any]] = {
            "describe": self.describe,
            "delay": self.delay,
            "rate": self.rate,
            "loss": self.loss,
            "cut": self._lab.wires.cut,
            "restore": self._lab.wires.restore,
            "swap": self._lab.wires.swap,
            "off": lambda node: self._switch(node).power_off(),
            "on": lambda node: self._switch(node).power_on(),
        }
        if act not in known:
            raise LabError(f"a lab does not know {act!r}; it knows {', '.join(known)}")
        try:
            return known[act](**arguments)
        except (TypeError, ValueError) as error:
            raise LabError(f"{act}: {error}") from error

    def describe(self) -> dict[str, Any]:
        """What is where: process ids are those inside the lab; ``frames`` counts by wire and direction."""
        lab = self._lab
        return {
            "topology": lab.topology.name,
            "nodes": {
                name: {"pid": switch.pid, "running": switch.running, "management": switch.management}
                for name, switch in lab.switches.items()
            },
            "sites": {
                name: {"pid": host.pid, "interface": host.interface, "mac": host.mac, "ip": host.ip}
                for name, host in lab.hosts.items()
            },
            "links": {
                name: {
                    direction.value: {**asdict(lab.wires.impairment(name, direction)), "frames": asdict(counters)}
                    for direction, counters in lanes.items()
                }
                for name, lanes in lab.wires.counters().items()
            },
        }

    def delay(self, name: str, delay_ns: int, direction: str | None = None) -> None:
        self._bend(name, direction, lambda now: replace(now, delay_ns=delay_ns))

    def rate(self, name: str, rate_bps: int | None, direction: str | None = None) -> None:
        self._bend(name, direction, lambda now: replace(now, rate_bps=rate_bps))

    def loss(self, name: str, loss: float, direction: str | None = None) -> None:
        self._bend(name, direction, lambda now: replace(now, loss=loss))

    def _bend(self, name: str, direction: str | None, change: Callable[[Impairment], Impairment]) -> None:
        for one in Direction if direction is None else (Direction(direction),):
            self._lab.wires.set(name, one, change(self._lab.wires.impairment(name, one)))

    def _switch(self, node: str) -> LabSwitch:
        if node not in self._lab.switches:
            raise LabError(f"there is no node {node}; there are {', '.join(self._lab.switches)}")
        return self._lab.switches[node]
