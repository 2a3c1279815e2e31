"""Which gateways an aggregate may leave by, and what a bit of it costs there."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.instance import NOWHERE, UNREACHABLE, Instance

CLOSED: Final = np.inf


def delays_ns(instance: Instance) -> npt.NDArray[np.int64]:
    """[A, G] from source to far end; ``UNREACHABLE`` where there is no way."""
    demand = instance.demand
    inside = instance.inside.delay_ns[demand.source]
    beyond = np.ascontiguousarray(instance.exits.beyond_ns.T)[demand.group]
    total = inside + beyond
    total[(inside == UNREACHABLE) | (beyond == UNREACHABLE)] = UNREACHABLE
    return total


def costs_ns(instance: Instance, delays: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """[A, G] what the objective charges for a bit, fees and the use of gateways apart; ``CLOSED`` where a gateway is
    not eligible: not reached, not admitted by policy, or beyond the delay bound."""
    demand, weights = instance.demand, instance.weights
    gateways = np.arange(len(instance.exits), dtype=np.uint64)
    costs = delays.copy()
    if weights.churn_ns:
        moved = (demand.previous[:, None] != gateways.astype(np.int64)) & (demand.previous != NOWHERE)[:, None]
        costs += weights.churn_ns * moved
    costs += weights.prefer_ns * (~_in(demand.preferred, gateways)).astype(np.int64)
    open_ = (delays != UNREACHABLE) & (delays <= demand.max_delay_ns[:, None]) & _in(demand.allowed, gateways)
    return np.where(open_, costs.astype(np.float64), CLOSED)


def _in(masks: npt.NDArray[np.uint64], gateways: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """[A, G] which bits are set."""
    return np.asarray((masks[:, None] >> gateways) & np.uint64(1) == np.uint64(1))
