"""A kept plan's line where it was planned: as it was shown, or what has changed meanwhile that it rests on.

Nothing is searched. Whether a better route has come up does not matter, nor what changed elsewhere: only what the line
itself uses, and the bounds that it was promised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from controller.compiler.aside import Aside
from controller.compiler.ends_taken import EndsTaken, place_name
from controller.compiler.inventory import Inventory
from controller.compiler.kept import KeptPlans
from controller.compiler.optical import layers_of, odu_for
from controller.compiler.plan import Movement
from controller.compiler.pools import PoolExhausted
from controller.compiler.stranded import broken
from controller.domain.errors import Reason, Refusal
from controller.domain.intents import IntentKey, PrivateLine
from controller.domain.placement import Circuit, PlacedLine, PlacedPath, Route, Trunk, TrunkPair
from controller.domain.topology import PerDirection
from controller.paths.alternatives import apart, lacks
from controller.paths.network import Network
from controller.paths.request import request_for


@dataclass(frozen=True, slots=True)
class Standing:
    """Puts the lines of a kept plan where they were planned; what the plan kept has been let go of already."""

    network: Network
    inventory: Inventory
    aside: Aside
    kept: KeptPlans
    lines: Mapping[IntentKey, PlacedLine]
    trunks: Mapping[Route, Trunk]
    pairs: Mapping[tuple[Route, Route], TrunkPair]

    @classmethod
    def of(cls, network: Network, inventory: Inventory, aside: Aside, kept: KeptPlans, movement: Movement) -> Standing:
        """``movement`` is that of the kept plan."""
        trunk_of = {trunk.label: trunk for trunk in (*inventory.trunks.values(), *movement.trunks_in)}
        return cls(
            network,
            inventory,
            aside,
            kept,
            lines={placed.line.key: placed for placed in movement.lines_in},
            trunks={trunk.route: trunk for trunk in movement.trunks_in},
            pairs={
                (trunk_of[pair.working].route, trunk_of[pair.protect].route): pair
                for pair in movement.pairs_in
                if pair.working in trunk_of and pair.protect in trunk_of
            },
        )

    def put(self, line: PrivateLine, was: PlacedLine | None) -> PlacedLine | Refusal:
        """Reserve it and take it in, as ``placing.place`` does; or change nothing and name all that has changed."""
        kept = self.lines[line.key]
        if was is not None:
            self.network.release(line.key)
        found = self._found(kept, was)
        if not isinstance(found, Refusal):
            self.network.reserve(line.key, found.reservations(self.inventory.topology))
            self.inventory.enter(found)
        elif was is not None:
            self.network.reserve(line.key, was.reservations(self.inventory.topology))
        return found

    def _found(self, kept: PlacedLine, was: PlacedLine | None) -> PlacedLine | Refusal:
        changed = [refusal.message for refusal in broken(self.inventory.topology, kept)]
        if not changed:
            paths = self._as_now(kept)
            changed = list(dict.fromkeys((*self._lacking(kept, paths, was), *self._taken(kept, was))))
        if changed:
            return stale("; ".join(changed))
        try:
            with self.inventory.all_or_nothing():
                number = kept.number if was is None else was.number
                return self._riding(replace(kept, paths=paths, number=number), _circuits(was))
        except PoolExhausted as error:
            return stale(str(error))

    def _as_now(self, kept: PlacedLine) -> tuple[PlacedPath, ...]:
        """The same routes with the delay that they have now, and what the line takes of a link now."""
        topology = self.inventory.topology
        bps = request_for(kept.line, topology).reserved_bps(topology)
        paths = []
        for path in kept.paths:
            hops = list(path.route.hops(topology))
            there = sum(self.network.crossing_delay_ns(link, direction) for link, direction in hops)
            back = sum(self.network.crossing_delay_ns(link, direction.reverse) for link, direction in hops)
            paths.append(replace(path, delay_ns=PerDirection(there, back), reserved_bps=bps))
        return tuple(paths)

    def _lacking(self, kept: PlacedLine, paths: tuple[PlacedPath, ...], was: PlacedLine | None) -> Iterator[str]:
        topology, circuits = self.inventory.topology, self.inventory.circuits
        request = request_for(kept.line, topology)
        with layers_of(self.network, circuits, kept.line, kept):
            for path in paths:
                for lack in lacks(self.network, replace(request, disjoint=None), path):
                    yield lack.message
        for circuit in kept.circuits:
            needed = odu_for(kept.line, topology)
            if needed is not circuit.odu:
                yield f"the line needs an {needed} now, an {circuit.odu} was planned"
            elif circuit not in _circuits(was):
                for link in circuits.without_room(circuit):
                    yield f"{link} has no room for an {circuit.odu}"
        if request.disjoint is not None and not apart(topology, request.disjoint, *paths):
            yield f"its two routes have a {request.disjoint} in common now"

    def _taken(self, kept: PlacedLine, was: PlacedLine | None) -> Iterator[str]:
        """Customer ports and numbers that somebody else has now."""
        for end in (kept.line.a, kept.line.z):
            for holder in sorted(self.inventory.attachments.holders(end)):
                yield f"{place_name(end)} is in use by {holder}"
            other = self.kept.holder_of(end)
            if other is not None:
                yield f"{place_name(end)} is held by plan {other}"
            user = EndsTaken(self.inventory, self.aside, self.kept).used_by_others(end, was)
            if user is not None:
                yield f"{place_name(end)} is in use by a rule that is not ours, on {user}"
        own = set(self.inventory.numbers_of(Movement(lines_in=() if was is None else (was,))))
        wanted = Movement(lines_in=(kept if was is None else replace(kept, number=was.number),))
        for pool, number in dict.fromkeys(self.inventory.numbers_of(wanted)):
            if (pool, number) not in own and not pool.is_free(number):
                yield f"{self._number_name(kept, number)} {number} is in use by others"

    def _number_name(self, kept: PlacedLine, number: int) -> str:
        if number in kept.service_label:
            return "label"
        if number in kept.meter_id:
            return "the meter"
        return "line number"

    def _riding(self, kept: PlacedLine, has: tuple[Circuit, ...]) -> PlacedLine:
        """On the trunks that there are along its routes now, else on those that were planned; in the circuits that it
        ``has``, else in those that were planned, or others along the same links."""
        there = self._ridden(tuple(path.route for path in kept.paths))
        back = self._ridden(tuple(path.route.reversed for path in kept.paths))
        circuits = self.inventory.circuits
        return replace(
            kept,
            trunk_label=PerDirection(there[0], back[0]),
            protect_label=PerDirection(there[1], back[1]),
            circuits=tuple(one if one in has else circuits.take_again(one) for one in kept.circuits),
        )

    def _ridden(self, routes: tuple[Route, ...]) -> tuple[int, int]:
        if not routes[0].links:
            return 0, 0
        working, *others = (self.inventory.trunk_along(route, self.trunks.get(route)) for route in routes)
        for protect in others:
            return self.inventory.pair_of(working, protect, self.pairs.get((working.route, protect.route))).key
        return working.label, 0


def _circuits(was: PlacedLine | None) -> tuple[Circuit, ...]:
    return () if was is None else was.circuits


def stale(message: str) -> Refusal:
    return Refusal(reason=Reason.PLAN_STALE, message=message)
