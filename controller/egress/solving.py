"""The optimiser: carry the most by class, then the least delay, churn and use of gateways; and prices that prove it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.answer import Answer, Prices, Shares
from controller.egress.carrying import everything, fell_short, most_carried, prices_of
from controller.egress.instance import CLASSES, Instance, Int32s
from controller.egress.narrowing import narrowed
from controller.egress.partial import least_cost, most_at_least_cost
from controller.egress.program import build
from controller.egress.sampling import nearly_right
from controller.egress.settling import settle
from controller.egress.shut import with_shut, without_shut
from controller.egress.simplex import Optimum, optimum
from controller.egress.starting import first_keys
from controller.egress.task import SLACK_NS, Task

Floats = npt.NDArray[np.float64]

_LIKELY: Final = 2.0
"""Prices of a sample above this many times the dearest bit tell that the sample did not fit."""
_ONE_CLASS: Final = 1e4


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where to begin: prices of an earlier answer. Any will do; good ones save time."""

    prices: Prices


def solve(instance: Instance, start: Start | None = None) -> Answer:
    """Optimal but for ``SLACK_NS`` and, where aggregates must stay whole or leave by few gateways at a time, for what
    does not fit; ``certify`` says how near. Same instance and start, same answer. Unlike its gap, the answer depends on
    the start where there are ties."""
    return with_shut(instance, _solved(without_shut(instance), start))


def _solved(instance: Instance, start: Start | None) -> Answer:
    first = answer = _optimal(instance, start)
    narrower = narrowed(instance, first.shares)
    while narrower is not None:
        answer = _optimal(narrower, Start(prices=answer.prices))
        narrower = narrowed(narrower, answer.shares)
    if answer is first:
        return first
    # What bounds the whole program bounds its narrower one; if less is carried, it has to be asked about that.
    reached = _carried(instance, answer.shares)
    as_much = not fell_short(_carried(instance, first.shares), reached)
    prices = first.prices if as_much else _prices_when(instance, reached, first.prices)
    return replace(answer, prices=prices, carrying=first.carrying)


def _optimal(instance: Instance, start: Start | None) -> Answer:
    """Whatever gateways an aggregate is split over."""
    task = Task.of(instance)
    if not len(task.active):
        return _nothing(instance)
    bulk, links, dearest = task.bulk, task.links, task.dearest
    room = float(instance.exits.usable_bps.sum())
    carried = everything(bulk)
    found: tuple[Optimum, Prices] | None = None
    keys = first_keys(instance, bulk, None if start is None else start.prices)
    fits = bool(bulk.rate.sum() <= room)
    if fits:
        problem, rows = build(instance, bulk, links, (), _ONE_CLASS * dearest, priced=True)
        if start is None:
            keys, fits = nearly_right(problem, keys, _LIKELY * dearest)
    if fits:
        best = optimum(problem, keys, SLACK_NS)
        keys = best.key
        found = None if _overloaded(instance, links, best) else (best, prices_of(instance, rows, best.price))
    if found is None:
        carried = most_carried(instance, bulk, links)
        found = most_at_least_cost(task, carried, keys)
    best, prices = found
    price_ns = task.priced(prices)
    shares = settle(instance, task.active, best, task.cost, price_ns)
    pivots = best.pivots + carried.pivots
    reached = _carried(instance, shares)
    if instance.demand.whole.any() and fell_short(carried.most_bps, reached):
        # Some did not fit as a whole. What the last bits carried are worth says little of an answer without them.
        best, prices = least_cost(task, carried.reaching(reached), best.key)
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
    task = Task.of(instance)
    keys = first_keys(instance, task.bulk, start)
    _, prices = least_cost(task, everything(task.bulk).reaching(reached), keys)
    return replace(prices, worth=_worth(instance, reached, task.priced(prices)))


def _carried(instance: Instance, shares: Shares) -> tuple[int, ...]:
    """By class."""
    of_share = instance.demand.service_class[shares.aggregate]
    return tuple(int(shares.rate_bps[of_share == number].sum()) for number in range(len(CLASSES)))


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
