"""Where the simplex method begins: every aggregate whole at its best gateway, at prices that are nearly right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from controller.egress.answer import Prices
from controller.egress.instance import Instance, Int32s
from controller.egress.program import Bulk


def tolls(instance: Instance, prices: Prices) -> npt.NDArray[np.float64]:
    """[S, G] the prices of the gateway and of the links of a route."""
    inside = instance.inside
    behind = np.concatenate([[0.0], np.cumsum(prices.link[inside.links])])
    along = behind[inside.starts[1:]] - behind[inside.starts[:-1]]
    return np.asarray(along.reshape(inside.delay_ns.shape) + prices.gateway)


def first_keys(instance: Instance, bulk: Bulk, prices: Prices | None) -> Int32s:
    """The gateway of each aggregate of ``bulk``."""
    costs = bulk.cost if prices is None else bulk.cost + tolls(instance, prices)[bulk.source]
    return np.asarray(costs.argmin(axis=1).astype(np.int32))
