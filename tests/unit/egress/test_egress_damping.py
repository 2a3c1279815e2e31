"""What moves in a cycle: what has to at once, what would be nicer when it has proved so, and never too much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_instances import MS, small_instance

from controller.egress.answer import Answer, Shares
from controller.egress.certificate import certify
from controller.egress.choices import delays_ns, eligible
from controller.egress.damping import Limits, Why, damped, none_waited
from controller.egress.instance import (
    ALL_GATEWAYS,
    ANY_DELAY,
    NOWHERE,
    UNREACHABLE,
    Demand,
    Exits,
    Inside,
    Instance,
    Weights,
    no_links,
)
from controller.egress.moves import caps, loads
from controller.egress.previous import parted
from controller.egress.solving import solve

GBPS = 10**9
LIMITS = Limits()


def gateways(delays_ms, usable_gbps, rates_gbps, whole=False, classes=None):
    """Aggregates of one source to groups of their own; ``delays_ms`` [A][G], None where a gateway does not serve."""
    beyond = np.array([[UNREACHABLE if one is None else one * MS for one in row] for row in delays_ms], np.int64).T
    count, exits = len(rates_gbps), len(usable_gbps)
    usable = np.array([one * GBPS for one in usable_gbps], np.int64)
    return Instance(
        demand=Demand(
            source=np.zeros(count, np.int32),
            group=np.arange(count, dtype=np.int32),
            service_class=np.array([2] * count if classes is None else classes, np.int8),
            rate_bps=np.array([one * GBPS for one in rates_gbps], np.int64),
            max_delay_ns=np.full(count, ANY_DELAY),
            allowed=np.full(count, ALL_GATEWAYS),
            preferred=np.full(count, ALL_GATEWAYS),
            previous=np.full(count, NOWHERE, np.int32),
            whole=np.full(count, whole),
            most_gateways=np.zeros(count, np.int8),
        ),
        exits=Exits(
            capacity_bps=usable,
            usable_bps=usable,
            beyond_ns=np.ascontiguousarray(beyond),
            fee_ns=np.zeros(exits, np.int64),
            free_bps=np.zeros(exits, np.int64),
        ),
        inside=Inside(delay_ns=np.zeros((1, exits), np.int64), **no_links(1, exits)),
    )


def left(*rows):
    """(aggregate, gateway, Gbps)"""
    columns = np.array(sorted(rows)).T
    return Shares(
        aggregate=columns[0].astype(np.int32),
        gateway=columns[1].astype(np.int32),
        rate_bps=(columns[2] * GBPS).astype(np.int64),
    )


def cycle(instance, before, waited=None, limits=LIMITS, *, urgent=False):
    dear = replace(instance, weights=replace(instance.weights, churn_ns=limits.gain_ns))
    parts = parted(dear, before)
    waited = none_waited(instance) if waited is None else waited
    return damped(dear, parts, solve(parts.instance), waited, limits, urgent=urgent)


def table(instance, shares):
    found = np.zeros((len(instance.demand), len(instance.exits)), np.int64)
    found[shares.aggregate, shares.gateway] = shares.rate_bps
    return found


def gbps(instance, shares):
    return (table(instance, shares) / GBPS).tolist()


def test_a_better_gateway_has_to_be_better_for_three_cycles():
    instance = gateways([[60, 40]], [100, 100], [4])
    before, waited = left((0, 0, 4)), None
    limits = replace(LIMITS, moved_share=1.0)
    for _ in range(2):
        found = cycle(instance, before, waited, limits)
        assert (gbps(instance, found.shares), found.moved_bps) == ([[4, 0]], 0)
        assert found.held.why.tolist() == [Why.EARLY]
        assert found.held.gain_ns.tolist() == [20 * MS]
        waited = found.waited
    found = cycle(instance, before, waited, limits)
    assert (gbps(instance, found.shares), found.moved_bps, len(found.held)) == ([[0, 4]], 4 * GBPS, 0)
    assert not found.waited.any()


def test_a_cycle_in_which_it_is_not_better_begins_the_count_again():
    better, not_better = (gateways([[60, there]], [100, 100], [4]) for there in (40, 59))
    before = left((0, 0, 4))
    waited = cycle(better, before, cycle(better, before).waited).waited
    assert waited.tolist() == [[2, 0]]
    assert not cycle(not_better, before, waited).waited.any()


@pytest.mark.parametrize(("delays", "why"), [([30, 26], None), ([80, 74], Why.SMALL)])
def test_too_small_a_gain_is_none(delays, why):
    """Less than 5 ms, or less than a tenth."""
    instance = gateways([delays], [100, 100], [4])
    found = cycle(instance, left((0, 0, 4)), np.full((1, 2), 3, np.int8))
    assert (found.moved_bps, found.waited.any()) == (0, False)
    assert found.held.why.tolist() == ([] if why is None else [why])


def test_a_bound_takes_the_greatest_gain_first():
    instance = gateways([[60, 40], [60, 20], [60, 50]], [100, 100], [2, 2, 96])
    before = left((0, 0, 2), (1, 0, 2), (2, 0, 96))
    found = cycle(instance, before, np.full((3, 2), 3, np.int8), replace(LIMITS, moved_share=0.03))
    assert gbps(instance, found.shares) == [[1, 1], [0, 2], [96, 0]]
    assert (found.moved_bps, found.needed_bps) == (3 * GBPS, 0)
    assert found.held.aggregate.tolist() == [0, 2]
    assert found.held.rate_bps.tolist() == [1 * GBPS, 96 * GBPS]
    assert set(found.held.why.tolist()) == {Why.BOUND}


def test_two_that_are_better_off_at_each_others_full_gateway_change_places():
    instance = gateways([[60, 40], [40, 60]], [5, 5], [5, 5])
    before = left((0, 0, 5), (1, 1, 5))
    found = cycle(instance, before, np.full((2, 2), 3, np.int8), replace(LIMITS, moved_share=1.0))
    assert gbps(instance, found.shares) == [[0, 5], [5, 0]]


def test_half_an_exchange_is_made_on_both_sides():
    instance = gateways([[60, 40], [40, 60]], [5, 5], [5, 5])
    before = left((0, 0, 5), (1, 1, 5))
    found = cycle(instance, before, np.full((2, 2), 3, np.int8), replace(LIMITS, moved_share=0.4))
    assert gbps(instance, found.shares) == [[3, 2], [2, 3]]


@pytest.mark.parametrize("delays", [[[100, 60], [200, 195]], [[100, 60], [195, 200]], [[200, 100], [300, 310]]])
@pytest.mark.parametrize("share", [1.0, 0.1])
def test_who_makes_room_for_a_great_gain_need_not_gain_much(delays, share):
    """Nor has who gains to wait longer than others, and nothing turns back."""
    instance, limits = gateways(delays, [10, 10], [10, 10]), replace(LIMITS, moved_share=share)
    shares, waited = left((0, 0, 10), (1, 1, 10)), None
    for number in range(1, 4 + round(1 / share)):
        found = cycle(instance, shares, waited, limits)
        waited, shares = found.waited, found.shares
        moved = 0 if number < limits.cycles else min(10, round(10 * share) * (number - 2))
        wanted = np.array([[10 - moved, moved], [moved, 10 - moved]]) * GBPS
        assert abs(table(instance, shares) - wanted).max() <= 10  # bits that rounding leaves
    assert found.held.rate_bps.sum() <= 20


@pytest.mark.parametrize("delays", [[[100, 80], [400, 398]], [[100, 89], [1000, 1000]]])
def test_an_exchange_that_gains_too_little_for_both_is_not_made(delays):
    instance, shares, waited = gateways(delays, [10, 10], [10, 10]), left((0, 0, 10), (1, 1, 10)), None
    for _ in range(6):
        found = cycle(instance, shares, waited, replace(LIMITS, moved_share=1.0))
        waited = found.waited
        assert found.moved_bps == 0
    assert set(found.held.why.tolist()) <= {Why.SMALL, Why.NO_ROOM}
    assert len(found.held) == 2


def test_no_one_is_sent_away_whose_room_nobody_gets():
    """The second is whole and larger than what the first leaves."""
    instance = gateways([[100, 60], [200, 195]], [10, 15], [10, 15], whole=True)
    shares, waited = left((0, 0, 10), (1, 1, 15)), None
    for _ in range(6):
        found = cycle(instance, shares, waited, replace(LIMITS, moved_share=1.0))
        waited, shares = found.waited, found.shares
    assert gbps(instance, shares) == [[10, 0], [0, 15]]


def test_growth_beyond_a_cap_moves_the_excess_at_once_and_no_more():
    instance = gateways([[20, 60], [20, 25]], [100, 100], [52, 51])
    found = cycle(instance, left((0, 0, 50), (1, 0, 50)))
    assert gbps(instance, found.shares) == [[52, 0], [48, 3]]
    assert found.moved_bps == found.needed_bps == 3 * GBPS


def test_more_than_the_bound_moves_only_if_it_is_urgent():
    instance = gateways([[20, 60], [20, 25]], [60, 100], [50, 50])
    before = left((0, 0, 50), (1, 0, 50))
    found = cycle(instance, before)
    assert gbps(instance, found.shares) == [[50, 0], [45, 5]]
    assert found.over_bps.tolist() == [35 * GBPS, 0]
    assert (found.held.rate_bps.tolist(), found.held.why.tolist()) == ([35 * GBPS], [Why.BOUND])
    found = cycle(instance, before, urgent=True)
    assert gbps(instance, found.shares) == [[50, 0], [10, 40]]
    assert not found.over_bps.any()


def test_a_gateway_that_is_lost_is_left_at_once_and_nothing_else_moves():
    instance = gateways([[None, 60, 30], [90, 60, 30]], [100, 100, 100], [50, 50])
    before = left((0, 0, 50), (1, 0, 50))
    found = cycle(instance, before, np.full((2, 3), 3, np.int8), urgent=True)
    assert gbps(instance, found.shares) == [[0, 0, 50], [50, 0, 0]]
    assert (found.moved_bps, found.held.why.tolist()) == (50 * GBPS, [Why.URGENT])
    assert found.waited.all()  # the count goes on where it stopped


def test_beside_the_schedule_nothing_moves_for_delay_however_long_it_has_been_worth_it():
    """Events come at any time: what moves in a cycle would be no bound if each of them could move as much again."""
    instance = gateways([[60, 40]], [100, 100], [4])
    before, waited = left((0, 0, 4)), none_waited(instance)
    waited[0, 0] = LIMITS.cycles
    limits = replace(LIMITS, moved_share=1.0)
    beside = cycle(instance, before, waited, replace(limits, needed_only=True))
    assert (beside.moved_bps, beside.held.why.tolist()) == (0, [Why.URGENT])
    assert beside.waited.tolist() == waited.tolist()
    assert cycle(instance, before, waited, limits).moved_bps == 4 * GBPS


def test_beside_the_schedule_what_is_needed_moves_within_the_bound():
    instance = gateways([[50, 50]], [30, 100], [40])
    found = cycle(instance, left((0, 0, 40)), limits=replace(LIMITS, moved_share=0.1, needed_only=True))
    assert (found.moved_bps, found.needed_bps) == (4 * GBPS, 4 * GBPS)


def test_what_makes_room_for_the_stranded_moves_with_it():
    """Only gateway 1 is left for the first one, and it is full of the second."""
    instance = gateways([[None, 60, None], [None, 20, 70]], [0, 50, 50], [50, 50])
    found = cycle(instance, left((0, 0, 50), (1, 1, 50)), urgent=True)
    assert gbps(instance, found.shares) == [[0, 50, 0], [0, 0, 50]]
    assert found.moved_bps == 100 * GBPS


def test_what_is_new_is_placed_and_is_no_move():
    instance = gateways([[20, 60], [20, 25]], [100, 100], [40, 40])
    found = cycle(instance, left((0, 0, 40)))
    assert gbps(instance, found.shares) == [[40, 0], [40, 0]]
    assert found.moved_bps == 0


def test_what_must_stay_whole_moves_as_a_whole_or_not():
    instance = gateways([[60, 40], [60, 20]], [100, 100], [4, 90], whole=True)
    before, waited = left((0, 0, 4), (1, 0, 90)), np.full((2, 2), 3, np.int8)
    found = cycle(instance, before, waited)
    assert gbps(instance, found.shares) == [[0, 4], [90, 0]]
    assert found.held.why.tolist() == [Why.BOUND]


def test_an_unchanged_network_is_left_alone():
    """Also where not everything can be carried, and whatever is split."""
    for seed in range(60):
        instance = replace(small_instance(seed), weights=Weights())
        before = solve(instance).shares
        found = cycle(instance, before)
        assert found.moved_bps == 0
        assert abs(table(instance, found.shares) - table(instance, before)).max() <= 1_000, seed


@pytest.mark.parametrize("urgent", [False, True])
def test_whatever_changes_no_cap_is_broken_and_no_bound(urgent):
    """Gateways fail, demand changes, policies too: against the independent checker."""
    moved, over = 0, 0
    for seed in range(200):
        before = solve(replace(small_instance(seed), weights=Weights())).shares
        limited = {"whole": 0.2 * (seed % 2), "limited": 0.5 * (seed % 3 == 0)}
        instance = _changed(replace(small_instance(seed, **limited), weights=Weights()), seed)
        random = np.random.default_rng(seed)
        waited = random.integers(0, 4, none_waited(instance).shape).astype(np.int8)
        found = cycle(instance, before, waited, urgent=urgent)
        load = loads(instance, found.shares.aggregate, found.shares.gateway, found.shares.rate_bps)
        assert (load - found.over_bps <= caps(instance)).all()
        wider = replace(
            instance,
            exits=replace(instance.exits, usable_bps=instance.exits.usable_bps + found.over_bps[: len(instance.exits)]),
            inside=replace(
                instance.inside, usable_bps=instance.inside.usable_bps + found.over_bps[len(instance.exits) :]
            ),
        )
        optimum = solve(instance)
        certificate = certify(wider, replace(optimum, shares=found.shares))
        if urgent:
            assert not found.over_bps.any()
            missing = np.array(certify(instance, optimum).carried_bps) - certificate.carried_bps
            assert instance.demand.whole.any() or missing.sum() <= 1e-6 * sum(certificate.demand_bps) + 5_000
        else:
            lost = _cannot_stay(instance, before)
            assert found.moved_bps <= LIMITS.moved_share * instance.demand.rate_bps.sum() + lost
        moved += found.moved_bps > 0
        over += found.over_bps.any()
    assert moved > 60
    assert over > 10 or urgent


def test_cycle_by_cycle_the_optimum_is_reached_as_far_as_limits_let_it():
    """From the worst start: at last nobody could gain more than the least gain and a tenth of the delay."""
    for seed in range(12):
        instance = replace(small_instance(seed, fullness=0.8, links=False), weights=Weights())
        best = solve(instance)
        shares = _worst(instance).shares
        waited = none_waited(instance)
        for _ in range(24):
            found = cycle(instance, shares, waited, replace(LIMITS, moved_share=0.2, gain_share=0.0))
            shares, waited = found.shares, found.waited
        last, optimum = (certify(instance, replace(best, shares=one)) for one in (shares, best.shares))
        assert last.carried_bps == optimum.carried_bps
        assert last.cost <= optimum.cost + 5 * MS * sum(optimum.carried_bps)


def _changed(instance, seed):
    random = np.random.default_rng(seed)
    usable = instance.exits.usable_bps.copy()
    delay = instance.inside.delay_ns.copy()
    if random.random() < 0.5:
        usable[random.integers(0, len(usable))] = 0
    if random.random() < 0.5:
        delay[:, random.integers(0, len(usable))] = UNREACHABLE
    rate = (instance.demand.rate_bps * random.uniform(0.7, 1.4, len(instance.demand))).astype(np.int64)
    rate[random.random(len(rate)) < 0.1] = 0
    return replace(
        instance,
        demand=replace(instance.demand, rate_bps=rate),
        exits=replace(instance.exits, usable_bps=usable),
        inside=replace(instance.inside, delay_ns=delay),
    )


def _cannot_stay(instance, before):
    """At most so much, whichever gateways a limit leaves open."""
    parts = parted(instance, before).instance
    closed = ~eligible(parts, delays_ns(parts))
    known = parts.demand.previous != NOWHERE
    gone = known & closed[np.arange(len(known)), parts.demand.previous]
    return parts.demand.rate_bps[gone].sum()


def _worst(instance) -> Answer:
    """The slowest way to carry as much: delays upside down."""
    turned = np.where(instance.exits.beyond_ns == UNREACHABLE, UNREACHABLE, 100 * MS - instance.exits.beyond_ns)
    inside = np.where(instance.inside.delay_ns == UNREACHABLE, UNREACHABLE, 30 * MS - instance.inside.delay_ns)
    bounds = np.full(len(instance.demand), ANY_DELAY)
    return solve(
        replace(
            instance,
            demand=replace(instance.demand, max_delay_ns=bounds),
            exits=replace(instance.exits, beyond_ns=turned, fee_ns=np.zeros_like(instance.exits.fee_ns)),
            inside=replace(instance.inside, delay_ns=inside),
        )
    )
