"""What gateways ping, to measure the way from there to regions abroad: from whom, to whom, and by which rules answers
come back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from controller.compiler.pools import PROBE_METER_IDS
from controller.domain.rules import MeterRule
from controller.domain.topology import Gateway, Topology

PROBE_KBPS: Final = 128
"""Some 200 answers a second, of 78 bytes (IPv6). Whatever else comes as an answer is dropped by the switch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A ping from a gateway to a region. ``source`` is an address of ours at the gateway and ``destination`` the
    region's reference address, both in their shortest form; ``next_hop`` is the MAC address of the router there."""

    gateway: str
    region: str
    node: str
    port: int
    source: str
    destination: str
    next_hop: str


def probes_of(topology: Topology) -> tuple[Probe, ...]:
    """By gateway and region. A reference address for which the gateway has no address of ours, or no next hop, is
    left out; documents with one are refused."""
    found = (probe for gateway in topology.gateways for probe in _probes(gateway))
    return tuple(sorted(found, key=lambda probe: (probe.gateway, probe.region)))


def probe_meters(topology: Topology) -> dict[str, MeterRule]:
    """By gateway that pings: what of the answers there is passed on. Numbers are those of the switch, by port."""
    by_node: defaultdict[str, list[Gateway]] = defaultdict(list)
    for gateway in topology.gateways:
        if any(_probes(gateway)):
            by_node[gateway.node].append(gateway)
    return {
        gateway.name: MeterRule(meter_id=meter_id, rate_kbps=PROBE_KBPS, burst_kbits=PROBE_KBPS)
        for gateways in by_node.values()
        for meter_id, gateway in enumerate(sorted(gateways, key=lambda one: one.port), PROBE_METER_IDS[0])
    }


def _probes(gateway: Gateway) -> Iterator[Probe]:
    if gateway.next_hop is None:
        return
    # The first of each version.
    ours = {address.version: str(address) for address in map(ip_address, reversed(gateway.addresses))}
    for region, address in gateway.probes:
        destination = ip_address(address)
        if destination.version in ours:
            yield Probe(
                gateway=gateway.name,
                region=region,
                node=gateway.node,
                port=gateway.port,
                source=ours[destination.version],
                destination=str(destination),
                next_hop=gateway.next_hop.mac,
            )
