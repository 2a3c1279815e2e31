"""Room that nobody left behind can use, made where somebody can: whole aggregates move to it from fuller gateways."""

from __future__ import annotations

from typing import Final

import numpy as np

from controller.egress.instance import Flags
from controller.egress.whole import Placing, fill

_ROUNDS: Final = 4
_MOST_LOOKED_AT: Final = 400
"""Aggregates that might move to one gateway in a round, those that lose least by it first."""


def carry_more(placing: Placing) -> None:
    """Place what is nowhere and fits somewhere; then spread others, and again, as long as that lets more be carried."""
    fill(placing)
    for _ in range(_ROUNDS):
        if not _spread(placing) or not fill(placing):
            break


def _spread(placing: Placing) -> int:
    """Move aggregates off gateways by which somebody nowhere could leave, to where there is room; how many."""
    demand, at, price_ns = placing.instance.demand, placing.at, placing.price_ns
    wanted = _wanted(placing)
    moved = 0
    for gateway in np.argsort(-placing.room.gateway, kind="stable").tolist():
        there = np.flatnonzero((at >= 0) & (at != gateway) & demand.whole & np.isfinite(price_ns[:, gateway]))
        there = there[wanted[at[there]] & (demand.rate_bps[there] <= placing.room.gateway[gateway])]
        loss = price_ns[there, gateway] - price_ns[there, at[there]]
        for aggregate in there[np.argsort(loss, kind="stable")[:_MOST_LOOKED_AT]].tolist():
            was = int(at[aggregate])
            if placing.room.gateway[was] >= placing.room.gateway[gateway]:
                continue
            placing.remove(aggregate)
            fits = placing.room.fits(aggregate, gateway) >= int(demand.rate_bps[aggregate])
            placing.place(aggregate, gateway if fits else was)
            moved += fits
    return moved


def _wanted(placing: Placing) -> Flags:
    """[G] gateways by which somebody nowhere could leave if there were room: the links on the way there have some."""
    instance = placing.instance
    demand, inside = instance.demand, instance.inside
    nowhere = np.flatnonzero((placing.at < 0) & demand.whole & (demand.rate_bps > 0))
    route = np.repeat(np.arange(len(inside.starts) - 1), np.diff(inside.starts))
    on_route = np.full(len(inside.starts) - 1, np.iinfo(np.int64).max)
    np.minimum.at(on_route, route, placing.room.link[inside.links])
    on_way = on_route.reshape(inside.delay_ns.shape)[demand.source[nowhere]]
    reached = np.isfinite(placing.price_ns[nowhere]) & (on_way >= demand.rate_bps[nowhere][:, None])
    return np.asarray(np.any(reached, axis=0))
