"""What is applied to: a generated backbone for simulated switches, and lines for this or any other topology."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from random import Random

from controller.domain.intents import Attachment, PrivateLine
from controller.domain.topology import PerDirection, SiteService, Topology

LINE_BPS = 64_000
"""So little that a lab's links take a thousand of them: what is measured is how fast lines come, not how many fit."""
TENANT = "bench"

CORES = 10
EDGES = 20
SITES_OF_AN_EDGE = 4


def generated_topology() -> str:
    """A document with 30 switches, 55 links and 80 sites: a ring of ten core nodes with chords, and twenty PEs, each
    on two neighbouring core nodes."""
    cores = [f"p-{number:02}" for number in range(CORES)]
    edges = [f"pe-{number:02}" for number in range(EDGES)]
    ends = [(cores[number], cores[(number + 1) % CORES]) for number in range(CORES)]
    ends += [(cores[number], cores[number + CORES // 2]) for number in range(CORES // 2)]
    for number, edge in enumerate(edges):
        ends += [(edge, cores[number // 2]), (edge, cores[(number // 2 + 1) % CORES])]
    ports = {node: count(1) for node in (*cores, *edges)}
    lines = ["apiVersion: trunkline/v1", "kind: Topology", "metadata: {name: generated-30}", "spec:", "  nodes:"]
    for number, node in enumerate((*edges, *cores), 1):
        device = f'{{driver: openflow, datapathId: "{number:016x}"}}'
        lines.append(f"    - {{name: {node}, role: {node.partition('-')[0]}, device: {device}}}")
    lines.append("  links:")
    for number, (a, z) in enumerate(ends):
        ends_of_link = f"a: {a}, z: {z}, aPort: {next(ports[a])}, zPort: {next(ports[z])}"
        lines.append(
            f"    - {{name: l-{number:02}, {ends_of_link}, capacity: 100Gbps, delay: {1_000 + 37 * number}us}}"
        )
    lines.append("  sites:")
    for edge in edges:
        for number in range(SITES_OF_AN_EDGE):
            lines.append(f"    - {{name: dc-{edge[3:]}-{number}, node: {edge}, port: {11 + number}}}")
    return "\n".join(lines) + "\n"


def lines_for(topology: Topology, how_many: int, seed: int, prefix: str = "line") -> list[PrivateLine]:
    """EVPLs between random sites of different PEs, each with a VLAN of its own at either end."""
    random = Random(seed)
    sites = [site for site in topology.sites if site.service is SiteService.L2]
    vlans = {site.name: count(1) for site in sites}
    made = []
    for number in range(how_many):
        a, z = random.sample(sites, 2)
        while a.node == z.node:
            a, z = random.sample(sites, 2)
        made.append(_line(f"{prefix}-{number:05}", a.name, next(vlans[a.name]), z.name, next(vlans[z.name])))
    return made


def probes_for(topology: Topology, taken: Sequence[PrivateLine]) -> list[PrivateLine]:
    """Lines that together touch every node that some route can pass: one by way of each, on VLANs that none of
    ``taken`` has."""
    sites = [site for site in topology.sites if site.service is SiteService.L2]
    used: dict[str, int] = {site.name: 0 for site in sites}
    for line in taken:
        for end in (line.a, line.z):
            used[end.site] = max(used[end.site], end.vlan if end.vlan is not None else 0)
    vlans = {site: count(last + 1) for site, last in used.items()}
    first = sites[0]
    probes = []
    for node in topology.nodes:
        here = next((site for site in sites if site.node == node.name), None)
        via: tuple[str, ...] = ()
        if here is None:
            here, via = next(site for site in reversed(sites) if site.node != first.node), (node.name,)
        if here.node != first.node:
            ends = (first.name, next(vlans[first.name]), here.name, next(vlans[here.name]))
            probes.append(_line(f"probe-{node.name}", *ends, via=via))
    return probes


def _line(name: str, a: str, a_vlan: int, z: str, z_vlan: int, via: tuple[str, ...] = ()) -> PrivateLine:
    return PrivateLine(
        tenant=TENANT,
        name=name,
        a=Attachment(site=a, vlan=a_vlan),
        z=Attachment(site=z, vlan=z_vlan),
        cir_bps=PerDirection.both(LINE_BPS),
        via=via,
    )
