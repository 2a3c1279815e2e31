"""From a topology to a running Mininet network: a switch per node, a wire per link, a host per site, and one for each
region abroad that gateways lead to."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from controller.domain.topology import Gateway, Layer, OpenFlowDevice, PerDirection, Site, SiteService, Topology
from controller.domain.topology import Link as TopologyLink
from lab.abroad import Region, interface_abroad, provinces, regions_abroad
from lab.emulable import ABROAD_MTU_BYTES, SITE_MTU_BYTES, check_emulable
from lab.errors import LabError
from lab.ip_hosts import customer_addresses, customer_commands, let_speak, region_commands, run_ip
from lab.mininet import Host, Interface, Link, Mininet, Node
from lab.optical import OpticalLayer
from lab.switch import LabSwitch
from lab.tap import silence_netns
from lab.wire import Impairment
from lab.wires import Branch, Plug, Wires


@dataclass(frozen=True, slots=True, kw_only=True)
class LabHost:
    """What stands at a site: ``pid`` is a process in its network namespace, ``interface`` its only cable.

    ``node`` is Mininet's own object. ``ip``: one of its addresses (in 10.0.0.0/8, or of an internet site's prefix;
    empty where that has none).
    """

    site: str
    pid: int
    interface: str
    mac: str
    ip: str
    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRegion:
    """The host of a region abroad: its interface by gateway, and all its addresses as prefixes."""

    region: str
    pid: int
    interfaces: dict[str, str]
    prefixes: tuple[str, ...]


class Lab:
    """A topology as a running network, inside the namespaces of ``lab.isolation``. A context manager::

        with Lab(topology, controller=Path("/run/trunkline/openflow.sock")) as lab:
            lab.hosts["dc-bj-1"].pid
            lab.switches["pe-bj"].power_off()
            lab.links("bj-zz-1").cut("bj-zz-1")

    On entering, everything is up, and each switch tries to reach the controller's Unix socket once a second. Links that
    end at OTN nodes belong to ``optical``, which carries what it is told that these nodes hold; others are ``wires``.
    Raises ``LabError`` when the topology cannot be emulated or something does not start.
    """

    def __init__(self, topology: Topology, *, controller: Path | None = None) -> None:
        check_emulable(topology)
        self.topology = topology
        self.switches: dict[str, LabSwitch] = {}
        self.hosts: dict[str, LabHost] = {}
        self.abroad: dict[str, LabRegion] = {}
        self.wires: Wires
        self.optical: OpticalLayer
        self._controller = controller
        self._net = Mininet(topo=None, controller=None, build=False)

    def __enter__(self) -> Lab:
        self.wires = Wires()
        self.optical = OpticalLayer(self.topology, self.wires)
        try:
            for node in self.topology.nodes:
                if not isinstance(node.device, OpenFlowDevice):
                    continue
                switch = self._net.addSwitch(
                    node.name, cls=LabSwitch, datapath_id=node.device.datapath_id, controller=self._controller
                )
                silence_netns(switch.pid)
                self.switches[node.name] = switch
            for link in self.topology.links:
                if self.topology.layer(link) is Layer.PACKET:
                    self._lay(link)
                elif self.topology.is_client_link(link):
                    self._end_in_the_relay(link)
            for number, site in enumerate(self.topology.sites, start=1):
                self._attach(site, number)
            regions = regions_abroad(self.topology)
            for region in regions:
                self._go_abroad(region)
            for gateway in self.topology.gateways:
                self._fan_out(gateway, regions)
            self._net.start()
            for site in provinces(self.topology):
                host = self.hosts[site.name]
                run_ip(host.pid, customer_commands(site, host.interface))
            for region in regions:
                run_ip(self.abroad[region.name].pid, region_commands(region, self.topology))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything that was started, wires and switches at the same time (the kernel is slow to take interfaces
        away)."""
        self.wires.end()
        self._net.stop()
        self.wires.close()

    def links(self, name: str) -> Wires | OpticalLayer:
        """Where a link is, to be cut, bent and restored there. ``LabError`` when there is no such link."""
        for where in (self.wires, self.optical):
            if name in where.names:
                return where
        raise LabError(f"there is no link {name}; there are {', '.join((*self.wires.names, *self.optical.names))}")

    def _lay(self, link: TopologyLink) -> None:
        a, z = self.switches[link.a], self.switches[link.z]
        self._net.addLink(a, z, cls=_WireLink, wires=self.wires, link=link, port1=link.a_port, port2=link.z_port)

    def _end_in_the_relay(self, link: TopologyLink) -> None:
        """A client link: an interface at the PE's port alone."""
        node, port = (link.a, link.a_port) if link.a in self.switches else (link.z, link.z_port)
        switch = self.switches[node]
        plug = Plug(netns_pid=switch.pid, interface=_interface_name(port), mtu_bytes=link.mtu_bytes)
        self.wires.plug(link.name, plug)
        Interface(plug.interface, node=switch, port=port, up=None, moveIntfFn=_stay)

    def _attach(self, site: Site, number: int) -> None:
        # Nodes and sites may share a name; Mininet has one list of names.
        name = site.name if site.name not in self.switches else f"site:{site.name}"
        mac = f"02:00:00:00:{number >> 8:02x}:{number & 0xFF:02x}" if site.next_hop is None else site.next_hop.mac
        if site.service is SiteService.INTERNET:
            node = self._net.addHost(name, cls=Host, ip=None)
            ip = next((addresses[0] for addresses in customer_addresses(site).values()), "")
            let_speak(node.pid)
        else:
            node = self._net.addHost(name, cls=Host)
            ip = node.params["ip"].partition("/")[0]
            silence_netns(node.pid)
        self._net.addLink(node, self.switches[site.node], cls=_PatchCable, port1=0, port2=site.port, addr1=mac)
        self.hosts[site.name] = LabHost(site=site.name, pid=node.pid, interface="eth0", mac=mac, ip=ip, node=node)

    def _go_abroad(self, region: Region) -> None:
        host = self._net.addHost(region.host, cls=Host, ip=None)
        let_speak(host.pid)
        interfaces = {gateway.name: interface_abroad(self.topology, gateway.name) for gateway, _ in region.gateways}
        self.abroad[region.name] = LabRegion(
            region=region.name, pid=host.pid, interfaces=interfaces, prefixes=region.prefixes
        )

    def _fan_out(self, gateway: Gateway, regions: Sequence[Region]) -> None:
        """From the port of a gateway to the regions behind it."""
        switch = self.switches[gateway.node]
        near = Plug(netns_pid=switch.pid, interface=_interface_name(gateway.port), mtu_bytes=SITE_MTU_BYTES)
        branches = {}
        for region in regions:
            for served, delay_ns in region.gateways:
                if served == gateway:
                    host = self.abroad[region.name]
                    far = Plug(
                        netns_pid=host.pid,
                        interface=host.interfaces[gateway.name],
                        mtu_bytes=ABROAD_MTU_BYTES,
                        mac=None if gateway.next_hop is None else gateway.next_hop.mac,
                        silent=False,
                    )
                    distance = PerDirection.both(Impairment(delay_ns=delay_ns))
                    branches[region.name] = Branch(plug=far, prefixes=region.prefixes, impairment=distance)
        capacity = PerDirection.both(Impairment(rate_bps=gateway.capacity_bps))
        shared = [] if gateway.next_hop is None else list(gateway.next_hop.addresses)
        self.wires.fan(gateway.name, near, capacity, branches, shared)
        Interface(near.interface, node=switch, port=gateway.port, up=None, moveIntfFn=_stay)
        for region in regions:
            if region.name in branches:
                interface = self.abroad[region.name].interfaces[gateway.name]
                Interface(interface, node=self._net.get(region.host), up=None, moveIntfFn=_stay)


def _interface_name(port: int) -> str:
    return f"eth{port}"


def _stay(interface: str, node: Node) -> None:
    """Mininet would move the interface, which is where it belongs."""


class _LabLink(Link):  # type: ignore[misc]
    """Interfaces are called by their port: port 11 of a switch is ``eth11`` in its namespace. Names of nodes would not
    fit in the 15 characters that Linux has for an interface."""

    def intfName(self, node: Node, n: int) -> str:  # noqa: N802 - Mininet's name
        return _interface_name(n)

    def stop(self) -> None:
        """Nothing to do: interfaces end with the relay, or with the namespace of their node."""


class _WireLink(_LabLink):
    """A link of the topology: delay and rate as declared, by the relay."""

    def __init__(self, node1: Node, node2: Node, *, wires: Wires, link: TopologyLink, **params: Any) -> None:
        self._wires, self._link = wires, link
        # up=None: the plugs are up already, and Mininet would run a program to see to it.
        super().__init__(node1, node2, up=None, **params)

    def makeIntfPair(  # noqa: N802 - Mininet's name
        self,
        name1: str,
        name2: str,
        addr1: Any,
        addr2: Any,
        node1: Node,
        node2: Node,
        deleteIntfs: bool,  # noqa: N803
    ) -> None:
        link = self._link
        impairment = PerDirection(
            *(
                Impairment(delay_ns=delay_ns, rate_bps=rate_bps)
                for delay_ns, rate_bps in zip(link.delay_ns, link.capacity_bps, strict=True)
            )
        )
        a = Plug(netns_pid=node1.pid, interface=name1, mtu_bytes=link.mtu_bytes)
        z = Plug(netns_pid=node2.pid, interface=name2, mtu_bytes=link.mtu_bytes)
        self._wires.add(link.name, a, z, impairment)


class _PatchCable(_LabLink):
    """From a host to its PE: a veth pair, no delay, no rate limit (15 us where the relay takes 50, and no load on
    the relay)."""

    def __init__(self, node1: Node, node2: Node, **params: Any) -> None:
        super().__init__(node1, node2, **params)
        for interface in (self.intf1, self.intf2):
            # The user-space datapath neither fills in checksums nor cuts the segments that a sender leaves to the card.
            for command in (
                ["ip", "link", "set", interface.name, "mtu", str(SITE_MTU_BYTES)],
                ["ethtool", "-K", interface.name, "tx", "off"],
            ):
                done = interface.node.popen(command, stdout=subprocess.DEVNULL)
                _, complaint = done.communicate()
                if done.returncode != 0:
                    raise LabError(f"{' '.join(command)}: {complaint.decode().strip()}")
