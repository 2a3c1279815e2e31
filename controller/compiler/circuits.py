"""Which ODUs of lines there are in the optical layer: the slots they have of each link, and the client ports.

One client port carries one ODU, and one ODU one line. Slots are given from the lowest free one up; they need not be
neighbours (ITU-T G.709, clause 19: the multiplex structure identifier names each). The tributary port number of an ODU
in a link is that of its first slot, and so its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from controller.compiler.pools import CIRCUIT_NUMBERS, Pool
from controller.compiler.undo import UndoLog
from controller.domain.foreign import SlotsInUse
from controller.domain.otn import OduType, slots_taken
from controller.domain.placement import Circuit, Route, SlotUse
from controller.domain.topology import Layer, Link, Role, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of a route that lies in the optical layer: its OTN nodes in order, the client links before and behind
    them, the links between."""

    nodes: tuple[str, ...]
    entry: str
    exit: str
    links: tuple[str, ...]


def stretches(topology: Topology, route: Route) -> Iterator[Stretch]:
    """Each part of a route between PEs that crosses OTN nodes, in order."""
    start: int | None = None
    for position, name in enumerate(route.nodes):
        optical = topology.node[name].role is Role.OTN
        if optical and start is None:
            start = position
        elif not optical and start is not None:
            yield Stretch(
                nodes=route.nodes[start:position],
                entry=route.links[start - 1],
                exit=route.links[position - 1],
                links=route.links[start : position - 1],
            )
            start = None


def stretch_of(circuit: Circuit) -> Stretch:
    """The part of a route that a circuit is for."""
    return Stretch(
        nodes=circuit.nodes, entry=circuit.entry, exit=circuit.exit, links=tuple(use.link for use in circuit.slots)
    )


class Circuits:
    """The ledger of the optical layer. What is taken is undone with the inventory that it belongs to.

    Like other numbers, slots and ports stay held while a plan withdraws their line: what replaces it is made before it
    goes, and never in its place.
    """

    def __init__(self, topology: Topology, log: UndoLog) -> None:
        self._topology = topology
        self._log = log
        self._numbers = Pool(*CIRCUIT_NUMBERS, log)
        self._slots: dict[str, dict[int, int]] = {link.name: {} for link in topology.links if link.slots}
        self._clients: dict[str, int] = {}
        self._held: dict[int, Circuit] = {}
        self._aside: dict[str, dict[int, frozenset[int]]] = {}
        self._ports = {
            link.name: ((link.a, link.a_port), (link.z, link.z_port))
            for link in topology.links
            if topology.layer(link) is Layer.OTN
        }

    def slots_used(self, link: str) -> int:
        """How many slots of a link are taken; 0 of one that has none."""
        return len(self._slots.get(link, ()))

    def has_room(self, link: Link, odu: OduType) -> bool:
        """Whether one more ODU finds room on a link of the optical layer."""
        if self._topology.is_client_link(link):
            return link.name not in self._clients and not any(
                port in self._aside.get(node, ()) for node, port in self._ports[link.name]
            )
        needed = None if link.odu is None else slots_taken(odu, link.odu)
        return needed is not None and len(self._free(link)) >= needed

    def set_aside(self, node: str, others: Iterable[SlotsInUse]) -> bool:
        """Give none of what others use at an OTN node, and what they used before again; who holds some keeps it.
        Returns whether they use anything that they did not use before."""
        in_use: defaultdict[int, set[int]] = defaultdict(set)
        for use in others:
            in_use[use.port].update(use.slots)
        before = self._aside.get(node, {})
        self._aside[node] = {port: frozenset(slots) for port, slots in in_use.items()}
        return any(port not in before or slots - before[port] for port, slots in self._aside[node].items())

    def take(self, odu: OduType, stretch: Stretch) -> Circuit:
        """A new circuit along a stretch whose links all have room. Raises ``PoolExhausted``."""
        circuit = Circuit(
            number=self._numbers.take(),
            odu=odu,
            nodes=stretch.nodes,
            entry=stretch.entry,
            exit=stretch.exit,
            slots=tuple(self._free_slots(link, odu) for link in stretch.links),
        )
        self.hold(circuit)
        return circuit

    def without_room(self, circuit: Circuit) -> list[str]:
        """The links of a circuit that have no room for one more like it."""
        links = dict.fromkeys(circuit.links)
        return [name for name in links if not self.has_room(self._topology.link[name], circuit.odu)]

    def take_again(self, circuit: Circuit) -> Circuit:
        """A circuit that was planned earlier: the very same if its number and slots are free, else another along the
        same links, which all have room. Raises ``PoolExhausted``."""
        same = circuit.number not in self._numbers and all(
            set(use.slots).issubset(self._free(self._topology.link[use.link])) for use in circuit.slots
        )
        if not same:
            return self.take(circuit.odu, stretch_of(circuit))
        self.hold(circuit)
        return circuit

    def hold(self, circuit: Circuit) -> None:
        """Take in a circuit that was made earlier; one that is here stays. ``ValueError`` (a programming error) when
        another has what it needs."""
        there = self._held.get(circuit.number)
        if there == circuit:
            return
        if there is not None:
            raise ValueError(f"there is another circuit {circuit.number}: {there}")
        for link, slot in _slots(circuit):
            if slot in self._slots[link]:
                raise ValueError(f"slot {slot} of {link} belongs to circuit {self._slots[link][slot]}")
        for client in {circuit.entry, circuit.exit}:
            if client in self._clients:
                raise ValueError(f"client link {client} belongs to circuit {self._clients[client]}")
        self._numbers.hold((circuit.number,))
        self._insert(circuit)
        self._log.record(lambda: self._extract(circuit))

    def release(self, circuit: Circuit) -> None:
        """Give back all that a circuit has."""
        self._extract(circuit)
        self._log.record(lambda: self._insert(circuit))
        self._numbers.release(circuit.number)

    def _free_slots(self, link: str, odu: OduType) -> SlotUse:
        server = self._topology.link[link]
        assert server.odu is not None
        needed = slots_taken(odu, server.odu)
        free = self._free(server)
        if needed is None or len(free) < needed:
            raise ValueError(f"{link} has no room for an {odu}")
        return SlotUse(link=link, tributary_port=free[0], slots=tuple(free[:needed]))

    def _free(self, link: Link) -> list[int]:
        """The slots of a link that nobody has, at either end."""
        taken = set(self._slots[link.name])
        for node, port in self._ports[link.name]:
            taken |= self._aside.get(node, {}).get(port, frozenset())
        return [slot for slot in range(1, link.slots + 1) if slot not in taken]

    def _insert(self, circuit: Circuit) -> None:
        self._held[circuit.number] = circuit
        for link, slot in _slots(circuit):
            self._slots[link][slot] = circuit.number
        for client in (circuit.entry, circuit.exit):
            self._clients[client] = circuit.number

    def _extract(self, circuit: Circuit) -> None:
        del self._held[circuit.number]
        for link, slot in _slots(circuit):
            del self._slots[link][slot]
        for client in {circuit.entry, circuit.exit}:
            del self._clients[client]


def _slots(circuit: Circuit) -> Iterator[tuple[str, int]]:
    for use in circuit.slots:
        for slot in use.slots:
            yield use.link, slot
