"""Aggregates that may leave by so many gateways at a time: which ones these are is decided, and the rest is closed.

The optimum splits few aggregates, and fewer over more than two gateways. Those that it splits too far keep the gateways
that carry most of them, and the program is solved again; as each time some become narrower for good, that ends. It is a
heuristic, and the certificate tells what it costs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller.egress.answer import Shares
from controller.egress.choices import costs_ns, delays_ns
from controller.egress.instance import Instance, Masks


def narrowed(instance: Instance, shares: Shares) -> Instance | None:
    """With only those gateways allowed that carry most, of each aggregate that leaves by more than it may; ``None`` if
    none does."""
    demand = instance.demand
    if not demand.most_gateways.any():
        return None
    limit = demand.most_gateways[shares.aggregate]
    order = np.lexsort((shares.gateway, -shares.rate_bps, shares.aggregate))
    rank = _rank(shares.aggregate[order])
    kept = np.zeros(len(demand), np.uint64)
    chosen = order[(rank < limit[order]) & (limit[order] > 0)]
    np.bitwise_or.at(kept, shares.aggregate[chosen], _bits(shares.gateway[chosen]))
    too_many = np.unique(shares.aggregate[order[(rank >= limit[order]) & (limit[order] > 0)]])
    if not len(too_many):
        return None
    allowed = demand.allowed.copy()
    allowed[too_many] &= kept[too_many]
    return replace(instance, demand=replace(demand, allowed=allowed))


def within_limits(instance: Instance, before: Shares) -> Masks:
    """[A] the gateways to choose from in this cycle, for aggregates that leave by several already: those that they
    leave by and may still, and the best others as far as there may be more. Its parts may then choose each for itself.
    One with a single gateway, or none, chooses freely."""
    demand = instance.demand
    mask = demand.allowed.copy()
    count = np.bincount(before.aggregate, minlength=len(demand))
    limited = np.flatnonzero((demand.most_gateways > 0) & (count > 1))
    if not len(limited):
        return mask
    cost = costs_ns(instance, delays_ns(instance))[limited]
    used = np.zeros(cost.shape, np.bool_)
    position = np.full(len(demand), -1)
    position[limited] = np.arange(len(limited))
    mine = position[before.aggregate] >= 0
    used[position[before.aggregate[mine]], before.gateway[mine]] = True
    open_ = np.isfinite(cost)
    # Used ones first, then by cost; of these as many as may be.
    order = np.lexsort((cost, ~(used & open_)), axis=1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(order.shape[1])[None, :], axis=1)
    chosen = open_ & (rank < demand.most_gateways[limited][:, None])
    mask[limited] = (chosen * _bits(np.arange(cost.shape[1]))).sum(axis=1, dtype=np.uint64)
    return mask


def _bits(gateways: np.typing.NDArray[np.signedinteger]) -> Masks:
    return np.left_shift(np.uint64(1), gateways.astype(np.uint64))


def _rank(groups: np.typing.NDArray[np.int32]) -> np.typing.NDArray[np.int64]:
    """The position of each entry among those of its group; groups lie together."""
    numbers = np.arange(len(groups))
    first = np.ones(len(groups), np.bool_)
    first[1:] = groups[1:] != groups[:-1]
    return np.asarray(numbers - np.maximum.accumulate(np.where(first, numbers, 0)))
