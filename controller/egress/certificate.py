"""The independent checker: is an answer feasible, what does it reach, and what could any answer reach at most?

It has nothing in common with the solver but the instance, and trusts neither prices nor shares: *any* prices give a
valid bound (Lagrangian duality), good prices give a tight one. So a tampered answer is refused or has a wider gap.

Stage k, the most of class k with the earlier classes at what the answer carries of them (C_j), y >= 0 the prices of
rows and u_j >= 0 the worth of earlier classes:

    carried_k <= sum_rows y cap + sum_(a in k) r max(0, 1 - m_a)
               + sum_(j < k) (sum_(a in j) r max(0, u_j - m_a) - u_j C_j)

The last stage, the least cost that carries C_k of each class, p >= 0 the prices of rows and w_k >= 0 the worth of
classes:

    cost >= sum_k w_k C_k + sum_a r min(0, m_a - w_k(a))
          + sum_gateways min_(0 <= L <= cap) (f(L) - p L) - sum_links p cap

where m_a is the least, over eligible gateways, of what a bit costs (0 in a stage that only carries) and the prices of
its route, and f the penalty on use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controller.egress.answer import Answer, Prices, Shares
from controller.egress.instance import (
    ALL_GATEWAYS,
    ANY_LOSS,
    CLASSES,
    NOWHERE,
    UNKNOWN_LOSS,
    UNREACHABLE,
    Instance,
)

Exact = npt.NDArray[np.longdouble]


class NotFeasible(ValueError):
    """An answer that breaks a rule; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What an answer reaches, and what none can exceed. Rates in bit/s by class, costs in ns x bit/s."""

    demand_bps: tuple[int, ...]
    reachable_bps: tuple[int, ...]
    """Of the demand, what has an eligible gateway at all."""
    carried_bps: tuple[int, ...]
    carried_bound_bps: tuple[int, ...]
    cost: float
    cost_bound: float
    delay_ns: float
    """Demand-weighted mean of what is carried."""
    utilisation: float
    """Of the fullest gateway, as a share of its capacity."""
    moved_bps: int
    """What had left by another gateway before."""

    @property
    def gap(self) -> float:
        """The cost is at most this share above the least. 0 where nothing costs anything."""
        return max(self.cost - self.cost_bound, 0.0) / self.cost if self.cost > 0 else 0.0

    @property
    def carried_gap_bps(self) -> tuple[int, ...]:
        """By class: no answer carries more than this more."""
        return tuple(max(most - got, 0) for most, got in zip(self.carried_bound_bps, self.carried_bps, strict=True))


def certify(instance: Instance, answer: Answer) -> Certificate:
    """``NotFeasible`` if the shares break a rule, or a price is negative or no number."""
    demand = instance.demand
    table = _Table.of(instance)
    carried_each = _check_shares(instance, table, answer.shares)
    gateway_load, _ = _check_loads(instance, answer.shares)
    by_class = [demand.service_class == number for number in range(len(CLASSES))]
    carried = tuple(int(carried_each[members].sum()) for members in by_class)
    reachable = tuple(int(demand.rate_bps[members & table.reachable].sum()) for members in by_class)
    bounds = tuple(
        most if prices is None else min(most, _carried_bound(instance, table, number, prices, carried))
        for number, (most, prices) in enumerate(zip(reachable, answer.carrying, strict=True))
    )
    shares = answer.shares
    at = (shares.aggregate, shares.gateway)
    rates = shares.rate_bps.astype(np.longdouble)
    total = int(shares.rate_bps.sum())
    was = demand.previous[shares.aggregate]
    cost = (rates * table.cost_ns[at]).sum()
    for gateway, load in enumerate(gateway_load.tolist()):
        cost += _penalty(instance, gateway, load)
    capacity = instance.exits.capacity_bps
    return Certificate(
        demand_bps=tuple(int(demand.rate_bps[members].sum()) for members in by_class),
        reachable_bps=reachable,
        carried_bps=carried,
        carried_bound_bps=bounds,
        cost=float(cost),
        cost_bound=float(_cost_bound(instance, table, answer.prices, carried)),
        delay_ns=float((rates * table.delay_ns[at]).sum() / total) if total else 0.0,
        utilisation=float((gateway_load[capacity > 0] / capacity[capacity > 0]).max(initial=0.0)),
        moved_bps=int(shares.rate_bps[(was != NOWHERE) & (was != shares.gateway)].sum()),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """[A, G]: delay, cost and eligibility; [A] whether any gateway is eligible."""

    delay_ns: npt.NDArray[np.int64]
    cost_ns: npt.NDArray[np.int64]
    eligible: npt.NDArray[np.bool_]
    reachable: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, instance: Instance) -> _Table:
        demand, exits, weights = instance.demand, instance.exits, instance.weights
        shape = (len(demand), len(exits))
        delay, cost, eligible = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
        for gateway in range(len(exits)):
            bit = np.uint64(1 << gateway)
            inside = instance.inside.delay_ns[demand.source, gateway]
            beyond = exits.beyond_ns[gateway, demand.group]
            delay[:, gateway] = inside + beyond
            there = (inside != UNREACHABLE) & (beyond != UNREACHABLE) & (demand.allowed & bit != 0)
            eligible[:, gateway] = there & (inside + beyond <= demand.max_delay_ns)
            moves = (demand.previous != NOWHERE) & (demand.previous != gateway)
            disliked = (demand.preferred != ALL_GATEWAYS) & (demand.preferred & bit == 0)
            extra = moves * weights.churn_ns + disliked * weights.prefer_ns
            lost_ppm = np.full(len(demand), UNKNOWN_LOSS, np.int64)
            if exits.loss_ppm is not None:
                lost_ppm[:] = exits.loss_ppm[gateway, demand.group]
            if demand.max_loss_ppm is not None:
                few = (lost_ppm != UNKNOWN_LOSS) & (lost_ppm <= demand.max_loss_ppm)
                eligible[:, gateway] &= few | (demand.max_loss_ppm == ANY_LOSS)
            cost[:, gateway] = delay[:, gateway] + extra + np.maximum(lost_ppm, 0) * weights.lost_ppm_ns
        return cls(delay, cost, eligible, np.any(eligible, axis=1))


def _check_shares(instance: Instance, table: _Table, shares: Shares) -> npt.NDArray[np.int64]:
    """What is carried of each aggregate."""
    demand = instance.demand
    _must(len(shares.aggregate) == len(shares.gateway) == len(shares), "arrays of shares differ in length")
    if not len(shares):
        return np.zeros(len(demand), np.int64)
    _must(shares.aggregate.min() >= 0 and shares.aggregate.max() < len(demand), "a share is of no aggregate")
    _must(shares.gateway.min() >= 0 and shares.gateway.max() < len(instance.exits), "a share leaves by no gateway")
    _must(bool(shares.rate_bps.min() > 0), "a share is not positive")
    _must(bool((shares.rate_bps <= demand.rate_bps[shares.aggregate]).all()), "a share is more than its aggregate")
    numbers = shares.aggregate.astype(np.int64) * len(instance.exits) + shares.gateway
    _must(bool((np.diff(numbers) > 0).all()), "shares are not in order, or one is there twice")
    _must(
        bool(table.eligible[shares.aggregate, shares.gateway].all()), "a share leaves by a gateway that is not eligible"
    )
    carried = np.zeros(len(demand), np.int64)
    np.add.at(carried, shares.aggregate, shares.rate_bps)
    _must(bool((carried <= demand.rate_bps).all()), "more is carried of an aggregate than there is")
    partly = (carried != 0) & (carried != demand.rate_bps)
    parts = np.bincount(shares.aggregate, minlength=len(demand))
    _must(not bool((demand.whole & (partly | (parts > 1))).any()), "an aggregate is split that must stay whole")
    limited = demand.most_gateways > 0
    _must(
        bool((parts[limited] <= demand.most_gateways[limited]).all()), "an aggregate leaves by more gateways than may"
    )
    return carried


def _check_loads(instance: Instance, shares: Shares) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """What gateways and links carry."""
    gateways, inside = len(instance.exits), instance.inside
    load = np.zeros(gateways, np.int64)
    np.add.at(load, shares.gateway, shares.rate_bps)
    _must(bool((load <= instance.exits.usable_bps).all()), "a gateway carries more than it may")
    by_route = np.zeros(len(inside.delay_ns) * gateways, np.int64)
    sources = instance.demand.source[shares.aggregate].astype(np.int64)
    np.add.at(by_route, sources * gateways + shares.gateway, shares.rate_bps)
    on_link = np.zeros(len(inside.usable_bps), np.int64)
    np.add.at(on_link, inside.links, np.repeat(by_route, np.diff(inside.starts)))
    _must(bool((on_link <= inside.usable_bps).all()), "a link carries more than it may")
    return load, on_link


def _least(instance: Instance, table: _Table, prices: Prices, with_cost: bool) -> Exact:
    """m_a [A]; infinite where no gateway is eligible."""
    _check_prices(instance, prices)
    inside, gateways = instance.inside, len(instance.exits)
    behind = np.concatenate([[np.longdouble(0)], np.cumsum(prices.link[inside.links].astype(np.longdouble))])
    toll = (behind[inside.starts[1:]] - behind[inside.starts[:-1]]).reshape(inside.delay_ns.shape)
    least = np.full(len(instance.demand), np.inf, np.longdouble)
    for gateway in range(gateways):
        value = toll[instance.demand.source, gateway] + np.longdouble(prices.gateway[gateway])
        if with_cost:
            value = value + table.cost_ns[:, gateway]
        least = np.where(table.eligible[:, gateway], np.minimum(least, value), least)
    return least


def _cost_bound(instance: Instance, table: _Table, prices: Prices, carried: tuple[int, ...]) -> np.longdouble:
    demand, there = instance.demand, table.reachable
    least = _least(instance, table, prices, with_cost=True)[there]
    worth = prices.worth.astype(np.longdouble)
    bound = sum((value * got for value, got in zip(worth, carried, strict=True)), start=np.longdouble(0))
    bound += (demand.rate_bps[there] * np.minimum(0, least - worth[demand.service_class[there]])).sum()
    bound -= (prices.link.astype(np.longdouble) * instance.inside.usable_bps).sum()
    for gateway, price in enumerate(prices.gateway):
        bound += min(
            _penalty(instance, gateway, load) - np.longdouble(price) * load for load in _corners(instance, gateway)
        )
    return np.longdouble(bound)


def _carried_bound(instance: Instance, table: _Table, number: int, prices: Prices, carried: tuple[int, ...]) -> int:
    demand = instance.demand
    least = _least(instance, table, prices, with_cost=False)
    bound = (prices.gateway.astype(np.longdouble) * instance.exits.usable_bps).sum()
    bound += (prices.link.astype(np.longdouble) * instance.inside.usable_bps).sum()
    for other in range(number + 1):
        worth = np.longdouble(1) if other == number else np.longdouble(prices.worth[other])
        members = table.reachable & (demand.service_class == other)
        bound += (demand.rate_bps[members] * np.maximum(0, worth - least[members])).sum()
        if other != number:
            bound -= worth * carried[other]
    return int(np.ceil(bound))


def _corners(instance: Instance, gateway: int) -> list[int]:
    """Loads at which the least of a convex, piecewise linear function of the load can lie."""
    capacity, usable = int(instance.exits.capacity_bps[gateway]), int(instance.exits.usable_bps[gateway])
    free = int(instance.exits.free_bps[gateway])
    steps = (capacity // 3, 2 * capacity // 3, 9 * capacity // 10, capacity, 11 * capacity // 10, free)
    return [0, *(step for step in steps if step < usable), usable]


def _penalty(instance: Instance, gateway: int, load: int) -> np.longdouble:
    """f: what use costs, by Fortz and Thorup, and the fee on what is not free; bends at whole bits."""
    fee, free = int(instance.exits.fee_ns[gateway]), int(instance.exits.free_bps[gateway])
    capacity, weight = int(instance.exits.capacity_bps[gateway]), instance.weights.utilisation_ns
    begins = (0, capacity // 3, 2 * capacity // 3, 9 * capacity // 10, capacity, 11 * capacity // 10)
    steeper = (1, 2, 7, 60, 430, 4500)
    penalty = weight * sum(more * max(load - begin, 0) for begin, more in zip(begins, steeper, strict=True))
    return np.longdouble(penalty + fee * max(load - free, 0))


def _check_prices(instance: Instance, prices: Prices) -> None:
    lengths = (len(instance.exits), len(instance.inside.usable_bps), len(CLASSES))
    for values, length in zip((prices.gateway, prices.link, prices.worth), lengths, strict=True):
        _must(len(values) == length, "prices are not one each")
        _must(bool(np.isfinite(values).all() and (values >= 0).all()), "a price is negative or no number")


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise NotFeasible(otherwise)
