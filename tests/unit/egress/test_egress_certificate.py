"""The checker refuses what breaks a rule, and a bound is only as good as the prices that it is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_instances import small_instance

from controller.egress.answer import Prices
from controller.egress.certificate import NotFeasible, certify
from controller.egress.solving import solve

COLUMNS = ("aggregate", "gateway", "rate_bps")


@pytest.fixture(scope="module")
def full():
    """An instance that is nearly full, with links, and its answer."""
    seed = next(
        seed
        for seed in range(1_000)
        if np.count_nonzero(solve(small_instance(seed, fullness=0.94, links=True)).prices.gateway) >= 2
    )
    instance = small_instance(seed, fullness=0.94, links=True)
    return instance, solve(instance)


def tampered(answer, **arrays):
    return replace(answer, shares=replace(answer.shares, **arrays))


def changed(values, place, value):
    copy = values.copy()
    copy[place] = value
    return copy


def test_an_honest_answer_passes(full):
    instance, answer = full
    assert certify(instance, answer).gap < 1e-6


def test_every_share_that_leaves_elsewhere_is_noticed(full):
    """Another gateway is either not eligible, or too full, or it costs more than the certificate said."""
    instance, answer = full
    honest = certify(instance, answer)
    noticed = 0
    for place, gateway in enumerate(answer.shares.gateway):
        for other in set(range(len(instance.exits))) - {int(gateway)}:
            try:
                found = certify(instance, tampered(answer, gateway=changed(answer.shares.gateway, place, other)))
            except NotFeasible:
                noticed += 1
            else:
                assert found.cost >= honest.cost * (1 - 1e-9)
                noticed += found.cost > honest.cost
    assert noticed == len(answer.shares) * (len(instance.exits) - 1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda shares: {"rate_bps": changed(shares.rate_bps, 0, 0)}, "not positive"),
        (lambda shares: {"rate_bps": changed(shares.rate_bps, 0, -5)}, "not positive"),
        (lambda shares: {"rate_bps": changed(shares.rate_bps, 0, 10**13)}, "more than its aggregate"),
        (lambda shares: {"aggregate": changed(shares.aggregate, -1, 10**6)}, "of no aggregate"),
        (lambda shares: {"gateway": changed(shares.gateway, 0, 63)}, "by no gateway"),
        (lambda shares: {"gateway": shares.gateway[:-1]}, "differ in length"),
        (lambda shares: {name: getattr(shares, name)[::-1] for name in ("aggregate", "gateway", "rate_bps")}, "order"),
        (
            lambda shares: {name: getattr(shares, name)[[0, 0, 1]] for name in ("aggregate", "gateway", "rate_bps")},
            "twice",
        ),
    ],
)
def test_shares_that_break_a_rule_are_refused(full, change, told):
    instance, answer = full
    with pytest.raises(NotFeasible, match=told):
        certify(instance, tampered(answer, **change(answer.shares)))


def test_a_gateway_that_is_too_full_is_refused(full):
    instance, answer = full
    gateway = int(np.argmax(answer.prices.gateway))
    usable = changed(instance.exits.usable_bps, gateway, instance.exits.usable_bps[gateway] - 10)
    with pytest.raises(NotFeasible, match="a gateway carries more than it may"):
        certify(replace(instance, exits=replace(instance.exits, usable_bps=usable)), answer)


def test_a_link_that_is_too_full_is_refused(full):
    instance, answer = full
    inside = replace(instance.inside, usable_bps=np.zeros_like(instance.inside.usable_bps))
    with pytest.raises(NotFeasible, match="a link carries more than it may"):
        certify(replace(instance, inside=inside), answer)


def test_a_split_of_what_must_stay_whole_is_refused(full):
    instance, answer = full
    numbers, counts = np.unique(answer.shares.aggregate, return_counts=True)
    assert counts.max() > 1
    whole = changed(instance.demand.whole, numbers[counts.argmax()], True)
    with pytest.raises(NotFeasible, match="split that must stay whole"):
        certify(replace(instance, demand=replace(instance.demand, whole=whole)), answer)


def test_changed_prices_never_narrow_the_gap(full):
    """Any prices give a valid bound, so that it cannot pass the optimum; others than the solver's give a worse one."""
    instance, answer = full
    honest = certify(instance, answer)
    for gateway in np.flatnonzero(answer.prices.gateway).tolist():
        for factor in (0.0, 0.5, 2.0):
            price = changed(answer.prices.gateway, gateway, answer.prices.gateway[gateway] * factor)
            found = certify(instance, replace(answer, prices=replace(answer.prices, gateway=price)))
            assert found.cost_bound < honest.cost_bound
            assert found.gap > honest.gap


@pytest.mark.parametrize("price", [-1.0, np.nan, np.inf])
def test_prices_that_are_none_are_refused(full, price):
    instance, answer = full
    prices: Prices = replace(answer.prices, gateway=changed(answer.prices.gateway, 0, price))
    with pytest.raises(NotFeasible, match="a price is negative or no number"):
        certify(instance, replace(answer, prices=prices))
