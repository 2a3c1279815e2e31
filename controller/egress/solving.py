"""The optimiser: carry the most by class, then the least delay, churn and use of gateways; and prices that prove it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.answer import Answer, Prices, Shares
from controller.egress.carrying import Carried, everything, most_carried, prices_of
from controller.egress.choices import costs_ns, delays_ns
from controller.egress.instance import CLASSES, Instance, Int32s
from controller.egress.narrowing import narrowed
from controller.egress.program import Bulk, Rows, binding_links, build
from controller.egress.sampling import nearly_right
from controller.egress.settling import settle
from controller.egress.simplex import Optimum, optimum
from controller.egress.starting import first_keys, tolls

Floats = npt.NDArray[np.float64]

SLACK_NS: Final = 0.5
"""Nobody is moved for less than this for each bit: a hundred-millionth of what a bit costs."""
_LIKELY: Final = 2.0
"""Prices of a sample above this many times the dearest bit tell that the sample did not fit."""
_ONE_CLASS: Final = 1e4
_CARRY: Final = 1e3
_OVERLOAD: Final = 1e6
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where to begin: prices of an earlier answer. Any will do; good ones save time."""

    prices: Prices


def solve(instance: Instance, start: Start | None = None) -> Answer:
    """Optimal but for ``SLACK_NS`` and, where aggregates must stay whole or leave by few gateways at a time, for what
    does not fit; ``certify`` says how near. Same instance and start, same answer. Unlike its gap, the answer depends on
    the start where there are ties."""
    first = answer = _optimal(instance, start)
    narrower = narrowed(instance, first.shares)
    while narrower is not None:
        answer = _optimal(narrower, Start(prices=answer.prices))
        narrower = narrowed(narrower, answer.shares)
    if answer is first:
        return first
    # What bounds the whole program bounds its narrower one; if less is carried, it has to be asked about that.
    reached = _carried(instance, answer.shares)
    as_much = not _fell_short(_carried(instance, first.shares), reached)
    prices = first.prices if as_much else _prices_when(instance, reached, first.prices)
    return replace(answer, prices=prices, carrying=first.carrying)


def _optimal(instance: Instance, start: Start | None) -> Answer:
    """Whatever gateways an aggregate is split over."""
    task = _Task.of(instance)
    if not len(task.active):
        return _nothing(instance)
    bulk, links, dearest = task.bulk, task.links, task.dearest
    room = float(instance.exits.usable_bps.sum())
    carried = everything(bulk)
    found: tuple[Optimum, Rows] | None = None
    keys = first_keys(instance, bulk, None if start is None else start.prices)
    fits = bool(bulk.rate.sum() <= room)
    if fits:
        problem, rows = build(instance, bulk, links, (), _ONE_CLASS * dearest, priced=True)
        if start is None:
            keys, fits = nearly_right(problem, keys, _LIKELY * dearest)
    if fits:
        best = optimum(problem, keys, SLACK_NS)
        keys = best.key
        found = None if _overloaded(instance, links, best) else (best, rows)
    if found is None:
        carried = most_carried(instance, bulk, links)
        found = _partly(task, carried, keys, sampled=True)
    best, rows = found
    prices = prices_of(instance, rows, best.price)
    price_ns = task.priced(prices)
    shares = settle(instance, task.active, best, task.cost, price_ns)
    pivots = best.pivots + carried.pivots
    reached = _carried(instance, shares)
    if instance.demand.whole.any() and _fell_short(carried.most_bps, reached):
        # Some did not fit as a whole. What the last bits carried are worth says little of an answer without them.
        best, rows = _partly(task, carried.reaching(reached), best.key, sampled=False)
        prices = prices_of(instance, rows, best.price)
        price_ns = task.priced(prices)
        pivots += best.pivots
    return Answer(
        shares=shares,
        prices=replace(prices, worth=_worth(instance, reached, price_ns)),
        carrying=carried.prices,
        pivots=pivots,
    )


def _prices_when(instance: Instance, reached: tuple[int, ...], start: Prices) -> Prices:
    """The prices that bound what it costs to carry so much of each class."""
    task = _Task.of(instance)
    keys = first_keys(instance, task.bulk, start)
    best, rows = _partly(task, everything(task.bulk).reaching(reached), keys, sampled=False)
    prices = prices_of(instance, rows, best.price)
    return replace(prices, worth=_worth(instance, reached, task.priced(prices)))


@dataclass(frozen=True, slots=True)
class _Task:
    """``cost`` [A, G]; the aggregates that have anywhere to go by number (``active``) and as ``bulk``; the links that
    may be asked for too much; and at least what a bit can cost, a scale for penalties."""

    instance: Instance
    cost: Floats
    active: Int32s
    bulk: Bulk
    links: Int32s
    dearest: float

    @classmethod
    def of(cls, instance: Instance) -> _Task:
        demand = instance.demand
        cost = costs_ns(instance, delays_ns(instance))
        active = np.flatnonzero(np.isfinite(cost).any(axis=1) & (demand.rate_bps > 0)).astype(np.int32)
        bulk = Bulk(
            rate=demand.rate_bps[active].astype(np.float64),
            source=demand.source[active],
            service_class=demand.service_class[active].astype(np.int32),
            cost=cost if len(active) == len(cost) else cost[active],
        )
        return cls(instance, cost, active, bulk, binding_links(instance, bulk), _dearest(instance, bulk))

    def priced(self, prices: Prices) -> Floats:
        """[A, G]"""
        return np.asarray(self.cost + tolls(self.instance, prices)[self.instance.demand.source])


def _carried(instance: Instance, shares: Shares) -> tuple[int, ...]:
    """By class."""
    of_share = instance.demand.service_class[shares.aggregate]
    return tuple(int(shares.rate_bps[of_share == number].sum()) for number in range(len(CLASSES)))


def _fell_short(most_bps: Sequence[float], reached_bps: tuple[int, ...]) -> bool:
    """Whether less is carried than can be, by more than rounding."""
    return any(reached < most * (1 - 1e-9) - 1e3 for most, reached in zip(most_bps, reached_bps, strict=True))


def _partly(task: _Task, carried: Carried, keys: Int32s, *, sampled: bool) -> tuple[Optimum, Rows]:
    """The least cost that carries of each class what can be carried; only where that is not everything may an aggregate
    stay behind."""
    bulk, dearest, partial = task.bulk, task.dearest, carried.partial
    behind = np.where(np.isin(bulk.service_class, partial), 0.0, np.inf)
    open_ = Bulk(
        rate=bulk.rate,
        source=bulk.source,
        service_class=bulk.service_class,
        cost=np.concatenate([bulk.cost, behind[:, None]], axis=1),
    )
    classes = [(number, [(0.0, -_CARRY * dearest), (max(carried.most_bps[number], _TINY), 0.0)]) for number in partial]
    problem, rows = build(task.instance, open_, task.links, classes, _OVERLOAD * dearest, priced=True)
    if sampled:
        keys, _ = nearly_right(problem, keys, np.inf)
    return optimum(problem, keys, SLACK_NS), rows


def _dearest(instance: Instance, bulk: Bulk) -> float:
    """At least what a bit can cost; a scale for penalties."""
    steepest = 5000 * instance.weights.utilisation_ns + int(instance.exits.fee_ns.max(initial=0))
    return float(bulk.cost.max(where=np.isfinite(bulk.cost), initial=1.0)) + steepest


def _overloaded(instance: Instance, links: Int32s, best: Optimum) -> bool:
    caps = np.concatenate([instance.exits.usable_bps, instance.inside.usable_bps[links]])
    over = best.load[: len(caps)] - caps
    return bool((over > 1e-12 * caps + 1e-3 + 1e-15 * best.load[: len(caps)].sum()).any())


def _worth(instance: Instance, carried: tuple[int, ...], price_ns: Floats) -> Floats:
    """What carrying a bit of each class is worth at the prices: as much as the dearest bit costs that would be carried
    if as much as is carried were so at the least prices."""
    demand, least = instance.demand, price_ns.min(axis=1)
    worth = np.zeros(len(CLASSES))
    for number in range(len(CLASSES)):
        members = np.flatnonzero((demand.service_class == number) & np.isfinite(least))
        if not len(members):
            continue
        if carried[number] >= demand.rate_bps[members].sum():
            worth[number] = least[members].max()
        else:
            order = members[np.argsort(least[members], kind="stable")]
            last = int(np.searchsorted(np.cumsum(demand.rate_bps[order]), carried[number]))
            worth[number] = least[order[min(last, len(order) - 1)]]
    return worth


def _nothing(instance: Instance) -> Answer:
    nobody = np.zeros(0, np.int32)
    prices = Prices(
        gateway=np.zeros(len(instance.exits)),
        link=np.zeros(len(instance.inside.usable_bps)),
        worth=np.zeros(len(CLASSES)),
    )
    shares = Shares(aggregate=nobody, gateway=nobody, rate_bps=np.zeros(0, np.int64))
    return Answer(shares=shares, prices=prices, carrying=(None,) * len(CLASSES), pivots=0)
