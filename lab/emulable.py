"""Which topologies a lab can carry. Nothing is scaled silently: what a lab cannot do, it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address
from pathlib import PurePath

from controller.domain.topology import Gateway, Layer, NetconfDevice, Node, OpenFlowDevice, Role, Topology
from controller.domain.units import format_rate
from lab.abroad import MAX_REGIONS
from lab.errors import LabError
from lab.otn import PROFILES

MAX_RATE_BPS = 1_000_000_000
"""More than the relay can carry on a small machine, and so no promise, but beyond it there is no hope."""

MAX_PORT = 0xFEFF
"""The largest number that Open vSwitch gives to a port."""

MAX_OTN_PORT = 0xFFFF
"""Of the lab's models of OTN nodes."""

ACCOUNT = "root"
"""That labs run in, and so the only one that an SSH server of theirs lets in."""

SITE_MTU_BYTES = 1600
"""Of the cables between hosts and their PEs: room for tags around a customer's 1,500 bytes."""

ABROAD_MTU_BYTES = 1500
"""Of hosts abroad."""


def check_emulable(topology: Topology) -> None:
    """Return when the topology can be emulated; raise ``LabError`` with every reason (one a line) otherwise."""
    reasons = list(_obstacles(topology))
    if reasons:
        raise LabError(f"the lab cannot emulate topology {topology.name}:\n  " + "\n  ".join(reasons))


def _obstacles(topology: Topology) -> Iterator[str]:
    for node in topology.nodes:
        yield from _bad_device(node)
    yield from _shared_ports(topology)
    optical = {node.name for node in topology.nodes if node.role is Role.OTN}
    for link in topology.links:
        # Frames on a link between OTN nodes are those of client links.
        between = topology.layer(link) is Layer.OTN and not topology.is_client_link(link)
        for rate_bps in sorted(set(link.capacity_bps)):
            if rate_bps > MAX_RATE_BPS and not between:
                yield (
                    f"link {link.name}: {format_rate(rate_bps)} is more than a lab carries; "
                    f"declare at most {format_rate(MAX_RATE_BPS)} in a topology for the lab"
                )
        for end, port in ((link.a, link.a_port), (link.z, link.z_port)):
            largest = MAX_OTN_PORT if end in optical else MAX_PORT
            yield from _bad_port(f"link {link.name}: port {port} of {end}", port, largest)
    for site in topology.sites:
        yield from _bad_port(f"site {site.name}: port {site.port} of {site.node}", site.port, MAX_PORT)
        if site.node in optical:
            yield f"site {site.name}: the lab has customers at switches only, and {site.node} is an OTN node"
    for gateway in topology.gateways:
        yield from _bad_gateway(gateway, gateway.node in optical)
    regions = {region for gateway in topology.gateways for region, _ in gateway.delays_ns}
    if len(regions) > MAX_REGIONS:
        yield f"gateways lead to {len(regions)} regions: a lab has addresses for {MAX_REGIONS}"
    # Both are names of wires.
    for name in sorted({gateway.name for gateway in topology.gateways} & {link.name for link in topology.links}):
        yield f"gateway {name}: a link has that name, too; in a lab both are wires, give it another"


def _bad_gateway(gateway: Gateway, is_optical: bool) -> Iterator[str]:
    if is_optical:
        yield f"gateway {gateway.name}: the lab has gateways at switches only, and {gateway.node} is an OTN node"
    if gateway.capacity_bps > MAX_RATE_BPS:
        yield (
            f"gateway {gateway.name}: {format_rate(gateway.capacity_bps)} is more than a lab carries; "
            f"declare at most {format_rate(MAX_RATE_BPS)} in a topology for the lab"
        )
    if gateway.next_hop is None or not gateway.addresses:
        yield f"gateway {gateway.name}: without nextHop and addresses nobody behind it would find us; write both"
    yield from _bad_port(f"gateway {gateway.name}: port {gateway.port} of {gateway.node}", gateway.port, MAX_PORT)


def _bad_device(node: Node) -> Iterator[str]:
    match node.device:
        case None:
            kind = "a NETCONF" if node.role is Role.OTN else "an OpenFlow"
            yield f"node {node.name} has no device: give it {kind} device"
        case OpenFlowDevice() if node.role is Role.OTN:
            yield f"node {node.name}: an OTN node of the lab is a NETCONF device, not an OpenFlow switch"
        case NetconfDevice() if node.role is not Role.OTN:
            yield f"node {node.name}: a {node.role} of the lab is an OpenFlow switch, not a NETCONF device"
        case NetconfDevice() as device:
            yield from _bad_place(node.name, device)


def _bad_place(node: str, device: NetconfDevice) -> Iterator[str]:
    """The lab starts the server itself, in its own network, and makes the keys beside its copy of the topology."""
    if not _is_loopback(device.host):
        yield f"node {node}: host {device.host} is not in the lab: write an address of the loopback, such as 127.0.0.1"
    if device.username != ACCOUNT:
        yield f"node {node}: username {device.username} cannot log in: the lab runs as {ACCOUNT}, write that"
    for key, path in (("keyFile", device.key_file), ("knownHosts", device.known_hosts)):
        parts = PurePath(path).parts
        if path.startswith(("/", "~")) or ".." in parts:
            yield f"node {node}: {key} {path} is not below the topology's directory, where the lab makes its keys"
    if device.profile not in PROFILES:
        yield f"node {node}: the lab has no device of profile {device.profile}: write {' or '.join(PROFILES)}"


def _is_loopback(host: str) -> bool:
    try:
        return IPv4Address(host).is_loopback
    except AddressValueError:
        return False


def _shared_ports(topology: Topology) -> Iterator[str]:
    """One SSH server serves many nodes and tells them apart by the port alone."""
    first: dict[int, str] = {}
    for node in topology.nodes:
        if isinstance(node.device, NetconfDevice):
            taken = first.setdefault(node.device.port, node.name)
            if taken != node.name:
                yield f"node {node.name}: its NETCONF port {node.device.port} is that of {taken}; each needs its own"


def _bad_port(what: str, port: int, largest: int) -> Iterator[str]:
    if not 1 <= port <= largest:
        yield f"{what} is not a port of {'a switch' if largest == MAX_PORT else 'an OTN node'}: write 1 to {largest}"
