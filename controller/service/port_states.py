"""What the ports of devices tell: which links, gateways and sites are down.

Only what somebody said is down counts as down: a device that is not connected, or does not list its ports, is unknown,
and what is known of a link then is what the device at its other end says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from controller.domain.topology import Direction, Topology

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """Names of what is known to be down."""

    links: frozenset[str] = frozenset()
    gateways: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is at a port: the name of a link, a gateway or a site."""

    kind: str
    name: str


class PortStates:
    """Tell it what devices say (``listed``, ``changed``, ``gone``) and what others know of links (``report_link``);
    ``down`` is what follows. ``on_change(before, after)`` is called at once, from within, whenever that is something
    else than before. Not for use by several threads.

    To be wired to ``OpenFlowSouthbound``: ``on_ports`` to ``listed``, ``on_port_status`` to ``changed``,
    ``on_connection`` to ``gone`` when it says that a device went.
    """

    def __init__(self, topology: Topology, on_change: Callable[[Outages, Outages], None]) -> None:
        self.down = Outages()
        self._on_change = on_change
        self._at: dict[str, dict[int, _Kept]] = {node.name: {} for node in topology.nodes}
        for device, port, kept in _places(topology):
            self._at[device][port] = kept
        self._links = topology.link
        self._down_ports: dict[str, set[int]] = {}
        """By device that has listed its ports: those of the topology that are down."""
        self._reported: set[str] = set()
        self._told: set[str] = set()

    @property
    def silent(self) -> frozenset[str]:
        """Devices that have told of their ports, and cannot now. One that never does (no switch of ours, or one that
        does not list them) keeps nothing down: what is known of its links is what their other ends say."""
        return frozenset(self._told - self._down_ports.keys())

    def listed(self, device: str, ports: Mapping[int, bool]) -> None:
        """All ports that a device has, by number, up or not. A port of the topology that is not among them is down."""
        self._told.add(device)
        self._down_ports[device] = {port for port in self._at[device] if not ports.get(port, False)}
        self._settle()

    def changed(self, device: str, port: int, up: bool) -> None:
        """What became of one port. Of a device that has not listed its ports nothing is concluded from one of them."""
        if device not in self._down_ports or port not in self._at[device]:
            return
        (self._down_ports[device].discard if up else self._down_ports[device].add)(port)
        self._settle()

    def gone(self, device: str) -> None:
        """A device that is not connected any more."""
        if self._down_ports.pop(device, None) is not None:
            self._settle()

    def report_link(self, link: str, up: bool) -> None:
        """What somebody else knows of a link, whatever its ports say: down until reported up again. ``KeyError`` when
        there is no such link."""
        (self._reported.discard if up else self._reported.add)(self._links[link].name)
        self._settle()

    def _settle(self) -> None:
        found = [self._at[device][port] for device, ports in self._down_ports.items() for port in ports]
        links, gateways, sites = (
            frozenset(kept.name for kept in found if kept.kind == kind) for kind in ("link", "gateway", "site")
        )
        before, self.down = self.down, Outages(links=links | self._reported, gateways=gateways, sites=sites)
        if self.down != before:
            _log_change("links", before.links, self.down.links)
            _log_change("gateways", before.gateways, self.down.gateways)
            _log_change("sites", before.sites, self.down.sites)
            self._on_change(before, self.down)


def _places(topology: Topology) -> Iterator[tuple[str, int, _Kept]]:
    for link in topology.links:
        for direction in Direction:
            yield link.ends(direction)[0], link.ports(direction)[0], _Kept("link", link.name)
    for gateway in topology.gateways:
        yield gateway.node, gateway.port, _Kept("gateway", gateway.name)
    for site in topology.sites:
        yield site.node, site.port, _Kept("site", site.name)


def _log_change(what: str, before: frozenset[str], after: frozenset[str]) -> None:
    if gone := sorted(after - before):
        log.warning("%s down: %s", what, ", ".join(gone))
    if back := sorted(before - after):
        log.info("%s not down any more: %s", what, ", ".join(back))
