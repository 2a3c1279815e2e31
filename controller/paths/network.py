"""The working network: the topology as a networkx multigraph, with all that changes about it.

The graph is the truth. It has one arc per link and direction, with the link's name as key and the attributes

* ``delay_ns``: effective delay, that is the measured one if there is one, else the declared one;
* ``capacity_bps``, ``reserved_bps``: integers, so that a release is exactly the reverse of its reservation;
* ``enabled`` (administrative state) and ``up`` (operational state), the same for both directions of a link.

Nodes have ``enabled`` and ``up``. All of it is written through one setter, which a trial can undo.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import networkx as nx

from controller.domain.placement import Reservation
from controller.domain.topology import Direction, Link, Role, Topology

_NOTHING: Mapping[Hashable, Iterable[Reservation]] = MappingProxyType({})


class ReservationError(Exception):
    """A programming error: more than is free, an owner that has already reserved, or one that has not."""


class Trial:
    """What was changed since the trial began is undone at its end, unless ``keep`` was called."""

    def __init__(self) -> None:
        self.kept = False

    def keep(self) -> None:
        self.kept = True


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
        self._links_at: dict[str, list[tuple[Link, Direction]]] = {}
        self._held: dict[Hashable, tuple[Reservation, ...]] = {}
        self._undo: list[Callable[[], None]] = []
        self._open_trials = 0
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

    # What searches read.

    def links_at(self, node: str) -> list[tuple[Link, Direction]]:
        """The links of ``node`` by name, each with the direction in which it leaves the node."""
        return self._links_at[node]

    def node_in_service(self, node: str) -> bool:
        """Enabled and up."""
        state = self.graph.nodes[node]
        return bool(state["enabled"] and state["up"])

    def in_service(self, link: Link) -> bool:
        """Enabled and up, and both its ends as well."""
        arc = self._arcs[link.name, Direction.A_TO_Z]
        return bool(arc["enabled"] and arc["up"]) and self.node_in_service(link.a) and self.node_in_service(link.z)

    def crossing_delay_ns(self, link: Link, direction: Direction) -> int:
        """What crossing the link adds to a route: its effective delay and the delay of a hop."""
        return self._arcs[link.name, direction]["delay_ns"] + self.topology.hop_delay_ns

    def residual_bps(self, link: Link, direction: Direction) -> int:
        """What is not reserved of one direction of the link."""
        arc = self._arcs[link.name, direction]
        return arc["capacity_bps"] - arc["reserved_bps"]

    # Reservations.

    def reserve(self, owner: Hashable, reservations: Iterable[Reservation]) -> None:
        """Reserve all of it or nothing; ``ReservationError`` if any does not fit or ``owner`` has reserved before."""
        if owner in self._held:
            raise ReservationError(f"{owner} has reserved already")
        wanted = tuple(reservations)
        with self.trial() as trial:
            for reservation in wanted:
                self._take(owner, reservation)
            self._hold(owner, wanted)
            trial.keep()

    def release(self, owner: Hashable) -> tuple[Reservation, ...]:
        """Give back, and return, all that ``owner`` holds; ``ReservationError`` if it has reserved nothing."""
        if owner not in self._held:
            raise ReservationError(f"{owner} has reserved nothing")
        held = self._held[owner]
        for reservation in held:
            arc = self._arcs[reservation.link, reservation.direction]
            self._set(arc, "reserved_bps", arc["reserved_bps"] - reservation.bps)
        self._hold(owner, None)
        return held

    def holds(self, owner: Hashable) -> bool:
        return owner in self._held

    def reservations(self, owner: Hashable) -> tuple[Reservation, ...]:
        """What ``owner`` reserved; ``KeyError`` if it has reserved nothing."""
        return self._held[owner]

    def reserved(self) -> Iterator[tuple[Link, Direction, int]]:
        """Every link and direction, by name, with the bits per second reserved of it; for reports."""
        for link in self._links:
            for direction in Direction:
                yield link, direction, self._arcs[link.name, direction]["reserved_bps"]

    def _take(self, owner: Hashable, reservation: Reservation) -> None:
        link = self.topology.link[reservation.link]
        free_bps = self.residual_bps(link, reservation.direction)
        if not 0 <= reservation.bps <= free_bps:
            asked = f"{reservation.bps} bps of {link.name} {reservation.direction}"
            raise ReservationError(f"{owner} asks for {asked}; {free_bps} bps are free")
        arc = self._arcs[reservation.link, reservation.direction]
        self._set(arc, "reserved_bps", arc["reserved_bps"] + reservation.bps)

    def _hold(self, owner: Hashable, held: tuple[Reservation, ...] | None) -> None:
        before = self._held.get(owner)
        self._note(lambda: self._write_held(owner, before))
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
        self._set(self._arcs[link.name, direction], "delay_ns", effective_ns)

    def set_link_enabled(self, link: Link, enabled: bool) -> None:
        """Administrative state: a person's word."""
        self._set_both(link, "enabled", enabled)

    def set_link_up(self, link: Link, up: bool) -> None:
        """Operational state: what was observed."""
        self._set_both(link, "up", up)

    def set_node_enabled(self, node: str, enabled: bool) -> None:
        self._set(self.graph.nodes[node], "enabled", enabled)

    def set_node_up(self, node: str, up: bool) -> None:
        self._set(self.graph.nodes[node], "up", up)

    def _set_both(self, link: Link, attribute: str, value: bool) -> None:
        for direction in Direction:
            self._set(self._arcs[link.name, direction], attribute, value)

    # Trials.

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """Everything done inside is undone at the end, also after an exception, unless the trial is kept.

        Trials nest: what an inner one keeps, the outer one can still undo.
        """
        mark = len(self._undo)
        trial = Trial()
        self._open_trials += 1
        try:
            yield trial
        except BaseException:
            trial.kept = False
            raise
        finally:
            self._open_trials -= 1
            if not trial.kept:
                while len(self._undo) > mark:
                    self._undo.pop()()
            if not self._open_trials:
                self._undo.clear()

    def _set(self, attributes: dict[str, int], name: str, value: int) -> None:
        """The one setter: every attribute of an arc or a node that ever changes is written here."""
        before = attributes[name]
        self._note(lambda: attributes.__setitem__(name, before))
        attributes[name] = value

    def _note(self, undo: Callable[[], None]) -> None:
        if self._open_trials:
            self._undo.append(undo)
