"""What differs between two choices of gateways for the same aggregates: what moves, what is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from controller.compiler.egress import Solved
from controller.domain.egress import TrafficClass
from controller.domain.egress_demand import Aggregate
from controller.egress.choices import delays_ns

AggregateKey = tuple[str, str, TrafficClass, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateChange:
    """``moved_bps``: what leaves by another gateway than before (what comes or goes with the demand does not move);
    ``missing_bps``: what is asked for and not carried, ``delay_ns``: mean of what is carried (``None``: nothing is),
    both before and after."""

    aggregate: Aggregate
    before: tuple[tuple[str, int], ...]
    after: tuple[tuple[str, int], ...]
    moved_bps: int
    missing_bps: tuple[int, int]
    delay_ns: tuple[float | None, float | None]


def changes(before: Solved, after: Solved | None) -> tuple[AggregateChange, ...]:
    """Of aggregates that are moved or lose something, in their order before. ``after`` is ``None`` if no traffic is
    left."""
    was, now = _by_gateway(before), Counter[tuple[AggregateKey, str]]()
    delay_before, delay_after = _mean_delays(before), dict[AggregateKey, float]()
    rate_after: dict[AggregateKey, int] = {}
    if after is not None:
        now = _by_gateway(after)
        delay_after = _mean_delays(after)
        rate_after = {_key(one): one.rate_bps for one in after.asked.aggregates}
    names = [gateway.name for gateway in before.asked.gateways]
    found = []
    for one in before.asked.aggregates:
        key = _key(one)
        old = [(name, was[key, name]) for name in names]
        new = [(name, now[key, name]) for name in names]
        pairs = [(then, today) for (_, then), (_, today) in zip(old, new, strict=True)]
        gained = sum(max(today - then, 0) for then, today in pairs)
        ceased = sum(max(then - today, 0) for then, today in pairs)
        missing = (
            one.rate_bps - sum(then for then, _ in pairs),
            rate_after.get(key, 0) - sum(today for _, today in pairs),
        )
        moved_bps = min(gained, ceased)
        if moved_bps or missing[1] > missing[0]:
            found.append(
                AggregateChange(
                    aggregate=one,
                    before=tuple((name, bps) for name, bps in old if bps),
                    after=tuple((name, bps) for name, bps in new if bps),
                    moved_bps=moved_bps,
                    missing_bps=missing,
                    delay_ns=(delay_before.get(key), delay_after.get(key)),
                )
            )
    return tuple(found)


def _by_gateway(solved: Solved) -> Counter[tuple[AggregateKey, str]]:
    found: Counter[tuple[AggregateKey, str]] = Counter()
    shares, asked = solved.answer.shares, solved.asked
    columns = (shares.aggregate.tolist(), shares.gateway.tolist(), shares.rate_bps.tolist())
    for number, gateway, rate_bps in zip(*columns, strict=True):
        found[_key(asked.aggregates[number]), asked.gateways[gateway].name] += rate_bps
    return found


def _mean_delays(solved: Solved) -> dict[AggregateKey, float]:
    """Of aggregates of which anything is carried."""
    shares, asked = solved.answer.shares, solved.asked
    lengths = delays_ns(asked.instance)[shares.aggregate, shares.gateway]
    count = len(asked.aggregates)
    carried = np.bincount(shares.aggregate, shares.rate_bps, count)
    total = np.bincount(shares.aggregate, shares.rate_bps.astype(np.float64) * lengths, count)
    there = np.flatnonzero(carried).tolist()
    return {_key(asked.aggregates[number]): float(total[number] / carried[number]) for number in there}


def _key(one: Aggregate) -> AggregateKey:
    """A policy and a place have one aggregate at most."""
    return (one.source, one.to_region, one.traffic_class, one.policy)
