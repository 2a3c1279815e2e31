"""A choice of gateways, why it is made and what differs between two -> ``trunkline.v1`` messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from controller.compiler.egress import EgressPlan, Solved
from controller.compiler.egress_changes import AggregateChange, changes
from controller.compiler.egress_now import Simulation
from controller.compiler.egress_options import Option, Reasons
from controller.compiler.egress_use import ClassUse, Delays, GatewayUse, class_uses, delays, full_links, gateway_uses
from controller.domain.egress import EgressPolicy
from controller.domain.egress_demand import Aggregate
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb
from controller.wire.names import intent_name


def view_to_wire(plan: EgressPlan, without: Collection[str] = ()) -> pb.EgressView:
    """``without``: gateways that are not to be told of."""
    figures = None if plan.solved is None else _figures(plan, plan.solved, without)
    return pb.EgressView(figures=figures, not_carried=_not_carried(plan))


def class_to_wire(one: ClassUse) -> pb.ClassFigures:
    return pb.ClassFigures(
        traffic_class=one.traffic_class,
        demand_bps=one.demand_bps,
        carried_bps=one.carried_bps,
        bound_bps=one.bound_bps,
    )


def gateway_to_wire(one: GatewayUse) -> pb.GatewayFigures:
    return pb.GatewayFigures(
        gateway=one.gateway,
        capacity_bps=one.capacity_bps,
        usable_bps=one.usable_bps,
        carried_bps=one.all_bps,
        price_ns=one.price_ns,
        classes=[pb.ClassRate(traffic_class=name, rate_bps=bps) for name, bps in one.carried_bps],
        elsewhere_bps=one.elsewhere_bps,
    )


def delays_to_wire(found: Delays | None, optimum_mean_ns: float) -> pb.DelayFigures | None:
    if found is None:
        return None
    quantiles = dict(found.quantile_ns)
    return pb.DelayFigures(
        mean_ns=found.mean_ns,
        p50_ns=quantiles[50],
        p95_ns=quantiles[95],
        p99_ns=quantiles[99],
        optimum_mean_ns=optimum_mean_ns,
        mean_loss_ppm=found.loss_ppm,
    )


def reasons_to_wire(one: Reasons) -> pb.FlowReasons:
    return pb.FlowReasons(
        flow=flow_to_wire(one.aggregate, one.policy),
        demand_bps=one.aggregate.rate_bps,
        carried_bps=one.carried_bps,
        options=map(_option, one.options),
    )


def changes_to_wire(changed: Iterable[AggregateChange], before: Solved) -> list[pb.FlowChange]:
    return [
        pb.FlowChange(
            flow=flow_to_wire(one.aggregate, before.asked.policy_of(one.aggregate)),
            moved_bps=one.moved_bps,
            missing_before_bps=one.missing_bps[0],
            missing_after_bps=one.missing_bps[1],
            delay_before_ns=one.delay_ns[0],
            delay_after_ns=one.delay_ns[1],
            before=rates_to_wire(one.before),
            after=rates_to_wire(one.after),
        )
        for one in changed
    ]


def simulation_to_wire(topology: str, found: Simulation) -> pb.SimulateResponse:
    before = found.before.solved
    return pb.SimulateResponse(
        topology=topology,
        before=view_to_wire(found.before),
        after=view_to_wire(found.after, found.failed),
        changes=[] if before is None else changes_to_wire(changes(before, found.after.solved), before),
    )


def rates_to_wire(rates: Iterable[tuple[str, int]]) -> list[pb.GatewayRate]:
    return [pb.GatewayRate(gateway=gateway, rate_bps=bps) for gateway, bps in rates]


def flow_to_wire(aggregate: Aggregate, policy: EgressPolicy | None) -> pb.Flow:
    return pb.Flow(
        source=aggregate.source,
        destination=aggregate.to_region,
        traffic_class=aggregate.traffic_class,
        policy="" if policy is None else intent_name(policy.key),
    )


def _figures(plan: EgressPlan, solved: Solved, without: Collection[str]) -> pb.CycleFigures:
    optimum = solved if plan.optimum is None else plan.optimum
    return pb.CycleFigures(
        classes=map(class_to_wire, class_uses(solved)),
        gateways=[gateway_to_wire(use) for use in gateway_uses(solved) if use.gateway not in without],
        delays=delays_to_wire(delays(solved), optimum.certificate.delay_ns),
        gap=solved.certificate.gap,
        waiting_bps=plan.damping.held_bps,
        links=[
            pb.LinkPrice(link=link, direction=direction, price_ns=price_ns)
            for (link, direction), price_ns in full_links(solved)
        ],
    )


def _not_carried(plan: EgressPlan) -> list[pb.NotCarried]:
    """By policy, then what no policy is for."""
    missing = plan.missing_bps
    found = [
        pb.NotCarried(
            policy=intent_name(verdict.key),
            missing_bps=missing.get(index),
            reason=refusal.reason,
            message=refusal.message,
        )
        for index, verdict in enumerate(plan.verdicts)
        for refusal in verdict.refusals
    ]
    found += [
        pb.NotCarried(
            source=one.aggregate.source,
            destination=one.aggregate.to_region,
            traffic_class=one.aggregate.traffic_class,
            missing_bps=one.aggregate.rate_bps - one.carried_bps,
            reason=one.refusal.reason,
            message=one.refusal.message,
        )
        for one in plan.unpoliced
        if one.refusal is not None
    ]
    return found


def _option(option: Option) -> pb.GatewayOption:
    return pb.GatewayOption(
        gateway=option.gateway,
        problem=option.problem,
        rate_bps=option.rate_bps,
        inside_ns=option.inside_ns,
        beyond_ns=option.beyond_ns,
        charge_ns=option.charge_ns,
        price_ns=option.price_ns,
        link_price_ns=option.link_price_ns,
        loss_ppm=option.loss_ppm,
        loss_charge_ns=option.loss_ns,
    )
