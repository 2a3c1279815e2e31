"""Where things were put: routes, trunks, and what a placed line holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from controller.domain.intents import PrivateLine
from controller.domain.otn import OduType
from controller.domain.topology import Direction, Link, PerDirection, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A simple route from ``nodes[0]`` to ``nodes[-1]``; ``links[i]`` joins ``nodes[i]`` and ``nodes[i + 1]``.
    A route of one node and no link joins two sites of the same PE."""

    nodes: tuple[str, ...]
    links: tuple[str, ...]

    @property
    def reversed(self) -> Route:
        return Route(nodes=self.nodes[::-1], links=self.links[::-1])

    def hops(self, topology: Topology) -> Iterator[tuple[Link, Direction]]:
        """Each link in order, with the direction in which the route crosses it."""
        for node, name in zip(self.nodes, self.links, strict=False):
            link = topology.link[name]
            yield link, link.direction_from(node)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A unidirectional labelled path, shared by all lines that ride the same hops. ``label`` is unique
    in the network and never swapped; ``group_id`` is the group at its head end that sends into it."""

    label: int
    route: Route
    group_id: int


PairKey = tuple[int, int]
"""Which trunks a pair is made of: the labels of the working and of the protect trunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkPair:
    """A working and a protect trunk with the same ends (their labels), shared by all protected lines that ride both:
    ``group_id`` is the group at their head end that sends into the one as long as that is alive, else into the other.
    """

    head: str
    working: int
    protect: int
    group_id: int

    @property
    def key(self) -> PairKey:
        return (self.working, self.protect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """``bps`` of one direction of a link."""

    link: str
    direction: Direction
    bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPath:
    """A line's route with the delay it had when it was placed, per direction of the line. ``role``: working or
    protect."""

    role: str
    route: Route
    delay_ns: PerDirection[int]
    reserved_bps: PerDirection[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotUse:
    """What an ODU has of a link between OTN nodes, the same at both ends: tributary slots, counted from 1 and
    ascending, under a tributary port number (ITU-T G.709)."""

    link: str
    tributary_port: int
    slots: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """One ODU through the optical layer, from client port to client port: a stretch of a route, for one line alone.

    ``number`` names its cross-connects and is unique in the network. ``nodes`` are the OTN nodes in order; ``entry``
    and ``exit`` the client links before the first and behind the last; ``slots`` of each link between, in order.
    """

    number: int
    odu: OduType
    nodes: tuple[str, ...]
    entry: str
    exit: str
    slots: tuple[SlotUse, ...]

    @property
    def links(self) -> tuple[str, ...]:
        """All that it takes, client links included, in order."""
        return (self.entry, *(use.link for use in self.slots), self.exit)


NO_TRUNKS: Final = PerDirection(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLine:
    """A line and all that it holds in the network.

    ``number`` is the line's own for as long as it lives and names it in cookies. Per direction:
    ``service_label`` (what the far end unwraps by; even, and the odd one after it is the line's, too: its shim label),
    ``trunk_label`` (the working trunk ridden; 0 on a route without links), ``protect_label`` (the protect trunk; 0
    without protection) and ``meter_id`` (at the PE where that direction enters).
    """

    line: PrivateLine
    number: int
    paths: tuple[PlacedPath, ...]
    service_label: PerDirection[int]
    trunk_label: PerDirection[int]
    meter_id: PerDirection[int]
    protect_label: PerDirection[int] = NO_TRUNKS
    circuits: tuple[Circuit, ...] = ()
    """Where its routes cross the optical layer, in the order of routes and of nodes."""

    @property
    def working(self) -> PlacedPath:
        return self.paths[0]

    @property
    def routes(self) -> tuple[Route, ...]:
        return tuple(path.route for path in self.paths)

    @property
    def trunks_ridden(self) -> frozenset[int]:
        """The labels of all trunks that may carry the line, both directions."""
        return frozenset((*self.trunk_label, *self.protect_label)) - {0}

    @property
    def pairs_ridden(self) -> frozenset[PairKey]:
        """The pairs of trunks that carry the line, one a direction; none without protection."""
        pairs = zip(self.trunk_label, self.protect_label, strict=True)
        return frozenset((working, protect) for working, protect in pairs if protect)

    def reservations(self, topology: Topology) -> Iterator[Reservation]:
        """What the line holds of each link, both directions."""
        for path in self.paths:
            for link, direction in path.route.hops(topology):
                yield Reservation(link=link.name, direction=direction, bps=path.reserved_bps.a_to_z)
                yield Reservation(link=link.name, direction=direction.reverse, bps=path.reserved_bps.z_to_a)
