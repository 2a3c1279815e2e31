"""Requests as numbers for the kernels, and the kernels' answers as values again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controller.domain.intents import Avoid, Objective
from controller.domain.placement import PlacedPath, Route
from controller.domain.topology import PerDirection
from controller.paths.budget import LABEL_BUDGET
from controller.paths.kernels.layout import BY_COST, BY_DELAY, HOPELESS, MTU_SHIFT, QUESTION, UNBOUNDED
from controller.paths.mirror import Mirror
from controller.paths.network import Network
from controller.paths.request import PathRequest

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

NO_BARS = np.zeros(0, np.int32)
OBJECTIVES = {Objective.DELAY: BY_DELAY, Objective.COST: BY_COST}


@dataclass(frozen=True, slots=True)
class Questions:
    """Packed requests: ``rows`` is int64[Q, 10], ``bars`` the links not to be used; see ``kernels.layout``.
    ``special``: the numbers of those that ask for more than one plain route, of which the rows say nothing."""

    rows: Int64s
    bars: Int32s
    special: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rows)


def pack(network: Network, requests: Iterable[PathRequest], label_budget: int = LABEL_BUDGET) -> Questions:
    """The requests as rows. ``KeyError`` for a node that the topology does not have."""
    mirror = network.mirror
    bars: list[int] = []
    places: dict[Avoid, tuple[int, int]] = {}
    rows = []
    special = []
    for number, request in enumerate(requests):
        if not request.is_plain:
            special.append(number)
        place = (0, 0)
        hopeless = False
        if avoids_something(request.avoid):
            if request.avoid not in places:
                start = len(bars)
                bars += sorted(barred_links(network, request.avoid))
                places[request.avoid] = (start, len(bars))
            place = places[request.avoid]
            hopeless = ends_barred(network, request)
        rows.append((*cells(network, mirror, request, hopeless=hopeless), *place, label_budget))
    return Questions(np.array(rows, np.int64).reshape(len(rows), QUESTION), np.array(bars, np.int32), tuple(special))


def cells(network: Network, mirror: Mirror, request: PathRequest, *, hopeless: bool) -> tuple[int, ...]:
    """The first columns of a request's row: up to BY."""
    overhead = network.topology.overhead_factor
    over, under = overhead.numerator, overhead.denominator
    return (
        mirror.node_number[request.a],
        mirror.node_number[request.z],
        -(-request.cir_bps.a_to_z * over // under),  # rounded up, as Topology.reservation_bps
        -(-request.cir_bps.z_to_a * over // under),
        request.link_mtu_bytes << MTU_SHIFT,
        UNBOUNDED if request.max_delay_ns is None else request.max_delay_ns,
        HOPELESS if hopeless else OBJECTIVES[request.objective],
    )


def avoids_something(avoid: Avoid) -> bool:
    return bool(avoid.nodes or avoid.links or avoid.srlgs or avoid.regions)


def ends_barred(network: Network, request: PathRequest) -> bool:
    """Whether the request avoids one of its own ends."""
    return not barred_nodes(network, request.avoid).isdisjoint((request.a, request.z))


def barred_nodes(network: Network, avoid: Avoid) -> set[str]:
    """The nodes named, and those in the regions named."""
    regions = frozenset(avoid.regions)
    inside = {node.name for node in network.topology.nodes if node.region in regions} if regions else set()
    return inside.union(avoid.nodes)


def barred_links(network: Network, avoid: Avoid) -> set[int]:
    """The numbers of the links named, of those with an SRLG named, and of those at nodes to be avoided.

    What is not in the topology bars nothing.
    """
    number = network.mirror.link_number
    links = {number[name] for name in avoid.links if name in number}
    for srlg in avoid.srlgs:
        links.update(number[link.name] for link in network.links_of_srlg(srlg))
    for node in barred_nodes(network, avoid):
        if node in network.graph:
            links.update(number[link.name] for link, _ in network.links_at(node))
    return links


def path_of(
    mirror: Mirror, a: int, arcs: Sequence[int], delay_ns: PerDirection[int], reserved_bps: PerDirection[int]
) -> PlacedPath:
    """The path that begins at node number ``a`` and crosses ``arcs`` in order."""
    nodes, names = mirror.nodes, mirror.arc_names
    heads = mirror.head_list
    return PlacedPath(
        role="working",
        route=Route(nodes=(nodes[a], *[nodes[heads[arc]] for arc in arcs]), links=tuple([names[arc] for arc in arcs])),
        delay_ns=delay_ns,
        reserved_bps=reserved_bps,
    )
