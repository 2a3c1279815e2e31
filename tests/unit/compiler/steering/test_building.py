"""Which groups traffic is for, and where what nobody planned for goes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from steered_networks import MS, REGION, entry, group, network

from controller.compiler.plan import EgressAssignment, Verdict
from controller.compiler.steering.building import assigned_of, completed, sources_of
from controller.domain.egress import EgressPolicy, Sources, TrafficClass
from controller.domain.steering import ELSEWHERE

INSIDE = {
    (source, gateway): delay * MS
    for source, delays in {"gd": (9, 1, 5), "gz": (8, 0, 4), "zj": (7, 6, 2)}.items()
    for gateway, delay in zip(("igw-bj", "igw-gz", "igw-sh"), delays, strict=True)
}
ALL = ("igw-bj", "igw-gz", "igw-sh")


@pytest.fixture
def topology():
    return network()


def policy(name="all", prefixes=(), nodes=("gd", "zj"), traffic_class=TrafficClass.BULK):
    return EgressPolicy(
        tenant="backbone",
        name=name,
        sources=Sources(nodes=nodes),
        to_region=REGION,
        prefixes=prefixes,
        demand_bps=1,
        traffic_class=traffic_class,
    )


def carried(policy, **bps):
    """A verdict: by source, all of it by one gateway."""
    return Verdict(
        key=policy.key,
        assignments=tuple(
            EgressAssignment(
                source=source,
                gateway="igw-sh",
                traffic_class=policy.traffic_class,
                rate_bps=rate,
                delay_ns=0,
                nodes=(),
                links=(),
            )
            for source, rate in bps.items()
        ),
    )


def gateways(entries):
    return {(one.source, one.group, one.traffic_class): one.gateways for one in entries}


def test_internet_traffic_enters_where_internet_sites_are(topology):
    assert sources_of(topology) == ("gd", "gz", "zj")


def test_traffic_nobody_planned_for_takes_the_nearest_gateway_that_leads_there(topology):
    slow = replace(topology.gateways[1], delays_ns=((REGION, 90 * MS),))
    topology = replace(topology, gateways=(topology.gateways[0], slow, topology.gateways[2]))
    assert slow.name == "igw-gz"
    found = gateways(completed(topology, [group(1), group(2, ["igw-bj"])], (), INSIDE, ALL))
    assert len(found) == 3 * 3 * 3  # sources, groups and elsewhere, classes
    for traffic_class in TrafficClass:
        assert found["gd", 1, traffic_class] == ("igw-sh",)
        assert found["gd", 2, traffic_class] == ("igw-bj",)
        assert found["gd", ELSEWHERE, traffic_class] == ("igw-gz",)
        assert found["zj", ELSEWHERE, traffic_class] == ("igw-sh",)


def test_a_gateway_without_a_known_delay_comes_last(topology):
    unknown = replace(topology.gateways[1], delays_ns=())
    topology = replace(topology, gateways=(topology.gateways[0], unknown, topology.gateways[2]))
    found = gateways(completed(topology, [group(1)], (), INSIDE, ALL))
    assert found["gd", 1, TrafficClass.GOLD] == ("igw-sh",)
    found = gateways(completed(topology, [group(1)], (), INSIDE, ("igw-gz",)))
    assert found["gd", 1, TrafficClass.GOLD] == ("igw-gz",)


def test_what_loss_weighs_makes_a_gateway_farther(topology):
    lost = {("igw-sh", REGION): 9_000 * MS}
    found = gateways(completed(topology, [group()], (), INSIDE, ("igw-bj", "igw-sh"), lost_ns=lost))
    assert found["gd", 1, TrafficClass.GOLD] == ("igw-bj",)
    found = gateways(completed(topology, [group()], (), INSIDE, ("igw-sh",), lost_ns=lost))
    assert found["gd", 1, TrafficClass.GOLD] == ("igw-sh",)  # a bad way is better than none


def test_what_is_planned_stays_and_what_nothing_leads_to_has_no_entry(topology):
    planned = entry("gd", "igw-bj", rate_bps=5)
    found = completed(topology, [group(1), group(2, [])], (planned,), INSIDE, ALL)
    assert planned in found
    assert not [one for one in found if one.group == 2]
    assert list(found) == sorted(found, key=lambda one: (one.source, one.group, one.traffic_class))


def test_a_gateway_that_is_down_or_not_admitted_or_not_reached_is_not_taken(topology):
    denied = ("gd", 1, TrafficClass.GOLD)
    inside = {pair: ns for pair, ns in INSIDE.items() if pair != ("zj", "igw-sh")}
    found = gateways(
        completed(
            topology, [group()], (), inside, ("igw-bj", "igw-sh"), lambda key, name: (key, name) != (denied, "igw-sh")
        )
    )
    assert found[denied] == ("igw-bj",)
    assert found["gd", 1, TrafficClass.BULK] == ("igw-sh",)
    assert found["zj", 1, TrafficClass.BULK] == ("igw-bj",)


def test_prefixes_that_a_policy_names_are_its_own_for_its_sources_in_its_class(topology):
    everything, narrow = policy(), policy("narrow", ("198.51.100.0/24",), nodes=("gd",))
    groups = [group(1), replace(group(2), policy=narrow.key), replace(group(3), region="japan")]
    found = assigned_of(
        topology, groups, [everything, narrow], [carried(everything, gd=5, zj=6), carried(narrow, gd=7)]
    )
    assert [(one.source, one.groups, one.bps) for one in found] == [
        ("gd", (1,), (("igw-sh", 5),)),
        ("zj", (1, 2), (("igw-sh", 6),)),
        ("gd", (2,), (("igw-sh", 7),)),
    ]


def test_the_same_prefixes_are_each_policys_own_for_its_sources(topology):
    prefixes = ("198.51.100.0/24",)
    west, east, everything = policy("west", prefixes, ("gd",)), policy("east", prefixes, ("zj",)), policy()
    gold = policy("gold", prefixes, ("gd", "zj"), TrafficClass.GOLD)
    groups = [replace(group(1), policy=west.key, behind=(gold.key, east.key)), group(2)]
    verdicts = [carried(west, gd=5), carried(east, zj=6), carried(gold, gd=7, zj=8), carried(everything, gd=9, zj=10)]
    found = assigned_of(topology, groups, [west, east, gold, everything], verdicts)
    assert [(one.source, one.traffic_class, one.groups, one.bps[0][1]) for one in found] == [
        ("gd", TrafficClass.BULK, (1,), 5),
        ("zj", TrafficClass.BULK, (1,), 6),
        ("gd", TrafficClass.GOLD, (1,), 7),
        ("zj", TrafficClass.GOLD, (1,), 8),
        ("gd", TrafficClass.BULK, (2,), 9),
        ("zj", TrafficClass.BULK, (2,), 10),
    ]


def test_a_source_where_no_internet_traffic_enters_is_left_out(topology):
    one = policy(nodes=("sh",))
    assert assigned_of(topology, [group()], [one], [carried(one, sh=5)]) == ()


def test_of_policies_that_name_the_same_prefixes_each_has_them_for_its_own_sources(topology):
    """The group is the first one's, and the others' for whom the first is not."""
    first, second = (policy(name, ("198.51.100.0/24",), nodes=(node,)) for name, node in (("a", "gd"), ("b", "zj")))
    golden = policy("c", ("198.51.100.0/24",), traffic_class=TrafficClass.GOLD)
    rest = policy()
    groups = [replace(group(1), policy=first.key, behind=(second.key, golden.key)), group(2)]
    found = assigned_of(
        topology,
        groups,
        [first, second, golden, rest],
        [carried(first, gd=1), carried(second, zj=2), carried(golden, gd=3, zj=4), carried(rest, gd=5, gz=6)],
    )
    assert [(one.source, one.traffic_class.value, one.groups) for one in found] == [
        ("gd", "bulk", (1,)),
        ("zj", "bulk", (1,)),
        ("gd", "gold", (1,)),
        ("zj", "gold", (1,)),
        ("gd", "bulk", (2,)),
        ("gz", "bulk", (1, 2)),
    ]
