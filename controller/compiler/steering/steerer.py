"""What is kept from one decision about internet traffic to the next, beside the steering itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from controller.compiler.inventory import Inventory
from controller.compiler.plan import EgressAssignment, LinkUse, Movement
from controller.compiler.steering.building import sources_of
from controller.compiler.steering.edges import edges_of
from controller.compiler.steering.inputs import Flow, SteeringInputs
from controller.compiler.steering.legs import longest_ns, overfull
from controller.compiler.steering.moved import alike
from controller.compiler.steering.portions import Portion, all_or_nothing, led_to, next_portion
from controller.domain.egress import EgressPolicy
from controller.domain.intents import IntentKey
from controller.domain.prefixes import Prefix
from controller.domain.regions import RegionMap
from controller.domain.routes import Routes
from controller.domain.steering import DestinationGroup, EdgeKind, PrefixTable, Steering
from controller.paths.network import Network

if TYPE_CHECKING:  # the optimiser's kernels are for those who steer
    from controller.compiler.steering.grouping import Grouping
    from controller.compiler.steering.planning import NextSteering

Assignments = Mapping[IntentKey, tuple[EgressAssignment, ...]]


class _AsTheyAre(NamedTuple):
    """In place of a ``Grouping``: nothing is known that would change it."""

    groups: tuple[DestinationGroup, ...]
    table: PrefixTable


class Steerer:
    """``prefixes`` is the table that devices have; ``policies``, those in force, belong to the planner."""

    def __init__(
        self,
        network: Network,
        inventory: Inventory,
        policies: Mapping[IntentKey, EgressPolicy],
        prefixes: PrefixTable,
    ) -> None:
        self.prefixes = prefixes
        self._network = network
        self._inventory = inventory
        self._policies = policies
        self._routes: Routes | None = None
        self._regions = RegionMap()
        self._inputs: SteeringInputs | None = None
        self._grouping: Grouping | None = None
        self._grouped: object = None
        self._waits_for_routes = False
        self.assignments: Assignments = {}
        """What of each policy leaves by which gateway, as it was last decided and carried out."""

    @property
    def measured(self) -> Mapping[Flow, Sequence[int]]:
        """What was last known of slices."""
        return {} if self._inputs is None else self._inputs.measured

    def wait_for_routes(self) -> None:
        """Somebody will say which routes there are. Until then destinations stay grouped as they are on devices."""
        self._waits_for_routes = True

    def follow(self, routes: Routes | None, regions: RegionMap, touched: Collection[Prefix]) -> None:
        """The routes abroad are these now, and differ from those before in what is ``touched``; ``routes`` ``None``:
        there is no routing table."""
        grouping, before = self._grouping, self._routes
        follows = before is not None and regions is self._regions
        # Should following fail in the middle, all is grouped anew.
        self._grouping = None
        self._routes, self._regions, self._waits_for_routes = routes, regions, False
        if grouping is not None and follows and routes is not None:
            grouping.follow(routes, touched, {group.number for group in self._inventory.steering.groups})
            self._grouping = grouping

    def next(self, links: Iterable[LinkUse], inputs: SteeringInputs) -> NextSteering:
        """Inside a trial: new trunks and labels are taken from the inventory. From now on ``inputs`` are the last that
        is known."""
        self._inputs = inputs
        return self._next(links, inputs)

    def _next(self, links: Iterable[LinkUse], inputs: SteeringInputs) -> NextSteering:
        from controller.compiler.steering.planning import next_steering

        policies = tuple(self._policies[key] for key in sorted(self._policies))
        wanted = self._groups(policies)
        portion = self._portion(wanted.table, inputs)
        groups = led_to(portion.table, wanted.groups, self._inventory.steering.groups)
        found = next_steering(self._network, self._inventory, groups, portion.table, links, policies, inputs)
        self._inventory.ride(found.steering)
        return replace(found, prefixes_left=portion.left)

    def _portion(self, wanted: PrefixTable, inputs: SteeringInputs) -> Portion:
        """What of the wanted table devices get now. Each node with internet sites has all of it."""
        if inputs.most_route_rules is None:
            return Portion(wanted, 0)
        nodes = max(1, len(sources_of(self._network.topology)))
        step = all_or_nothing if inputs.routes_wait else next_portion
        return step(self.prefixes, wanted, -(-inputs.most_route_rules // nodes))

    def make_room(self, links: Iterable[LinkUse]) -> tuple[Movement, Assignments | None]:
        """What must leave otherwise when lines reserve what ``links`` says, and what of policies leaves where then
        (``None``: as before). Inside a trial, as ``next``; but as somebody may only want to know what would be, no more
        is known afterwards.

        It starts from what the last cycle knew. Before there was one (after a start; where egress is off) nobody has
        said what is away and what is sent: then all stays, rather than leave by a gateway that is drained or dead, and
        lines are kept safe by their priority alone."""
        steering = self._inventory.steering
        links = tuple(links)
        if self._inputs is None:
            return Movement(), None
        if next(overfull(self._network.topology, steering, self._inventory.trunks, links), None) is None:
            return Movement(), None
        # Nobody waits for prefixes whose line is to be carried.
        found = self._next(links, replace(self._inputs, urgent=True, most_route_rules=0, routes_wait=True))
        movement = self.movement(steering, found)
        return movement, None if movement.steering_in is None else found.assignments

    def movement(self, before: Steering, found: NextSteering) -> Movement:
        """What changes; trunks aside."""
        other_table = found.prefixes != self.prefixes
        if not other_table and alike(before, found.steering):
            return Movement()
        return Movement(
            steering_out=before,
            steering_in=found.steering,
            prefixes_out=self.prefixes if other_table else None,
            prefixes_in=found.prefixes if other_table else None,
            steering_drain_ns=max(
                longest_ns(self._network, steering, self._inventory.trunks) for steering in (before, found.steering)
            ),
        )

    def adopt(self, movement: Movement, steered: Assignments | None) -> None:
        """``steered``: what of policies leaves where by that; it is handed from the plan to here, and not remembered,
        as other plans may be made in between that nobody carries out."""
        if movement.steering_in is not None:
            self._inventory.steer(movement.steering_in)
        if steered is not None:
            self._know(steered)
        if movement.prefixes_in is not None:
            self.prefixes = movement.prefixes_in
        changed = {policy.key for policy in (*movement.policies_out, *movement.policies_in)}
        self.assignments = {key: one for key, one in self.assignments.items() if key not in changed}

    def stays(self, found: NextSteering) -> None:
        """Devices do what was decided."""
        self._know(found.assignments)

    def _know(self, steered: Assignments) -> None:
        """Where no gateway has a next hop, whatever is decided leaves nowhere."""
        if any(edge.kind is EdgeKind.GATEWAY for edge in self._inventory.steering.edges):
            self.assignments = steered

    def _groups(self, policies: tuple[EgressPolicy, ...]) -> Grouping | _AsTheyAre:
        if self._waits_for_routes:
            return _AsTheyAre(self._inventory.steering.groups, self.prefixes)
        from controller.compiler.steering.grouping import Grouping

        claims = tuple((policy.key, policy.to_region, policy.prefixes) for policy in policies if policy.prefixes)
        if self._grouping is None or self._grouped != claims:
            topology, steering = self._network.topology, self._inventory.steering
            sites = sum(place.kind is EdgeKind.SITE for place in edges_of(topology))
            self._grouped = claims
            self._grouping = Grouping(
                topology,
                policies,
                self._regions,
                self._routes,
                before=steering.groups,
                taken={*range(1, sites + 1), *(edge.group for edge in steering.edges)},
            )
        return self._grouping
