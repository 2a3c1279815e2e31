"""What is placed now: lines, the trunks they ride, the customer ports they use and the numbers they hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from controller.compiler.aside import Aside
from controller.compiler.attachments import Attachments
from controller.compiler.circuits import Circuits
from controller.compiler.plan import Movement
from controller.compiler.pools import (
    GROUP_IDS,
    LINE_NUMBERS,
    METER_IDS,
    SERVICE_LABEL_STEP,
    SERVICE_LABELS,
    TRUNK_LABELS,
    Pool,
)
from controller.compiler.undo import UndoLog
from controller.domain.intents import IntentKey
from controller.domain.placement import PairKey, PlacedLine, Route, Trunk, TrunkPair
from controller.domain.steering import Steering
from controller.domain.topology import Topology

Key = TypeVar("Key", int, PairKey)
Thing = TypeVar("Thing")

STEERED = IntentKey(kind="Steering", tenant="", name="")
"""Who rides the trunks of steered traffic: no intent, all of them together."""


class Inventory:
    """Changed by the planner alone; what is done inside ``trial`` is undone at its end.

    A trunk's or line's numbers are held from the moment it is taken in until it is dropped or leaves: while a plan is
    made, what it replaces is only withdrawn, so that no number changes its meaning within one plan.
    """

    def __init__(
        self,
        topology: Topology,
        lines: Iterable[PlacedLine] = (),
        trunks: Iterable[Trunk] = (),
        pairs: Iterable[TrunkPair] = (),
    ) -> None:
        self._log = UndoLog()
        self.topology = topology
        self.lines: dict[IntentKey, PlacedLine] = {}
        self.trunks: dict[int, Trunk] = {}
        self._trunk_of: dict[Route, Trunk] = {}
        self._riders: defaultdict[int | PairKey, set[IntentKey]] = defaultdict(set)
        self.pairs: dict[PairKey, TrunkPair] = {}
        self.steering = Steering()
        self.attachments = Attachments()
        self.circuits = Circuits(topology, self._log)
        self.numbers = Pool(*LINE_NUMBERS, self._log)
        self.service_labels = Pool(*SERVICE_LABELS, self._log, step=SERVICE_LABEL_STEP)
        self._trunk_labels = Pool(*TRUNK_LABELS, self._log)
        self.meter_ids = {node.name: Pool(*METER_IDS, self._log) for node in topology.nodes}
        self.group_ids = {node.name: Pool(*GROUP_IDS, self._log) for node in topology.nodes}
        for trunk in trunks:
            self.add_trunk(trunk)
        for pair in pairs:
            self.add_pair(pair)
        for line in lines:
            self.enter(line)

    def set_aside(self, aside: Aside) -> None:
        """Give out none of the numbers in ``aside`` from now on."""
        self._trunk_labels.set_aside(aside.labels)
        self.service_labels.set_aside(aside.labels)
        for node in self.topology.node:
            self.meter_ids[node].set_aside(aside.meter_ids.get(node, ()))
            self.group_ids[node].set_aside(aside.group_ids.get(node, ()))

    @contextmanager
    def trial(self) -> Iterator[None]:
        with self._log.trial():
            yield

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """What is done inside is undone when an exception passes."""
        with self._log.all_or_nothing():
            yield

    def note(self, take_back: Callable[[], object]) -> None:
        """Say how to take back what was done beside, for the trials that are open."""
        self._log.record(take_back)

    def numbers_of(self, movement: Movement) -> Iterator[tuple[Pool, int]]:
        """Every number that what enters by a plan bears, with the pool that it is of."""
        for placed in movement.lines_in:
            yield self.numbers, placed.number
            for label in placed.service_label:
                yield self.service_labels, label
            for node, meter_id in self._meters(placed):
                yield self.meter_ids[node], meter_id
        for trunk in movement.trunks_in:
            yield self._trunk_labels, trunk.label
            yield self.group_ids[trunk.route.nodes[0]], trunk.group_id
        for pair in movement.pairs_in:
            yield self.group_ids[pair.head], pair.group_id

    def trunk_along(self, route: Route, like: Trunk | None = None) -> Trunk:
        """The trunk that follows exactly this route; a new one if there is none yet, with the numbers of ``like`` if
        these are free."""
        trunk = self._trunk_of.get(route)
        if trunk is None:
            label = self._trunk_labels.take(None if like is None else like.label)
            group_id = self.group_ids[route.nodes[0]].take(None if like is None else like.group_id)
            trunk = Trunk(label=label, route=route, group_id=group_id)
            self._link_trunk(trunk)
        return trunk

    def has_trunk(self, route: Route) -> bool:
        """Whether a trunk follows exactly this route."""
        return route in self._trunk_of

    def add_trunk(self, trunk: Trunk) -> None:
        """Take in a trunk that was made earlier, with its numbers."""
        self._trunk_labels.hold((trunk.label,))
        self.group_ids[trunk.route.nodes[0]].hold((trunk.group_id,))
        self._link_trunk(trunk)

    def drop_trunk(self, trunk: Trunk) -> None:
        """Forget a trunk that nobody rides and give its numbers back."""
        del self.trunks[trunk.label]
        del self._trunk_of[trunk.route]
        self._riders.pop(trunk.label, None)
        self._log.record(lambda: self._link_trunk(trunk))
        self._trunk_labels.release(trunk.label)
        self.group_ids[trunk.route.nodes[0]].release(trunk.group_id)

    def idle_trunks(self) -> list[Trunk]:
        """Trunks that nobody rides, by label."""
        return [trunk for label, trunk in sorted(self.trunks.items()) if not self._riders.get(label)]

    def pair_of(self, working: Trunk, protect: Trunk, like: TrunkPair | None = None) -> TrunkPair:
        """The pair of these trunks; a new one if there is none yet, with the number of ``like`` if that is free."""
        pair = self.pairs.get((working.label, protect.label))
        if pair is None:
            head = working.route.nodes[0]
            group_id = self.group_ids[head].take(None if like is None else like.group_id)
            pair = TrunkPair(head=head, working=working.label, protect=protect.label, group_id=group_id)
            self._link_pair(pair)
        return pair

    def add_pair(self, pair: TrunkPair) -> None:
        """Take in a pair that was made earlier, with its number; its trunks are here already."""
        self.group_ids[pair.head].hold((pair.group_id,))
        self._link_pair(pair)

    def drop_pair(self, pair: TrunkPair) -> None:
        """Forget a pair that nobody rides and give its number back."""
        del self.pairs[pair.key]
        self._riders.pop(pair.key, None)
        self._log.record(lambda: self._link_pair(pair))
        self.group_ids[pair.head].release(pair.group_id)

    def idle_pairs(self) -> list[TrunkPair]:
        """Pairs that nobody rides, by their labels."""
        return [pair for key, pair in sorted(self.pairs.items()) if not self._riders.get(key)]

    def enter(self, placed: PlacedLine) -> None:
        """Take in a placed line, with its numbers; the trunks it rides are here already."""
        self.numbers.hold((placed.number,))
        self.service_labels.hold(placed.service_label)
        for node, meter_id in self._meters(placed):
            self.meter_ids[node].hold((meter_id,))
        for circuit in placed.circuits:
            self.circuits.hold(circuit)
        self._insert(placed)
        self._log.record(lambda: self._extract(placed))

    def withdraw(self, key: IntentKey) -> PlacedLine:
        """Take a line off its trunks and customer ports; its numbers stay held, so that nothing else gets them."""
        placed = self.lines[key]
        self._extract(placed)
        self._log.record(lambda: self._insert(placed))
        return placed

    def leave(self, key: IntentKey) -> PlacedLine:
        """Let a line go; all its numbers are free again. Its trunks stay until ``drop_trunk``."""
        placed = self.withdraw(key)
        self.numbers.release(placed.number)
        for label in placed.service_label:
            self.service_labels.release(label)
        for node, meter_id in self._meters(placed):
            self.meter_ids[node].release(meter_id)
        for circuit in placed.circuits:
            self.circuits.release(circuit)
        return placed

    def ride(self, steering: Steering) -> None:
        """Steered traffic rides these trunks, which are here already, in place of those before; the labels of its edges
        are held beside those of the edges before."""
        self.service_labels.hold(edge.label for edge in steering.edges)
        before = self.steering
        self._ride(before, steering)
        self._log.record(lambda: self._ride(steering, before))

    def steer(self, steering: Steering) -> None:
        """As ``ride``, and the labels of edges before that are none any more are free again."""
        gone = {edge.label for edge in self.steering.edges} - {edge.label for edge in steering.edges}
        self.ride(steering)
        for label in sorted(gone):
            self.service_labels.release(label)

    def _ride(self, before: Steering, after: Steering) -> None:
        for label in before.trunks:
            self._riders[label].discard(STEERED)
        for label in after.trunks:
            self._riders[label].add(STEERED)
        self.steering = after

    def _meters(self, placed: PlacedLine) -> tuple[tuple[str, int], tuple[str, int]]:
        site = self.topology.site
        return (
            (site[placed.line.a.site].node, placed.meter_id.a_to_z),
            (site[placed.line.z.site].node, placed.meter_id.z_to_a),
        )

    def _link_trunk(self, trunk: Trunk) -> None:
        self.trunks[trunk.label] = trunk
        self._trunk_of[trunk.route] = trunk
        self._log.record(lambda: (self.trunks.pop(trunk.label), self._trunk_of.pop(trunk.route)))

    def _link_pair(self, pair: TrunkPair) -> None:
        self.pairs[pair.key] = pair
        self._log.record(lambda: self.pairs.pop(pair.key))

    def _insert(self, placed: PlacedLine) -> None:
        key = placed.line.key
        self.attachments.hold(placed.line)
        self.lines[key] = placed
        for ridden in placed.trunks_ridden | placed.pairs_ridden:
            self._riders[ridden].add(key)

    def _extract(self, placed: PlacedLine) -> None:
        key = placed.line.key
        self.attachments.free(placed.line)
        del self.lines[key]
        for ridden in placed.trunks_ridden | placed.pairs_ridden:
            self._riders[ridden].discard(key)


def only_in(these: Mapping[Key, Thing], those: Mapping[Key, Thing]) -> tuple[Thing, ...]:
    """What has its key in the first alone, by key."""
    return tuple(these[key] for key in sorted(these.keys() - those.keys()))
