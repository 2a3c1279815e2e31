"""The working network: the topology as a networkx multigraph, with all that changes about it.

The graph is the truth. It has one arc per link and direction, with the link's name as key and the attributes

* ``delay_ns``: effective delay, that is the measured one if there is one, else the declared one;
* ``capacity_bps``, ``reserved_bps``: integers, so that a release is exactly the reverse of its reservation;
* ``enabled`` (administrative state) and ``up`` (operational state), the same for both directions of a link.

Nodes have ``enabled`` and ``up``. All of it is written through one setter, which a trial can undo, and which writes the
mirror too: the same network as arrays, on which the searches work (``paths.mirror``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import copy
from types import MappingProxyType
from typing import TYPE_CHECKING

import networkx as nx

from controller.domain.placement import Reservation
from controller.domain.topology import Direction, Link, Role, Topology
from controller.paths.reflection import reflect_all, reflect_arc, reflect_node
from controller.paths.trials import Trial, Trials

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from controller.paths.lines import Lines
    from controller.paths.mirror import Mirror
    from controller.paths.overlay import Overlay

_NOTHING: Mapping[Hashable, Iterable[Reservation]] = MappingProxyType({})


class ReservationError(Exception):
    """A programming error: more than is free, an owner that has already reserved, or one that has not."""


class Network:
    """One topology with its reservations, by owner. Not for use by several threads at once.

    Raises ``ValueError`` on a topology that no search could be exact on (negative delay, cost or capacity, a link
    that begins and ends at one node), ``ReservationError`` if ``reservations`` do not fit.
    """

    def __init__(self, topology: Topology, reservations: Mapping[Hashable, Iterable[Reservation]] = _NOTHING) -> None:
        self.topology = topology
        self.graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        self._links = tuple(sorted(topology.links, key=lambda link: link.name))
        self._arcs: dict[tuple[str, Direction], dict[str, int]] = {}
        self._crossing_ns = {link.name: topology.crossing_ns(link) for link in self._links}
        self._links_at: dict[str, list[tuple[Link, Direction]]] = {}
        self._links_of_srlg: dict[str, list[Link]] = {}
        self._held: dict[Hashable, tuple[Reservation, ...]] = {}
        self._trials = Trials()
        self._lines: Lines | None = None
        self._mirror: Mirror | None = None
        self._overlay: Overlay | None = None
        self._attributes: list[dict[str, int]] | None = None
        self._add_nodes()
        for link in self._links:
            self._add(link)
        for owner, wanted in reservations.items():
            self.reserve(owner, wanted)

    def _add_nodes(self) -> None:
        for node in sorted(self.topology.nodes, key=lambda node: node.name):
            # An OTN node crosses light, not packets.
            carries_packets = node.role is not Role.OTN
            self.graph.add_node(node.name, enabled=node.enabled and carries_packets, up=True)
            self._links_at[node.name] = []

    def _add(self, link: Link) -> None:
        if link.a == link.z:
            raise ValueError(f"link {link.name} begins and ends at {link.a}")
        if min(*link.delay_ns, *link.capacity_bps, link.cost) < 0:
            raise ValueError(f"link {link.name} has a negative delay, capacity or cost")
        for direction in Direction:
            tail, head = link.ends(direction)
            self.graph.add_edge(
                tail,
                head,
                key=link.name,
                delay_ns=link.delay_ns[direction],
                capacity_bps=link.capacity_bps[direction],
                reserved_bps=0,
                enabled=link.enabled,
                up=True,
            )
            # The very dictionary of the graph: an index into the truth, not a copy of it.
            self._arcs[link.name, direction] = self.graph.edges[tail, head, link.name]
            self._links_at[tail].append((link, direction))
        for srlg in dict.fromkeys(link.srlgs):
            self._links_of_srlg.setdefault(srlg, []).append(link)

    # What searches read.

    def links_at(self, node: str) -> list[tuple[Link, Direction]]:
        """The links of ``node`` by name, each with the direction in which it leaves the node."""
        return self._links_at[node]

    def links_of_srlg(self, srlg: str) -> Sequence[Link]:
        """The links that share this risk, by name; none if it is unknown."""
        return self._links_of_srlg.get(srlg, ())

    def node_in_service(self, node: str) -> bool:
        """Enabled and up."""
        state = self.graph.nodes[node]
        return bool(state["enabled"] and state["up"])

    def is_on(self, link: Link) -> bool:
        """Enabled and up itself, whatever its ends are."""
        arc = self._arcs[link.name, Direction.A_TO_Z]
        return bool(arc["enabled"] and arc["up"])

    def in_service(self, link: Link) -> bool:
        """Enabled and up, and both its ends as well."""
        return self.is_on(link) and self.node_in_service(link.a) and self.node_in_service(link.z)

    def crossing_delay_ns(self, link: Link, direction: Direction) -> int:
        """What crossing the link adds to a route: its effective delay, the delay of a hop, and what counts on it of the
        OTN nodes at its ends."""
        return self._arcs[link.name, direction]["delay_ns"] + self._crossing_ns[link.name]

    def residual_bps(self, link: Link, direction: Direction) -> int:
        """What is not reserved of one direction of the link."""
        arc = self._arcs[link.name, direction]
        return arc["capacity_bps"] - arc["reserved_bps"]

    # Reservations.

    def reserve(self, owner: Hashable, reservations: Iterable[Reservation]) -> None:
        """Reserve all of it or nothing; ``ReservationError`` if any does not fit or ``owner`` has reserved before."""
        wanted = tuple(reservations)
        self.take_for(owner, wanted)
        self._hold(owner, wanted)

    def release(self, owner: Hashable) -> tuple[Reservation, ...]:
        """Give back, and return, all that ``owner`` holds; ``ReservationError`` if it has reserved nothing."""
        if self._lines is not None and owner in self._lines:
            return self._lines.release(owner)
        if owner not in self._held:
            raise ReservationError(f"{owner} has reserved nothing")
        held = self._held[owner]
        self.give_back(held)
        self._hold(owner, None)
        return held

    def holds(self, owner: Hashable) -> bool:
        return owner in self._held or (self._lines is not None and owner in self._lines)

    def holds_any(self, owners: set[Hashable]) -> bool:
        """Whether any of the owners has reserved something."""
        return not self._held.keys().isdisjoint(owners) or (self._lines is not None and self._lines.holds_any(owners))

    def reservations(self, owner: Hashable) -> tuple[Reservation, ...]:
        """What ``owner`` reserved; ``KeyError`` if it has reserved nothing."""
        if self._lines is not None and owner in self._lines:
            return self._lines.reservations(owner)
        return self._held[owner]

    @property
    def lines(self) -> Lines:
        """The owners that are lines, with their requests and routes; each owner is here, or has reserved by itself."""
        if self._lines is None:
            from controller.paths.lines import Lines

            self._lines = Lines(self)
        return self._lines

    def reserved(self) -> Iterator[tuple[Link, Direction, int]]:
        """Every link and direction, by name, with the bits per second reserved of it; for reports."""
        for link in self._links:
            for direction in Direction:
                yield link, direction, self._arcs[link.name, direction]["reserved_bps"]

    def take_for(self, owner: Hashable, wanted: tuple[Reservation, ...]) -> None:
        """Take all of it or nothing off what is free, for an owner that holds nothing yet: the first half of
        ``reserve``, of which the second is to remember the owner."""
        if self.holds(owner):
            raise ReservationError(f"{owner} has reserved already")
        taken = 0
        try:
            for reservation in wanted:
                arc = self._arcs[reservation.link, reservation.direction]
                free_bps = arc["capacity_bps"] - arc["reserved_bps"]
                if not 0 <= reservation.bps <= free_bps:
                    asked = f"{reservation.bps} bps of {reservation.link} {reservation.direction}"
                    raise ReservationError(f"{owner} asks for {asked}; {free_bps} bps are free")
                self._take((reservation,), 1)
                taken += 1
        except BaseException:
            self._take(wanted[:taken], -1)
            raise
        self.note(lambda: self._take(wanted, -1))

    def give_back(self, held: Iterable[Reservation]) -> None:
        """Let what somebody held be free again: the first half of ``release``."""
        released = tuple(held)
        self._take(released, -1)
        self.note(lambda: self._take(released, 1))

    def take_over(self, free_before: npt.NDArray[np.int64]) -> None:
        """Write into the graph what kernels have reserved and released in the mirror since ``free_before``, by arc."""
        mirror = self.mirror
        changed = (mirror.free != free_before).nonzero()[0].tolist()
        if self._attributes is None:
            places = map(mirror.place_of, range(len(mirror.free)))
            self._attributes = [self._arcs[place] for place in places]
        attributes = [self._attributes[arc] for arc in changed]

        def write_back(free: list[int]) -> None:
            for arc, written, bps in zip(changed, attributes, free, strict=True):
                written["reserved_bps"] = written["capacity_bps"] - bps
                mirror.set_free(arc, bps)

        before = free_before[changed].tolist()
        self.note(lambda: write_back(before))
        for written, bps in zip(attributes, mirror.free[changed].tolist(), strict=True):
            written["reserved_bps"] = written["capacity_bps"] - bps

    def _take(self, reservations: Iterable[Reservation], times: int) -> None:
        """Reserve (1), or release (-1), without a look at what is free or a note how to undo it."""
        mirror = self._mirror
        for reservation in reservations:
            link, direction = reservation.link, reservation.direction
            arc = self._arcs[link, direction]
            arc["reserved_bps"] += times * reservation.bps
            if mirror is not None:
                mirror.set_free(mirror.arc(link, direction), arc["capacity_bps"] - arc["reserved_bps"])

    def _hold(self, owner: Hashable, held: tuple[Reservation, ...] | None) -> None:
        before = self._held.get(owner)
        self.note(lambda: self._write_held(owner, before))
        self._write_held(owner, held)

    def _write_held(self, owner: Hashable, held: tuple[Reservation, ...] | None) -> None:
        if held is None:
            self._held.pop(owner, None)
        else:
            self._held[owner] = held

    # Delay and state, as they are measured, observed and ordered.

    def set_measured_delay(self, link: Link, direction: Direction, delay_ns: int | None) -> None:
        """From now on ``delay_ns`` is in effect for this direction; ``None`` (not fresh any more): the declared one."""
        effective_ns = link.delay_ns[direction] if delay_ns is None else delay_ns
        if effective_ns < 0:
            raise ValueError(f"link {link.name} cannot have a delay of {effective_ns} ns")
        self._set_arc(link, direction, "delay_ns", effective_ns)

    def set_link_enabled(self, link: Link, enabled: bool) -> None:
        """Administrative state: a person's word."""
        self._set_both(link, "enabled", enabled)

    def set_link_up(self, link: Link, up: bool) -> None:
        """Operational state: what was observed."""
        self._set_both(link, "up", up)

    def set_node_enabled(self, node: str, enabled: bool) -> None:
        self._set_node(node, "enabled", enabled)

    def set_node_up(self, node: str, up: bool) -> None:
        self._set_node(node, "up", up)

    def _set_both(self, link: Link, attribute: str, value: bool) -> None:
        for direction in Direction:
            self._set_arc(link, direction, attribute, value)

    # Trials.

    def trial(self) -> AbstractContextManager[Trial]:
        """Everything done inside is undone at the end, also after an exception, unless the trial is kept.

        Trials nest: what an inner one keeps, the outer one can still undo.
        """
        return self._trials.begin()

    def note(self, undo: Callable[[], None]) -> None:
        """Say how to undo what is about to be done, for the trials that are open."""
        self._trials.note(undo)

    def first_change(self, part: str) -> bool:
        """Whether ``part`` must note as a whole what it is, for the trial that is open: see ``Trials``."""
        return self._trials.first_change(part)

    @property
    def overlay(self) -> Overlay:
        """Shows the network with other links in service."""
        if self._overlay is None:
            from controller.paths.overlay import Overlay

            self._overlay = Overlay(self)
        return self._overlay

    def seen_in(self, mirror: Mirror) -> Network:
        """This network with another mirror: only for searching what that one shows, nothing can be written."""
        seen = copy(self)
        seen._mirror = mirror
        return seen

    # The one setter: whatever ever changes of an arc or a node is written here, in the graph and in the mirror. Only
    # what is reserved has a setter of its own, ``_take``: it changes by the thousand.

    def _set_arc(self, link: Link, direction: Direction, name: str, value: int) -> None:
        attributes = self._arcs[link.name, direction]
        self._set(attributes, name, value, lambda mirror: reflect_arc(self, mirror, link, direction, name))

    def _set_node(self, node: str, name: str, value: int) -> None:
        self._set(self.graph.nodes[node], name, value, lambda mirror: reflect_node(self, mirror, node))

    def _set(self, attributes: dict[str, int], name: str, value: int, reflect: Callable[[Mirror], None]) -> None:
        def write(value: int) -> None:
            attributes[name] = value
            if self._mirror is not None:
                reflect(self._mirror)

        before = attributes[name]
        self.note(lambda: write(before))
        write(value)

    @property
    def mirror(self) -> Mirror:
        """The network as arrays, ready to be searched; made when it is first asked for, and kept up from then on."""
        if self._mirror is None:
            from controller.paths.mirror import Mirror

            self._mirror = Mirror(self.graph.nodes, self._links, self.topology.hop_delay_ns)
            reflect_all(self, self._mirror)
        self._mirror.settle()
        return self._mirror
