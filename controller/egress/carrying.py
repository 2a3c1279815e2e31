"""The most that can be carried of each class, the classes in their order; asked when not everything can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.answer import Prices
from controller.egress.instance import CLASSES, Instance, Int32s
from controller.egress.program import Bulk, Rows, build
from controller.egress.simplex import optimum

_EARLIER: Final = 100.0
"""What a bit of an earlier class is worth in bits of the one that is maximised; in truth it is beyond any price."""
_OVERLOAD: Final = 1e8
_SLACK: Final = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """``most_bps`` by class, and for each the prices that prove it (``None``: all of it); ``partial``: the classes of
    which something stays behind."""

    most_bps: tuple[float, ...]
    prices: tuple[Prices | None, ...]
    partial: tuple[int, ...]
    pivots: int

    def reaching(self, carried_bps: Sequence[float]) -> Carried:
        """The same, as if no more than this could be carried."""
        short = (number for number, most in enumerate(self.most_bps) if carried_bps[number] < most * (1 - 1e-12) - 1)
        return replace(self, most_bps=tuple(carried_bps), partial=tuple(sorted({*self.partial, *short})))


def everything(bulk: Bulk) -> Carried:
    """When all can be carried."""
    totals = np.bincount(bulk.service_class, bulk.rate, len(CLASSES)).tolist()
    return Carried(most_bps=tuple(totals), prices=(None,) * len(CLASSES), partial=(), pivots=0)


def most_carried(instance: Instance, bulk: Bulk, links: Int32s) -> Carried:
    """What can be carried depends on no delay, so that aggregates from one source with the same eligible gateways count
    as one: a few thousand of them are left, however many there were."""
    groups = _alike(bulk, bulk.source if len(links) else np.zeros_like(bulk.source))
    most: list[float] = []
    proofs: list[Prices | None] = []
    pivots = 0
    key = np.full(len(groups.rate), len(instance.exits), np.int32)
    for number in range(len(CLASSES)):
        taking_part = groups.service_class <= number
        part = Bulk(
            rate=groups.rate[taking_part],
            source=groups.source[taking_part],
            service_class=groups.service_class[taking_part],
            cost=groups.cost[taking_part],
        )
        rows_of_classes = [
            *((earlier, [(0.0, -_EARLIER), (max(most[earlier], 1e-9), 0.0)]) for earlier in range(number)),
            (number, [(0.0, -1.0)]),
        ]
        problem, rows = build(instance, part, links, rows_of_classes, _OVERLOAD, priced=False)
        found = optimum(problem, key[taking_part], _SLACK)
        key[taking_part] = found.key
        pivots += found.pivots
        carried = float(found.load[-1])
        total = float(part.rate[part.service_class == number].sum())
        whole = carried >= total * (1 - 1e-12) - 1e-3
        most.append(total if whole else carried)
        proofs.append(None if whole else prices_of(instance, rows, found.price))
    partial = tuple(number for number, proof in enumerate(proofs) if proof is not None)
    return Carried(most_bps=tuple(most), prices=tuple(proofs), partial=partial, pivots=pivots)


def prices_of(instance: Instance, rows: Rows, price: npt.NDArray[np.float64]) -> Prices:
    """The prices of rows by what they stand for; never negative."""
    clipped = np.maximum(price, 0.0)
    at_links = np.zeros(len(instance.inside.usable_bps))
    at_links[rows.links] = clipped[rows.gateways : rows.gateways + len(rows.links)]
    worth = np.zeros(len(CLASSES))
    for at, number in enumerate(rows.classes):
        worth[number] = max(-float(price[rows.gateways + len(rows.links) + at]), 0.0)
    return Prices(gateway=clipped[: rows.gateways], link=at_links, worth=worth)


def fell_short(most_bps: Sequence[float], reached_bps: Sequence[float]) -> bool:
    """Whether less is carried than can be, of any class, by more than rounding."""
    return any(reached < most * (1 - 1e-9) - 1e3 for most, reached in zip(most_bps, reached_bps, strict=True))


def _alike(bulk: Bulk, source: Int32s) -> Bulk:
    """Aggregates of one source, class and set of eligible gateways, taken together; not to be carried is free."""
    open_ = np.isfinite(bulk.cost)
    bits = np.left_shift(np.uint64(1), np.arange(open_.shape[1], dtype=np.uint64))
    masks = (open_ * bits).sum(axis=1, dtype=np.uint64)
    order = np.lexsort((masks, bulk.service_class, source))
    ranked = (source[order], bulk.service_class[order], masks[order])
    differs = np.ones(len(order), np.bool_)
    differs[1:] = np.any([column[1:] != column[:-1] for column in ranked], axis=0)
    firsts = order[differs]
    rates = np.add.reduceat(bulk.rate[order], np.flatnonzero(differs)) if len(order) else bulk.rate
    cost = np.where(open_[firsts], 0.0, np.inf)
    return Bulk(
        rate=rates,
        source=source[firsts],
        service_class=bulk.service_class[firsts],
        cost=np.concatenate([cost, np.zeros((len(firsts), 1))], axis=1),
    )
