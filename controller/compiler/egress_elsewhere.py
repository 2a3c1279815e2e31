"""Traffic for addresses that no prefix is known for: what it takes of gateways and links before anything is planned.

No demand tells of it and no policy is for it; counters do. It leaves by the nearest gateway, however full that is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Final

from controller.compiler.egress_asking import arcs
from controller.compiler.egress_conditions import Arc, Taken
from controller.compiler.egress_routes import EgressRoutes
from controller.compiler.steering.inputs import SteeringInputs
from controller.domain.steering import ELSEWHERE, Entry, Steering
from controller.domain.topology import Gateway, Topology

MUCH: Final = 0.05
"""More than this share of a gateway is worth a word: what nobody plans for should not decide what can be planned."""


def measured_elsewhere(
    routes: EgressRoutes, steering: Steering, inputs: SteeringInputs, scale: Fraction = Fraction(1)
) -> Taken:
    """What of it is measured, or ``scale`` times that, by the gateways that it will take: the nearest that is not away,
    or, where devices cannot be told, the one that ``steering`` says."""
    at_gateways: Counter[str] = Counter()
    on_links: Counter[Arc] = Counter()
    topology = routes.network.topology
    kept = {(entry.source, entry.traffic_class): entry for entry in steering.entries if entry.group == ELSEWHERE}
    for (source, group, traffic_class), slices in sorted(inputs.measured.items()):
        bps = int(sum(slices) * scale)
        if group != ELSEWHERE or not bps:
            continue
        if source in inputs.nodes_away:
            shares = _kept(kept.get((source, traffic_class)), bps)
        else:
            nearest = _nearest(routes, source, inputs)
            shares = {} if nearest is None else {nearest: bps}
        for name, part_bps in shares.items():
            at_gateways[name] += part_bps
            path = routes.find(source, topology.gateway[name].node)
            for arc in arcs(topology, path.route.nodes, path.route.links) if path is not None else ():
                on_links[arc] += part_bps
    return Taken(gateways=dict(at_gateways), links=dict(on_links))


def _kept(entry: Entry | None, bps: int) -> Mapping[str, int]:
    return {} if entry is None else replace(entry, rate_bps=bps).bps()


def _nearest(routes: EgressRoutes, source: str, inputs: SteeringInputs) -> str | None:
    """By the delay inside, then by name: as ``steering.building`` has it leave."""
    found: list[tuple[int, str]] = []
    for gateway in routes.network.topology.gateways:
        if gateway.next_hop is None or gateway.name in inputs.gateways_away:
            continue
        path = routes.find(source, gateway.node)
        if path is not None:
            found.append((path.delay_ns.a_to_z, gateway.name))
    return min(found)[1] if found else None


def much(taken: Taken, topology: Topology) -> Iterator[tuple[Gateway, int]]:
    """Gateways of which it takes more than ``MUCH``, in the order of the topology, and how much that is."""
    for gateway in topology.gateways:
        bps = taken.gateways.get(gateway.name, 0)
        if bps > MUCH * gateway.capacity_bps:
            yield gateway, bps
