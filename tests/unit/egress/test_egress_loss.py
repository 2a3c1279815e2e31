"""Loss weighs against delay, keeps bounds, and is never told as delay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_instances import small_instance
from test_egress_oracle import CLOSE, optimum

from controller.egress.certificate import NotFeasible, certify
from controller.egress.choices import costs_ns, delays_ns
from controller.egress.instance import ANY_DELAY, ANY_LOSS, UNKNOWN_LOSS, UNREACHABLE
from controller.egress.solving import solve


def lossy(seed, **drawn):
    """Each way loses up to a tenth, or nobody knows how much; some aggregates have a bound."""
    instance = small_instance(seed, **drawn)
    random = np.random.default_rng(seed + 7)
    shape = instance.exits.beyond_ns.shape
    loss = (10 ** random.uniform(0, 5, shape)).astype(np.int32)
    loss[random.random(shape) < 0.3] = 0
    loss[random.random(shape) < 0.2] = UNKNOWN_LOSS
    count = len(instance.demand)
    bound = np.where(random.random(count) < 0.3, (10 ** random.uniform(0, 5, count)).astype(np.int32), ANY_LOSS)
    return replace(
        instance,
        exits=replace(instance.exits, loss_ppm=loss),
        demand=replace(instance.demand, max_loss_ppm=bound.astype(np.int32)),
    )


def as_delay(instance):
    """The same program in which nobody has heard of loss: what it weighs is delay beyond the gateway, and who may leave
    where is said one by one."""
    demand, exits = instance.demand, instance.exits
    allowed = []
    for number in range(len(demand)):
        mask = 0
        for gateway in range(len(exits)):
            inside = int(instance.inside.delay_ns[demand.source[number], gateway])
            beyond = int(exits.beyond_ns[gateway, demand.group[number]])
            lost = int(exits.loss_ppm[gateway, demand.group[number]])
            bound = int(demand.max_loss_ppm[number])
            there = UNREACHABLE not in (inside, beyond) and inside + beyond <= demand.max_delay_ns[number]
            if there and (bound == ANY_LOSS or 0 <= lost <= bound):
                mask |= 1 << gateway
        allowed.append(int(demand.allowed[number]) & mask)
    beyond = np.where(
        exits.beyond_ns == UNREACHABLE,
        UNREACHABLE,
        exits.beyond_ns + 10_000 * np.where(exits.loss_ppm == UNKNOWN_LOSS, 0, exits.loss_ppm.astype(np.int64)),
    )
    return replace(
        instance,
        demand=replace(
            demand,
            allowed=np.array(allowed, np.uint64),
            max_delay_ns=np.full(len(demand), ANY_DELAY),
            max_loss_ppm=None,
        ),
        exits=replace(exits, beyond_ns=beyond, loss_ppm=None),
    )


@pytest.mark.parametrize("block", range(4))
def test_the_optimum_with_loss_is_that_of_a_program_that_knows_only_delay(block):
    for seed in range(block * 40, block * 40 + 40):
        instance = lossy(seed, ties=seed % 5 == 0)
        certificate = certify(instance, solve(instance))
        carried, cost = optimum(as_delay(instance))
        slack = 1_000 + CLOSE * instance.demand.rate_bps.sum()
        assert np.allclose(certificate.carried_bps, carried, rtol=0, atol=slack), seed
        assert certificate.cost_bound <= cost * (1 + CLOSE) + slack * 1e9, seed
        assert cost <= certificate.cost * (1 + CLOSE) + slack * 1e9, seed
        assert certificate.gap < 1e-6, seed
        assert max(certificate.carried_gap_bps) <= 1_000, seed


def test_the_less_lossy_of_two_that_are_about_as_far_is_taken():
    instance = small_instance(1, links=False, fullness=0.3, churn=0)
    gateways, groups = instance.exits.beyond_ns.shape
    assert gateways > 1
    near = np.full((gateways, groups), 60_000_000)
    near[0] = 58_000_000
    loss = np.zeros((gateways, groups), np.int32)
    loss[0] = 500  # 5 ms, and it is only 2 ms nearer
    alike = replace(
        instance,
        demand=replace(
            instance.demand,
            max_delay_ns=np.full(len(instance.demand), ANY_DELAY),
            allowed=np.full(len(instance.demand), 3, np.uint64),
            preferred=np.full(len(instance.demand), 3, np.uint64),
        ),
        exits=replace(
            instance.exits,
            beyond_ns=near,
            capacity_bps=np.full(gateways, 10**15),
            usable_bps=np.full(gateways, 10**15),
            fee_ns=np.zeros(gateways, np.int64),
        ),
        inside=replace(instance.inside, delay_ns=np.zeros_like(instance.inside.delay_ns)),
    )
    assert set(solve(alike).shares.gateway.tolist()) == {0}
    wiser = replace(alike, exits=replace(alike.exits, loss_ppm=loss))
    answer = solve(wiser)
    assert set(answer.shares.gateway.tolist()) == {1}
    # It is a cost, and no delay that anybody is told of.
    assert certify(wiser, answer).delay_ns == 60_000_000
    assert delays_ns(wiser)[0, 0] == 58_000_000
    assert costs_ns(wiser, delays_ns(wiser))[0, 0] == 63_000_000


def test_who_leaves_where_more_is_lost_than_may_be_is_found_out():
    found = 0
    for seed in range(60):
        instance = lossy(seed)
        bound = instance.demand.max_loss_ppm
        free = replace(instance, demand=replace(instance.demand, max_loss_ppm=None))
        answer = solve(free)
        lost = instance.exits.loss_ppm.T[instance.demand.group[answer.shares.aggregate], answer.shares.gateway]
        of_share = bound[answer.shares.aggregate]
        if not ((of_share != ANY_LOSS) & ((lost == UNKNOWN_LOSS) | (lost > of_share))).any():
            continue
        found += 1
        with pytest.raises(NotFeasible, match="not eligible"):
            certify(instance, answer)
    assert found > 10


def test_where_nothing_is_known_no_bound_is_kept():
    instance = small_instance(3, links=False, fullness=0.3)
    count = len(instance.demand)
    bound = np.full(count, ANY_LOSS, np.int32)
    bound[: count // 2] = 1_000_000
    strict = replace(instance, demand=replace(instance.demand, max_loss_ppm=bound))
    answer = solve(strict)
    certificate = certify(strict, answer)
    assert len(answer.shares)
    assert answer.shares.aggregate.min() >= count // 2
    assert sum(certificate.reachable_bps) < sum(certificate.demand_bps)


@pytest.mark.parametrize("lost_ppm", [-2, 1_000_001])
def test_no_way_loses_less_than_nothing_or_more_than_all(lost_ppm):
    instance = small_instance(3)
    loss = np.zeros(instance.exits.beyond_ns.shape, np.int32)
    loss[0, 0] = lost_ppm
    with pytest.raises(ValueError, match="no number of packets in a million"):
        replace(instance, exits=replace(instance.exits, loss_ppm=loss))
