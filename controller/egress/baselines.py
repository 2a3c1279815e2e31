"""How gateways are chosen without an optimiser: what ``bench egress`` and ``egress show`` compare with.

The first three look at no capacity: what they offer to a gateway or a link beyond what it may carry is lost there. The
greedy one does, and loses only what finds no room.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.answer import Shares
from controller.egress.choices import delays_ns, eligible
from controller.egress.instance import Instance

Offers = npt.NDArray[np.float64]

BLIND: Final = ("nearest", "equal-split", "least-delay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What came of offers: rates in bit/s, the mean delay of what was offered, the fullest gateway's use (above 1: what
    was offered is more than its capacity)."""

    carried_bps: int
    delay_ns: float
    utilisation: float


def offers(instance: Instance, method: str) -> Offers:
    """[A, G] bit/s by a method that is blind to capacity: ``nearest`` is the exit with the least delay inside (hot
    potato), ``least-delay`` that with the least delay to the far end, ``equal-split`` all eligible ones alike."""
    delays = delays_ns(instance)
    open_ = eligible(instance, delays)
    there = open_.any(axis=1)
    rate = instance.demand.rate_bps.astype(np.float64)
    if method == "equal-split":
        return np.asarray(open_ * (rate / np.maximum(open_.sum(axis=1), 1))[:, None])
    length = instance.inside.delay_ns[instance.demand.source] if method == "nearest" else delays
    chosen = np.where(open_, length, np.iinfo(np.int64).max).argmin(axis=1)
    found = np.zeros(open_.shape)
    found[there, chosen[there]] = rate[there]
    return found


def tally(instance: Instance, offered: Offers) -> Tally:
    """What comes of ``offered``, by ``passing``."""
    delays = delays_ns(instance)
    at_gateway = offered.sum(axis=0)
    total = offered.sum()
    capacity = instance.exits.capacity_bps
    return Tally(
        carried_bps=int((offered * passing(instance, offered)).sum()),
        delay_ns=float((offered * np.where(offered > 0, delays, 0)).sum() / total) if total else 0.0,
        utilisation=float((at_gateway[capacity > 0] / capacity[capacity > 0]).max(initial=0.0)),
    )


def passing(instance: Instance, offered: Offers) -> Offers:
    """[A, G] the share of offers that gets through: a gateway or link that is offered too much loses the same share of
    all; a route loses what its worst does."""
    demand, inside, exits = instance.demand, instance.inside, instance.exits
    by_route = np.zeros(inside.delay_ns.shape)
    np.add.at(by_route, demand.source, offered)
    at_gateway = by_route.sum(axis=0)
    on_link = np.bincount(inside.links, np.repeat(by_route.ravel(), np.diff(inside.starts)), len(inside.usable_bps))
    passes = np.broadcast_to(_passing(at_gateway, exits.usable_bps), by_route.shape).ravel().copy()
    link_passes = _passing(on_link, inside.usable_bps)
    np.minimum.at(passes, np.repeat(np.arange(passes.size), np.diff(inside.starts)), link_passes[inside.links])
    found: Offers = passes.reshape(by_route.shape)[demand.source]
    return found


def greedy(instance: Instance) -> Shares:
    """By class and the largest first, each to the eligible gateways with the least delay as far as there is room."""
    demand, exits, inside = instance.demand, instance.exits, instance.inside
    delays = delays_ns(instance)
    open_ = eligible(instance, delays)
    order = np.lexsort((np.arange(len(demand)), -demand.rate_bps, demand.service_class))
    ranking = np.where(open_, delays, np.iinfo(np.int64).max).argsort(axis=1, kind="stable").tolist()
    counts = open_.sum(axis=1).tolist()
    gateways = len(exits)
    links = [inside.links[begin:end].tolist() for begin, end in pairwise(inside.starts.tolist())]
    at_gateway, on_link = exits.usable_bps.tolist(), inside.usable_bps.tolist()
    rates, sources = demand.rate_bps.tolist(), demand.source.tolist()
    found: list[tuple[int, int, int]] = []
    for aggregate in order.tolist():
        left = rates[aggregate]
        for gateway in ranking[aggregate][: counts[aggregate]]:
            if left == 0:
                break
            route = links[sources[aggregate] * gateways + gateway]
            fits = min(left, at_gateway[gateway], *(on_link[link] for link in route))
            if fits > 0:
                at_gateway[gateway] -= fits
                for link in route:
                    on_link[link] -= fits
                found.append((aggregate, gateway, fits))
                left -= fits
    columns = np.array(sorted(found), np.int64).reshape(-1, 3)
    return Shares(
        aggregate=columns[:, 0].astype(np.int32), gateway=columns[:, 1].astype(np.int32), rate_bps=columns[:, 2]
    )


def _passing(offered: npt.ArrayLike, usable: npt.NDArray[np.int64]) -> Offers:
    """The share that gets through."""
    return np.minimum(1.0, usable / np.maximum(offered, 1.0))
