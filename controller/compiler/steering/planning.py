"""From policies, demand and the network as it is now to which way internet traffic is to take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from controller.compiler.egress import EgressPlan, plan_egress
from controller.compiler.egress_conditions import Taken
from controller.compiler.egress_damping import FlowKey
from controller.compiler.egress_routes import EgressRoutes
from controller.compiler.inventory import Inventory
from controller.compiler.plan import EgressAssignment, LinkUse
from controller.compiler.steering.building import GroupsOf, assigned_of, completed
from controller.compiler.steering.conditions import conditions_of
from controller.compiler.steering.dividing import Assigned, divided
from controller.compiler.steering.edges import EdgePlace, edges_of
from controller.compiler.steering.inputs import Flow, SteeringInputs
from controller.compiler.steering.legs import inside_ns, legs
from controller.domain.egress import EgressPolicy, TrafficClass
from controller.domain.egress_demand import DemandRow
from controller.domain.gateway_quality import Quality, Way, with_measured
from controller.domain.intents import IntentKey
from controller.domain.steering import SLICES, DestinationGroup, Edge, EdgeKind, PrefixTable, Steering
from controller.domain.topology import Topology
from controller.domain.usable import usable_bps
from controller.egress.damping import USUAL_LIMITS
from controller.egress.instance import NS_PER_LOST_PPM
from controller.paths.network import Network

A_PERCENT_PPM: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NextSteering:
    steering: Steering
    prefixes: PrefixTable
    egress: EgressPlan
    prefixes_left: int = 0
    """So many are still to change their group, after those that do with it."""

    @property
    def assignments(self) -> dict[IntentKey, tuple[EgressAssignment, ...]]:
        """What of each policy leaves by which gateway."""
        return {verdict.key: verdict.assignments for verdict in self.egress.verdicts}


def next_steering(
    network: Network,
    inventory: Inventory,
    groups: tuple[DestinationGroup, ...],
    prefixes: PrefixTable,
    links: Iterable[LinkUse],
    policies: Sequence[EgressPolicy],
    inputs: SteeringInputs,
) -> NextSteering:
    """What is steered now is what the inventory says; new trunks and labels are taken from it. ``links``: what lines
    reserve. Sources in ``nodes_away`` keep the entries and legs that they have."""
    topology, before = network.topology, inventory.steering
    memory = inputs.memory
    routes = EgressRoutes(network, inputs.links_down)
    conditions = conditions_of(routes, before, inputs)
    egress = plan_egress(
        routes,
        links,
        policies,
        inputs.rows,
        before=leaving_of(topology, before, policies, inputs.rows),
        memory=memory if isinstance(memory, Mapping) else None,
        limits=replace(USUAL_LIMITS, slices=SLICES, needed_only=not inputs.scheduled),
        urgent=inputs.urgent,
        conditions=conditions,
    )
    edges = numbered_edges(edges_of(topology), inventory)
    ways = legs(routes, inventory, edges, inputs.nodes_away)
    delay_ns = inside_ns(network, edges, ways, inventory.trunks)
    assigned = assigned_of(topology, groups, policies, egress.verdicts, egress.unpoliced)
    kept = [entry for entry in before.entries if entry.source in inputs.nodes_away]
    division = divided(
        [one for one in assigned if one.source not in inputs.nodes_away],
        groups,
        inputs.measured,
        before.entries,
        _room_bps(topology, assigned, conditions.taken),
    )
    entries = completed(
        topology,
        groups,
        (*division.entries, *kept),
        delay_ns,
        {gateway.name for gateway in topology.gateways} - conditions.closed,
        _admits(topology, groups, policies),
        inputs.measured,
        _lost_ns(topology, inputs.quality),
    )
    steering = Steering(edges=edges, groups=groups, legs=ways, entries=entries)
    return NextSteering(steering=steering, prefixes=prefixes, egress=egress)


def leaving_of(
    topology: Topology, steering: Steering, policies: Sequence[EgressPolicy], rows: Iterable[DemandRow]
) -> dict[FlowKey, dict[str, int]]:
    """By which gateways the traffic of each aggregate leaves now, whatever was decided: what devices have been told."""
    by_key = {(one.source, one.group, one.traffic_class): one for one in steering.entries}
    groups_of = GroupsOf(topology, steering.groups, policies)
    flows: dict[FlowKey, EgressPolicy | None] = {
        (source, policy.to_region, policy.traffic_class, policy.key): policy
        for policy in policies
        for source in policy.sources.resolved(topology)
    }
    policed = {flow[:3] for flow in flows}
    flows |= {(*row.flow, None): None for row in rows if row.flow not in policed}
    found: dict[FlowKey, dict[str, int]] = {}
    for flow, policy in flows.items():
        source, region, traffic_class, _ = flow
        bps: defaultdict[str, int] = defaultdict(int)
        for number in groups_of.of(source, region, traffic_class, policy):
            entry = by_key.get((source, number, traffic_class))
            for gateway, part in entry.bps().items() if entry is not None else ():
                bps[gateway] += part
        if any(bps.values()):
            found[flow] = dict(bps)
    return found


def numbered_edges(places: Iterable[EdgePlace], inventory: Inventory) -> tuple[Edge, ...]:
    """Those that are known keep their numbers; of new sites each has the least group number that is free."""
    known = {(edge.kind, edge.name): edge for edge in inventory.steering.edges}
    taken = {edge.group for edge in known.values()} | {group.number for group in inventory.steering.groups}
    found: list[Edge] = []
    for place in sorted(places, key=lambda one: one.id):
        edge = known.get(place.id)
        if edge is None:
            group = 0
            if place.kind is EdgeKind.SITE:
                group = next(number for number in range(1, len(taken) + 2) if number not in taken)
                taken.add(group)
            edge = Edge(kind=place.kind, name=place.name, label=inventory.service_labels.take(), group=group)
        found.append(edge)
    return tuple(found)


def _room_bps(topology: Topology, assigned: Iterable[Assigned], taken: Taken) -> dict[str, int]:
    room = {
        gateway.name: max(0, usable_bps(gateway.capacity_bps) - taken.gateways.get(gateway.name, 0))
        for gateway in topology.gateways
    }
    for one in assigned:
        for name, bps in one.bps:
            room[name] -= bps
    return room


def _lost_ns(topology: Topology, quality: Mapping[Way, Quality]) -> dict[Way, int]:
    """What loss beyond gateways weighs, in whole per cents, rounded down: what takes the nearest is not damped, and is
    not to come and go with what little is lost here or there."""
    return {
        (gateway.name, region): loss_ppm // A_PERCENT_PPM * A_PERCENT_PPM * NS_PER_LOST_PPM
        for gateway in with_measured(topology.gateways, quality)
        for region, loss_ppm in gateway.losses_ppm
    }


def _admits(
    topology: Topology, groups: Iterable[DestinationGroup], policies: Sequence[EgressPolicy]
) -> Callable[[Flow, str], bool]:
    """Whether policies let a source's traffic for a group leave by a gateway in a class; where no policy is for it, by
    any. Of policies with prefixes the one that a group is of counts, behind these the one for the region."""
    of_group = {group.number: group for group in groups}
    with_prefixes: dict[tuple[IntentKey, str], EgressPolicy] = {}
    of_region: dict[tuple[str, str, TrafficClass], EgressPolicy] = {}
    for policy in policies:
        for source in policy.sources.resolved(topology):
            if policy.prefixes:
                with_prefixes[policy.key, source] = policy
            else:
                of_region[source, policy.to_region, policy.traffic_class] = policy

    def admits(key: Flow, gateway: str) -> bool:
        source, number, traffic_class = key
        group = of_group.get(number)
        if group is None:
            return True
        claimed = (with_prefixes.get((name, source)) for name in group.policies)
        own = (policy for policy in claimed if policy is not None and policy.traffic_class is traffic_class)
        policy = next(own, of_region.get((source, group.region, traffic_class)))
        return policy is None or policy.gateways.admits(gateway)

    return admits
