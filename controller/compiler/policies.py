"""The egress policies in force, and what a change of them would come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from controller.compiler.egress_conditions import Conditions
from controller.compiler.egress_routes import EgressRoutes
from controller.compiler.explanation import PolicyExplanation
from controller.compiler.plan import EgressAssignment, LinkUse, Movement, Verdict
from controller.domain.egress import ROUNDING_BPS, EgressPolicy, TrafficClass
from controller.domain.egress_validation import check_overlaps
from controller.domain.errors import InvalidInput, Reason, Refusal
from controller.domain.gateway_quality import Quality, Way
from controller.domain.intents import IntentKey
from controller.domain.kinds import Intent, egress_policies
from controller.domain.units import format_rate
from controller.paths.network import Network

if TYPE_CHECKING:  # the optimiser's kernels are for those who have policies
    from controller.compiler.egress import EgressPlan
    from controller.compiler.plan import Plan

Assignments = Mapping[IntentKey, tuple[EgressAssignment, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """``verdicts`` of the policies wanted; ``leaving`` are those in force that end or are replaced, ``entering`` what
    is new or changed and feasible. ``links`` as they were given, with what all policies together send over them."""

    verdicts: Mapping[IntentKey, Verdict]
    leaving: tuple[EgressPolicy, ...]
    entering: tuple[EgressPolicy, ...]
    links: tuple[LinkUse, ...]

    def added_to(self, plan: Plan, wanted: Iterable[Intent]) -> Plan:
        """The plan of the lines among ``wanted``, with its policies; verdicts in the order of ``wanted``."""
        verdict_of = {verdict.key: verdict for verdict in plan.verdicts} | dict(self.verdicts)
        return replace(
            plan,
            verdicts=tuple(verdict_of[intent.key] for intent in wanted),
            movement=replace(plan.movement, policies_out=self.leaving, policies_in=self.entering),
            links=self.links,
        )


@dataclass(slots=True)
class Policies:
    """``in_force`` by key. What they ask for is planned for all of them together: they share gateways and links."""

    in_force: dict[IntentKey, EgressPolicy]
    _assigned: Assignments | None = field(default=None, init=False)
    _quality: Mapping[Way, Quality] = field(default_factory=dict, init=False)

    def change(
        self,
        network: Network,
        links: tuple[LinkUse, ...],
        wanted: Sequence[EgressPolicy],
        unwanted: Iterable[IntentKey],
    ) -> PolicyChange:
        """What it comes to when ``wanted`` are in force and ``unwanted`` are not, with lines reserving what ``links``
        says. A policy is refused when not all that it declares is carried, or only because others of its class that are
        in force would be carried less; better classes do take room from others. One whose demand is to be measured asks
        for nothing yet. One that is in force as it is wanted stays so, whatever of it is carried.

        Without ``wanted`` no policy is asked about, and what policies send over links is not said.
        """
        changed = [policy for policy in wanted if self.in_force.get(policy.key) != policy]
        ending = [self.in_force[key] for key in sorted(unwanted) if key in self.in_force]
        verdicts: dict[IntentKey, Verdict] = {}
        if wanted:
            gone = {policy.key for policy in ending}
            then = {key: policy for key, policy in self.in_force.items() if key not in gone}
            then |= {policy.key: policy for policy in wanted}
            egress = self._planned(network, links, then)
            asked = {policy.key: policy for policy in changed}
            found = {verdict.key: verdict for verdict in egress.verdicts}
            verdicts = {policy.key: _verdict(found[policy.key], asked.get(policy.key)) for policy in wanted}
            if self.in_force:
                lost = _lost(self._planned(network, links, self.in_force), egress)
                verdicts |= _crowding(verdicts, changed, lost)
            links = egress.over(links)
        entering = tuple(policy for policy in changed if verdicts[policy.key].feasible)
        replaced = [self.in_force[policy.key] for policy in entering if policy.key in self.in_force]
        return PolicyChange(verdicts=verdicts, leaving=(*ending, *replaced), entering=entering, links=links)

    def check(self, network: Network, wanted: Sequence[Intent], unwanted: Iterable[IntentKey]) -> None:
        """Raises ``InvalidInput``, with indices in ``wanted``, for a policy that is for the same traffic as another
        one that is wanted, or in force and stays."""
        policies = egress_policies(wanted)
        if not policies:
            return
        gone = {*unwanted, *(policy.key for policy in policies)}
        standing = [policy for key, policy in sorted(self.in_force.items()) if key not in gone]
        index = [position for position, intent in enumerate(wanted) if isinstance(intent, EgressPolicy)]
        faults = check_overlaps(policies, network.topology, standing=standing)
        if faults:
            raise InvalidInput(tuple(replace(fault, document=index[fault.document]) for fault in faults))

    def explain(
        self, network: Network, links: tuple[LinkUse, ...], wanted: Sequence[EgressPolicy], steered: Assignments
    ) -> list[PolicyExplanation]:
        """Each of ``wanted``, as if they were in force together beside the others that are. What of one in force leaves
        where is as it is ``steered``, if it is: a gateway may be away, and traffic moves late for good reasons."""
        then = self.in_force | {policy.key: policy for policy in wanted}
        found = {verdict.key: verdict for verdict in self._planned(network, links, then).verdicts} if wanted else {}
        explanations = []
        for policy in wanted:
            carried = self.in_force.get(policy.key) == policy
            verdict = _verdict(found[policy.key], policy)
            if carried and policy.key in steered:
                verdict = replace(verdict, assignments=steered[policy.key])
            explanations.append(PolicyExplanation(policy=policy, carried=carried, verdict=verdict))
        return explanations

    def adopt(self, movement: Movement) -> None:
        for policy in movement.policies_out:
            del self.in_force[policy.key]
        self.in_force |= {policy.key: policy for policy in movement.policies_in}
        self.forget_assignments()

    def forget_assignments(self) -> None:
        """The network is another one now, or what is reserved in it."""
        self._assigned = None

    def reckon_with(self, quality: Mapping[Way, Quality]) -> None:
        """Delay and loss beyond gateways, where what is measured counts from now on."""
        if quality != self._quality:
            self._quality = quality
            self.forget_assignments()

    def assignments(self, network: Network, links: tuple[LinkUse, ...]) -> Assignments:
        """What of each policy in force leaves by which gateway."""
        if self._assigned is None:
            verdicts = self._planned(network, links, self.in_force).verdicts if self.in_force else ()
            self._assigned = {verdict.key: verdict.assignments for verdict in verdicts}
        return self._assigned

    def _planned(
        self, network: Network, links: tuple[LinkUse, ...], policies: Mapping[IntentKey, EgressPolicy]
    ) -> EgressPlan:
        """In the order of keys, so that the answer does not depend on who came first."""
        from controller.compiler.egress import plan_egress

        return plan_egress(
            EgressRoutes(network),
            links,
            [policies[key] for key in sorted(policies)],
            conditions=Conditions(quality=self._quality),
        )


def _lost(before: EgressPlan, after: EgressPlan) -> dict[TrafficClass, int]:
    """How much more of each class is not carried, where it is more."""
    missing = [_missing_bps(egress) for egress in (before, after)]
    more = zip(TrafficClass, *missing, strict=True)
    return {name: then - now for name, now, then in more if then - now > ROUNDING_BPS}


def _missing_bps(egress: EgressPlan) -> list[int]:
    """By class, in their order."""
    certificate = egress.certificate
    if certificate is None:
        return [0] * len(TrafficClass)
    return [asked - done for asked, done in zip(certificate.demand_bps, certificate.carried_bps, strict=True)]


def _crowding(
    verdicts: Mapping[IntentKey, Verdict], changed: Iterable[EgressPolicy], lost: Mapping[TrafficClass, int]
) -> dict[IntentKey, Verdict]:
    """The verdicts of those that are carried at the cost of their own class."""
    return {
        policy.key: replace(verdicts[policy.key], refusals=(_crowded(policy, lost[policy.traffic_class]),))
        for policy in changed
        if policy.traffic_class in lost and policy.demand_bps is not None and verdicts[policy.key].feasible
    }


def _crowded(policy: EgressPolicy, lost_bps: int) -> Refusal:
    message = (
        f"there is room for it only if {format_rate(lost_bps)} of what other {policy.traffic_class} policies ask for "
        "is not carried"
    )
    return Refusal(reason=Reason.GATEWAY_CAPACITY, message=message)


def _verdict(found: Verdict, asked: EgressPolicy | None) -> Verdict:
    """``asked``: ``None`` when the policy is in force as it is wanted."""
    if asked is None or asked.demand_bps is None:
        return replace(found, refusals=())
    return found
