"""From wanted lines to a plan, against what is placed and reserved now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Unpack

from controller.compiler.aside import Aside
from controller.compiler.derived import ordered_rounds, rules_in
from controller.compiler.description import Description, described
from controller.compiler.ends_taken import EndsTaken, blocked_by
from controller.compiler.explanation import Explanation, PolicyExplanation, explained
from controller.compiler.inventory import Inventory, only_in
from controller.compiler.kept import KeptPlans
from controller.compiler.line_requests import line_requests
from controller.compiler.placing import place
from controller.compiler.plan import Attempt, LinkUse, Movement, Plan, Verdict, planning_order
from controller.compiler.policies import Assignments, Policies
from controller.compiler.standing import Standing, stale
from controller.compiler.steering.inputs import SteeringInputs, SteeringPlan
from controller.compiler.steering.steered_plan import steering_plan
from controller.compiler.steering.steerer import Steerer
from controller.compiler.uncollected import uncollected
from controller.domain.errors import Refusal
from controller.domain.foreign import ForeignRule
from controller.domain.intents import IntentKey, PrivateLine
from controller.domain.kinds import Intent, egress_policies, private_lines
from controller.domain.placement import PairKey, PlacedLine, Trunk, TrunkPair
from controller.domain.prefixes import Prefix
from controller.domain.regions import RegionMap
from controller.domain.routes import Routes
from controller.domain.rules import GroupRule, MeterRule, Rule, RuleKey, key_of
from controller.domain.steering import PrefixTable, Steering
from controller.domain.topology import Topology
from controller.paths.network import Network
from controller.paths.snapshot import Snapshot, snapshot

if TYPE_CHECKING:
    from controller.compiler.egress import EgressPlan
    from controller.compiler.egress_damping import Cycle
    from controller.domain.egress import EgressPolicy
    from controller.domain.egress_demand import DemandRow

NOTHING_STEERED = Steering()
NO_PREFIXES = PrefixTable()


class Planner:
    """Holds the one working copy of the network: reservations, placements, and the rules that every device should have.

    Not for use by several threads at once. ``plan`` leaves everything as it was; ``adopt`` carries a plan out.
    """

    def __init__(
        self,
        topology: Topology,
        placed: Iterable[PlacedLine] = (),
        trunks: Iterable[Trunk] = (),
        pairs: Iterable[TrunkPair] = (),
        policies: Iterable[EgressPolicy] = (),
        steering: Steering = NOTHING_STEERED,
        prefixes: PrefixTable = NO_PREFIXES,
    ) -> None:
        self.topology = topology
        self._inventory = Inventory(topology, placed, trunks, pairs)
        self._inventory.steer(steering)
        lines = self._inventory.lines
        self._network = Network(topology, {key: tuple(line.reservations(topology)) for key, line in lines.items()})
        self.desired: dict[str, dict[RuleKey, Rule]] = {node.name: {} for node in topology.nodes}
        everything = Movement(
            lines_in=tuple(lines.values()),
            trunks_in=tuple(self._inventory.trunks.values()),
            pairs_in=tuple(self._inventory.pairs.values()),
            steering_in=steering,
            prefixes_in=prefixes,
        )
        for device, rule in rules_in(self._inventory, everything):
            self.desired[device][key_of(rule)] = rule
        self._aside = Aside(topology, {})
        self.kept = KeptPlans(self._network, self._inventory)
        self._policies = Policies({policy.key: policy for policy in policies})
        self._steerer = Steerer(self._network, self._inventory, self._policies.in_force, prefixes)

    @property
    def policies(self) -> Mapping[IntentKey, EgressPolicy]:
        """Those in force."""
        return self._policies.in_force

    @property
    def decided_policies(self) -> Set[IntentKey]:
        """Those in force that what devices are told was decided for."""
        return self._steerer.assignments.keys() & self._policies.in_force.keys()

    def assignments(self) -> Assignments:
        """What of each policy in force leaves by which gateway, as it is steered; as it would be, where it is not."""
        steered = self._steerer.assignments
        if steered.keys() >= self._policies.in_force.keys():
            return steered
        return {**self._policies.assignments(self._network, self.link_use()), **steered}

    @property
    def lines(self) -> Mapping[IntentKey, PlacedLine]:
        return self._inventory.lines

    @property
    def trunks(self) -> Mapping[int, Trunk]:
        """By label."""
        return self._inventory.trunks

    def snapshot(self) -> Snapshot:
        """The state of the network, for a copy of it."""
        return snapshot(self._network)

    @property
    def pairs(self) -> Mapping[PairKey, TrunkPair]:
        """By the labels of the working and the protect trunk."""
        return self._inventory.pairs

    def keep_clear(self, device: str, observed: Iterable[Rule], foreign: Iterable[ForeignRule] = ()) -> bool:
        """Never give a meter or group number that somebody else uses on the device, nor slots and client ports that
        entries of others take. Returns whether one of them was free until now: a plan that was just made may have given
        it away."""
        was_free = self._inventory.circuits.set_aside(device, (use for rule in foreign for use in rule.optical))
        for rule in observed:
            if key_of(rule) in self.desired[device]:
                continue
            if isinstance(rule, MeterRule):
                pool, number = self._inventory.meter_ids[device], rule.meter_id
            elif isinstance(rule, GroupRule):
                pool, number = self._inventory.group_ids[device], rule.group_id
            else:
                continue
            was_free |= number not in pool or self.kept.lose(pool, number)
            pool.hold((number,))
        return was_free

    @property
    def aside(self) -> Aside:
        """What is kept out of use for the sake of others' rules."""
        return self._aside

    def set_aside(self, adopted: Mapping[str, Sequence[ForeignRule]]) -> None:
        """Keep out of use what these rules of others use, by device, and nothing that was kept before. Lines that are
        placed stay as they are."""
        before, self._aside = self._aside, Aside(self.topology, adopted)
        self._inventory.set_aside(self._aside)
        for name in before.links ^ self._aside.links:
            link = self.topology.link[name]
            self._network.set_link_enabled(link, link.enabled and name not in self._aside.links)
        self._policies.forget_assignments()

    def not_ours(self, device: str, observed: Iterable[Rule]) -> list[MeterRule | GroupRule]:
        """The meters and groups among ``observed`` that nothing of ours on the device is to be."""
        desired = self.desired[device]
        return [rule for rule in observed if isinstance(rule, MeterRule | GroupRule) and key_of(rule) not in desired]

    def link_use(self) -> tuple[LinkUse, ...]:
        """Both directions of every link as reserved now."""
        return tuple(
            LinkUse(
                link=link.name,
                direction=direction,
                capacity_bps=link.capacity_bps[direction],
                reserved_bps=bps,
                layer=self.topology.layer(link),
                slots_used=self._inventory.circuits.slots_used(link.name),
                slots=link.slots,
            )
            for link, direction, bps in self._network.reserved()
        )

    def plan(self, wanted: Sequence[Intent], unwanted: Sequence[IntentKey] = ()) -> Plan:
        """Place what is new or changed among ``wanted`` and take ``unwanted`` away; what is placed and unchanged stays
        where it is. Order: priority, then the larger rate first, then tenant and name; each line sees what
        those before it reserved. A changed line for which there is no place keeps what it had. Egress policies come
        after lines, all of them together (``compiler.policies``).

        Sites and names that intents refer to exist (``domain.validation``), ``unwanted`` are placed or in force, and
        nothing is named twice. Raises ``InvalidInput`` with the index in ``wanted`` when a customer port is taken, the
        engine does not know what is asked, or two policies are for the same traffic.
        """
        with uncollected():
            return self._plan(wanted, unwanted)

    def _plan(self, wanted: Sequence[Intent], unwanted: Sequence[IntentKey]) -> Plan:
        self._policies.check(self._network, wanted, unwanted)
        lines = private_lines(wanted)
        changed = [line for line in lines if line.key not in self.lines or self.lines[line.key].line != line]
        ends_taken = EndsTaken(self._inventory, self._aside, self.kept)
        requests = line_requests(self.topology, ends_taken, wanted, changed, unwanted)
        in_order = sorted(changed, key=planning_order)
        blocked: dict[IntentKey, Refusal] = {}

        def find(line: PrivateLine, was: PlacedLine | None) -> PlacedLine | Refusal:
            return place(self._network, self._inventory, line, requests[line.key], was)

        while True:
            attempt = self._attempt(in_order, find, self._placed_of(unwanted), blocked)
            if not attempt.blocked:
                break
            blocked |= attempt.blocked  # more each time, hence an end
        return self._planned(wanted, unwanted, attempt)

    def _placed_of(self, keys: Iterable[IntentKey]) -> list[IntentKey]:
        """The lines among ``keys`` that are placed, in order."""
        return [key for key in sorted(keys) if key in self.lines]

    def plan_again(
        self, plan_id: str, wanted: Sequence[Intent], unwanted: Sequence[IntentKey], movement: Movement
    ) -> Plan:
        """The kept plan that was made earlier of ``wanted`` and ``unwanted`` and came to ``movement``: with the same
        routes and numbers, whatever has changed elsewhere. A line that rests on something that has changed is refused
        with PLAN_STALE and a message that names it. Policies are planned anew: what they were assigned is not kept."""
        self._policies.check(self._network, wanted, unwanted)
        with uncollected(), self._network.trial(), self._inventory.trial():
            self.kept.let_go(plan_id)
            standing = Standing.of(self._network, self._inventory, self._aside, self.kept, movement)
            lines = [placed.line for placed in movement.lines_in]
            there = self._placed_of(unwanted)
            attempt = self._attempt(lines, standing.put, there, {})
            if attempt.blocked:
                attempt = self._attempt(lines, standing.put, there, attempt.blocked)
        return self._planned(wanted, unwanted, attempt)

    def _planned(self, wanted: Sequence[Intent], unwanted: Sequence[IntentKey], attempt: Attempt) -> Plan:
        ordered = ordered_rounds(
            self._inventory, attempt.movement, self.link_use(), attempt.links, self._steerer.measured
        )
        plan = Plan(
            topology=self.topology.name,
            verdicts=tuple(
                attempt.verdicts[line.key] if line.key in attempt.verdicts else self._as_it_is(line)
                for line in private_lines(wanted)
            ),
            movement=attempt.movement,
            links=attempt.links,
            rounds=ordered.rounds,
            exceeded=ordered.exceeded,
            steered=attempt.steered,
        )
        policies = self._policies.change(self._network, attempt.links, egress_policies(wanted), unwanted)
        return policies.added_to(plan, wanted)

    def _as_it_is(self, line: PrivateLine) -> Verdict:
        if line.key in self.lines:
            return Verdict(key=line.key, placed=self.lines[line.key])
        return Verdict(key=line.key, refusals=(stale(f"{line.key} has lost its place"),))

    def plan_egress(
        self,
        policies: Sequence[EgressPolicy],
        plan: Plan,
        rows: Sequence[DemandRow] = (),
        scale: Fraction = Fraction(1),
        **cycle: Unpack[Cycle],
    ) -> EgressPlan:
        """By which gateways the traffic of policies and of a matrix leaves, once the lines of ``plan`` have theirs.
        ``cycle``: how it leaves now, and what may move."""
        # The optimiser's kernels are for those who ask for them.
        from controller.compiler.egress import plan_egress
        from controller.compiler.egress_routes import EgressRoutes

        return plan_egress(EgressRoutes(self._network), plan.links, policies, rows, scale, **cycle)

    @property
    def steering(self) -> Steering:
        """Which way internet traffic takes now."""
        return self._inventory.steering

    @property
    def prefixes(self) -> PrefixTable:
        """Which destination group addresses abroad are in, on devices."""
        return self._steerer.prefixes

    def wait_for_routes(self) -> None:
        """Somebody will say which routes there are (``follow_routes``); until then prefixes lead where they do."""
        self._steerer.wait_for_routes()

    def follow_routes(self, routes: Routes | None, regions: RegionMap, touched: Collection[Prefix]) -> None:
        """The routes abroad are these now; what was ``touched`` is other than before. ``plan_steering`` reckons with
        it from now on."""
        self._steerer.follow(routes, regions, touched)

    def plan_steering(self, inputs: SteeringInputs) -> SteeringPlan:
        """By which ways internet traffic is to leave, and the changes that lead there. Where there are none, what was
        decided is what devices do already."""
        self._policies.reckon_with(inputs.quality)
        with uncollected():
            return steering_plan(self._network, self._inventory, self._steerer, self.link_use(), inputs)

    def explain(self, wanted: Sequence[PrivateLine]) -> tuple[Explanation, ...]:
        """Why ``plan`` decides about these lines as it does, in their order. Raises what ``plan`` does."""
        in_order = sorted(wanted, key=planning_order)
        plan = self.plan(wanted)
        with self._inventory.trial():
            found = explained(self._network, self._inventory.circuits, self.lines, in_order, plan)
        return tuple(found[line.key] for line in wanted)

    def explain_policies(self, wanted: Sequence[Intent]) -> list[PolicyExplanation]:
        """What of each policy among ``wanted`` is carried, or would be, when the lines among them have their places,
        and why not the rest. Raises what ``plan`` does."""
        self._policies.check(self._network, wanted, ())
        lines = private_lines(wanted)
        links = self.plan(lines).links if lines else self.link_use()
        return self._policies.explain(self._network, links, egress_policies(wanted), self._steerer.assignments)

    def describe(self, key: IntentKey) -> Description | None:
        """What a line holds; ``None`` if it is not placed."""
        placed = self.lines.get(key)
        return (
            None if placed is None else described(self._network, self.lines, self.trunks, self._inventory.pairs, placed)
        )

    def adopt(self, plan: Plan, fulfils: str = "") -> None:
        """Make a plan, made just before, the state of things. ``fulfils``: the kept plan that is carried out by it."""
        with uncollected():
            self.kept.let_go(fulfils)
            self._adopt(plan)

    def _adopt(self, plan: Plan) -> None:
        for placed in plan.movement.lines_out:
            self._inventory.leave(placed.line.key)
            self._network.release(placed.line.key)
        for trunk in plan.movement.trunks_in:
            self._inventory.add_trunk(trunk)
        for pair in plan.movement.pairs_in:
            self._inventory.add_pair(pair)
        for placed in plan.movement.lines_in:
            self._inventory.enter(placed)
            self._network.reserve(placed.line.key, placed.reservations(self.topology))
        for pair in plan.movement.pairs_out:
            self._inventory.drop_pair(pair)
        self._steerer.adopt(plan.movement, plan.steered)
        for trunk in plan.movement.trunks_out:
            self._inventory.drop_trunk(trunk)
        self._policies.adopt(plan.movement)
        for device, changes in plan.changes():
            for change in changes:
                if change.after is None:
                    self.desired[device].pop(key_of(change.rule), None)
                else:
                    self.desired[device][key_of(change.after)] = change.after

    def _attempt(
        self,
        in_order: Sequence[PrivateLine],
        put: Callable[[PrivateLine, PlacedLine | None], PlacedLine | Refusal],
        unwanted: Sequence[IntentKey],
        blocked: Mapping[IntentKey, Refusal],
    ) -> Attempt:
        """Place the lines on trial, each by ``put``, which is told what it had; those ``blocked`` are refused without
        that and keep what they had."""
        trunks_before, pairs_before = dict(self._inventory.trunks), dict(self._inventory.pairs)
        with self._network.trial(), self._inventory.trial():
            leaving = [self._inventory.withdraw(key) for key in unwanted]
            for key in unwanted:
                self._network.release(key)
            was = {line.key: self._inventory.withdraw(line.key) for line in in_order if line.key in self.lines}
            verdicts: dict[IntentKey, Verdict] = {}
            for line in in_order:
                key = line.key
                if key in blocked:
                    verdicts[key] = Verdict(key=key, refusals=(blocked[key],))
                    continue
                found = put(line, was.get(key))
                if isinstance(found, Refusal):
                    verdicts[key] = Verdict(key=key, refusals=(found,))
                else:
                    verdicts[key] = Verdict(key=key, placed=found)
            staying = [placed for key, placed in was.items() if not verdicts[key].feasible]
            newly_blocked = blocked_by(self._inventory, staying, was)
            if not newly_blocked:
                for placed in staying:
                    self._inventory.enter(placed)
            links = self.link_use()
            moved, steered = (Movement(), None) if newly_blocked else self._steerer.make_room(links)
            for pair in self._inventory.idle_pairs():
                self._inventory.drop_pair(pair)
            for trunk in self._inventory.idle_trunks():
                self._inventory.drop_trunk(trunk)
            trunks_after, pairs_after = dict(self._inventory.trunks), dict(self._inventory.pairs)
        placed_now = [verdict.placed for verdict in verdicts.values() if verdict.placed is not None]
        return Attempt(
            verdicts=verdicts,
            blocked=newly_blocked,
            movement=replace(
                moved,
                lines_out=(*leaving, *(was[placed.line.key] for placed in placed_now if placed.line.key in was)),
                lines_in=tuple(placed_now),
                trunks_out=only_in(trunks_before, trunks_after),
                trunks_in=only_in(trunks_after, trunks_before),
                pairs_out=only_in(pairs_before, pairs_after),
                pairs_in=only_in(pairs_after, pairs_before),
            ),
            links=links,
            steered=steered,
        )
