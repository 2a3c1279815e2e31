"""Plans that are kept for later: nobody else gets their numbers; a hold keeps bandwidth, slots and customer ports, too.

What is kept belongs to the plan, not to its lines: no rule follows from it, and it has no trunk that others could ride.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, replace

from controller.compiler.inventory import Inventory
from controller.compiler.plan import Movement
from controller.compiler.pools import Pool
from controller.domain.intents import Attachment
from controller.domain.placement import Circuit, PlacedLine, Reservation
from controller.domain.topology import Direction, Topology
from controller.paths.network import Network, ReservationError


@dataclass(frozen=True, slots=True)
class _Kept:
    """What one plan keeps. Unless it is held, that is its numbers alone."""

    numbers: frozenset[tuple[Pool, int]]
    circuits: tuple[Circuit, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    held: bool = False


class KeptPlans:
    """Changed by the planner alone; what is done inside the trials of ``network`` and ``inventory`` is undone at their
    end."""

    def __init__(self, network: Network, inventory: Inventory) -> None:
        self._network = network
        self._inventory = inventory
        self._kept: dict[str, _Kept] = {}
        self._at_site: defaultdict[str, dict[int | None, str]] = defaultdict(dict)

    def keep(self, plan_id: str, movement: Movement, *, hold: bool) -> None:
        """Keep what a plan, made just before, would take. After a restart with another topology:
        ``ReservationError`` if it is to be held and there is no room, ``KeyError`` if it names what is not there any
        more; then nothing is kept."""
        circuits = _new_circuits(movement) if hold else ()
        attachments = _new_attachments(movement) if hold else ()
        with self._network.trial() as trial, self._inventory.all_or_nothing():
            if hold:
                self._network.reserve(_owner(plan_id), room_needed(self._inventory.topology, movement))
            wanted = dict.fromkeys(self._inventory.numbers_of(movement))
            numbers = frozenset((pool, number) for pool, number in wanted if pool.is_free(number))
            for pool, number in sorted(numbers, key=lambda one: one[1]):
                pool.hold((number,))
            for circuit in circuits:
                if self._inventory.circuits.without_room(circuit):
                    raise ReservationError(f"circuit {circuit.number} of plan {plan_id} has no room any more")
                self._inventory.circuits.hold(circuit)
            trial.keep()
        for attachment in attachments:
            self._at_site[attachment.site][attachment.vlan] = plan_id
        self._kept[plan_id] = _Kept(numbers, circuits, attachments, hold)

    def end_hold(self, plan_id: str) -> None:
        """Bandwidth, slots and ports are free again; the numbers stay kept."""
        kept = self._kept[plan_id]
        if not kept.held:
            return
        self._network.release(_owner(plan_id))
        for circuit in kept.circuits:
            self._inventory.circuits.release(circuit)
        for attachment in kept.attachments:
            del self._at_site[attachment.site][attachment.vlan]
        self._kept[plan_id] = replace(kept, circuits=(), attachments=(), held=False)
        self._inventory.note(lambda: self._put_back(plan_id, kept))

    def let_go(self, plan_id: str) -> None:
        """Nothing of the plan is kept any more; one that is not kept is no matter."""
        if plan_id not in self._kept:
            return
        self.end_hold(plan_id)
        kept = self._kept.pop(plan_id)
        self._inventory.note(lambda: self._kept.__setitem__(plan_id, kept))
        for pool, number in kept.numbers:
            pool.release(number)

    def lose(self, pool: Pool, number: int) -> bool:
        """Somebody else was found to use this number: whoever keeps it does so no longer, and it stays in use. Returns
        whether anybody did."""
        losing = [plan_id for plan_id, kept in self._kept.items() if (pool, number) in kept.numbers]
        for plan_id in losing:
            kept = self._kept[plan_id]
            self._kept[plan_id] = replace(kept, numbers=kept.numbers - {(pool, number)})
        return bool(losing)

    def holder_of(self, attachment: Attachment) -> str | None:
        """The plan whose hold stands in the way of an attachment."""
        there = self._at_site.get(attachment.site)
        if not there:
            return None
        if attachment.vlan is None:
            return next(iter(there.values()))
        return there.get(attachment.vlan, there.get(None))

    def _put_back(self, plan_id: str, kept: _Kept) -> None:
        self._kept[plan_id] = kept
        for attachment in kept.attachments:
            self._at_site[attachment.site][attachment.vlan] = plan_id


def room_needed(topology: Topology, movement: Movement) -> tuple[Reservation, ...]:
    """What must be free of each direction of a link, beyond what the plan's lines hold now, so that they can be moved
    one after the other as they were planned: the most of it that they use at any step."""
    out = {placed.line.key: placed for placed in movement.lines_out}
    staying = {placed.line.key for placed in movement.lines_in}
    more: Counter[tuple[str, Direction]] = Counter()
    most: Counter[tuple[str, Direction]] = Counter()
    for key, placed in out.items():
        if key not in staying:
            _add(more, topology, placed, -1)
    for placed in movement.lines_in:
        before = out.get(placed.line.key)
        if before is not None:
            _add(more, topology, before, -1)
        _add(more, topology, placed, 1)
        most |= more
    return tuple(
        Reservation(link=link, direction=direction, bps=bps)
        for (link, direction), bps in sorted(most.items())
        if bps > 0
    )


def _new_attachments(movement: Movement) -> tuple[Attachment, ...]:
    """The customer ports that the plan takes and that none of its own lines has already."""
    had = {end for placed in movement.lines_out for end in (placed.line.a, placed.line.z)}
    new = (end for placed in movement.lines_in for end in (placed.line.a, placed.line.z))
    return tuple(end for end in new if end not in had)


def _new_circuits(movement: Movement) -> tuple[Circuit, ...]:
    """The circuits that the plan makes."""
    had = {circuit for placed in movement.lines_out for circuit in placed.circuits}
    new = (circuit for placed in movement.lines_in for circuit in placed.circuits)
    return tuple(circuit for circuit in new if circuit not in had)


def _add(load: Counter[tuple[str, Direction]], topology: Topology, placed: PlacedLine, times: int) -> None:
    for held in placed.reservations(topology):
        load[held.link, held.direction] += times * held.bps


def _owner(plan_id: str) -> Hashable:
    return ("held plan", plan_id)
