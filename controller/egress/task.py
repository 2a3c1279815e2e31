"""An instance as the optimiser sees it: what of it takes part, at what cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.answer import Prices
from controller.egress.choices import costs_ns, delays_ns
from controller.egress.instance import Instance, Int32s
from controller.egress.program import Bulk, binding_links
from controller.egress.starting import tolls

Floats = npt.NDArray[np.float64]

SLACK_NS: Final = 0.5
"""Nobody is moved for less than this for each bit: a hundred-millionth of what a bit costs."""


@dataclass(frozen=True, slots=True)
class Task:
    """``cost`` [A, G]; the aggregates that have anywhere to go by number (``active``) and as ``bulk``; the links that
    may be asked for too much; and at least what a bit can cost, a scale for penalties."""

    instance: Instance
    cost: Floats
    active: Int32s
    bulk: Bulk
    links: Int32s
    dearest: float

    @classmethod
    def of(cls, instance: Instance) -> Task:
        demand = instance.demand
        cost = costs_ns(instance, delays_ns(instance))
        active = np.flatnonzero(np.isfinite(cost).any(axis=1) & (demand.rate_bps > 0)).astype(np.int32)
        bulk = Bulk(
            rate=demand.rate_bps[active].astype(np.float64),
            source=demand.source[active],
            service_class=demand.service_class[active].astype(np.int32),
            cost=cost if len(active) == len(cost) else cost[active],
        )
        return cls(instance, cost, active, bulk, binding_links(instance, bulk), _dearest(instance, bulk))

    def priced(self, prices: Prices) -> Floats:
        """[A, G]"""
        return np.asarray(self.cost + tolls(self.instance, prices)[self.instance.demand.source])


def _dearest(instance: Instance, bulk: Bulk) -> float:
    """At least what a bit can cost; a scale for penalties."""
    steepest = 5000 * instance.weights.utilisation_ns + int(instance.exits.fee_ns.max(initial=0))
    return float(bulk.cost.max(where=np.isfinite(bulk.cost), initial=1.0)) + steepest
