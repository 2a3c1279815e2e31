"""Why traffic leaves where it leaves: every gateway with its delay, what it costs, and why it may not be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controller.compiler.egress import EgressPlan, Solved
from controller.compiler.egress_bounds import Bounds, FarEnd
from controller.domain.egress import EgressPolicy, TrafficClass
from controller.domain.egress_demand import Aggregate
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.spelling import did_you_mean
from controller.domain.topology import Gateway, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A gateway for an aggregate. Delays are ``None`` where there is no way, ``loss_ppm`` where nobody has declared or
    measured it; ``loss_ns``: what the loss weighs; ``charge_ns``: what it costs to use one that policy does not prefer;
    prices: what room at the gateway, and on the links to it, is worth to others.
    ``problem``: why it is not eligible, empty if it is. ``rate_bps``: what leaves there."""

    gateway: str
    inside_ns: int | None
    beyond_ns: int | None
    loss_ppm: int | None
    loss_ns: int
    charge_ns: int
    price_ns: float
    link_price_ns: float
    problem: str
    rate_bps: int

    @property
    def delay_ns(self) -> int | None:
        if self.inside_ns is None or self.beyond_ns is None:
            return None
        return self.inside_ns + self.beyond_ns

    @property
    def cost_ns(self) -> float | None:
        """What is compared: traffic leaves where this is least, as far as there is room."""
        if self.delay_ns is None:
            return None
        return self.delay_ns + self.loss_ns + self.charge_ns + self.price_ns + self.link_price_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """An aggregate with its options: eligible ones by what they cost, then the others."""

    aggregate: Aggregate
    policy: EgressPolicy | None
    options: tuple[Option, ...]

    @property
    def carried_bps(self) -> int:
        return sum(option.rate_bps for option in self.options)


def why(
    plan: EgressPlan, topology: Topology, source: str, destination: str, traffic_class: TrafficClass | None
) -> tuple[Reasons, ...]:
    """Of all traffic from a node, or from the nodes of a region, to a region abroad, of one class or all; one at least.
    ``InvalidInput``, with field ``source`` or ``destination``: there is none."""
    sources = sources_named(source, topology)
    found = () if plan.solved is None else reasons(plan.solved, sources, destination, traffic_class)
    if not found:
        raise _no_such_traffic(plan, topology, source, destination, traffic_class)
    return found


def sources_named(name: str, topology: Topology) -> tuple[str, ...]:
    """The node of this name, or the nodes of this region; ``InvalidInput`` with field ``source``: there is neither."""
    if name in topology.node:
        return (name,)
    nodes = tuple(node.name for node in topology.nodes if node.region == name)
    if nodes:
        return nodes
    near = did_you_mean(name, [*topology.node, *sorted(topology.regions)])
    message = f"there is no node or region {name[:80]!r} in the topology{near}"
    raise InvalidInput((Fault(reason=Reason.REFERENCE_NOT_FOUND, field="source", message=message),))


def reasons(
    solved: Solved, sources: Sequence[str], to_region: str, traffic_class: TrafficClass | None
) -> tuple[Reasons, ...]:
    """Of every aggregate from ``sources`` to a region, of one class or all."""
    shares = solved.answer.shares
    wanted = [
        number
        for number, one in enumerate(solved.asked.aggregates)
        if one.source in sources and one.to_region == to_region and traffic_class in (None, one.traffic_class)
    ]
    found = []
    for number in wanted:
        mine = shares.aggregate == number
        rates = dict(zip(shares.gateway[mine].tolist(), shares.rate_bps[mine].tolist(), strict=True))
        found.append(_reasons(solved, solved.asked.aggregates[number], rates))
    return tuple(found)


def _no_such_traffic(
    plan: EgressPlan, topology: Topology, source: str, destination: str, traffic_class: TrafficClass | None
) -> InvalidInput:
    """With what there is from there: whoever asks may have mistaken a name, or thinks of what nobody has declared."""
    asked = () if plan.solved is None else plan.solved.asked.aggregates
    served = sorted({region for gateway in topology.gateways for region, _ in gateway.delays_ns})
    if destination not in served:
        near = did_you_mean(destination, served)
        message = f"no gateway serves a region {destination[:80]!r}{near} (regions abroad: {', '.join(served)})"
        return InvalidInput((Fault(reason=Reason.REFERENCE_NOT_FOUND, field="destination", message=message),))
    sources = sources_named(source, topology)
    there = sorted({f"{one.to_region} ({one.traffic_class})" for one in asked if one.source in sources})
    what = f"{traffic_class} traffic" if traffic_class is not None else "traffic"
    known = f"; from there it is to {', '.join(there)}" if there else ", nor to anywhere else abroad"
    message = (
        f"no {what} from {source} to {destination} is known{known}: a policy, a demand matrix or what is measured "
        "says how much there is"
    )
    return InvalidInput((Fault(reason=Reason.REFERENCE_NOT_FOUND, field="destination", message=message),))


def _reasons(solved: Solved, aggregate: Aggregate, rates: dict[int, int]) -> Reasons:
    policy = solved.asked.policy_of(aggregate)
    options = [
        _option(solved, aggregate, policy, number, rates.get(number, 0)) for number in range(len(solved.asked.gateways))
    ]
    options.sort(key=_ranking)
    return Reasons(aggregate=aggregate, policy=policy, options=tuple(options))


def _ranking(option: Option) -> tuple[bool, float, str]:
    cost_ns = option.cost_ns
    return (bool(option.problem), float("inf") if cost_ns is None else cost_ns, option.gateway)


def _option(solved: Solved, aggregate: Aggregate, policy: EgressPolicy | None, number: int, rate_bps: int) -> Option:
    asked, prices = solved.asked, solved.answer.prices
    gateway = asked.gateways[number]
    path = asked.route(aggregate.source, gateway)
    price_of = dict(zip(asked.arcs, prices.link.tolist(), strict=True))
    inside_ns = None if path is None else path.delay_ns.a_to_z
    beyond_ns = asked.serves[number].get(aggregate.to_region)
    loss_ppm = asked.losses_ppm[number].get(aggregate.to_region)
    preferred = policy.gateways.prefer if policy is not None else ()
    disliked = bool(preferred) and gateway.name not in preferred
    return Option(
        gateway=gateway.name,
        inside_ns=inside_ns,
        beyond_ns=beyond_ns,
        loss_ppm=loss_ppm,
        loss_ns=0 if loss_ppm is None else asked.instance.weights.lost_ppm_ns * loss_ppm,
        charge_ns=asked.instance.weights.prefer_ns if disliked else 0,
        price_ns=float(prices.gateway[number]),
        link_price_ns=0.0 if path is None else float(sum(price_of[arc] for arc in asked.crossed(path))),
        problem=("has no next hop" if gateway.next_hop is None else "out of service")
        if gateway.name in asked.conditions.closed
        else _problem(gateway, aggregate, policy, inside_ns, beyond_ns, loss_ppm),
        rate_bps=rate_bps,
    )


def _problem(
    gateway: Gateway,
    aggregate: Aggregate,
    policy: EgressPolicy | None,
    inside_ns: int | None,
    beyond_ns: int | None,
    loss_ppm: int | None,
) -> str:
    if beyond_ns is None:
        return f"does not serve {aggregate.to_region}"
    if policy is not None and gateway.name in policy.gateways.deny:
        return "denied by the policy"
    if policy is not None and not policy.gateways.admits(gateway.name):
        return "not among those that the policy allows"
    if inside_ns is None:
        return f"no route in service leads there from {aggregate.source}"
    bounds, way = Bounds.of(policy), FarEnd(delay_ns=inside_ns + beyond_ns, loss_ppm=loss_ppm)
    late = bounds.late(way)
    return late if late else bounds.lossy(way)
