"""The optical layer of a lab: joins client ports exactly while the cross-connects that OTN nodes hold form a circuit
between them, and lets frames through it as a circuit of that length would.

A client link has one plug, at the PE's port; fibres and OTN nodes are no interfaces, only figures. A client port that
no circuit leads to has no carrier, like that of a transponder which signals a failure of its line to its client.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from controller.domain.rules import CrossConnect
from controller.domain.topology import Direction, Layer, Link, PerDirection, Role, Topology
from lab.circuits import JoinedClients, joined_clients
from lab.errors import LabError
from lab.wire import Impairment, in_series
from lab.wires import Wires


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """A circuit that carries frames; ``wire`` is its name among the wires, aToZ leads from its first client link to its
    last."""

    joined: JoinedClients
    impairment: PerDirection[Impairment]

    @property
    def wire(self) -> str:
        """No link's name has a space in it."""
        return " ".join(self.joined.ends)


class OpticalLayer:
    """The links of a topology that end at OTN nodes, over ``wires``, which has a plug for each client link by its name.
    May be called from several threads."""

    def __init__(self, topology: Topology, wires: Wires) -> None:
        self._topology = topology
        self._wires = wires
        self._nodes = tuple(node.name for node in topology.nodes if node.role is Role.OTN)
        self._links = {link.name: link for link in topology.links if topology.layer(link) is Layer.OTN}
        self._impairments = {name: self._declared(link) for name, link in self._links.items()}
        self._cut: set[str] = set()
        self._held: dict[str, tuple[CrossConnect, ...]] = {}
        self._circuits: dict[str, Circuit] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """Of its links."""
        return tuple(self._links)

    @property
    def circuits(self) -> tuple[Circuit, ...]:
        """Those that carry frames now."""
        with self._lock:
            return tuple(self._circuits.values())

    def held(self, node: str) -> tuple[CrossConnect, ...]:
        """What an OTN node held when it was last read."""
        with self._lock:
            return self._held.get(node, ())

    def hold(self, node: str, cross_connects: Iterable[CrossConnect]) -> None:
        """Carry what a node now holds."""
        with self._lock:
            self._held[node] = tuple(cross_connects)
            self._follow()

    def impairment(self, name: str, direction: Direction) -> Impairment:
        """What this direction of a link is set to now: its fibre alone, without nodes."""
        return self._impairments[name][direction]

    def set(self, name: str, direction: Direction, impairment: Impairment) -> None:
        """Change one direction of a link from now on."""
        with self._lock:
            self._impairments[name][direction] = impairment
            self._follow()

    def cut(self, name: str) -> None:
        """No circuit leads through it any more: at both ends of each, the client loses its carrier."""
        with self._lock:
            self._cut.add(name)
            self._follow()

    def restore(self, name: str) -> None:
        with self._lock:
            self._cut.discard(name)
            self._follow()

    def swap(self, name: str, other: str) -> None:
        """Exchange the far (z) ends of two links, as a mistake at a patch panel would; again, and all is as before."""
        one, two = self._links[name], self._links[other]
        if any(self._topology.is_client_link(link) for link in (one, two)):
            raise LabError("client links cannot be swapped, only links between OTN nodes")
        with self._lock:
            self._links[name] = replace(one, z=two.z, z_port=two.z_port)
            self._links[other] = replace(two, z=one.z, z_port=one.z_port)
            self._follow()

    def _follow(self) -> None:
        """Have the wires be what the circuits are."""
        lit = [link for name, link in self._links.items() if name not in self._cut]
        wanted = {circuit.wire: circuit for circuit in map(self._circuit, joined_clients(lit, self._nodes, self._held))}
        for wire, circuit in list(self._circuits.items()):
            if wire not in wanted or wanted[wire].joined != circuit.joined:
                self._wires.part(wire)
                del self._circuits[wire]
        for wire, circuit in wanted.items():
            known = self._circuits.get(wire)
            if known is None:
                self._wires.join(wire, *circuit.joined.ends, circuit.impairment)
            elif known.impairment != circuit.impairment:
                for direction in Direction:
                    self._wires.set(wire, direction, circuit.impairment[direction])
            self._circuits[wire] = circuit

    def _circuit(self, joined: JoinedClients) -> Circuit:
        """With all that its frames meet: fibres, what crossing each link adds, and the rate of the ODU's payload."""
        entry = self._links[joined.links[0]]
        crossed = [(entry, entry.direction_from(joined.nodes[0]).reverse)]
        for node, name in zip(joined.nodes, joined.links[1:], strict=True):
            link = self._links[name]
            crossed.append((link, link.direction_from(node)))
        own = Impairment(
            delay_ns=sum(self._topology.crossing_ns(link) for link, _ in crossed), rate_bps=joined.odu.payload_bps
        )
        there = [self._impairments[link.name][direction] for link, direction in crossed]
        back = [self._impairments[link.name][direction.reverse] for link, direction in crossed]
        return Circuit(joined=joined, impairment=PerDirection(in_series([own, *there]), in_series([own, *back])))

    def _declared(self, link: Link) -> dict[Direction, Impairment]:
        """A client link is as wide as its port; how much of a link between OTN nodes is a circuit's, its ODU says."""
        client = self._topology.is_client_link(link)
        return {
            direction: Impairment(
                delay_ns=link.delay_ns[direction], rate_bps=link.capacity_bps[direction] if client else None
            )
            for direction in Direction
        }
