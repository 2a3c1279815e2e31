"""Gateways that may carry nothing, as they have failed or are drained.

Nobody leaves by one, so the program is smaller without them. What bounds its answer bounds the whole one too, with a
price at these gateways at which nobody wants to go there; as there is no room, that price costs the bound nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller.egress.answer import Answer, Prices
from controller.egress.instance import CLASSES, Flags, Instance


def without_shut(instance: Instance) -> Instance:
    """The same instance if all gateways have room, else one in which those without are not allowed."""
    shut = _shut(instance)
    if not shut.any():
        return instance
    bits = np.bitwise_or.reduce(np.left_shift(np.uint64(1), np.flatnonzero(shut).astype(np.uint64)))
    return replace(instance, demand=replace(instance.demand, allowed=instance.demand.allowed & ~bits))


def with_shut(instance: Instance, answer: Answer) -> Answer:
    """The answer without those gateways as one to ``instance``."""
    shut = _shut(instance)
    if not shut.any():
        return answer
    nothing = Prices(
        gateway=np.zeros(len(shut)), link=np.zeros(len(instance.inside.usable_bps)), worth=np.zeros(len(CLASSES))
    )
    carrying = (nothing if prices is None else prices for prices in answer.carrying)
    return replace(
        answer,
        prices=_priced(answer.prices, shut, 0.0),
        carrying=tuple(_priced(prices, shut, 1.0) for prices in carrying),
    )


def _shut(instance: Instance) -> Flags:
    return np.asarray(instance.exits.usable_bps == 0)


def _priced(prices: Prices, shut: Flags, worth: float) -> Prices:
    """With a price as high as what a bit is worth, which nobody pays."""
    dear = max(worth, float(prices.worth.max(initial=0.0)))
    return replace(prices, gateway=np.where(shut, dear, prices.gateway))
