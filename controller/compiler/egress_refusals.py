"""Why not all traffic is carried: the first of no gateway, no route, too far, too lossy, no room that some of its
sources meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controller.compiler.egress_asking import ANY_GATEWAY, Asked
from controller.compiler.egress_bounds import Bounds, FarEnd, beyond_bounds
from controller.domain.egress import EgressPolicy
from controller.domain.errors import Binding, Reason, Refusal, Relaxation
from controller.domain.topology import Gateway
from controller.domain.units import format_rate

MOST_GATEWAYS_NAMED = 6


def unmeasured(policy: EgressPolicy) -> Refusal:
    """``demand: measured``, and neither a matrix nor a counter says anything."""
    message = f"the demand of {policy.tenant}/{policy.name} is to be measured, and nothing has been measured yet"
    return Refusal(
        reason=Reason.INVALID_VALUE,
        message=f"{message}: declare a rate, or give a demand matrix",
        relaxations=(Relaxation(field="spec.demand", value="a rate"),),
    )


def refusal(
    asked: Asked,
    policy: EgressPolicy | None,
    group: str,
    sources: Sequence[str],
    demand_bps: int,
    carried_bps: int,
    *,
    declared: bool,
) -> Refusal:
    """Why ``demand_bps`` from ``sources`` to the region ``group`` is carried in part only. ``declared``: the policy
    says how much it is, and could say less."""
    choice = policy.gateways if policy is not None else ANY_GATEWAY
    known = [gateway for gateway in asked.gateways if group in dict(gateway.delays_ns)]
    serving = [gateway for gateway in known if gateway.name not in asked.conditions.closed]
    eligible = [gateway for gateway in serving if choice.admits(gateway.name)]
    if not serving:
        away = f": {', '.join(gateway.name for gateway in known[:MOST_GATEWAYS_NAMED])} out of service" if known else ""
        return Refusal(reason=Reason.NO_ELIGIBLE_GATEWAY, message=f"no gateway serves {group}{away}")
    if not eligible:
        names = ", ".join(gateway.name for gateway in serving[:MOST_GATEWAYS_NAMED])
        message = f"no gateway that may be used serves {group}; {names} do, and are not allowed, or denied"
        return Refusal(reason=Reason.NO_ELIGIBLE_GATEWAY, message=message)
    ways = {source: _ways(asked, source, eligible, group) for source in sources}
    cut_off = [source for source, found in ways.items() if not found]
    if cut_off:
        message = f"no route in service leads from {', '.join(cut_off)} to a gateway that serves {group}"
        return Refusal(reason=Reason.NO_ELIGIBLE_GATEWAY, message=message, binding=Binding(nodes=tuple(cut_off)))
    missing_bps = demand_bps - carried_bps
    bounds = Bounds.of(policy)
    stuck = [found for found in ways.values() if not any(map(bounds.admit, found))]
    if stuck:
        return beyond_bounds(bounds, stuck, group, missing_bps)
    room = ", ".join(f"{gateway.name} {format_rate(gateway.capacity_bps)}" for gateway in eligible)
    message = (
        f"{format_rate(missing_bps)} of {format_rate(demand_bps)} are not carried: 95% of the gateways that "
        f"may be used ({room}), and of the links that lead there, are taken by what goes first"
    )
    would_do = (Relaxation(field="spec.demand", value=format_rate(carried_bps)),) if carried_bps and declared else ()
    return Refusal(reason=Reason.GATEWAY_CAPACITY, message=message, relaxations=would_do)


def _ways(asked: Asked, source: str, eligible: Iterable[Gateway], group: str) -> list[FarEnd]:
    return [
        FarEnd(
            delay_ns=path.delay_ns.a_to_z + dict(gateway.delays_ns)[group],
            loss_ppm=dict(gateway.losses_ppm).get(group),
        )
        for gateway in eligible
        if (path := asked.route(source, gateway)) is not None
    ]
