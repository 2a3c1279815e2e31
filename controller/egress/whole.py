"""Aggregates that must not be split: each goes where there is room for all of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.instance import Instance, Int32s
from controller.egress.kernels.improving import improve
from controller.egress.room import Room
from controller.egress.utilisation import gateway_pieces

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

_MOST_MOVES: Final = 32
"""Aggregates that are moved aside, or looked at in earnest to be, for the sake of one."""
_MOST_RESETTLED: Final = 100
_WORTH_RESETTLING: Final = 1e-6
"""So many aggregates are looked at for a better place in a pass, and none that loses less than this share of all cost:
few large ones lose nearly all of it."""
_GATEWAY: Final = -1


@dataclass(frozen=True, slots=True)
class Placing:
    """``at`` [A]: where each is, -1 nowhere; ``price_ns`` [A, G]: what a bit costs there, infinite where it may not."""

    instance: Instance
    at: Int32s
    room: Room
    price_ns: Floats

    def place(self, aggregate: int, gateway: int) -> None:
        self.room.take(aggregate, gateway, int(self.instance.demand.rate_bps[aggregate]))
        self.at[aggregate] = gateway

    def remove(self, aggregate: int) -> int:
        """The gateway where it was."""
        gateway = int(self.at[aggregate])
        self.room.take(aggregate, gateway, -int(self.instance.demand.rate_bps[aggregate]))
        self.at[aggregate] = -1
        return gateway

    def cheapest(self, aggregate: int) -> list[int]:
        """Eligible gateways, the cheapest first."""
        prices = self.price_ns[aggregate]
        return [gateway for gateway in np.argsort(prices, kind="stable").tolist() if np.isfinite(prices[gateway])]

    def fitting(self, aggregate: int) -> int | None:
        """The cheapest gateway with room for it."""
        rate = int(self.instance.demand.rate_bps[aggregate])
        return next((one for one in self.cheapest(aggregate) if self.room.fits(aggregate, one) >= rate), None)

    def lacking(self, aggregate: int, gateway: int) -> list[tuple[int, int]]:
        """(link or ``_GATEWAY``, what it lacks) of all on the route that has too little room."""
        rate, room = int(self.instance.demand.rate_bps[aggregate]), self.room
        lacks = [(_GATEWAY, rate - int(room.gateway[gateway]))]
        lacks += [(link, rate - int(room.link[link])) for link in room.links_of(aggregate, gateway).tolist()]
        return [(what, lack) for what, lack in lacks if lack > 0]

    def crossing(self, gateway: int, link: int) -> Numbers:
        """Whole aggregates at a gateway or, if ``link`` is one, over a link."""
        demand, inside, gateways = self.instance.demand, self.instance.inside, len(self.room.gateway)
        there = np.flatnonzero((self.at >= 0) & demand.whole)
        if link == _GATEWAY:
            return np.asarray(there[self.at[there] == gateway])
        crosses = np.zeros(len(inside.starts) - 1, np.bool_)
        crosses[np.searchsorted(inside.starts, np.flatnonzero(inside.links == link), side="right") - 1] = True
        return np.asarray(there[crosses[demand.source[there].astype(np.int64) * gateways + self.at[there]]])


def place_whole(placing: Placing, homeless: Iterable[int]) -> None:
    """Place the ``homeless``, which the optimum carries, by class and the largest first: at the cheapest gateway with
    room; else where others, moved to where they fit, make some; else in place of what has a lower class, which is then
    homeless itself; else not at all."""
    demand = placing.instance.demand

    def turn(aggregate: int) -> tuple[int, int, int]:
        return int(demand.service_class[aggregate]), -int(demand.rate_bps[aggregate]), aggregate

    queue = sorted(homeless, key=turn)
    while queue:
        aggregate = queue.pop(0)
        gateway = placing.fitting(aggregate)
        if gateway is None:
            gateway = _others_moved(placing, aggregate)
        if gateway is None:
            gateway, taken = _others_taken(placing, aggregate)
            queue = sorted([*queue, *taken], key=turn)
        if gateway is not None:
            placing.place(aggregate, gateway)


def fill(placing: Placing) -> int:
    """Whatever is nowhere and fits somewhere goes there, by class and the largest first; how many that are."""
    demand = placing.instance.demand
    most = max(int(placing.room.gateway.max(initial=0)), 0)
    nowhere = np.flatnonzero((placing.at < 0) & demand.whole & (demand.rate_bps > 0) & (demand.rate_bps <= most))
    nowhere = nowhere[np.isfinite(placing.price_ns[nowhere]).any(axis=1)]
    placed = 0
    for aggregate in nowhere[np.lexsort((nowhere, -demand.rate_bps[nowhere], demand.service_class[nowhere]))].tolist():
        gateway = placing.fitting(aggregate)
        if gateway is not None:
            placing.place(aggregate, gateway)
            placed += 1
    return placed


PASSES: Final = 12
"""Over all aggregates that could be cheaper elsewhere; each pass moves fewer than the one before."""


def improve_whole(placing: Placing, cost_ns: Floats) -> None:
    """Use the room that is left: whoever is cheaper elsewhere (``cost_ns`` [A, G]) and fits goes there."""
    instance, at, room = placing.instance, placing.at, placing.room
    demand, exits, inside = instance.demand, instance.exits, instance.inside
    bends = gateway_pieces(exits, instance.weights.utilisation_ns)
    flat = np.array([piece for one in bends for piece in one], np.float64).reshape(-1, 2)
    for _ in range(PASSES):
        there = np.flatnonzero((at >= 0) & demand.whole)
        gain = (cost_ns[there, at[there]] - cost_ns[there].min(axis=1)) * demand.rate_bps[there]
        order = np.argsort(-gain, kind="stable")
        moves = improve(
            there[order[gain[order] > 0]].astype(np.int32),
            demand.rate_bps,
            cost_ns,
            demand.source,
            inside.starts,
            inside.links,
            at,
            room.gateway,
            room.link,
            exits.usable_bps,
            np.cumsum([0, *map(len, bends)]).astype(np.int32),
            np.ascontiguousarray(flat[:, 0]),
            np.ascontiguousarray(flat[:, 1]),
        )
        if moves == 0:
            break


def resettle_whole(placing: Placing, cost_ns: Floats) -> int:
    """Give the aggregates that lose most by where they are a better place, with others moved off it, if that costs less
    in all (``cost_ns`` [A, G]); how many are."""
    demand, at = placing.instance.demand, placing.at
    there = np.flatnonzero((at >= 0) & demand.whole)
    excess = (placing.price_ns[there, at[there]] - placing.price_ns[there].min(axis=1)) * demand.rate_bps[there]
    least = (cost_ns[there, at[there]] * demand.rate_bps[there]).sum() * _WORTH_RESETTLING
    order = np.argsort(-excess, kind="stable")[:_MOST_RESETTLED]
    return sum(_resettle(placing, cost_ns, aggregate) for aggregate in there[order[excess[order] > least]].tolist())


def _resettle(placing: Placing, cost_ns: Floats, aggregate: int) -> bool:
    rate = placing.instance.demand.rate_bps
    was = placing.remove(aggregate)
    for gateway in placing.cheapest(aggregate):
        if placing.price_ns[aggregate, gateway] >= placing.price_ns[aggregate, was]:
            break
        moved: list[tuple[int, int]] = []
        for link, _ in placing.lacking(aggregate, gateway):
            moved += _moved_off(placing, aggregate, gateway, link, several=True)
        gain = (cost_ns[aggregate, was] - cost_ns[aggregate, gateway]) * rate[aggregate]
        loss = sum((cost_ns[other, placing.at[other]] - cost_ns[other, then]) * rate[other] for other, then in moved)
        if loss < gain and not placing.lacking(aggregate, gateway):
            placing.place(aggregate, gateway)
            return True
        for other, then in reversed(moved):
            placing.remove(other)
            placing.place(other, then)
    placing.place(aggregate, was)
    return False


def _others_moved(placing: Placing, aggregate: int) -> int | None:
    """Move others elsewhere so that this one fits: one, the cheapest to move, or several, each the cheapest for a bit.
    The gateway where it fits then; if there is none, nothing has changed."""
    for several in (False, True):
        for gateway in placing.cheapest(aggregate):
            moved: list[tuple[int, int]] = []
            for link, _ in placing.lacking(aggregate, gateway):
                moved += _moved_off(placing, aggregate, gateway, link, several)
            if not placing.lacking(aggregate, gateway):
                return gateway
            for other, was in reversed(moved):
                placing.remove(other)
                placing.place(other, was)
    return None


def _moved_off(placing: Placing, aggregate: int, gateway: int, link: int, several: bool) -> list[tuple[int, int]]:
    """Move others off a gateway or link until it lacks nothing for this one; (who, from where)."""
    demand = placing.instance.demand

    def lack() -> int:
        return dict(placing.lacking(aggregate, gateway)).get(link, 0)

    there = placing.crossing(gateway, link)
    # So large that few of them do: one, or as many as may be moved.
    there = there[demand.rate_bps[there] >= lack() // (_MOST_MOVES if several else 1)]
    if not len(there):
        return []
    elsewhere = np.where(placing.room.gateway >= demand.rate_bps[there][:, None], placing.price_ns[there], np.inf)
    elsewhere[np.arange(len(there)), placing.at[there]] = np.inf
    regret = elsewhere.min(axis=1) - placing.price_ns[there, placing.at[there]]
    if not several:
        regret *= demand.rate_bps[there]
    moved: list[tuple[int, int]] = []
    for other in there[np.argsort(regret, kind="stable")][:_MOST_MOVES].tolist():
        if lack() == 0:
            break
        short = lack()
        was = placing.remove(other)
        rate = int(demand.rate_bps[other])
        for target in placing.cheapest(other):
            if target != gateway and placing.room.fits(other, target) >= rate:
                placing.place(other, target)
                if lack() < short:
                    moved.append((other, was))
                    break
                placing.remove(other)
        else:
            placing.place(other, was)
    return moved


def _others_taken(placing: Placing, aggregate: int) -> tuple[int | None, list[int]]:
    """Take others of lower classes away, the lowest class and the largest first, until this one fits; the gateway where
    it does, and those taken away."""
    demand = placing.instance.demand
    for gateway in placing.cheapest(aggregate):
        taken: list[tuple[int, int]] = []
        for link, _ in placing.lacking(aggregate, gateway):
            there = placing.crossing(gateway, link)
            there = there[demand.service_class[there] > demand.service_class[aggregate]]
            order = np.lexsort((there, -demand.rate_bps[there], -demand.service_class[there].astype(np.int64)))
            for other in there[order].tolist():
                if link not in dict(placing.lacking(aggregate, gateway)):
                    break
                taken.append((other, placing.remove(other)))
        if not placing.lacking(aggregate, gateway):
            return gateway, [other for other, _ in taken]
        for other, was in reversed(taken):
            placing.place(other, was)
    return None, []
