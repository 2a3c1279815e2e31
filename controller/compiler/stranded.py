"""Which placed lines a topology cannot carry: asked before a topology file that has changed is used.

A line is stranded when what it holds is not there any more: a site that is gone or at another node, a route that this
topology does not have, a link that is too small. What may change without harm: ports (rules follow from the topology,
and devices are put right), the switches behind nodes, delays (a matter of assurance, not of reservations).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from controller.compiler.plan import Movement, planning_order
from controller.compiler.rules import DeviceRule, line_meter
from controller.domain.errors import Reason, Refusal
from controller.domain.intents import Attachment
from controller.domain.otn import slots_taken
from controller.domain.placement import PlacedLine, PlacedPath, Route, Trunk, TrunkPair
from controller.domain.rules import GroupKind, GroupRule
from controller.domain.topology import Direction, NetconfDevice, OpenFlowDevice, Role, SiteService, Topology
from controller.domain.units import format_rate
from controller.paths.request import request_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranded:
    """A placed line, and everything that stands against it; never empty."""

    placed: PlacedLine
    refusals: tuple[Refusal, ...]


def stranded(topology: Topology, lines: Iterable[PlacedLine]) -> tuple[Stranded, ...]:
    """The lines that cannot stay where they are, sorted by key.

    Where a link has become too small for all that is left on it, those stay that would be planned first.
    """
    found: list[Stranded] = []
    intact: list[PlacedLine] = []
    for placed in lines:
        refusals = tuple(broken(topology, placed))
        if refusals:
            found.append(Stranded(placed=placed, refusals=refusals))
        else:
            intact.append(placed)
    found += _crowded_out(topology, intact)
    return tuple(sorted(found, key=lambda one: one.placed.line.key))


def leaving(
    found: Sequence[Stranded],
    lines: Iterable[PlacedLine],
    trunks: Iterable[Trunk],
    pairs: Iterable[TrunkPair],
    steered: Collection[int] = (),
) -> Movement:
    """What leaves the inventory with the stranded lines: they, and the trunks and pairs that nobody else rides;
    internet traffic rides the trunks ``steered``."""
    gone = {one.placed.line.key for one in found}
    staying = [placed for placed in lines if placed.line.key not in gone]
    ridden = {label for placed in staying for label in placed.trunks_ridden}
    pairs_ridden = {key for placed in staying for key in placed.pairs_ridden}
    return Movement(
        lines_out=tuple(one.placed for one in found),
        trunks_out=tuple(trunk for trunk in trunks if trunk.label not in ridden and trunk.label not in steered),
        pairs_out=tuple(pair for pair in pairs if pair.key not in pairs_ridden),
    )


def unmarked_rules(movement: Movement) -> Iterator[DeviceRule]:
    """The meters and groups of what leaves, by device: flows are known by their cookies, these by number alone. What
    is in the old buckets is not known any more, and does not matter: a group is taken away by its number."""
    for placed in movement.lines_out:
        nodes = placed.working.route.nodes
        for direction, node in ((Direction.A_TO_Z, nodes[0]), (Direction.Z_TO_A, nodes[-1])):
            yield node, line_meter(placed.line, direction, placed.meter_id[direction])
    for trunk in movement.trunks_out:
        yield trunk.route.nodes[0], GroupRule(group_id=trunk.group_id, kind=GroupKind.INDIRECT, buckets=())
    for pair in movement.pairs_out:
        yield pair.head, GroupRule(group_id=pair.group_id, kind=GroupKind.FAST_FAILOVER, buckets=())


def broken(topology: Topology, placed: PlacedLine) -> Iterator[Refusal]:
    """What a line rests on by itself and is not there."""
    line = placed.line
    optical = {node for circuit in placed.circuits for node in circuit.nodes}
    for path in placed.paths:
        for attachment, node in ((line.a, path.route.nodes[0]), (line.z, path.route.nodes[-1])):
            yield from _site_gone(topology, attachment, node)
        yield from _nodes_gone(topology, path.route, optical)
        yield from _links_gone(topology, path, placed)
    yield from _circuits_gone(topology, placed)


def _site_gone(topology: Topology, attachment: Attachment, node: str) -> Iterator[Refusal]:
    site = topology.site.get(attachment.site)
    if site is None:
        yield Refusal(reason=Reason.REFERENCE_NOT_FOUND, message=f"site {attachment.site} is gone")
    elif site.node != node:
        message = f"site {site.name} is at {site.node} now, the route ends at {node}"
        yield Refusal(reason=Reason.NO_PATH, message=message)
    elif site.service is not SiteService.L2:
        message = f"site {site.name} has service {site.service} now, a private line needs l2"
        yield Refusal(reason=Reason.INVALID_VALUE, message=message)


def _nodes_gone(topology: Topology, route: Route, optical: Collection[str]) -> Iterator[Refusal]:
    """``optical``: the nodes that the route crosses as light."""
    for name in route.nodes:
        node = topology.node.get(name)
        if node is None:
            yield Refusal(reason=Reason.NO_PATH, message=f"node {name} is gone")
        elif not node.enabled:
            yield Refusal(reason=Reason.NO_PATH, message=f"node {name} is disabled")
        elif name in optical and not isinstance(node.device, NetconfDevice):
            yield Refusal(reason=Reason.NO_PATH, message=f"node {name} is no NETCONF device any more")
        elif name not in optical and node.role is Role.OTN:
            yield Refusal(reason=Reason.NO_PATH, message=f"node {name} is an OTN node now")
        elif name not in optical and not isinstance(node.device, OpenFlowDevice):
            yield Refusal(reason=Reason.NO_PATH, message=f"node {name} is no OpenFlow switch any more")


def _links_gone(topology: Topology, path: PlacedPath, placed: PlacedLine) -> Iterator[Refusal]:
    nodes = path.route.nodes
    sites = topology.site
    # Without its sites a line cannot say what it needs of a link; then that is what is told.
    known = placed.line.a.site in sites and placed.line.z.site in sites
    needed_bytes = request_for(placed.line, topology).link_mtu_bytes if known else 0
    for name, ends in zip(path.route.links, pairwise(nodes), strict=True):
        link = topology.link.get(name)
        if link is None:
            yield Refusal(reason=Reason.NO_PATH, message=f"link {name} is gone")
        elif {link.a, link.z} != set(ends):
            message = f"link {name} joins {link.a} and {link.z} now, the route needs it between {' and '.join(ends)}"
            yield Refusal(reason=Reason.NO_PATH, message=message)
        elif not link.enabled:
            yield Refusal(reason=Reason.NO_PATH, message=f"link {name} is disabled")
        elif link.mtu_bytes < needed_bytes:
            message = f"link {name} has an MTU of {link.mtu_bytes} bytes now, the line needs {needed_bytes}"
            yield Refusal(reason=Reason.MTU_TOO_SMALL, message=message)


def _circuits_gone(topology: Topology, placed: PlacedLine) -> Iterator[Refusal]:
    for circuit in placed.circuits:
        for node in circuit.nodes:
            if node in topology.node and topology.node[node].role is not Role.OTN:
                yield Refusal(reason=Reason.NO_PATH, message=f"node {node} is no OTN node any more")
        for use in circuit.slots:
            link = topology.link.get(use.link)
            needed = None if link is None or link.odu is None else slots_taken(circuit.odu, link.odu)
            if link is not None and (needed != len(use.slots) or use.slots[-1] > link.slots):
                message = f"link {use.link} does not have the slots any more that the line's {circuit.odu} holds"
                yield Refusal(reason=Reason.NO_BANDWIDTH, message=message)


def _crowded_out(topology: Topology, lines: Iterable[PlacedLine]) -> Iterator[Stranded]:
    """Those for which a link has too little room when the others have theirs."""
    taken: defaultdict[tuple[str, Direction], int] = defaultdict(int)
    for placed in sorted(lines, key=lambda placed: planning_order(placed.line)):
        held: defaultdict[tuple[str, Direction], int] = defaultdict(int)
        for part in placed.reservations(topology):
            held[part.link, part.direction] += part.bps
        refusals = []
        for (name, direction), bps in held.items():
            free_bps = topology.link[name].capacity_bps[direction] - taken[name, direction]
            if bps > free_bps:
                message = (
                    f"link {name} has {format_rate(free_bps)} left {direction} now, the line holds {format_rate(bps)}"
                )
                refusals.append(Refusal(reason=Reason.NO_BANDWIDTH, message=message))
        if refusals:
            yield Stranded(placed=placed, refusals=tuple(refusals))
            continue
        for arc, bps in held.items():
            taken[arc] += bps
