"""What a choice of gateways amounts to: how full gateways and links are, what is carried, how fast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controller.compiler.egress import Solved
from controller.compiler.egress_conditions import Arc
from controller.domain.egress import EgressPolicy, TrafficClass
from controller.domain.egress_demand import Aggregate
from controller.domain.usable import usable_bps
from controller.egress.choices import delays_ns, eligible
from controller.egress.instance import CLASSES, UNKNOWN_LOSS

QUANTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayUse:
    """``usable_bps``: what of the capacity may be used; ``price_ns``: what a bit more of that would be worth.
    ``elsewhere_bps`` of it is taken by what is for addresses that no prefix is known for."""

    gateway: str
    capacity_bps: int
    usable_bps: int
    carried_bps: tuple[tuple[TrafficClass, int], ...]
    price_ns: float
    elsewhere_bps: int = 0

    @property
    def all_bps(self) -> int:
        return sum(bps for _, bps in self.carried_bps)

    @property
    def share(self) -> float:
        """Of the capacity, with what is for elsewhere; 0 of none."""
        return (self.all_bps + self.elsewhere_bps) / self.capacity_bps if self.capacity_bps else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassUse:
    """``bound_bps``: more than that of it nothing could carry, given what is carried of the classes before it."""

    traffic_class: TrafficClass
    demand_bps: int
    carried_bps: int
    bound_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """One way, from the source to the far end, of what is carried, each bit counted alike. ``quantile_ns``: the least
    delay within which so many percent are there. ``loss_ppm``: mean loss beyond the gateways of what leaves where it is
    known; ``None``: it is known of nothing."""

    mean_ns: float
    quantile_ns: tuple[tuple[int, int], ...]
    loss_ppm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowUse:
    """An aggregate and the policy that is for it. ``shares``: by which gateways it leaves, in the order of the
    topology: name, bit/s, and delay to the far end in ns."""

    aggregate: Aggregate
    policy: EgressPolicy | None
    shares: tuple[tuple[str, int, int], ...]


def gateway_uses(solved: Solved) -> tuple[GatewayUse, ...]:
    """In the order of the topology."""
    instance, shares = solved.asked.instance, solved.answer.shares
    loads = np.zeros((len(instance.exits), len(CLASSES)), np.int64)
    np.add.at(loads, (shares.gateway, instance.demand.service_class[shares.aggregate]), shares.rate_bps)
    return tuple(
        GatewayUse(
            gateway=gateway.name,
            capacity_bps=gateway.capacity_bps,
            usable_bps=usable_bps(gateway.capacity_bps),
            carried_bps=tuple(zip(TrafficClass, loads[number].tolist(), strict=True)),
            price_ns=float(solved.answer.prices.gateway[number]),
            elsewhere_bps=solved.asked.conditions.taken.gateways.get(gateway.name, 0),
        )
        for number, gateway in enumerate(solved.asked.gateways)
    )


def flow_uses(solved: Solved) -> Iterator[FlowUse]:
    """In the order of the aggregates."""
    asked, shares = solved.asked, solved.answer.shares
    order = np.lexsort((shares.gateway, shares.aggregate))
    aggregate, gateway = shares.aggregate[order], shares.gateway[order]
    lengths = delays_ns(asked.instance)[aggregate, gateway].tolist()
    names = [asked.gateways[number].name for number in gateway.tolist()]
    found = list(zip(names, shares.rate_bps[order].tolist(), lengths, strict=True))
    starts = np.searchsorted(aggregate, np.arange(len(asked.aggregates) + 1)).tolist()
    for number, one in enumerate(asked.aggregates):
        of_it = found[starts[number] : starts[number + 1]]
        yield FlowUse(aggregate=one, policy=asked.policy_of(one), shares=tuple(of_it))


def class_uses(solved: Solved) -> tuple[ClassUse, ...]:
    """Of classes that anything is asked of, the first to be carried first."""
    certificate = solved.certificate
    bounds = certificate.carried_bound_bps
    found = zip(TrafficClass, certificate.demand_bps, certificate.carried_bps, bounds, strict=True)
    return tuple(
        ClassUse(traffic_class=name, demand_bps=demand, carried_bps=carried, bound_bps=bound)
        for name, demand, carried, bound in found
        if demand
    )


def nowhere_bps(solved: Solved) -> dict[TrafficClass, int]:
    """What of each class no gateway may carry, however much room there is: none leads there from its source, policies
    admit none that does, or none keeps their bounds on delay and loss."""
    instance = solved.asked.instance
    demand = instance.demand
    nowhere = ~eligible(instance, delays_ns(instance)).any(axis=1)
    return {
        name: int(demand.rate_bps[nowhere & (demand.service_class == number)].sum())
        for number, name in enumerate(TrafficClass)
    }


def delays(solved: Solved) -> Delays | None:
    """``None`` if nothing is carried."""
    shares = solved.answer.shares
    if not len(shares):
        return None
    lengths = delays_ns(solved.asked.instance)[shares.aggregate, shares.gateway]
    return Delays(
        mean_ns=solved.certificate.delay_ns,
        loss_ppm=_mean_loss_ppm(solved),
        quantile_ns=tuple((percent, _quantile(lengths, shares.rate_bps, percent)) for percent in QUANTILES),
    )


def _mean_loss_ppm(solved: Solved) -> float | None:
    instance, shares = solved.asked.instance, solved.answer.shares
    if instance.exits.loss_ppm is None:
        return None
    lost = instance.exits.loss_ppm[shares.gateway, instance.demand.group[shares.aggregate]]
    known = lost != UNKNOWN_LOSS
    rates = shares.rate_bps[known].astype(np.float64)
    return float((rates * lost[known]).sum() / rates.sum()) if len(rates) else None


def full_links(solved: Solved) -> Iterator[tuple[Arc, float]]:
    """Directions of links that turn traffic away, with their prices in ns, the dearest first."""
    prices: Sequence[float] = solved.answer.prices.link.tolist()
    dear = [number for number, price_ns in enumerate(prices) if price_ns > 0]
    for number in sorted(dear, key=lambda number: (-prices[number], number)):
        yield solved.asked.arcs[number], prices[number]


def _quantile(lengths: npt.NDArray[np.int64], rates: npt.NDArray[np.int64], percent: int) -> int:
    order = np.argsort(lengths, kind="stable")
    there = np.cumsum(rates[order])
    # In whole numbers: the first at which 100 x what is there reaches percent x all.
    total = int(there[-1])
    needed = -(-total * percent // 100)
    return int(lengths[order][np.searchsorted(there, needed)])
