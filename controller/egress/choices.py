"""Which gateways an aggregate may leave by, and what a bit of it costs there."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.instance import ANY_LOSS, NOWHERE, UNKNOWN_LOSS, UNREACHABLE, Instance

CLOSED: Final = np.inf


def delays_ns(instance: Instance) -> npt.NDArray[np.int64]:
    """[A, G] from source to far end; ``UNREACHABLE`` where there is no way."""
    demand = instance.demand
    inside = instance.inside.delay_ns[demand.source]
    beyond = np.ascontiguousarray(instance.exits.beyond_ns.T)[demand.group]
    total = inside + beyond
    total[(inside == UNREACHABLE) | (beyond == UNREACHABLE)] = UNREACHABLE
    return total


def losses_ppm(instance: Instance) -> npt.NDArray[np.int32] | None:
    """[A, G] of a million packets, or ``UNKNOWN_LOSS``; ``None``: none is known."""
    if instance.exits.loss_ppm is None:
        return None
    return np.ascontiguousarray(instance.exits.loss_ppm.T)[instance.demand.group]


def within_loss(instance: Instance) -> npt.NDArray[np.bool_] | None:
    """[A, G] whether no more is lost than may be, which what is not known never is; ``None``: nobody has a bound."""
    bound_ppm = instance.demand.max_loss_ppm
    if bound_ppm is None:
        return None
    loss_ppm = losses_ppm(instance)
    if loss_ppm is None:
        loss_ppm = np.full((len(bound_ppm), len(instance.exits)), UNKNOWN_LOSS, np.int32)
    unbound = bound_ppm == ANY_LOSS
    return np.asarray(unbound[:, None] | ((loss_ppm != UNKNOWN_LOSS) & (loss_ppm <= bound_ppm[:, None])))


def eligible(instance: Instance, delays: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """[A, G] not where it is not reached, not admitted by policy, or beyond the bound of delay or loss."""
    demand = instance.demand
    gateways = np.arange(len(instance.exits), dtype=np.uint64)
    found = (delays != UNREACHABLE) & (delays <= demand.max_delay_ns[:, None]) & _in(demand.allowed, gateways)
    within = within_loss(instance)
    return np.asarray(found if within is None else found & within)


def costs_ns(instance: Instance, delays: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """[A, G] what the objective charges for a bit, loss included, fees and the use of gateways apart; ``CLOSED`` where
    a gateway is not ``eligible``."""
    demand, weights = instance.demand, instance.weights
    gateways = np.arange(len(instance.exits), dtype=np.uint64)
    costs = delays.copy()
    if weights.churn_ns:
        moved = (demand.previous[:, None] != gateways.astype(np.int64)) & (demand.previous != NOWHERE)[:, None]
        costs += weights.churn_ns * moved
    costs += weights.prefer_ns * (~_in(demand.preferred, gateways)).astype(np.int64)
    loss_ppm = losses_ppm(instance)
    if loss_ppm is not None:
        costs += weights.lost_ppm_ns * np.maximum(loss_ppm, 0).astype(np.int64)
    return np.where(eligible(instance, delays), costs.astype(np.float64), CLOSED)


def _in(masks: npt.NDArray[np.uint64], gateways: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """[A, G] which bits are set."""
    return np.asarray((masks[:, None] >> gateways) & np.uint64(1) == np.uint64(1))
