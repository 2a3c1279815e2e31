"""Which topologies a lab can carry. Nothing is scaled silently: what a lab cannot do, it refuses."""

from __future__ import annotations

from collections.abc import Iterator

from controller.domain.topology import NetconfDevice, Topology
from controller.domain.units import format_rate
from lab.errors import LabError

MAX_RATE_BPS = 1_000_000_000
"""More than the relay can carry on a small machine, and so no promise, but beyond it there is no hope."""

MAX_PORT = 0xFEFF
"""The largest number that Open vSwitch gives to a port."""

SITE_MTU_BYTES = 1600
"""Of the cables between hosts and their PEs: room for tags around a customer's 1,500 bytes."""


def check_emulable(topology: Topology) -> None:
    """Return when the topology can be emulated; raise ``LabError`` with every reason (one a line) otherwise."""
    reasons = list(_obstacles(topology))
    if reasons:
        raise LabError(f"the lab cannot emulate topology {topology.name}:\n  " + "\n  ".join(reasons))


def _obstacles(topology: Topology) -> Iterator[str]:
    for node in topology.nodes:
        if node.device is None:
            yield f"node {node.name} has no device: give it an OpenFlow device"
        elif isinstance(node.device, NetconfDevice):
            yield f"node {node.name}: NETCONF devices are not emulated yet, only OpenFlow switches"
    for link in topology.links:
        for rate_bps in sorted(set(link.capacity_bps)):
            if rate_bps > MAX_RATE_BPS:
                yield (
                    f"link {link.name}: {format_rate(rate_bps)} is more than a lab carries; "
                    f"declare at most {format_rate(MAX_RATE_BPS)} in a topology for the lab"
                )
        for end, port in ((link.a, link.a_port), (link.z, link.z_port)):
            yield from _bad_port(f"link {link.name}: port {port} of {end}", port)
    for site in topology.sites:
        yield from _bad_port(f"site {site.name}: port {site.port} of {site.node}", site.port)


def _bad_port(what: str, port: int) -> Iterator[str]:
    if not 1 <= port <= MAX_PORT:
        yield f"{what} is not a port of a switch: write 1 to {MAX_PORT}"
