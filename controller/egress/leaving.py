"""What leaves where while it is decided what moves: all as before with the rates of now, then with each move made."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from controller.egress.answer import Answer, Prices, Shares
from controller.egress.choices import costs_ns, delays_ns
from controller.egress.instance import CLASSES, NOWHERE, Flags, Instance, Int32s, Int64s
from controller.egress.moves import Moves, caps, loads
from controller.egress.starting import tolls

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Leaving:
    """Parts [P] and what of each still leaves as before (``kept_bps``), with what has come elsewhere: ``part``,
    ``gateway``, ``rate_bps``. ``loaded`` [P]: its gateway before can still be used. ``cost_ns`` [P, G] without the
    price of moves, ``value_ns`` with the prices of room."""

    instance: Instance
    loaded: Flags
    kept_bps: Int64s
    part: Int32s
    gateway: Int32s
    rate_bps: Int64s
    delay_ns: Int64s
    cost_ns: Floats
    value_ns: Floats

    @classmethod
    def of(cls, instance: Instance, optimum: Answer) -> Leaving:
        """Everything leaves as before, with the rates of now."""
        demand = instance.demand
        delay = delays_ns(instance)
        cost = costs_ns(replace(instance, weights=replace(instance.weights, churn_ns=0)), delay)
        numbers, known = np.arange(len(demand)), demand.previous != NOWHERE
        loaded = known & np.isfinite(cost[numbers, np.where(known, demand.previous, 0)]) if cost.size else known
        return cls(
            instance=instance,
            loaded=loaded,
            kept_bps=np.where(known, demand.rate_bps, 0),
            part=np.zeros(0, np.int32),
            gateway=np.zeros(0, np.int32),
            rate_bps=np.zeros(0, np.int64),
            delay_ns=delay,
            cost_ns=cost,
            value_ns=cost + tolls(instance, optimum.prices)[demand.source],
        )

    def shares(self) -> Shares:
        """Of the parts; one may be there twice for a gateway."""
        stays = np.flatnonzero(self.loaded & (self.kept_bps > 0)).astype(np.int32)
        return Shares(
            aggregate=np.concatenate([stays, self.part]),
            gateway=np.concatenate([self.instance.demand.previous[stays], self.gateway]),
            rate_bps=np.concatenate([self.kept_bps[stays], self.rate_bps]),
        )

    def load(self) -> Int64s:
        """[G + K]"""
        now = self.shares()
        return loads(self.instance, now.aggregate, now.gateway, now.rate_bps)

    def priced(self, prices: Prices) -> Leaving:
        return replace(self, value_ns=self.cost_ns + tolls(self.instance, prices)[self.instance.demand.source])

    def carried_now(self) -> Instance:
        """What still leaves as before, in the room that is left to it."""
        arrived = loads(self.instance, self.part, self.gateway, self.rate_bps)
        room = np.maximum(caps(self.instance) - arrived, 0)
        gateways = len(self.instance.exits)
        return replace(
            self.instance,
            demand=replace(self.instance.demand, rate_bps=np.where(self.loaded, self.kept_bps, 0)),
            exits=replace(self.instance.exits, usable_bps=room[:gateways]),
            inside=replace(self.instance.inside, usable_bps=room[gateways:]),
        )

    def fits(self) -> bool:
        return bool((self.load() <= caps(self.instance)).all())

    def carries(self, shares: Shares) -> bool:
        """As much of each class as these, but for what rounding takes."""
        ours, theirs = (_by_class(self.instance, one) for one in (self.shares(), shares))
        return bool((ours >= theirs * (1 - 1e-9) - 1e3).all())

    def after(self, moves: Moves, taken: Int64s) -> Leaving:
        """Once so much of each move is made."""
        kept = self.kept_bps.copy()
        known = moves.origin != NOWHERE
        np.subtract.at(kept, moves.part[known], taken[known])
        comes = (moves.target != NOWHERE) & (taken > 0)
        return replace(
            self,
            kept_bps=kept,
            part=np.concatenate([self.part, moves.part[comes]]),
            gateway=np.concatenate([self.gateway, moves.target[comes]]),
            rate_bps=np.concatenate([self.rate_bps, taken[comes]]),
        )

    def gains_ns(self, moves: Moves) -> Floats:
        """For a bit; infinite where it cannot stay or is new, and minus infinite where it is given up."""
        here = np.full(len(moves), np.inf)
        there = np.full(len(moves), np.inf)
        stays, comes = moves.loaded, moves.target != NOWHERE
        here[stays] = self.value_ns[moves.part[stays], moves.origin[stays]]
        there[comes] = self.value_ns[moves.part[comes], moves.target[comes]]
        return np.where(comes, here - np.where(comes, there, 0.0), -np.inf)

    def delays_of(self, moves: Moves) -> Floats:
        """Where each leaves now."""
        return self.delay_ns[moves.part, moves.origin].astype(np.float64)


def _by_class(instance: Instance, shares: Shares) -> Floats:
    of_share = instance.demand.service_class[shares.aggregate]
    return np.asarray(np.bincount(of_share, shares.rate_bps, len(CLASSES)), np.float64)
