"""From what a source tells to a whole topology: what it lacks is assumed, and every assumption is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from math import ceil

from controller.documents.importing.graph import Graph, Place, Span
from controller.documents.importing.naming import Names
from controller.domain.geography import FIBRE_NS_PER_KM, ROUTE_FACTOR, fibre_delay_ns, great_circle_km
from controller.domain.topology import Link, Location, Node, OpenFlowDevice, PerDirection, Role, Site, Topology
from controller.domain.units import MAX_DELAY_NS, format_delay, format_rate

FIRST_SITE_PORT = 10_001
LEAST_DELAY_NS = 10_000
"""Of a link between two nodes at one place: 2 km of fibre."""
_STEP_NS = 1_000
_LENGTHS_AGREE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What to assume where the source is silent."""

    capacity_bps: int = 100_000_000_000
    delay_ns: int = 1_000_000
    route_factor: float = ROUTE_FACTOR
    sites_per_node: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    topology: Topology
    notes: tuple[str, ...]
    """What was assumed, changed and left out: one sentence each."""


def assemble(graph: Graph, defaults: Defaults) -> Imported:
    """Return the topology of a graph, with PEs only, and what was assumed to make it."""
    names = Names()
    node_name = {place.key: names.take(place.label, "node") for place in graph.places}
    spans = [span for span in graph.spans if span.a != span.z and span.a in node_name and span.z in node_name]
    locations, odd = _locations(graph)
    nodes = [
        Node(
            name=node_name[place.key],
            role=Role.PE,
            location=locations.get(place.key),
            device=OpenFlowDevice(datapath_id=number),
        )
        for number, place in enumerate(graph.places, start=1)
    ]
    links = list(_links(spans, node_name, locations, defaults))
    sites = [
        Site(name=f"site-{node.name}-{number}", node=node.name, port=FIRST_SITE_PORT + number - 1)
        for node in nodes
        for number in range(1, defaults.sites_per_node + 1)
    ]
    notes = [*_renamed(graph.places, node_name), *_assumed(spans, locations, defaults)]
    if odd:
        notes.append("positions left out: they do not agree with the lengths of the links, so they are not geographic")
    if len(spans) < len(graph.spans):
        unusable = _links_in_words(len(graph.spans) - len(spans))
        notes.append(f"left out: {unusable} from a node to itself, or to none that is listed")
    notes += [f"left out: {what}" for what in graph.left_out]
    topology = Topology(
        name=Names().take(graph.name, "imported"), nodes=tuple(nodes), links=tuple(links), sites=tuple(sites)
    )
    return Imported(topology=topology, notes=tuple(notes))


def _locations(graph: Graph) -> tuple[dict[str, Location], bool]:
    """Where nodes are, and whether positions had to be thrown away: generated networks lie in a plane, not on earth,
    and only the lengths of their links tell."""
    known = {place.key: place.location for place in graph.places if place.location is not None}
    judged = [
        abs(great_circle_km(known[span.a], known[span.z]) - span.length_km) <= _LENGTHS_AGREE * span.length_km
        for span in graph.spans
        if span.length_km is not None and span.length_km > 1 and span.a in known and span.z in known
    ]
    odd = 2 * sum(judged) < len(judged)
    return ({}, True) if odd else (known, False)


def _links(
    spans: list[Span], node_name: dict[str, str], locations: dict[str, Location], defaults: Defaults
) -> Iterator[Link]:
    ports = {name: count(1) for name in node_name.values()}
    names = Names()
    for span in spans:
        a, z = node_name[span.a], node_name[span.z]
        length_km = _length_km(span, locations)
        delay_ns = defaults.delay_ns
        if length_km is not None:
            light_ns = fibre_delay_ns(length_km * defaults.route_factor)
            delay_ns = min(max(LEAST_DELAY_NS, ceil(light_ns / _STEP_NS) * _STEP_NS), MAX_DELAY_NS)
        yield Link(
            name=names.take(f"{a[:23]}-{z[:23]}", "link"),
            a=a,
            z=z,
            a_port=next(ports[a]),
            z_port=next(ports[z]),
            capacity_bps=PerDirection.both(defaults.capacity_bps if span.capacity_bps is None else span.capacity_bps),
            delay_ns=PerDirection.both(delay_ns),
        )


def _length_km(span: Span, locations: dict[str, Location]) -> float | None:
    if span.length_km is not None:
        return span.length_km
    a, z = locations.get(span.a), locations.get(span.z)
    return None if a is None or z is None else great_circle_km(a, z)


def _assumed(spans: list[Span], locations: dict[str, Location], defaults: Defaults) -> Iterator[str]:
    silent = sum(span.capacity_bps is None for span in spans)
    if silent:
        yield (
            f"capacity: {format_rate(defaults.capacity_bps)} for {silent} of {len(spans)} links, "
            "of which the source tells none (--default-capacity)"
        )
    ways = Counter(
        "told" if span.length_km is not None else "unknown" if _length_km(span, locations) is None else "great circle"
        for span in spans
    )
    law = f"x {defaults.route_factor:g} (--route-factor) x {FIBRE_NS_PER_KM / 1000:g} us/km"
    if ways["told"]:
        yield f"delay: length told x {law[2:]} for {_links_in_words(ways['told'])}"
    if ways["great circle"]:
        yield f"delay: great circle {law} for {_links_in_words(ways['great circle'])}"
    if ways["unknown"]:
        yield (
            f"delay: {format_delay(defaults.delay_ns)} for {_links_in_words(ways['unknown'])}, "
            "of which neither length nor positions are known (--default-delay)"
        )
    yield "links: both directions alike, cost 1, MTU 1600, no SRLG"
    yield "nodes: each a PE and an OpenFlow switch; datapaths, and the ports of links, numbered from 1"
    if defaults.sites_per_node:
        yield f"sites: {defaults.sites_per_node} at each node (--sites), at ports from {FIRST_SITE_PORT}"


def _renamed(places: tuple[Place, ...], node_name: dict[str, str]) -> Iterator[str]:
    changed = [f"{place.label!r} is {node_name[place.key]}" for place in places if place.label != node_name[place.key]]
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        yield f"names: {', '.join(changed[:5])}{more}"


def _links_in_words(number: int) -> str:
    return f"{number} {'link' if number == 1 else 'links'}"
