"""Where traffic left before, share by share, so that staying costs nothing and moving is counted exactly.

An aggregate that was split is asked about as several, one for each gateway that it left by, with the shares of its rate
there. As these differ in nothing but where they were, none would ever change places with another, so that the sum over
them of what moves is that of the aggregate: what leaves by a gateway beyond what did before.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from controller.egress.answer import Shares
from controller.egress.instance import NOWHERE, Instance, Int32s, Int64s
from controller.egress.narrowing import within_limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """``instance`` has one aggregate for each part, of the aggregate ``owner`` [parts] of the instance before;
    ``before_bps`` [parts]: what of it was carried."""

    instance: Instance
    owner: Int32s
    before_bps: Int64s

    def merged(self, shares: Shares, gateways: int) -> Shares:
        """Shares of the parts as shares of the aggregates that they are parts of."""
        number = self.owner[shares.aggregate].astype(np.int64) * gateways + shares.gateway
        found, at = np.unique(number, return_inverse=True)
        rate = np.zeros(len(found), np.int64)
        np.add.at(rate, at, shares.rate_bps)
        return Shares(
            aggregate=(found // max(gateways, 1)).astype(np.int32),
            gateway=(found % max(gateways, 1)).astype(np.int32),
            rate_bps=rate,
        )


def parted(instance: Instance, before: Shares) -> Parted:
    """``instance`` with what left where ``before``: the same aggregates, with other rates perhaps. An aggregate of
    which only a part was carried is taken as if all of it had left as that part did; one that must not be split, as if
    all of it had left as most of it did."""
    demand = instance.demand
    before = _largest_of_whole(instance, before)
    count = np.bincount(before.aggregate, minlength=len(demand))
    owner = np.repeat(np.arange(len(demand), dtype=np.int32), np.maximum(count, 1))
    first = np.cumsum(np.maximum(count, 1)) - np.maximum(count, 1)
    previous = np.full(len(owner), NOWHERE, np.int32)
    rate = demand.rate_bps[owner]
    there = np.flatnonzero(np.isin(owner, before.aggregate))  # in the order of shares: by aggregate, then gateway
    previous[there] = before.gateway
    left_bps = np.zeros(len(owner), np.int64)
    left_bps[there] = before.rate_bps
    carried = np.bincount(before.aggregate, before.rate_bps, len(demand))
    several = np.flatnonzero(count[owner] > 1)
    share = np.ones(len(owner))
    share[there] = before.rate_bps / carried[before.aggregate]
    rate[several] = (rate[several] * share[several]).astype(np.int64)
    given = np.zeros(len(demand), np.int64)
    np.add.at(given, owner, rate)
    rate[first] += demand.rate_bps - given  # what rounding left over
    given_arrays = {one.name: getattr(demand, one.name) for one in fields(demand)}
    arrays = {name: values[owner] for name, values in given_arrays.items() if values is not None}
    arrays.update(rate_bps=rate, previous=previous, allowed=within_limits(instance, before)[owner])
    parts = replace(instance, demand=replace(demand, **arrays))
    return Parted(instance=parts, owner=owner, before_bps=left_bps)


def _largest_of_whole(instance: Instance, before: Shares) -> Shares:
    """Of aggregates that must not be split, the largest share only."""
    if not instance.demand.whole.any():
        return before
    order = np.lexsort((before.gateway, -before.rate_bps, before.aggregate))
    smaller = np.zeros(len(before), np.bool_)
    smaller[order[1:]] = before.aggregate[order[1:]] == before.aggregate[order[:-1]]
    kept = ~(smaller & instance.demand.whole[before.aggregate])
    return Shares(aggregate=before.aggregate[kept], gateway=before.gateway[kept], rate_bps=before.rate_bps[kept])
