"""The same traffic by simple rules: what each would offer to gateways, and how fast what gets through would be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.compiler.egress import Solved
from controller.egress.answer import Shares
from controller.egress.baselines import BLIND, greedy, offers, passing
from controller.egress.choices import delays_ns
from controller.egress.instance import Instance

OURS: Final = "trunkline"
GREEDY: Final = "greedy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``offered`` [G]: bit/s sent to each gateway, more than it may carry perhaps. ``delay_ns`` [N], rising, with
    ``within`` [N]: the share of the demand that is carried and there within so much."""

    method: str
    offered: npt.NDArray[np.float64]
    delay_ns: npt.NDArray[np.int64]
    within: npt.NDArray[np.float64]

    @property
    def carried(self) -> float:
        """As a share of the demand."""
        return float(self.within[-1]) if len(self.within) else 0.0


def compared(solved: Solved) -> tuple[Outcome, ...]:
    """What is planned first, then nearest, equal split, least delay and greedy."""
    return outcomes(solved.asked.instance, solved.answer.shares)


def outcomes(instance: Instance, ours: Shares) -> tuple[Outcome, ...]:
    """The same of any instance."""
    found = [_outcome(instance, OURS, _table(instance, ours))]
    found += [_outcome(instance, method, offers(instance, method)) for method in BLIND]
    found.append(_outcome(instance, GREEDY, _table(instance, greedy(instance))))
    return tuple(found)


def _table(instance: Instance, shares: Shares) -> npt.NDArray[np.float64]:
    """[A, G]"""
    found = np.zeros((len(instance.demand), len(instance.exits)))
    found[shares.aggregate, shares.gateway] = shares.rate_bps
    return found


def _outcome(instance: Instance, method: str, offered: npt.NDArray[np.float64]) -> Outcome:
    """What is offered beyond what a gateway or link may carry is lost there."""
    carried = (offered * passing(instance, offered)).ravel()
    lengths = delays_ns(instance).ravel()
    there = np.flatnonzero(carried > 0)
    order = there[np.argsort(lengths[there], kind="stable")]
    total = float(instance.demand.rate_bps.sum())
    return Outcome(
        method=method,
        offered=offered.sum(axis=0),
        delay_ns=lengths[order],
        within=np.cumsum(carried[order]) / total if total else np.zeros(0),
    )
