"""Moves from where traffic leaves to where it could: a choice among them that no cap forbids and that is not too much.

A move is traffic of one part (``previous.Parted``) from a gateway to another. What comes anew has no origin, what is
given up no target; neither counts as moved. Rows are gateways, then links, as in ``Inside``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.answer import Shares
from controller.egress.instance import (
    ALL_GATEWAYS,
    ANY_DELAY,
    NOWHERE,
    Demand,
    Exits,
    Flags,
    Inside,
    Instance,
    Int32s,
    Int64s,
)
from controller.egress.solving import solve

Floats = npt.NDArray[np.float64]
UNBOUNDED: Final = 2**60
_STAYS, _GOES = 0, 1
_IN_PARTS: Final = 200
"""So many times some bits are taken back; then whole moves, so that bits are not handed on without end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """One entry a move. ``loaded``: the traffic takes room at its origin now (not if that is out of service)."""

    part: Int32s
    origin: Int32s
    target: Int32s
    rate_bps: Int64s
    loaded: Flags

    def __len__(self) -> int:
        return len(self.rate_bps)

    @property
    def counts(self) -> Flags:
        """Which leave by another gateway than before, and so count as moved."""
        return np.asarray((self.origin != NOWHERE) & (self.target != NOWHERE))

    @property
    def bounded(self) -> Flags:
        """Of which not too much is to move at a time: what could stay."""
        return np.asarray(self.counts & self.loaded)

    def only(self, which: npt.NDArray[np.generic]) -> Moves:
        """Some of them, by flag or in an order of numbers."""
        return Moves(
            part=self.part[which],
            origin=self.origin[which],
            target=self.target[which],
            rate_bps=self.rate_bps[which],
            loaded=self.loaded[which],
        )


def moves_between(instance: Instance, kept_bps: Int64s, loaded: Flags, shares: Shares) -> Moves:
    """From where each part was (``demand.previous``), with ``kept_bps`` [P] of it, to ``shares`` of the parts; what of
    it has no share any more is given up. ``loaded`` [P]: it takes room where it was."""
    previous = instance.demand.previous
    at = previous[shares.aggregate]
    elsewhere = at != shares.gateway
    part, target = shares.aggregate[elsewhere], shares.gateway[elsewhere]
    rate = shares.rate_bps[elsewhere]
    known = previous[part] != NOWHERE
    # Where less is left by the gateway than is asked for now, no more than that can move away.
    behind = _sums_before(part, rate)
    rate = np.where(known, np.clip(kept_bps[part] - behind, 0, rate), rate)
    staying = np.zeros(len(previous), np.int64)
    np.add.at(staying, shares.aggregate, shares.rate_bps)
    given_up = np.flatnonzero((previous != NOWHERE) & loaded & (staying < kept_bps)).astype(np.int32)
    found = Moves(
        part=np.concatenate([part, given_up]),
        origin=np.concatenate([previous[part], previous[given_up]]),
        target=np.concatenate([target, np.full(len(given_up), NOWHERE, np.int32)]),
        rate_bps=np.concatenate([rate, kept_bps[given_up] - staying[given_up]]),
        loaded=np.concatenate([loaded[part], loaded[given_up]]),
    )
    return found.only(found.rate_bps > 0)


def loads(instance: Instance, part: Int32s, gateway: Int32s, rate_bps: Int64s) -> Int64s:
    """[G + K] what gateways and links carry of traffic that leaves so."""
    inside, gateways = instance.inside, len(instance.exits)
    at_gateway, on_link = np.zeros(gateways, np.int64), np.zeros(len(inside.usable_bps), np.int64)
    np.add.at(at_gateway, gateway, rate_bps)
    by_route = np.zeros(len(inside.delay_ns) * gateways, np.int64)
    np.add.at(by_route, instance.demand.source[part].astype(np.int64) * gateways + gateway, rate_bps)
    np.add.at(on_link, inside.links, np.repeat(by_route, np.diff(inside.starts)))
    return np.concatenate([at_gateway, on_link])


def caps(instance: Instance) -> Int64s:
    """[G + K] what gateways and links may carry."""
    return np.concatenate([instance.exits.usable_bps, instance.inside.usable_bps])


def chosen(instance: Instance, moves: Moves, load: Int64s, most_bps: int, worth_ns: Int64s) -> Int64s:
    """How much of each move is made, so that what they are worth together is most: ``worth_ns`` [M] for each bit (below
    0: it is made only for others' sake), and ``most_bps`` of what could stay in all.

    ``load`` [G + K]: before any is made. No row is made fuller than it may be or, if it was above that, than it was.
    Exchanges are made together; what has to stay whole moves as a whole. It is a linear program like the one behind it
    all: each move is an aggregate that stays or goes, and the rows, with one more for the bound, are links.
    """
    if not len(moves) or (most_bps <= 0 and moves.bounded.all()):
        return np.zeros(len(moves), np.int64)
    limit = np.maximum(caps(instance), load)
    choice = _choice(instance, moves, load, limit, most_bps, worth_ns)
    shares = solve(choice).shares
    goes = shares.gateway == _GOES
    taken = np.zeros(len(moves), np.int64)
    taken[shares.aggregate[goes]] = shares.rate_bps[goes]
    _take_back(instance, moves, taken, load, limit)
    return taken


def _choice(instance: Instance, moves: Moves, load: Int64s, limit: Int64s, most_bps: int, worth_ns: Int64s) -> Instance:
    """To stay, which costs what moving is worth, or to go; over the same rows."""
    number, rows = len(moves), len(load)
    here = _crossed(instance, moves.part, np.where(moves.loaded, moves.origin, NOWHERE))
    there = _crossed(instance, moves.part, moves.target)
    bound = np.flatnonzero(moves.bounded)
    staying = np.zeros(rows, np.int64)
    np.add.at(staying, here % rows, moves.rate_bps[here // rows])
    route = np.concatenate([here // rows * 2 + _STAYS, there // rows * 2 + _GOES, bound * 2 + _GOES])
    row = np.concatenate([here % rows, there % rows, np.full(len(bound), rows)])
    order = np.lexsort((row, route))
    everything = np.full(2, UNBOUNDED)
    nobody = np.full(number, NOWHERE, np.int32)
    return Instance(
        demand=Demand(
            source=np.arange(number, dtype=np.int32),
            group=np.zeros(number, np.int32),
            service_class=np.zeros(number, np.int8),
            rate_bps=moves.rate_bps,
            max_delay_ns=np.full(number, ANY_DELAY),
            allowed=np.full(number, ALL_GATEWAYS),
            preferred=np.full(number, ALL_GATEWAYS),
            previous=nobody,
            whole=instance.demand.whole[moves.part],
            most_gateways=np.zeros(number, np.int8),
        ),
        exits=Exits(
            capacity_bps=everything,
            usable_bps=everything,
            beyond_ns=np.zeros((2, 1), np.int64),
            fee_ns=np.zeros(2, np.int64),
            free_bps=np.zeros(2, np.int64),
        ),
        inside=Inside(
            delay_ns=np.stack([np.maximum(worth_ns, 0), np.maximum(-worth_ns, 0)], axis=1),
            starts=np.concatenate([[0], np.cumsum(np.bincount(route, minlength=2 * number))]).astype(np.int32),
            links=row[order].astype(np.int32),
            usable_bps=np.concatenate([limit - load + staying, [min(max(most_bps, 0), UNBOUNDED)]]),
        ),
    )


def _take_back(instance: Instance, moves: Moves, taken: Int64s, load: Int64s, limit: Int64s) -> None:
    """What rounding left above a limit by some bits. It comes to an end: without any move no row is above."""
    rows = len(load)
    here = _crossed(instance, moves.part, np.where(moves.loaded, moves.origin, NOWHERE))
    there = _crossed(instance, moves.part, moves.target)
    added = np.setdiff1d(there, here)
    for times in count():
        after = load.copy()
        np.add.at(after, there % rows, taken[there // rows])
        np.subtract.at(after, here % rows, taken[here // rows])
        over = after - limit
        row = int(over.argmax())
        if over[row] <= 0:
            return
        makers = added[added % rows == row] // rows
        makers = makers[taken[makers] > 0]
        enough = makers[taken[makers] >= over[row]]
        one = int(enough[taken[enough].argmin()] if len(enough) else makers[taken[makers].argmax()])
        in_parts = times < _IN_PARTS and not instance.demand.whole[moves.part[one]]
        taken[one] -= min(over[row], taken[one]) if in_parts else taken[one]


def _crossed(instance: Instance, part: Int32s, gateway: npt.NDArray[np.signedinteger]) -> Int64s:
    """Position in ``part`` x rows + row, of all rows on the ways to gateways; none to ``NOWHERE``."""
    inside, gateways = instance.inside, len(instance.exits)
    rows = gateways + len(inside.usable_bps)
    there = np.flatnonzero(gateway != NOWHERE)
    route = instance.demand.source[part[there]].astype(np.int64) * gateways + gateway[there]
    hops = np.diff(inside.starts)[route]
    behind = np.repeat(np.cumsum(hops) - hops, hops)
    links = inside.links[np.repeat(inside.starts[route], hops) + np.arange(hops.sum()) - behind]
    return np.concatenate([there * rows + gateway[there], np.repeat(there, hops) * rows + gateways + links])


def _sums_before(group: Int32s, rate: Int64s) -> Int64s:
    """The sum of the entries before each one that are of its group; groups lie together."""
    sums = np.cumsum(rate) - rate
    first = np.ones(len(group), np.bool_)
    first[1:] = group[1:] != group[:-1]
    begins = np.maximum.accumulate(np.where(first, np.arange(len(group)), 0)) if len(group) else np.zeros(0, np.int64)
    return np.asarray(sums - sums[begins])
