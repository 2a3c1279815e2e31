"""What is away, as the egress cycle is to reckon with it: from ports, drains and devices."""

from __future__ import annotations

from controller.domain.topology import Topology
from controller.service.devices import Devices
from controller.service.egress.drains import Drains
from controller.service.egress.report import Losses
from controller.service.port_states import Outages, PortStates


class Away:
    """A link or gateway that is known to be down stays so while a device at it has fallen silent: that a connection was
    lost brings nothing back."""

    def __init__(self, topology: Topology, ports: PortStates, drains: Drains, devices: Devices) -> None:
        self._ports = ports
        self._drains = drains
        self._devices = devices
        self._ends = {link.name: frozenset((link.a, link.z)) for link in topology.links}
        self._places = {gateway.name: frozenset((gateway.node,)) for gateway in topology.gateways}
        self._down = Outages()

    def down(self) -> Outages:
        """What carries nothing because its port is down, drains apart."""
        down, silent = self._ports.down, self._ports.silent
        links = down.links | {name for name in self._down.links if self._ends[name] & silent}
        gateways = down.gateways | {name for name in self._down.gateways if self._places[name] & silent}
        self._down = Outages(links=links, gateways=gateways)
        return Outages(links=links, gateways=gateways, sites=down.sites)

    def now(self) -> Losses:
        down, devices = self.down(), self._devices
        return Losses(
            links=down.links,
            gateways=down.gateways | self._drains.gateways,
            unreachable=frozenset(name for name in devices.drivers if not devices.in_step(name)),
            settling=frozenset(filter(devices.settling, devices.drivers)),
        )


def outage_words(before: Outages, after: Outages) -> str:
    """What has changed of links and gateways; empty: nothing."""
    parts = [
        f"{what} {', '.join(sorted(names))} {how}"
        for what, old, new in (("gateway", before.gateways, after.gateways), ("link", before.links, after.links))
        for names, how in ((new - old, "down"), (old - new, "not down any more"))
        if names
    ]
    return "; ".join(parts)
