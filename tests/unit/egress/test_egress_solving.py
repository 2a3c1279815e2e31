"""Corners: nobody can leave, one gateway, none, ties, overload, huge and tiny rates, what must stay whole; starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_instances import MS, small_instance

from controller.egress.certificate import certify
from controller.egress.choices import costs_ns, delays_ns
from controller.egress.instance import (
    ALL_GATEWAYS,
    ANY_DELAY,
    MOST_RATE_BPS,
    NOWHERE,
    UNREACHABLE,
    Demand,
    Exits,
    Inside,
    Instance,
    Weights,
    no_links,
    shares_of,
)
from controller.egress.room import Room
from controller.egress.solving import Start, solve

GBPS = 10**9


def instance_of(rates, delays, usable, *, classes=None, previous=None, whole=False, weights=None):
    """Aggregate a with delays[a][g], all from one source; a group of its own each."""
    delays = np.array(delays, np.int64)
    count, gateways = delays.shape
    return Instance(
        demand=Demand(
            source=np.zeros(count, np.int32),
            group=np.arange(count, dtype=np.int32),
            service_class=np.array([2] * count if classes is None else classes, np.int8),
            rate_bps=np.array(rates, np.int64),
            max_delay_ns=np.full(count, ANY_DELAY),
            allowed=np.full(count, ALL_GATEWAYS),
            preferred=np.full(count, ALL_GATEWAYS),
            previous=np.array([NOWHERE] * count if previous is None else previous, np.int32),
            whole=np.full(count, whole),
            most_gateways=np.zeros(count, np.int8),
        ),
        exits=Exits(
            capacity_bps=np.array(usable, np.int64),
            usable_bps=np.array(usable, np.int64),
            beyond_ns=delays.T.copy(),
            fee_ns=np.zeros(gateways, np.int64),
            free_bps=np.zeros(gateways, np.int64),
        ),
        inside=Inside(delay_ns=np.zeros((1, gateways), np.int64), **no_links(1, gateways)),
        weights=Weights() if weights is None else weights,
    )


def solved(instance, start=None):
    answer = solve(instance, start)
    return answer, certify(instance, answer)


def rows_of(answer):
    shares = answer.shares
    return list(zip(shares.aggregate.tolist(), shares.gateway.tolist(), shares.rate_bps.tolist(), strict=True))


def test_the_nearest_gateway_is_left_by_whom_it_costs_least():
    answer, certificate = solved(
        instance_of([4 * GBPS, 4 * GBPS], [[10 * MS, 20 * MS], [10 * MS, 12 * MS]], [5 * GBPS, 5 * GBPS])
    )
    assert rows_of(answer) == [(0, 0, 4 * GBPS), (1, 0, GBPS), (1, 1, 3 * GBPS)]
    assert certificate.gap < 1e-8
    assert answer.prices.gateway.tolist() == [2 * MS, 0]


def test_a_class_that_comes_first_is_carried_first_and_the_rest_is_reported():
    answer, certificate = solved(
        instance_of([4 * GBPS, 4 * GBPS, 4 * GBPS], [[90 * MS], [5 * MS], [5 * MS]], [7 * GBPS], classes=[0, 2, 1])
    )
    assert certificate.carried_bps == (4 * GBPS, 3 * GBPS, 0)
    assert certificate.carried_bound_bps == (4 * GBPS, 3 * GBPS, 0)
    assert certificate.demand_bps == (4 * GBPS,) * 3
    assert rows_of(answer) == [(0, 0, 4 * GBPS), (2, 0, 3 * GBPS)]


def test_nobody_that_has_no_eligible_gateway_is_carried():
    answer, certificate = solved(instance_of([GBPS, GBPS], [[UNREACHABLE] * 2, [MS, UNREACHABLE]], [GBPS] * 2))
    assert rows_of(answer) == [(1, 0, GBPS)]
    assert certificate.reachable_bps == (0, 0, GBPS)
    answer, certificate = solved(instance_of([GBPS], [[UNREACHABLE] * 2], [GBPS] * 2))
    assert rows_of(answer) == []
    assert certificate.carried_bps == certificate.carried_bound_bps == (0, 0, 0)


@pytest.mark.parametrize("delays", [np.zeros((0, 3), np.int64), np.zeros((2, 0), np.int64)])
def test_no_aggregates_or_no_gateways_is_an_answer_too(delays):
    answer, certificate = solved(instance_of([GBPS] * len(delays), delays, [GBPS] * delays.shape[1]))
    assert rows_of(answer) == []
    assert certificate.gap == 0.0


def test_a_gateway_without_capacity_carries_nothing():
    answer, certificate = solved(instance_of([GBPS, 3], [[MS, 2 * MS]] * 2, [0, 2 * GBPS]))
    assert rows_of(answer) == [(0, 1, GBPS), (1, 1, 3)]
    answer, certificate = solved(instance_of([GBPS, 3], [[MS, 2 * MS]] * 2, [0, 0]))
    assert certificate.carried_bps == certificate.carried_bound_bps == (0, 0, 0)


def test_demand_of_exactly_the_capacity_is_carried_to_the_bit():
    _, certificate = solved(
        instance_of([10, 10, 10, 0], [[MS, 2 * MS, 3 * MS]] * 4, [10, 10, 10], weights=Weights(utilisation_ns=1000))
    )
    assert certificate.carried_bps == (0, 0, 30)
    _, certificate = solved(instance_of([7, 8, 15], [[MS, 2 * MS]] * 3, [11, 19]))
    assert certificate.carried_bps == (0, 0, 30)


def test_what_nobody_could_send_is_still_counted_exactly():
    count, gateways = 2_000, 4
    random = np.random.default_rng(1)
    rates = np.full(count, MOST_RATE_BPS) - random.integers(0, 1000, count)
    usable = np.full(gateways, int(rates.sum()) // gateways + 1000)
    instance = instance_of(rates, random.integers(MS, 99 * MS, (count, gateways)), usable)
    answer, certificate = solved(instance)
    assert certificate.carried_bps == (0, 0, int(rates.sum()))
    assert certificate.gap < 1e-8
    assert answer.shares.rate_bps.dtype == np.int64


def test_tiny_rates_beside_huge_ones():
    rates = [1] * 50 + [MOST_RATE_BPS, MOST_RATE_BPS]
    _, certificate = solved(instance_of(rates, [[MS, 2 * MS]] * 52, [MOST_RATE_BPS + 10, 2 * MOST_RATE_BPS]))
    assert certificate.carried_bps == (0, 0, 50 + 2 * MOST_RATE_BPS)
    assert certificate.gap < 1e-8


def test_one_gateway_takes_all_there_is_room_for():
    _, certificate = solved(instance_of([GBPS] * 10, [[MS]] * 10, [4 * GBPS + 1]))
    assert certificate.carried_bps == certificate.carried_bound_bps == (0, 0, 4 * GBPS + 1)


def test_the_same_question_has_the_same_answer():
    for seed in range(30):
        instance = small_instance(seed, ties=True)
        assert rows_of(solve(instance)) == rows_of(solve(instance))


def test_any_start_leads_to_the_optimum():
    for seed in range(60):
        instance = small_instance(seed)
        answer, certificate = solved(instance)
        random = np.random.default_rng(seed)
        prices = replace(answer.prices, gateway=random.uniform(0, 90 * MS, len(instance.exits)))
        _, other = solved(instance, Start(prices=prices))
        assert other.cost == pytest.approx(certificate.cost, rel=1e-6)
        assert np.allclose(other.carried_bps, certificate.carried_bps, rtol=0, atol=100)


def test_a_gateway_that_fails_is_left_from_the_prices_before():
    for seed in range(40):
        instance = small_instance(seed, fullness=0.5)
        before = solve(instance)
        usable = instance.exits.usable_bps.copy()
        usable[usable.argmax()] = 0
        failed = replace(instance, exits=replace(instance.exits, usable_bps=usable))
        _, warm = solved(failed, Start(prices=before.prices))
        _, cold = solved(failed)
        assert warm.cost == pytest.approx(cold.cost, rel=1e-6)
        assert warm.gap < 1e-6


def test_churn_keeps_what_gains_too_little():
    rates, delays = [GBPS, GBPS], [[10 * MS, 11 * MS], [10 * MS, 30 * MS]]
    calm = instance_of(rates, delays, [9 * GBPS] * 2, previous=[1, 1], weights=Weights(churn_ns=5 * MS))
    answer, certificate = solved(calm)
    assert rows_of(answer) == [(0, 1, GBPS), (1, 0, GBPS)]
    assert certificate.moved_bps == GBPS


def test_use_is_spread_where_it_is_penalised():
    even = instance_of([6 * GBPS], [[10 * MS, 10 * MS + 1]], [10 * GBPS] * 2, weights=Weights(utilisation_ns=10_000))
    answer, _ = solved(even)
    assert [rate for _, _, rate in rows_of(answer)] == [3_333_333_333, 2_666_666_667] or certify(
        even, answer
    ).gap < 1e-9
    assert certify(even, answer).utilisation < 0.4


def test_what_must_stay_whole_stays_whole():
    for seed in range(150):
        instance = small_instance(seed, whole=1.0)
        answer, certificate = solved(instance)
        assert certificate.cost_bound <= certificate.cost * (1 + 1e-12)
        # Nobody is left behind who fits.
        costs = costs_ns(instance, delays_ns(instance))
        shares = answer.shares
        room = Room.after(instance, shares.aggregate, shares.gateway, shares.rate_bps)
        for aggregate in sorted(set(range(len(instance.demand))) - set(shares.aggregate.tolist())):
            rate = int(instance.demand.rate_bps[aggregate])
            fits = [room.fits(aggregate, gateway) for gateway in np.flatnonzero(np.isfinite(costs[aggregate]))]
            assert rate == 0 or rate > max(fits, default=0)


def test_whole_gold_takes_the_place_of_bulk():
    rates, delays = [3 * GBPS, 3 * GBPS, 3 * GBPS], [[MS, 2 * MS]] * 3
    _, certificate = solved(instance_of(rates, delays, [4 * GBPS, 4 * GBPS], classes=[2, 0, 0], whole=True))
    assert certificate.carried_bps == (6 * GBPS, 0, 0)


def test_whole_ones_are_moved_aside_to_let_another_in():
    """4 + 3 + 3 into 5 + 5 does not fit; 3 + 2 beside 4 + 1 does, whoever is placed first."""
    instance = instance_of(
        [4 * GBPS, 3 * GBPS, 2 * GBPS, GBPS],
        [[MS, 50 * MS], [MS, 9 * MS], [MS, 8 * MS], [MS, 2 * MS]],
        [5 * GBPS] * 2,
        whole=True,
    )
    _, certificate = solved(instance)
    assert certificate.carried_bps == (0, 0, 10 * GBPS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rate_bps": [-1]}, "a rate is not between"),
        ({"rate_bps": [MOST_RATE_BPS + 1]}, "a rate is not between"),
        ({"group": [7]}, "demand.group refers to"),
        ({"service_class": [3]}, "demand.service_class refers to"),
        ({"previous": [5]}, "demand.previous refers to"),
        ({"whole": [True, False]}, "demand.whole has another length"),
        ({"max_delay_ns": [-5]}, "demand.max_delay_ns has a negative value"),
    ],
)
def test_arrays_that_make_no_sense_are_refused(change, told):
    instance = instance_of([GBPS], [[MS, MS]], [GBPS] * 2)
    arrays = {name: np.array(values, getattr(instance.demand, name).dtype) for name, values in change.items()}
    with pytest.raises(ValueError, match=told):
        replace(instance, demand=replace(instance.demand, **arrays))


def test_shares_of_capacities_are_exact():
    assert shares_of(np.array([100, 10**9 + 7, 0, 2**60], np.int64)).tolist() == [
        95,
        (10**9 + 7) * 95 // 100,
        0,
        2**60 * 95 // 100,
    ]
