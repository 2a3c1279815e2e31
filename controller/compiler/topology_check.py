"""What is wrong with a network although its document is right: what somebody who planned it would want to know.

References, names, ports used twice and capacities of zero are faults of the document, and refused where it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from controller.compiler.edge_check import check_edges
from controller.compiler.findings import Finding, Kind, Severity, error, warning
from controller.compiler.single_failures import SingleFailures, single_failures
from controller.domain.geography import FIBRE_NS_PER_KM, fibre_delay_ns, great_circle_km
from controller.domain.topology import Direction, Layer, Link, Role, Topology
from controller.domain.units import format_delay, format_rate
from controller.paths.request import TAG_BYTES, WRAP_BYTES

POSITION_KM: Final = 2.0
"""How wrong a distance may be because positions are rounded: two of 0.01 degrees each."""

LONGEST_ROUTE_FACTOR: Final = 20.0
"""A cable this many times longer than the great circle was rather written in the wrong unit."""
SHORTEST_JUDGED_NS: Final = 1_000_000
"""Below, detours inside a city are nothing to wonder about."""

LINE_MTU_BYTES: Final = 1500
"""What lines ask for unless told otherwise."""


def check_topology(topology: Topology) -> tuple[Finding, ...]:
    """Return all findings, errors first; what is out of service counts as not there."""
    links = tuple(link for link in topology.links if _in_service(link, topology))
    packets = _packet_layer(topology)
    packet_links = tuple(link for link in links if topology.layer(link) is Layer.PACKET)
    of_packets = single_failures(packets, packet_links)
    risks = replace(of_packets, parts=single_failures(topology, links).parts)
    found = [
        *_parts(risks),
        *_isolated_sites(topology, links),
        *_delays(topology),
        *_frames(topology),
        *_devices(topology),
        *_single_failures(risks, packet_links),
        *_parallel(links),
        *_gateways(topology, links),
        *check_edges(topology, of_packets.parts),
        *_out_of_service(topology),
    ]
    return tuple(sorted(found, key=lambda finding: finding.severity is Severity.WARNING))


def some_of(names: Iterable[str], most: int = 6) -> str:
    """The first names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def _packet_layer(topology: Topology) -> Topology:
    """The nodes that forward packets: a cut in their network is one, whatever the light below could do."""
    return replace(topology, nodes=tuple(node for node in topology.nodes if node.role is not Role.OTN))


def _in_service(link: Link, topology: Topology) -> bool:
    return link.enabled and topology.node[link.a].enabled and topology.node[link.z].enabled


def _parts(risks: SingleFailures) -> Iterator[Finding]:
    for part in risks.parts[1:]:
        message = f"no link in service leads from {some_of(part)} to the largest part, of {len(risks.parts[0])} nodes"
        yield error(Kind.DISCONNECTED, part, message)


def _isolated_sites(topology: Topology, links: Iterable[Link]) -> Iterator[Finding]:
    linked = {end for link in links for end in (link.a, link.z)}
    for site in topology.sites:
        if len(topology.nodes) > 1 and site.node not in linked:
            message = f"site {site.name} can reach nobody: no link in service at {site.node}"
            yield error(Kind.SITE_ISOLATED, (site.name, site.node), message)


def _delays(topology: Topology) -> Iterator[Finding]:
    unknown = []
    for link in topology.links:
        a, z = topology.node[link.a].location, topology.node[link.z].location
        if a is None or z is None:
            unknown.append(link.name)
            continue
        km = great_circle_km(a, z)
        yield from _delay_findings(link, km)
    if unknown:
        message = f"delays not compared with distances: a location is missing at the ends of {some_of(unknown)}"
        yield warning(Kind.LOCATION_UNKNOWN, unknown, message)


def _delay_findings(link: Link, km: float) -> Iterator[Finding]:
    least_ns, light_ns = fibre_delay_ns(max(0.0, km - POSITION_KM)), fibre_delay_ns(km)
    ends = f"{km:.0f} km from {link.a} to {link.z}"
    for direction in Direction:
        delay_ns = link.delay_ns[direction]
        told = f"link {link.name}, {direction}: {format_delay(delay_ns)}"
        if delay_ns < least_ns:
            message = (
                f"{told} is less than light in fibre takes for the {ends}: {format_delay(_tidy(light_ns))} at least"
            )
            yield error(Kind.FASTER_THAN_LIGHT, (link.name,), message)
        elif delay_ns > max(SHORTEST_JUDGED_NS, LONGEST_ROUTE_FACTOR * light_ns):
            cable_km = delay_ns / FIBRE_NS_PER_KM
            message = f"{told} is what {cable_km:,.0f} km of fibre take, for {ends}: is the unit right?"
            yield warning(Kind.DELAY_UNLIKELY, (link.name,), message)


def _frames(topology: Topology) -> Iterator[Finding]:
    needed = LINE_MTU_BYTES + WRAP_BYTES + TAG_BYTES
    for link in topology.links:
        if link.mtu_bytes < needed:
            has = f"link {link.name} has an MTU of {link.mtu_bytes} bytes"
            message = f"{has}: a line of {LINE_MTU_BYTES} and its wrap need {needed}"
            yield warning(Kind.MTU_TOO_SMALL, (link.name,), message)


def _devices(topology: Topology) -> Iterator[Finding]:
    bare = [node.name for node in topology.nodes if node.device is None]
    if bare:
        message = f"no device behind {some_of(bare)}: lines can be planned through there, not installed"
        yield warning(Kind.NO_DEVICE, bare, message)


def _single_failures(risks: SingleFailures, links: Sequence[Link]) -> Iterator[Finding]:
    for name, cut_off in risks.bridges:
        yield warning(Kind.BRIDGE, (name,), f"if link {name} fails, {_is_cut_off(cut_off)}")
    for name, cut_off in risks.cut_nodes:
        yield warning(Kind.CUT_NODE, (name,), f"if node {name} fails, {_is_cut_off(cut_off)}")
    for name, cut_off in risks.cut_srlgs:
        sharing = [link.name for link in links if name in link.srlgs]
        message = f"if SRLG {name} fails (links {some_of(sharing)}), {_is_cut_off(cut_off)}"
        yield warning(Kind.CUT_SRLG, (name, *sharing), message)


def _is_cut_off(names: Sequence[str]) -> str:
    return f"{some_of(names)} {'is' if len(names) == 1 else 'are'} cut off"


def _parallel(links: Iterable[Link]) -> Iterator[Finding]:
    def ends(link: Link) -> tuple[str, ...]:
        return tuple(sorted((link.a, link.z)))

    for (a, z), group in groupby(sorted(links, key=lambda link: (ends(link), link.name)), ends):
        between = list(group)
        shared = set.intersection(*(set(link.srlgs) for link in between))
        if len(between) > 1 and shared:
            names = [link.name for link in between]
            message = f"parallel links {some_of(names)} between {a} and {z} all share {some_of(sorted(shared))}"
            yield warning(Kind.PARALLEL_SHARE_SRLG, names, message)


def _gateways(topology: Topology, links: Iterable[Link]) -> Iterator[Finding]:
    inward: Counter[str] = Counter()
    for link in links:
        inward[link.a] += link.capacity_bps.z_to_a
        inward[link.z] += link.capacity_bps.a_to_z
    for gateway in topology.gateways:
        if inward[gateway.node] < gateway.capacity_bps:
            message = (
                f"gateway {gateway.name}: {format_rate(gateway.capacity_bps)} abroad, "
                f"but the links to {gateway.node} bring {format_rate(inward[gateway.node])}"
            )
            yield warning(Kind.GATEWAY_OVERSIZED, (gateway.name, gateway.node), message)


def _out_of_service(topology: Topology) -> Iterator[Finding]:
    off = [node.name for node in topology.nodes if not node.enabled]
    off += [link.name for link in topology.links if not link.enabled]
    if off:
        yield warning(Kind.OUT_OF_SERVICE, off, f"out of service as written: {some_of(off)}")


def _tidy(delay_ns: int) -> int:
    """To 10 us, as distances allow."""
    return round(delay_ns, -4)
