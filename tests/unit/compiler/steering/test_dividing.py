"""Rates laid out over groups of prefixes and slices of them: near what is asked, whole groups first, little moves."""

from __future__ import annotations

from collections import Counter

from hypothesis import assume, event, given
from hypothesis import strategies as st

from controller.compiler.steering.dividing import Assigned, divided, parts_of
from controller.compiler.steering.slices import spread
from controller.domain.egress import TrafficClass
from controller.domain.steering import SLICES, DestinationGroup, Entry

GATEWAYS = ("igw-a", "igw-b", "igw-c", "igw-d")
SOURCE, CLASS = "pe-gd", TrafficClass.BULK
PLENTY = dict.fromkeys(GATEWAYS, 10**15)
rates = st.integers(1, 10**11)


def groups_of(count, gateways=GATEWAYS):
    return [
        DestinationGroup(number=number, region="r", gateways=tuple(gateways), part=number)
        for number in range(1, count + 1)
    ]


def asked(bps, count):
    return Assigned(
        source=SOURCE, traffic_class=CLASS, groups=tuple(range(1, count + 1)), bps=tuple(sorted(bps.items()))
    )


def key(group):
    return (SOURCE, group, CLASS)


def loads(entries):
    found = Counter()
    for entry in entries:
        found.update(entry.bps())
    return found


def slice_places(entries):
    return {(entry.group, part): name for entry in entries for part, name in enumerate(spread(entry.gateways))}


def largest_slice(entries):
    return max(-(-entry.rate_bps // SLICES) for entry in entries)


@st.composite
def aggregates(draw, most_gateways=4):
    """(rates by gateway, weights of groups)"""
    names = draw(st.lists(st.sampled_from(GATEWAYS), min_size=1, max_size=most_gateways, unique=True))
    bps = {name: draw(rates) for name in names}
    weights = draw(st.lists(st.integers(0, 10**6), min_size=1, max_size=10))
    return bps, {key(number): (weight,) for number, weight in enumerate(weights, 1)}


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_parts_are_a_total_to_the_last_bit(total, weights):
    parts = parts_of(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - (total * weight / whole if whole else total / len(weights))) <= 1 + total / 2**50


@given(aggregates())
def test_what_leaves_by_each_gateway_is_near_what_is_asked(case):
    bps, weights = case
    result = divided([asked(bps, len(weights))], groups_of(len(weights)), weights, (), PLENTY)
    got = loads(result.entries)
    assert sum(got.values()) == sum(bps.values())
    assert not result.without
    bound = (len(bps) - 1) * largest_slice(result.entries)
    for name in GATEWAYS:
        assert got[name] - bps.get(name, 0) == result.beyond_bps.get(name, 0)
        assert abs(got[name] - bps.get(name, 0)) <= bound
    cut = [entry for entry in result.entries if len(entry.gateways) > 1]
    event(f"{len(cut)} groups cut")
    assert len(cut) <= max(0, len(bps) - 1)


@given(aggregates(), st.lists(st.integers(0, 1000), min_size=SLICES, max_size=SLICES))
def test_what_was_measured_of_slices_counts(case, measured):
    bps, weights = case
    weights = weights | {key(1): tuple(measured)}
    result = divided([asked(bps, len(weights))], groups_of(len(weights)), weights, (), PLENTY)
    assert sum(entry.rate_bps for entry in result.entries) == sum(bps.values())
    (entry,) = (entry for entry in result.entries if entry.group == 1)
    of_slices = parts_of(entry.rate_bps, measured)
    got = loads([one for one in result.entries if one is not entry])
    for name, share in zip(spread(entry.gateways), of_slices, strict=True):
        got[name] += share
    bound = (len(bps) - 1) * max([largest_slice(result.entries), *of_slices])
    for name in GATEWAYS:
        assert got[name] - bps.get(name, 0) == result.beyond_bps.get(name, 0)
        assert abs(got[name] - bps.get(name, 0)) <= bound


@given(aggregates())
def test_the_same_again_moves_nothing(case):
    bps, weights = case
    count = len(weights)
    first = divided([asked(bps, count)], groups_of(count), weights, (), PLENTY)
    assert divided([asked(bps, count)], groups_of(count), weights, first.entries, PLENTY) == first


@given(aggregates(), st.data())
def test_no_more_moves_than_what_is_asked_moves_and_a_slice_at_each_boundary(case, data):
    bps, weights = case
    assume(len(bps) > 1)
    count = len(weights)
    before = divided([asked(bps, count)], groups_of(count), weights, (), PLENTY)
    giver, taker = data.draw(st.permutations(sorted(bps)).map(lambda names: names[:2]))
    moved = data.draw(st.integers(0, bps[giver] - 1))
    wanted = bps | {giver: bps[giver] - moved, taker: bps[taker] + moved}
    after = divided([asked(wanted, count)], groups_of(count), weights, before.entries, PLENTY)
    was, now = slice_places(before.entries), slice_places(after.entries)
    of_slices = {entry.group: parts_of(entry.rate_bps, (1,) * SLICES) for entry in after.entries}
    shifted = sum(of_slices[group][part] for group, part in was if was[group, part] != now[group, part])
    assert shifted <= moved + 2 * len(bps) * largest_slice(after.entries)


@given(aggregates(), st.data())
def test_a_gateway_that_does_not_lead_there_never_gets_a_group(case, data):
    bps, weights = case
    leads = {
        number: data.draw(st.lists(st.sampled_from(GATEWAYS), unique=True)) for number in range(1, len(weights) + 1)
    }
    groups = [DestinationGroup(number=number, region="r", gateways=tuple(names)) for number, names in leads.items()]
    stood = [
        Entry(source=SOURCE, group=number, traffic_class=CLASS, gateways=(data.draw(st.sampled_from(GATEWAYS)),))
        for number in data.draw(st.lists(st.sampled_from(sorted(leads)), unique=True))
    ]
    result = divided([asked(bps, len(weights))], groups, weights, stood, {})
    assert {(entry.source, entry.group, entry.traffic_class) for entry in result.entries} | set(result.without) == set(
        weights
    )
    for entry in result.entries:
        assert set(entry.gateways) <= set(leads[entry.group]) & set(bps)
    for _, number, _ in result.without:
        assert not set(leads[number]) & set(bps)


@given(aggregates(), st.sampled_from(GATEWAYS))
def test_rounding_goes_where_there_is_room(case, roomy):
    """One gateway has room for all slices that may be left over: none of the others gets a bit more than asked."""
    bps, weights = case
    assume(roomy in bps)
    result = divided([asked(bps, len(weights))], groups_of(len(weights)), weights, (), {roomy: sum(bps.values())})
    assert all(more <= 0 for name, more in result.beyond_bps.items() if name != roomy)


@given(st.lists(aggregates(), min_size=1, max_size=5), st.integers(0, 10**10))
def test_what_one_aggregate_lacks_the_next_may_use(cases, room):
    """Over many aggregates the room is never overdrawn by more than the last slices of each."""
    assigned, weights, slices = [], {}, 0
    for number, (bps, of_groups) in enumerate(cases):
        source = f"pe-{number}"
        assigned.append(
            Assigned(
                source=source,
                traffic_class=CLASS,
                groups=tuple(range(1, len(of_groups) + 1)),
                bps=tuple(sorted(bps.items())),
            )
        )
        weights |= {(source, group, CLASS): weight for (_, group, _), weight in of_groups.items()}
    result = divided(assigned, groups_of(10), weights, (), dict.fromkeys(GATEWAYS, room))
    slices = sum(
        (len(one.bps) - 1) * largest_slice([entry for entry in result.entries if entry.source == one.source])
        for one in assigned
    )
    assert sum(result.beyond_bps.values()) == 0
    assert all(more <= max(room, slices) for more in result.beyond_bps.values())


def test_whole_groups_go_first_and_only_the_one_at_the_boundary_is_cut():
    result = divided([asked({"igw-a": 60, "igw-b": 100}, 4)], groups_of(4), {}, (), {})
    assert sorted(len(set(entry.gateways)) for entry in result.entries) == [1, 1, 1, 2]
    assert loads(result.entries) == {"igw-a": 60, "igw-b": 100}


def test_two_groups_without_a_weight_are_taken_for_the_mean_of_others():
    result = divided([asked({"igw-a": 90}, 3)], groups_of(3), {key(1): (5,)}, (), {})
    assert [entry.rate_bps for entry in result.entries] == [30, 30, 30]
