"""From the optimum in floating point to whole bits a second that keep every cap exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.answer import Shares
from controller.egress.instance import CLASSES, Instance, Int32s
from controller.egress.room import Room
from controller.egress.simplex import Optimum
from controller.egress.spreading import carry_more
from controller.egress.whole import Placing, fill, improve_whole, place_whole, resettle_whole

Floats = npt.NDArray[np.float64]
_RESETTLINGS: Final = 2
"""Passes over the whole aggregates that cost most for where they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """Work in progress. ``at`` [A]: the gateway of an aggregate that has one, else -1; ``parts``: the others, by
    aggregate and gateway; ``room``: what both leave; ``price_ns`` [A, G]: costs at the prices of the optimum, infinite
    where a gateway is not eligible."""

    instance: Instance
    at: Int32s
    parts: dict[tuple[int, int], int]
    room: Room
    price_ns: Floats

    def cheapest(self, aggregate: int) -> list[int]:
        """Eligible gateways, the cheapest first."""
        prices = self.price_ns[aggregate]
        return [gateway for gateway in np.argsort(prices, kind="stable").tolist() if np.isfinite(prices[gateway])]


def settle(instance: Instance, active: Int32s, optimum: Optimum, cost_ns: Floats, price_ns: Floats) -> Shares:
    """Shares of ``optimum``, whose aggregates are those numbered ``active``; ``cost_ns`` and
    ``price_ns`` [A, G]: without and with the prices, as in ``Settling``.

    Aggregates on one gateway stay there. Of those that are split all parts are rounded down, and what is left over goes
    where there is room, the cheapest first, class by class. Those that must not be split go where there is room for
    all of them; to make some, others move, or what has a lower class gives way.
    """
    demand, gateways = instance.demand, len(instance.exits)
    at = np.full(len(demand), -1, np.int32)
    at[active] = np.where(optimum.key < gateways, optimum.key, -1)
    split = np.unique(optimum.owner)
    at[active[split]] = -1
    there = np.flatnonzero(at >= 0)
    room = Room.after(instance, there.astype(np.int32), at[there], demand.rate_bps[there])
    work = Settling(instance=instance, at=at, parts={}, room=room, price_ns=price_ns)
    overdrawn = _overdrawn(work)
    homeless: list[int] = []
    for number in range(len(CLASSES)):  # the last bits of a class come before the first of the next
        late = _parted(work, active, optimum, split[demand.service_class[active[split]] == number])
        late += [one for one in overdrawn if demand.service_class[one[0]] == number]
        homeless += [aggregate for aggregate, _ in late if demand.whole[aggregate]]
        for aggregate, rate in sorted(late, key=lambda one: (-one[1], one[0])):
            if not demand.whole[aggregate]:
                _fill(work, aggregate, rate)
    if demand.whole.any():
        placing = Placing(instance, work.at, work.room, work.price_ns)
        place_whole(placing, homeless)
        carry_more(placing)
        _improve(placing, cost_ns)
        for _ in range(_RESETTLINGS):
            if not resettle_whole(placing, cost_ns):
                break
            _improve(placing, cost_ns)
    return _shares(work)


def _improve(placing: Placing, cost_ns: Floats) -> None:
    """Moving makes room, and what comes into it changes what is worth moving."""
    improve_whole(placing, cost_ns)
    while fill(placing):
        improve_whole(placing, cost_ns)


def _parted(work: Settling, active: Int32s, optimum: Optimum, split: Int32s) -> list[tuple[int, int]]:
    """Give the aggregates that are split what the optimum gives them, rounded down; what is left of each."""
    demand, gateways = work.instance.demand, len(work.instance.exits)
    late = []
    for owner in split.tolist():
        aggregate = int(active[owner])
        left = int(demand.rate_bps[aggregate])
        mine = optimum.owner == owner
        given = {
            int(option): int(amount) for option, amount in zip(optimum.option[mine], optimum.amount[mine], strict=True)
        }
        given[int(optimum.key[owner])] = left - sum(given.values())
        dropped = given.pop(gateways, 0)
        if not demand.whole[aggregate]:
            for gateway, amount in sorted(given.items()):
                left -= _give(work, aggregate, gateway, amount)
        late.append((aggregate, left - dropped if dropped > 1 else left))
    return late


def _overdrawn(work: Settling) -> list[tuple[int, int]]:
    """Take one aggregate off whatever is fuller than it may be, which rounding alone can do."""
    demand, inside = work.instance.demand, work.instance.inside
    late = []
    while (least := min(work.room.gateway.min(initial=0), work.room.link.min(initial=0))) < 0:
        there = np.flatnonzero(work.at >= 0)
        if work.room.gateway.min(initial=0) == least:
            on_it = there[work.at[there] == work.room.gateway.argmin()]
        else:
            route = np.repeat(np.arange(len(inside.starts) - 1), np.diff(inside.starts))
            crossing = np.zeros(len(inside.starts) - 1, np.bool_)
            crossing[route[inside.links == work.room.link.argmin()]] = True
            on_it = there[crossing[demand.source[there].astype(np.int64) * len(work.room.gateway) + work.at[there]]]
        enough = on_it[demand.rate_bps[on_it] >= -least]
        chosen = int(
            enough[demand.rate_bps[enough].argmin()] if len(enough) else on_it[demand.rate_bps[on_it].argmax()]
        )
        rate = int(demand.rate_bps[chosen])
        work.room.take(chosen, int(work.at[chosen]), -rate)
        work.at[chosen] = -1
        late.append((chosen, rate))
    return late


def _give(work: Settling, aggregate: int, gateway: int, rate_bps: int) -> int:
    """Let as much as there is room for leave by a gateway; how much that is."""
    rate = min(rate_bps, work.room.fits(aggregate, gateway))
    if rate > 0:
        work.room.take(aggregate, gateway, rate)
        work.parts[aggregate, gateway] = work.parts.get((aggregate, gateway), 0) + rate
    return max(rate, 0)


def _fill(work: Settling, aggregate: int, rate_bps: int) -> None:
    for gateway in work.cheapest(aggregate):
        rate_bps -= _give(work, aggregate, gateway, rate_bps)


def _shares(work: Settling) -> Shares:
    rates = work.instance.demand.rate_bps
    there = np.flatnonzero((work.at >= 0) & (rates > 0))
    parts = sorted(work.parts)
    aggregate = np.concatenate([there, np.array([one for one, _ in parts], np.int64)])
    gateway = np.concatenate([work.at[there].astype(np.int64), np.array([one for _, one in parts], np.int64)])
    rate = np.concatenate(
        [work.instance.demand.rate_bps[there], np.array([work.parts[one] for one in parts], np.int64)]
    )
    order = np.argsort(aggregate * len(work.room.gateway) + gateway)
    return Shares(
        aggregate=aggregate[order].astype(np.int32), gateway=gateway[order].astype(np.int32), rate_bps=rate[order]
    )
