"""Cycle after cycle: what left where is known share by share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from small_instances import MS, small_instance

from controller.egress.certificate import certify
from controller.egress.instance import Weights
from controller.egress.previous import parted
from controller.egress.solving import solve


def carried(instance, shares):
    table = np.zeros((len(instance.demand), len(instance.exits)), np.int64)
    table[shares.aggregate, shares.gateway] = shares.rate_bps
    return table


def test_nothing_moves_when_nothing_changes():
    for seed in range(80):
        instance = replace(small_instance(seed, fullness=0.94), weights=Weights(churn_ns=5 * MS))
        before = solve(instance).shares
        if carried(instance, before).sum() < instance.demand.rate_bps.sum():
            continue  # what stays behind has no gateway to stay at
        again = parted(instance, before)
        assert again.instance.demand.rate_bps.sum() == instance.demand.rate_bps.sum()
        answer = solve(again.instance)
        assert certify(again.instance, answer).moved_bps <= 10
        after = again.merged(answer.shares, len(instance.exits))
        assert abs(carried(instance, after) - carried(instance, before)).max() <= 10


def test_the_parts_move_as_much_as_their_aggregate():
    """With other rates: what all parts move is what leaves by gateways beyond what did before, in parts of the rate."""
    compared = 0
    for seed in range(80):
        instance = replace(small_instance(seed, fullness=0.9), weights=Weights(churn_ns=5 * MS))
        before = solve(instance).shares
        random = np.random.default_rng(seed)
        rate = (instance.demand.rate_bps * random.uniform(0.9, 1.1, len(instance.demand))).astype(np.int64)
        changed = replace(instance, demand=replace(instance.demand, rate_bps=rate))
        again = parted(changed, before)
        answer = solve(again.instance)
        moved = certify(again.instance, answer).moved_bps
        was = carried(instance, before).astype(float)
        there = was.sum(axis=1) > 0
        stays = was[there] * (rate[there] / was[there].sum(axis=1))[:, None]
        now = carried(changed, again.merged(answer.shares, len(instance.exits)))[there]
        assert abs(np.maximum(now - stays, 0).sum() - moved) <= 1e-6 * rate.sum() + 100
        compared += moved > 0
    assert compared > 10


def test_shares_are_merged_to_the_bit():
    for seed in range(40):
        instance = small_instance(seed, fullness=0.94)
        before = solve(instance).shares
        again = parted(instance, before)
        shares = solve(again.instance).shares
        merged = again.merged(shares, len(instance.exits))
        assert merged.rate_bps.sum() == shares.rate_bps.sum()
        assert (np.diff(merged.aggregate.astype(np.int64) * 64 + merged.gateway) > 0).all()
