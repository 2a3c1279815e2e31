"""Egress as the next cycle would decide it, from a copy of the network: for those who look, and change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from controller.compiler.egress import EgressPlan, plan_egress
from controller.compiler.egress_failures import check_growth, failed, lost
from controller.compiler.egress_routes import EgressRoutes
from controller.compiler.plan import LinkUse
from controller.compiler.planner import Planner
from controller.compiler.steering.conditions import conditions_of
from controller.compiler.steering.inputs import SteeringInputs
from controller.compiler.steering.planning import leaving_of
from controller.domain.egress import EgressPolicy
from controller.domain.steering import Steering
from controller.paths.network import Network
from controller.paths.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressState:
    """What the planner knows, at one moment: what lines reserve, how traffic is steered, and the policies in force in
    the order of their keys."""

    snapshot: Snapshot
    links: tuple[LinkUse, ...]
    steering: Steering
    policies: tuple[EgressPolicy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """``failed``: gateways that are lost by it."""

    before: EgressPlan
    after: EgressPlan
    failed: frozenset[str]


def state_of(planner: Planner) -> EgressState:
    policies = planner.policies
    return EgressState(
        snapshot=planner.snapshot(),
        links=planner.link_use(),
        steering=planner.steering,
        policies=tuple(policies[key] for key in sorted(policies)),
    )


def decided(network: Network, state: EgressState, inputs: SteeringInputs) -> EgressPlan:
    """``network``: a copy as ``state.snapshot`` says."""
    memory = inputs.memory
    routes = EgressRoutes(network, inputs.links_down)
    return plan_egress(
        routes,
        state.links,
        state.policies,
        inputs.rows,
        before=leaving_of(network.topology, state.steering, state.policies, inputs.rows),
        memory=memory if isinstance(memory, Mapping) else None,
        urgent=inputs.urgent,
        conditions=conditions_of(routes, state.steering, inputs),
    )


def simulated(
    network: Network, state: EgressState, inputs: SteeringInputs, fail: Sequence[str], scale: Fraction
) -> Simulation:
    """What would move at once if all of ``fail`` were lost, with ``scale`` times the traffic. Lines keep what they
    reserve, as they do when it happens. ``InvalidInput``, with field ``fail[0]`` ... or ``scale``."""
    gateways, links = lost(network.topology, failed(network.topology, fail))
    before = decided(network, state, inputs)
    check_growth(() if before.solved is None else before.solved.asked.aggregates, scale)
    without = replace(inputs, gateways_away=inputs.gateways_away | gateways, links_down=inputs.links_down | links)
    routes = EgressRoutes(network, without.links_down)
    after = plan_egress(
        routes,
        state.links,
        state.policies,
        inputs.rows,
        scale,
        before=before.leaving,
        urgent=True,
        conditions=conditions_of(routes, state.steering, without, scale),
    )
    return Simulation(before=before, after=after, failed=gateways)
