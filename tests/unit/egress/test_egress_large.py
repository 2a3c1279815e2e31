"""Thousands of aggregates, so that a sample of them leads to the first prices; and ties in great number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_instances import MS

from controller.bench.egress.instances import BACKBONE, CAPPED, LIMITED, OVERLOADED, RECIPES, made, without_gateway
from controller.egress.certificate import certify
from controller.egress.choices import costs_ns, delays_ns
from controller.egress.instance import (
    ALL_GATEWAYS,
    ANY_DELAY,
    NOWHERE,
    Demand,
    Exits,
    Inside,
    Instance,
    Weights,
)
from controller.egress.solving import Start, solve

GBPS = 10**9


@pytest.mark.parametrize("name", [BACKBONE, LIMITED, OVERLOADED, CAPPED])
def test_the_optimum_is_certified(name):
    instance = made(replace(RECIPES[name], aggregates=8_000), 3)
    answer = solve(instance)
    certificate = certify(instance, answer)
    assert certificate.gap < 1e-7
    assert max(certificate.carried_gap_bps) <= 1_000
    again = solve(instance)
    assert np.array_equal(again.shares.rate_bps, answer.shares.rate_bps)
    assert np.array_equal(again.prices.gateway, answer.prices.gateway)


def test_after_a_failure_the_prices_before_lead_to_the_same_optimum():
    instance = made(replace(RECIPES[BACKBONE], aggregates=8_000, fullness=0.8), 3)
    before = solve(instance)
    failed = without_gateway(instance, int(instance.exits.usable_bps.argmin()))
    warm, cold = solve(failed, Start(prices=before.prices)), solve(failed)
    assert certify(failed, warm).gap < 1e-7
    assert certify(failed, warm).cost == pytest.approx(certify(failed, cold).cost, rel=1e-7)


@pytest.mark.parametrize("name", [BACKBONE, LIMITED, OVERLOADED, CAPPED])
def test_what_is_scarce_costs_no_more_than_moving_somebody_saves(name):
    """Also where not everything can be carried, and of gateways that have failed; and prices prove the optimum."""
    instance = made(replace(RECIPES[name], aggregates=8_000), 3)
    lost = int(np.bincount(solve(instance).shares.gateway).argmax())
    failed = without_gateway(instance, lost)
    answer = solve(failed)
    certificate = certify(failed, answer)
    assert sum(certificate.carried_bps) < sum(certificate.reachable_bps)
    assert certificate.gap < 1e-7
    assert max(certificate.carried_gap_bps) <= 1_000
    cost = costs_ns(failed, delays_ns(failed))
    dearest = cost[np.isfinite(cost)].max()
    assert 0 < max(answer.prices.gateway.max(), answer.prices.link.max(), answer.prices.worth.max()) < 3 * dearest
    assert answer.prices.gateway[lost] == answer.prices.worth.max()
    assert lost not in answer.shares.gateway


@pytest.mark.parametrize("seed", [1, 3, 42])
def test_whole_aggregates_end_near_the_bound(seed):
    """Large ones have the places where they cost least, with others moved off them."""
    instance = made(replace(RECIPES[BACKBONE], aggregates=8_000), seed)
    whole = replace(instance, demand=replace(instance.demand, whole=np.ones(8_000, np.bool_)))
    certificate = certify(whole, solve(whole))
    assert sum(certificate.carried_gap_bps) <= 1e-4 * sum(certificate.reachable_bps)
    assert certificate.gap < 0.003


@pytest.mark.parametrize("seed", [1, 7])
def test_whole_aggregates_are_spread_where_that_lets_more_be_carried(seed):
    """Half of them may leave by two gateways only, of which one may be full, by others that have the choice."""
    instance = made(replace(RECIPES[LIMITED], aggregates=8_000), seed)
    whole = replace(instance, demand=replace(instance.demand, whole=np.ones(8_000, np.bool_)))
    certificate = certify(whole, solve(whole))
    assert sum(certificate.carried_gap_bps) <= 5e-5 * sum(certificate.reachable_bps)
    assert certificate.gap < 0.001


@pytest.mark.parametrize("seed", range(8))
def test_ties_without_number_come_to_an_end(seed):
    """Equal rates, three delays, capacities in the same unit: nearly every step has a choice, many have no length."""
    random = np.random.default_rng(seed)
    count, sources, groups, gateways, links = 1_500, 6, 10, 8, 20
    lists = [random.choice(links, int(random.integers(0, 5)), replace=False) for _ in range(sources * gateways)]
    usable = np.full(gateways, int(count / [0.7, 1.0, 1.0, 1.3][seed % 4]) // gateways * GBPS)
    instance = Instance(
        demand=Demand(
            source=random.integers(0, sources, count).astype(np.int32),
            group=random.integers(0, groups, count).astype(np.int32),
            service_class=random.integers(0, 3, count).astype(np.int8),
            rate_bps=np.full(count, GBPS),
            max_delay_ns=np.full(count, ANY_DELAY),
            allowed=np.full(count, ALL_GATEWAYS),
            preferred=np.full(count, ALL_GATEWAYS),
            previous=np.full(count, NOWHERE, np.int32),
            whole=np.zeros(count, np.bool_),
            most_gateways=np.zeros(count, np.int8),
        ),
        exits=Exits(
            capacity_bps=usable,
            usable_bps=usable,
            beyond_ns=random.integers(1, 4, (gateways, groups)) * 10 * MS,
            fee_ns=np.zeros(gateways, np.int64),
            free_bps=np.zeros(gateways, np.int64),
        ),
        inside=Inside(
            delay_ns=random.integers(0, 3, (sources, gateways)) * 10 * MS,
            starts=np.cumsum([0, *map(len, lists)]).astype(np.int32),
            links=np.concatenate(lists).astype(np.int32),
            usable_bps=random.integers(2, 12, links) * (count // 30) * GBPS,
        ),
        weights=Weights(utilisation_ns=[0, 10_000][seed // 4]),
    )
    certificate = certify(instance, solve(instance))
    assert certificate.gap < 1e-7
    assert max(certificate.carried_gap_bps) <= 1_000
