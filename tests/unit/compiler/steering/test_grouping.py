"""Destination groups: what each address is steered as, by the rules said one by one; numbers; changes one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.compiler.steering.grouping import PARTS, Grouping, grouped
from controller.domain.egress import EgressPolicy, Sources
from controller.domain.intents import IntentKey
from controller.domain.prefixes import Prefix, parse_prefix
from controller.domain.regions import RegionMap
from controller.domain.routes import Feed, Path, Routes, RouteTable
from controller.domain.steering import ELSEWHERE, DestinationGroup, PrefixTable
from controller.domain.topology import Gateway, Node, Role, Site, SiteService, Topology

DEPTH = 6
OWN = "252.0.0.0/6"
SERVES = {"a": ("east", "west"), "b": ("east", "west"), "c": ("east",)}
NETWORK = Topology(
    name="n",
    nodes=(Node(name="pe", role=Role.PE),),
    links=(),
    sites=(Site(name="s", node="pe", port=1, service=SiteService.INTERNET, prefixes=(OWN,)),),
    gateways=tuple(
        Gateway(name=name, node="pe", port=9, capacity_bps=1, delays_ns=tuple((region, 1) for region in regions))
        for name, regions in SERVES.items()
    ),
)
Meaning = tuple[str, tuple[IntentKey, ...], tuple[str, ...]]


def policy(name: str, region: str, *prefixes: str) -> EgressPolicy:
    return EgressPolicy(tenant="t", name=name, sources=Sources(nodes=("pe",)), to_region=region, prefixes=prefixes)


def path(gateway: str, origin_as: int | None = None, length: int = 1) -> Path:
    return Path(gateway, origin_as, length)


def table_of(routes: Iterable[tuple[str, Path]]) -> RouteTable:
    table = RouteTable()
    for text, way in routes:
        table.announce(parse_prefix(text), way)
    return table


def meaning_by_table(groups: Sequence[DestinationGroup], table: PrefixTable, address: int) -> Meaning | None:
    holding = [(prefix.length, number) for prefix, number in table.routes if prefix.holds(address)]
    number = max(holding)[1] if holding else ELSEWHERE
    if number == ELSEWHERE:
        return None
    group = next(group for group in groups if group.number == number)
    return group.region, group.policies, group.gateways


def meaning_by_word(
    policies: Sequence[EgressPolicy], regions: RegionMap, routes: Routes | None, address: int
) -> Meaning | None:
    """As the documentation says it, for one address."""
    claims = [
        (-prefix.length, one.key, one.to_region)
        for one in policies
        for prefix in map(parse_prefix, one.prefixes)
        if prefix.holds(address)
    ]
    mapped = [(prefix.length, region) for prefix, region in regions.by_prefix.items() if prefix.holds(address)]
    known = {} if routes is None else routes.paths
    held = {prefix: paths for prefix, paths in known.items() if prefix.length and prefix.holds(address)}
    region = None
    if claims:
        region = min(claims)[2]
    elif mapped:
        region = max(mapped)[1]
    elif held:
        longest = held[max(held, key=lambda prefix: prefix.length)]
        placed = [way for way in longest if way.origin_as in regions.by_as]
        if placed:
            best = min(placed, key=lambda way: (way.length, way.gateway))
            assert best.origin_as is not None
            region = regions.by_as[best.origin_as]
    if region is None:
        return None
    leading = set(SERVES) if routes is None else {way.gateway for paths in held.values() for way in paths}
    gateways = tuple(sorted(name for name in leading if region in SERVES.get(name, ())))
    names = tuple(dict.fromkeys(key for _, key, _ in sorted(claims)))
    return (region, names, gateways) if gateways else None


def addresses() -> list[int]:
    """Those that the prefixes here tell apart, but for our own."""
    own = parse_prefix(OWN)
    every = [bits << 32 - DEPTH for bits in range(1 << DEPTH)]
    return [address for address in every if not own.holds(address)]


PREFIXES = st.integers(0, DEPTH - 1).flatmap(
    lambda length: st.integers(0, (1 << length) - 1).map(lambda bits: Prefix(4, bits << 32 - length, length))
)
REGIONS = st.sampled_from(("east", "west"))
PATHS = st.builds(
    Path,
    st.sampled_from(("a", "b", "c", "unknown")),
    st.sampled_from((None, 1, 2, 3)),
    st.integers(0, 3),
)
ROUTES = st.lists(st.tuples(PREFIXES, PATHS), max_size=12)
MAPS = st.builds(
    lambda prefixes: RegionMap(by_prefix=prefixes, by_as={1: "east", 2: "west"}),
    st.dictionaries(PREFIXES, REGIONS, max_size=3),
)
POLICIES = st.lists(st.tuples(REGIONS, st.sets(PREFIXES, max_size=2)), max_size=3).map(
    lambda drawn: tuple(policy(f"p{i}", region, *sorted(map(str, named))) for i, (region, named) in enumerate(drawn))
)


def routes_of(routes: list[tuple[Prefix, Path]]) -> RouteTable:
    table = RouteTable()
    for prefix, way in routes:
        table.announce(prefix, way)
    return table


@given(POLICIES, MAPS, st.none() | ROUTES)
@settings(max_examples=300)
def test_every_address_is_steered_as_the_rules_say(
    policies: tuple[EgressPolicy, ...], regions: RegionMap, drawn: list[tuple[Prefix, Path]] | None
) -> None:
    routes = None if drawn is None else routes_of(drawn).snapshot()
    groups, table = grouped(NETWORK, policies, regions, routes)
    for address in addresses():
        assert meaning_by_table(groups, table, address) == meaning_by_word(policies, regions, routes, address)
    assert [group.number for group in groups] == list(range(1, len(groups) + 1))


@given(POLICIES, MAPS, ROUTES, st.lists(st.lists(st.tuples(PREFIXES, PATHS, st.booleans()), max_size=4), max_size=6))
@settings(max_examples=200)
def test_changes_one_by_one_lead_to_the_same(
    policies: tuple[EgressPolicy, ...],
    regions: RegionMap,
    drawn: list[tuple[Prefix, Path]],
    steps: list[list[tuple[Prefix, Path, bool]]],
) -> None:
    routes = routes_of(drawn)
    routes.touched()
    grouping = Grouping(NETWORK, policies, regions, routes.snapshot())
    for step in steps:
        before, groups_before = dict(grouping.table.routes), grouping.groups
        for prefix, way, comes in step:
            if comes:
                routes.announce(prefix, way)
            else:
                routes.withdraw(prefix, way.gateway)
        changed = grouping.follow(routes.snapshot(), routes.touched())
        now = dict(grouping.table.routes)
        assert changed == {place: now.get(place) for place in {*before, *now} if before.get(place) != now.get(place)}
        for address in addresses():
            expected = meaning_by_word(policies, regions, routes.snapshot(), address)
            assert meaning_by_table(grouping.groups, grouping.table, address) == expected
        # Nobody's number comes to mean another group at once.
        meant = {group.number: group for group in groups_before}
        assert all(meant.get(group.number, group) == group for group in grouping.groups)
        # From nothing, with the numbers that there were, it is the same value.
        afresh = grouped(NETWORK, policies, regions, routes.snapshot(), before=groups_before)
        assert afresh == (grouping.groups, grouping.table)


def test_a_withdrawal_touches_the_prefix_concerned_only() -> None:
    regions = RegionMap(by_as={1: "east"})
    routes = table_of(
        (f"{first}.0.0.0/8", path(gateway, origin_as=1)) for first in range(16, 48, 2) for gateway in ("a", "b", "c")
    )
    routes.touched()
    grouping = Grouping(NETWORK, (), regions, routes.snapshot())
    before = grouping.groups
    routes.withdraw(parse_prefix("20.0.0.0/8"), "b")
    changed = grouping.follow(routes.snapshot(), routes.touched())
    assert set(changed) == {parse_prefix("20.0.0.0/8")}
    new = [group for group in grouping.groups if group not in before]
    assert [(group.gateways, group.region) for group in new] == [(("a", "c"), "east")]
    assert dict(grouping.table.routes)[parse_prefix("20.0.0.0/8")] == new[0].number


def test_numbers_stay_with_their_groups_and_leave_those_of_sites_alone() -> None:
    regions = RegionMap(by_prefix={parse_prefix("16.0.0.0/8"): "east", parse_prefix("32.0.0.0/8"): "west"})
    groups, _ = grouped(NETWORK, (), regions, None, taken=(1, 3))
    assert sorted(group.number for group in groups) == [2, 4]
    more = RegionMap(by_prefix={parse_prefix("8.0.0.0/8"): "east", **regions.by_prefix})
    later, _ = grouped(NETWORK, (policy("p", "east", "64.0.0.0/8"),), more, None, before=groups, taken=(1, 3))
    assert set(groups) <= set(later)
    # A number that has just become free means something to packets on their way: it is not given to another group.
    gone, _ = grouped(NETWORK, (policy("p", "east", "64.0.0.0/8"),), RegionMap(), None, before=groups)
    assert [group.number for group in gone] == [1]
    west = RegionMap(by_prefix={parse_prefix("32.0.0.0/8"): "west"})
    assert {group.number for group in grouped(NETWORK, (), west, None, before=gone)[0]} == {2}


def test_a_number_that_devices_still_know_is_not_given_away() -> None:
    """Decided and not carried out yet, twice: the group that went first stands on devices all the time."""
    regions = RegionMap(by_as={1: "east"})
    prefix = parse_prefix("20.0.0.0/8")
    routes = table_of([("20.0.0.0/8", path("a", 1))])
    grouping = Grouping(NETWORK, (), regions, routes.snapshot())
    (first,) = (group.number for group in grouping.groups)
    routes.withdraw(prefix, "a")
    grouping.follow(routes.snapshot(), routes.touched(), {first})
    routes.announce(prefix, path("b", 1))
    grouping.follow(routes.snapshot(), routes.touched(), {first})
    (second,) = (group.number for group in grouping.groups)
    assert second != first


def test_of_two_groups_that_are_alike_neither_number_is_given_away() -> None:
    """A group that went and came back has another number; while a table is written in portions devices know both."""
    east = RegionMap(by_prefix={parse_prefix("16.0.0.0/8"): "east"})
    ((came_back,), _) = grouped(NETWORK, (), east, None, taken=(1,))
    went = replace(came_back, number=1)
    both = RegionMap(by_prefix={parse_prefix("32.0.0.0/8"): "west", **east.by_prefix})
    groups, _ = grouped(NETWORK, (), both, None, before=(went, came_back))
    assert {group.number: group.region for group in groups} == {came_back.number: "east", 3: "west"}


@pytest.mark.parametrize(
    ("text", "part"),
    [("10.0.0.0/8", 0), ("10.1.0.0/16", 2), ("10.1.2.0/24", 2), ("198.51.100.0/24", 7), ("2001:db8:1::/48", 1)],
)
def test_parts_are_the_same_on_every_machine_and_for_ever(text: str, part: int) -> None:
    """The numbers were computed once, and the devices of those who run this are full of them."""
    groups, _ = grouped(NETWORK, (policy("p", "west", text),), RegionMap(), None)
    assert [group.part for group in groups] == [part]


def test_prefixes_are_divided_into_all_parts_and_neighbours_stay_together() -> None:
    by_prefix = {Prefix(4, first << 24, 8): "west" for first in range(1, 120)}
    groups, _ = grouped(NETWORK, (), RegionMap(by_prefix=by_prefix), None)
    assert sorted(group.part for group in groups) == list(range(PARTS))
    neighbours = {Prefix(4, 0x0A010000 | third << 8, 24): "west" for third in range(256)}
    _, table = grouped(NETWORK, (), RegionMap(by_prefix=neighbours), None)
    assert [str(prefix) for prefix, _ in table.routes] == ["10.1.0.0/16"]


def test_where_one_gateway_leads_there_is_one_part() -> None:
    regions = RegionMap(by_as={1: "east"})
    routes = table_of((f"{first}.0.0.0/8", path("a", origin_as=1)) for first in range(16, 48))
    groups, _ = grouped(NETWORK, (), regions, routes.snapshot())
    assert [(group.part, group.gateways) for group in groups] == [(0, ("a",))]


def test_our_own_prefix_is_not_abroad_whoever_announces_it() -> None:
    regions = RegionMap(by_as={1: "east"})
    routes = table_of([("252.0.0.0/6", path("a", 1)), ("253.1.0.0/16", path("b", 1)), ("248.0.0.0/8", path("a", 1))])
    _, table = grouped(NETWORK, (), regions, routes.snapshot())
    assert [str(prefix) for prefix, _ in table.routes] == ["248.0.0.0/8"]


def test_a_default_route_leads_nowhere() -> None:
    regions = RegionMap(by_prefix={parse_prefix("8.0.0.0/8"): "east"})
    routes = table_of([("0.0.0.0/0", path("a")), ("::/0", path("a")), ("8.0.0.0/9", path("b"))])
    groups, table = grouped(NETWORK, (), regions, routes.snapshot())
    assert [group.gateways for group in groups] == [("b",)]
    assert [str(prefix) for prefix, _ in table.routes] == ["8.0.0.0/9"]


def test_many_changes_at_once_come_to_the_same() -> None:
    regions = RegionMap(by_as={1: "east", 2: "west"})
    routes = RouteTable()
    for number in range(3_000):
        for gateway in ("a", "b"):
            routes.announce(Prefix(4, number << 12, 20), path(gateway, origin_as=1 + number % 2))
    grouping = Grouping(NETWORK, (), regions, routes.snapshot())
    before = grouping.groups
    routes.touched()
    assert routes.forget(Feed("b", 4)) == 3_000
    for number in range(1_500):
        routes.withdraw(Prefix(4, number << 12, 20), "a")
    grouping.follow(routes.snapshot(), routes.touched())
    assert (grouping.groups, grouping.table) == grouped(NETWORK, (), regions, routes.snapshot(), before=before)
    assert {group.gateways for group in grouping.groups} == {("a",)}
