"""A series of cycles played through: what moves, what waits, and how far from the optimum that is.

Each cycle is planned as the server plans it: from where traffic left in the cycle before, by the same limits. A gateway
that fails in a cycle is lost in that cycle: what is needed moves at once and nothing else does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from controller.compiler.egress import EgressPlan, Solved
from controller.compiler.egress_conditions import Conditions
from controller.compiler.egress_damping import Before, Memory, leaving
from controller.compiler.egress_use import delays, gateway_uses
from controller.domain.egress_demand import DemandRow
from controller.egress.baselines import Offers, offers, tally
from controller.egress.damping import Limits, Why

RULES = ("least-delay", "nearest")
"""Simple rules that are told beside."""
_P95 = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A gateway is away in cycles ``first`` to ``last``, counted from 0; ``last`` ``None``: to the end."""

    gateway: str
    first: int
    last: int | None = None

    def covers(self, cycle: int) -> bool:
        return self.first <= cycle and (self.last is None or cycle <= self.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What came of a cycle. Delays in ns, of what is sent; ``None``: nothing is. ``fullest``: a gateway and the share
    of its capacity that is sent there. ``optimum_*``: with moves free of charge; ``optimum_moved_bps`` from the optimum
    of the cycle before. ``gap``: at most so much above the least cost. ``rules``: of simple rules, the share of the
    demand that is carried and the mean delay of what is offered."""

    name: str
    urgent: bool
    closed: tuple[str, ...]
    demand_bps: int
    carried_bps: int
    moved_bps: int
    needed_bps: int
    held_bps: Mapping[Why, int]
    over_bps: Mapping[str, int]
    mean_ns: float | None
    p95_ns: int | None
    fullest: tuple[str, float]
    gap: float
    optimum_mean_ns: float | None
    optimum_carried_bps: int
    optimum_moved_bps: int
    rules: Mapping[str, tuple[float, float]]


class PlanCycle(Protocol):
    """``Planner.plan_egress`` for the rows of a matrix, lines and policies given."""

    def __call__(
        self,
        rows: Sequence[DemandRow],
        *,
        before: Before | None,
        limits: Limits,
        memory: Memory | None,
        urgent: bool,
        conditions: Conditions,
    ) -> EgressPlan: ...


def replayed(
    plan: PlanCycle, series: Sequence[tuple[str, Sequence[DemandRow]]], outages: Sequence[Outage], limits: Limits
) -> Iterator[Step]:
    """A step for each matrix, by name. In the first cycle nothing has left before, and all is chosen freely."""
    before: Before | None = None
    best: Before = {}
    memory: Memory | None = None
    away: frozenset[str] = frozenset()
    for number, (name, rows) in enumerate(series):
        closed = frozenset(one.gateway for one in outages if one.covers(number))
        urgent = bool(closed - away) and before is not None
        found = plan(
            rows, before=before, limits=limits, memory=memory, urgent=urgent, conditions=Conditions(closed=closed)
        )
        optimum = {} if found.optimum is None else leaving(found.optimum.asked, found.optimum.answer.shares)
        optimum_moved_bps = moved_between(best, optimum)
        yield _step(name, found, closed, urgent, optimum_moved_bps)
        before, memory, best, away = found.leaving, found.memory, optimum, closed


def moved_between(before: Before, after: Before) -> int:
    """What leaves by another gateway than before, of flows that did before; the rates are those after."""
    moved = 0
    for flow, now in after.items():
        then = before.get(flow, {})
        total, was = sum(now.values()), sum(then.values())
        if was:
            moved += sum(max(rate_bps - total * then.get(name, 0) // was, 0) for name, rate_bps in now.items())
    return moved


def _step(name: str, plan: EgressPlan, closed: frozenset[str], urgent: bool, optimum_moved_bps: int) -> Step:
    solved, optimum = plan.solved, plan.optimum
    held: Counter[Why] = Counter()
    for one in plan.held:
        held[one.why] += one.rate_bps
    spread = None if solved is None else delays(solved)
    best = None if optimum is None else delays(optimum)
    uses = () if solved is None else gateway_uses(solved)
    fullest = max(uses, key=lambda use: use.share, default=None)
    return Step(
        name=name,
        urgent=urgent,
        closed=tuple(sorted(closed)),
        demand_bps=0 if solved is None else sum(solved.certificate.demand_bps),
        carried_bps=0 if solved is None else tally(solved.asked.instance, _table(solved)).carried_bps,
        moved_bps=plan.moved_bps,
        needed_bps=plan.damping.needed_bps,
        held_bps=dict(held),
        over_bps=plan.damping.over_bps,
        mean_ns=None if spread is None else spread.mean_ns,
        p95_ns=None if spread is None else dict(spread.quantile_ns)[_P95],
        fullest=("", 0.0) if fullest is None else (fullest.gateway, fullest.share),
        gap=0.0 if solved is None else solved.certificate.gap,
        optimum_mean_ns=None if best is None else best.mean_ns,
        optimum_carried_bps=0 if optimum is None else sum(optimum.certificate.carried_bps),
        optimum_moved_bps=optimum_moved_bps,
        rules={} if solved is None else _by_rules(solved),
    )


def _table(solved: Solved) -> Offers:
    """[A, G]"""
    instance, shares = solved.asked.instance, solved.answer.shares
    found = np.zeros((len(instance.demand), len(instance.exits)))
    found[shares.aggregate, shares.gateway] = shares.rate_bps
    return found


def _by_rules(solved: Solved) -> dict[str, tuple[float, float]]:
    instance = solved.asked.instance
    demand_bps = int(instance.demand.rate_bps.sum())
    found = {}
    for method in RULES:
        result = tally(instance, offers(instance, method))
        found[method] = (result.carried_bps / demand_bps if demand_bps else 0.0, result.delay_ns)
    return found
