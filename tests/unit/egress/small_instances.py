"""Random instances of a few gateways, from a seed: some with room to spare, some full, some with nowhere to go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller.egress.instance import (
    ALL_GATEWAYS,
    ANY_DELAY,
    UNREACHABLE,
    Demand,
    Exits,
    Inside,
    Instance,
    Weights,
    no_links,
)

MS = 1_000_000


def small_instance(seed, *, fullness=None, links=None, whole=0.0, limited=0.0, churn=None, ties=False):
    """``fullness``: demand over capacity; ``limited``: the share of aggregates that may leave by two gateways at
    a time; what is None is drawn."""
    random = np.random.default_rng(seed)
    sources, groups, gateways = (int(random.integers(1, high)) for high in (6, 8, 6))
    aggregates = int(random.integers(1, 60))
    fullness = random.choice([0.3, 0.8, 0.94, 1.0, 1.6]) if fullness is None else fullness
    links = random.random() < 0.6 if links is None else links
    step = 10 * MS if ties else 1
    rate = (10 ** random.uniform(6, 10, aggregates)).astype(np.int64) // (10**6 if ties else 1) * (
        10**6 if ties else 1
    ) + 1
    beyond = random.integers(1 * MS, 100 * MS, (gateways, groups)) // step * step
    beyond[random.random(beyond.shape) < 0.2] = UNREACHABLE
    inside = random.integers(0, 30 * MS, (sources, gateways)) // step * step
    inside[random.random(inside.shape) < 0.1] = UNREACHABLE
    weight = random.dirichlet(np.ones(gateways))
    capacity = np.maximum((rate.sum() / fullness * weight).astype(np.int64), 0)
    capacity[random.random(gateways) < 0.1] = 0
    demand = Demand(
        source=random.integers(0, sources, aggregates).astype(np.int32),
        group=random.integers(0, groups, aggregates).astype(np.int32),
        service_class=random.integers(0, 3, aggregates).astype(np.int8),
        rate_bps=rate,
        max_delay_ns=np.where(
            random.random(aggregates) < 0.2, random.integers(20 * MS, 90 * MS, aggregates), ANY_DELAY
        ),
        allowed=np.where(
            random.random(aggregates) < 0.2, random.integers(0, 2**gateways, aggregates).astype(np.uint64), ALL_GATEWAYS
        ),
        preferred=np.where(
            random.random(aggregates) < 0.1, random.integers(1, 2**gateways, aggregates).astype(np.uint64), ALL_GATEWAYS
        ),
        previous=random.integers(-1, gateways, aggregates).astype(np.int32),
        whole=random.random(aggregates) < whole,
        most_gateways=np.zeros(aggregates, np.int8),
    )
    chosen = np.random.default_rng(seed).random(aggregates) < limited
    demand = replace(demand, most_gateways=np.where(chosen & ~demand.whole, 2, 0).astype(np.int8))
    churn = int(random.choice([0, 5 * MS])) if churn is None else churn
    return Instance(
        demand=demand,
        exits=Exits(
            capacity_bps=capacity,
            usable_bps=capacity * 95 // 100,
            beyond_ns=beyond,
            fee_ns=random.integers(0, 3, gateways) * MS,
            free_bps=(capacity * np.random.default_rng(seed + 1).choice([0, 0.2, 0.5, 1], gateways)).astype(np.int64),
        ),
        inside=_inside(random, inside, rate.sum() / fullness, links),
        weights=Weights(churn_ns=churn, utilisation_ns=int(random.choice([0, 20_000]))),
    )


def _inside(random, delay, room, links):
    sources, gateways = delay.shape
    if not links:
        return Inside(delay_ns=delay, **no_links(sources, gateways))
    count = 6
    lists = [random.choice(count, int(random.integers(0, 4)), replace=False) for _ in range(sources * gateways)]
    return Inside(
        delay_ns=delay,
        starts=np.cumsum([0, *map(len, lists)]).astype(np.int32),
        links=np.concatenate(lists).astype(np.int32),
        usable_bps=(random.uniform(0.1, 0.9, count) * room).astype(np.int64),
    )
