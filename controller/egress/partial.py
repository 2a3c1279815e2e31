"""When not everything can be carried: the least cost of carrying what can be.

To stay behind is one more option of an aggregate. Where its class is carried as far as can be, that costs more than
anything saves: then what is carried is the most, and no row has to say so. Such prices of what is scarce are far above
what moving somebody costs, so they are lowered together, along the prices that prove what can be carried, until
somebody would go elsewhere. Where less is carried than could be (as some did not fit as a whole), rows say how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from controller.egress.answer import Prices
from controller.egress.carrying import Carried, fell_short, prices_of
from controller.egress.instance import CLASSES, Int32s
from controller.egress.kernels.lowering import lowest
from controller.egress.program import Bulk, Pieces, build
from controller.egress.sampling import nearly_right
from controller.egress.simplex import Optimum, optimum
from controller.egress.starting import tolls
from controller.egress.task import SLACK_NS, Task
from controller.egress.utilisation import gateway_pieces

_BEHIND: Final = 30.0
"""What it costs to leave a bit of the last class behind, in the dearest bits. If that is too little for somebody, rows
follow."""
_EARLIER: Final = 3.0
"""This many times more costs it of each earlier class."""
_CARRY: Final = 1e3
_OVERLOAD: Final = 1e6
_TINY: Final = 1e-9


def most_at_least_cost(task: Task, carried: Carried, keys: Int32s) -> tuple[Optimum, Prices]:
    """The least cost of carrying the most, which is ``carried``. ``keys``: where to begin if there are too few
    aggregates for a sample."""
    bulk = _with_behind(task, carried.partial, [_BEHIND * _EARLIER**2, _BEHIND * _EARLIER, _BEHIND])
    problem, rows = build(task.instance, bulk, task.links, (), _OVERLOAD * task.dearest, priced=True)
    keys, _ = nearly_right(problem, keys, np.inf)
    best = optimum(problem, keys, SLACK_NS)
    if fell_short(carried.most_bps, _carried(bulk, best)):
        return least_cost(task, carried, best.key)
    prices = prices_of(task.instance, rows, best.price)
    for number in reversed(carried.partial):
        proof = carried.prices[number]
        if proof is not None:
            times = _how_often(task, bulk, best, prices, proof)
            prices = _less(prices, proof, times)
            bulk.cost[:, -1] -= times * proof.worth[bulk.service_class]
    return best, prices


def least_cost(task: Task, carried: Carried, keys: Int32s) -> tuple[Optimum, Prices]:
    """The least cost of carrying as much of each class as ``carried`` says, be that the most or not; only where that is
    not everything may an aggregate stay behind."""
    bulk = _with_behind(task, carried.partial, [0.0] * len(CLASSES))
    classes: list[tuple[int, Pieces]] = [
        (number, [(0.0, -_CARRY * task.dearest), (max(carried.most_bps[number], _TINY), 0.0)])
        for number in carried.partial
    ]
    problem, rows = build(task.instance, bulk, task.links, classes, _OVERLOAD * task.dearest, priced=True)
    best = optimum(problem, keys, SLACK_NS)
    return best, prices_of(task.instance, rows, best.price)


def _with_behind(task: Task, partial: Sequence[int], dearest_bits: Sequence[float]) -> Bulk:
    """With staying behind as the last option, in the classes of which not all is carried."""
    costs = [task.dearest * bits if number in partial else np.inf for number, bits in enumerate(dearest_bits)]
    behind = np.array(costs)[task.bulk.service_class]
    return replace(task.bulk, cost=np.concatenate([task.bulk.cost, behind[:, None]], axis=1))


def _carried(bulk: Bulk, best: Optimum) -> tuple[float, ...]:
    """By class."""
    behind = bulk.cost.shape[1] - 1
    left = np.where(best.key == behind, bulk.rate, 0.0)
    np.subtract.at(left, best.owner, np.where(best.key[best.owner] == behind, best.amount, 0.0))
    np.add.at(left, best.owner, np.where(best.option == behind, best.amount, 0.0))
    return tuple(np.bincount(bulk.service_class, bulk.rate - left, len(CLASSES)).tolist())


def _how_often(task: Task, bulk: Bulk, best: Optimum, prices: Prices, proof: Prices) -> float:
    """How often ``proof`` can be taken off ``prices``, and off what staying behind costs, such that what everybody uses
    stays the best; at a full gateway no bit is cheaper than the last one that fills it."""
    instance = task.instance
    floor = np.array([pieces[-1][1] for pieces in gateway_pieces(instance.exits, instance.weights.utilisation_ns)])
    scarce = [(proof.gateway, prices.gateway - floor), (proof.link, prices.link)]
    most = min(float((above[fall > _TINY] / fall[fall > _TINY]).min(initial=np.inf)) for fall, above in scarce)
    if not 0.0 < most < np.inf:
        return 0.0
    toll, fall = (np.pad(tolls(instance, one), ((0, 0), (0, 1))) for one in (prices, proof))
    who = np.concatenate([np.arange(len(best.key), dtype=np.int32), best.owner])
    uses = np.concatenate([best.key, best.option])
    return lowest(bulk.cost, bulk.source, who, uses, toll, fall, proof.worth[bulk.service_class], most)


def _less(prices: Prices, proof: Prices, times: float) -> Prices:
    return replace(
        prices,
        gateway=np.maximum(prices.gateway - times * proof.gateway, 0.0),
        link=np.maximum(prices.link - times * proof.link, 0.0),
    )
