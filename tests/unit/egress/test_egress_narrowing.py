"""Aggregates that may leave by few gateways at a time: never by more, and what that costs is certified."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_instances import small_instance

from controller.egress.certificate import NotFeasible, certify
from controller.egress.previous import parted
from controller.egress.solving import solve


def without_limit(instance):
    nothing = np.zeros_like(instance.demand.most_gateways)
    return replace(instance, demand=replace(instance.demand, most_gateways=nothing))


def test_nobody_leaves_by_more_gateways_than_may():
    narrowed = exact = 0
    for seed in range(160):
        instance = small_instance(seed, limited=0.8)
        unlimited = solve(without_limit(instance))
        over = np.bincount(unlimited.shares.aggregate, minlength=len(instance.demand)) > 2
        certificate = certify(instance, solve(instance))
        if not (over & (instance.demand.most_gateways == 2)).any():
            assert certificate.gap < 1e-6
            continue
        narrowed += 1
        exact += certificate.gap < 1e-6 and sum(certificate.carried_gap_bps) < 1_000
        with pytest.raises(NotFeasible, match="more gateways"):
            certify(instance, unlimited)
        assert sum(certificate.carried_gap_bps) < 0.15 * sum(certificate.reachable_bps)
        assert certificate.gap < 0.15
    assert narrowed > 5
    assert exact > narrowed / 3


def test_what_left_by_several_gateways_stays_within_the_limit_part_by_part():
    """However parts are moved: together they choose among as many gateways as may be."""
    limited = 0
    for seed in range(80):
        instance = small_instance(seed, limited=1.0, fullness=0.94)
        before = solve(without_limit(instance)).shares
        parts = parted(instance, before)
        answer = solve(parts.instance)
        merged = parts.merged(answer.shares, len(instance.exits))
        several = np.bincount(before.aggregate, minlength=len(instance.demand)) > 1
        used = np.bincount(merged.aggregate, minlength=len(instance.demand))
        assert (used[several] <= 2).all()
        limited += several.any()
    assert limited > 20
