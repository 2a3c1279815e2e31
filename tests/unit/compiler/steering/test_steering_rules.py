"""What stands on which device for a steering."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from steered_networks import (
    ABROAD,
    ABROAD_MAC,
    GATEWAY_PORT,
    SITE_PORT,
    TABLE,
    entry,
    group,
    network,
    steered,
)

from controller.compiler.steering.edges import edges_of, first_address
from controller.compiler.steering.rules import VIRTUAL_MAC, steering_rules
from controller.domain.egress import TrafficClass
from controller.domain.prefixes import ANY_IPV4, Prefix, parse_prefix
from controller.domain.rules import (
    DecTtl,
    GoTo,
    Match,
    Output,
    Owner,
    SetGroup,
    SetMacs,
    SourceSlice,
    Table,
    UseGroup,
    Wrap,
    key_of,
    owner_of,
)
from controller.domain.steering import EdgeKind, PrefixTable, Steering
from controller.domain.topology import SiteService


@pytest.fixture
def topology():
    return network()


def rules_of(topology, *entries, prefixes=TABLE):
    steering, trunks = steered(topology, entries, [group()])
    found = defaultdict(dict)
    for device, rule in steering_rules(topology, steering, prefixes, trunks):
        assert key_of(rule) not in found[device], f"two rules of one key on {device}: {rule}"
        found[device][key_of(rule)] = rule
    return {device: list(rules.values()) for device, rules in found.items()}


def in_table(rules, table):
    return [rule for rule in rules if rule.table is table]


def test_edges_are_gateways_with_a_next_hop_and_internet_sites_with_prefixes(topology):
    changed = replace(
        topology,
        gateways=(replace(topology.gateways[0], next_hop=None), *topology.gateways[1:]),
        sites=(replace(topology.sites[0], service=SiteService.L2, prefixes=()), *topology.sites[1:]),
    )
    assert [edge.id for edge in edges_of(changed)] == [
        (EdgeKind.GATEWAY, "igw-bj"),
        (EdgeKind.GATEWAY, "igw-gz"),
        (EdgeKind.SITE, "prov-gz"),
        (EdgeKind.SITE, "prov-zj"),
    ]
    (site,) = (edge for edge in edges_of(topology) if edge.name == "prov-gd")
    assert site.addresses == ("10.44.0.1", "fd00:44::1")
    (silent,) = (edge for edge in edges_of(topology) if edge.name == "prov-gz")
    assert silent.next_hop is None


@pytest.mark.parametrize(
    ("prefix", "address"),
    [
        ("10.44.0.0/16", "10.44.0.1"),
        ("10.44.0.4/30", "10.44.0.5"),
        ("10.44.0.4/31", "10.44.0.4"),
        ("10.44.0.4/32", "10.44.0.4"),
        ("fd00:44::/32", "fd00:44::1"),
        ("fd00:44::/127", "fd00:44::"),
    ],
)
def test_we_are_at_the_first_address_that_a_host_can_have(prefix, address):
    assert first_address(parse_prefix(prefix)) == address


def test_with_anti_spoofing_each_prefix_that_no_other_holds_has_its_rules(topology):
    prefixes = ("10.44.0.0/16", "10.44.7.0/24", "10.45.0.0/16")
    site = replace(topology.site["prov-gd"], prefixes=prefixes, anti_spoofing=True)
    (place,) = (place for place in edges_of(replace(topology, sites=(site,))) if place.kind is EdgeKind.SITE)
    assert place.sources == (parse_prefix("10.44.0.0/16"), parse_prefix("10.45.0.0/16"))
    free, bound = (
        in_table(rules_of(replace(topology, sites=(replace(site, anti_spoofing=on),)))["gd"], Table.CLASSIFY)
        for on in (False, True)
    )
    packets = [rule for rule in bound if rule.match.ip_dst is not None]
    assert {rule.match.source for rule in packets} == set(place.sources)
    assert {rule.match.ip_dst.version for rule in packets} == {4}
    assert len(bound) == len(free)  # for two prefixes what there is for two versions without


def test_an_entry_leads_into_the_trunk_to_its_gateway(topology):
    rules = rules_of(topology, entry("gd", "igw-sh", traffic_class=TrafficClass.GOLD))
    steering, trunks = steered(topology, [entry("gd", "igw-sh")])
    (label,) = (edge.label for edge in steering.edges if edge.name == "igw-sh")
    (trunk,) = (trunks[leg.trunk] for leg in steering.legs if (leg.source, leg.edge) == ("gd", "igw-sh"))
    steer = [rule for rule in in_table(rules["gd"], Table.STEER) if rule.match.group == 1]
    assert {rule.match.ip_dst.version for rule in steer} == {4, 6}
    for rule in steer:
        assert rule.match.traffic_class == 1
        assert rule.actions == (
            DecTtl(),
            SetMacs(VIRTUAL_MAC, ABROAD_MAC["sh"]),
            Wrap(label, tc=3),
            UseGroup(trunk.group_id),
        )
        assert owner_of(rule.cookie) == (Owner.EGRESS, 1)


def test_a_gateway_at_the_source_itself_is_handed_the_packet(topology):
    rules = rules_of(topology, entry("gz", "igw-gz"))
    steer = [rule for rule in in_table(rules["gz"], Table.STEER) if rule.match.group == 1]
    assert {rule.actions for rule in steer} == {
        (DecTtl(), SetMacs(VIRTUAL_MAC, ABROAD_MAC["gz"]), Output(GATEWAY_PORT))
    }


def test_parts_of_sources_stand_above_the_rest_by_their_width(topology):
    halves = ["igw-sh", "igw-bj"] * 8
    rules = rules_of(topology, entry("gd", *halves))
    steer = [
        rule
        for rule in in_table(rules["gd"], Table.STEER)
        if rule.match == Match(group=1, traffic_class=3, ip_dst=ANY_IPV4, source=rule.match.source)
    ]
    assert [(rule.match.source, rule.actions[1].destination) for rule in steer] == [
        (None, ABROAD_MAC["sh"]),
        (SourceSlice(1, 1), ABROAD_MAC["bj"]),
    ]
    assert steer[1].priority > steer[0].priority


def test_a_rule_for_a_prefix_is_one_object_on_all_nodes(topology):
    rules = rules_of(topology)
    for prefix in ABROAD:
        same = {
            id(rule)
            for of_device in rules.values()
            for rule in in_table(of_device, Table.ROUTE)
            if rule.match.ip_dst == prefix
        }
        assert len(same) == 1
    with_foreign = [device for device in rules if any(rule.match.ip_dst in ABROAD for rule in rules[device])]
    assert sorted(with_foreign) == ["gd", "gz", "zj"]  # who has sites; others' packets come from abroad


def test_our_own_prefixes_go_before_what_is_announced_within_them(topology):
    stolen = parse_prefix("10.44.7.0/24")
    rules = rules_of(topology, prefixes=PrefixTable(routes=((stolen, 1),)))
    by_prefix = {rule.match.ip_dst: rule for rule in in_table(rules["zj"], Table.ROUTE)}
    assert by_prefix[parse_prefix("10.44.0.0/16")].priority > by_prefix[stolen].priority


def test_the_longer_prefix_goes_first_and_none_is_elsewhere(topology):
    longer = parse_prefix("198.51.100.128/25")
    rules = rules_of(topology, prefixes=PrefixTable(routes=((ABROAD[0], 1), (longer, 2))))
    by_prefix = {rule.match.ip_dst: rule for rule in in_table(rules["gd"], Table.ROUTE)}
    assert by_prefix[longer].priority > by_prefix[ABROAD[0]].priority > by_prefix[ANY_IPV4].priority
    assert by_prefix[ANY_IPV4].actions == (SetGroup(0), GoTo(Table.STEER))


def test_a_table_may_say_where_everything_goes(topology):
    rules = rules_of(topology, prefixes=PrefixTable(routes=((ANY_IPV4, 1),)))
    (any_ip,) = (rule for rule in in_table(rules["gd"], Table.ROUTE) if rule.match.ip_dst == ANY_IPV4)
    assert any_ip.actions[0] == SetGroup(1)


def test_nothing_is_ever_sent_to_a_site_without_a_next_hop(topology):
    steering, _ = steered(topology, [])
    (edge,) = (edge for edge in steering.edges if edge.name == "prov-gz")
    rules = rules_of(topology)
    routed = Counter(
        device for device in rules for rule in rules[device] if rule.match.ip_dst == Prefix(4, 10 << 24 | 55 << 16, 16)
    )
    assert routed == Counter(dict.fromkeys(rules, 1))  # its prefix is ours: to be dropped, not to go abroad
    for of_device in rules.values():
        assert not [rule for rule in in_table(of_device, Table.STEER) if rule.match.group == edge.group]
        assert not [rule for rule in in_table(of_device, Table.DELIVER) if rule.match.mpls_label == edge.label]


def test_every_rule_says_whose_it_is_and_matches_more_than_nothing(topology):
    rules = rules_of(topology, entry("gd", "igw-sh"))
    labels = {edge.label for edge in steered(topology, [])[0].edges}
    for of_device in rules.values():
        for rule in of_device:
            owner, number = owner_of(rule.cookie)
            assert (owner, number in labels) == (
                (Owner.EDGE, True) if rule.table in (Table.CLASSIFY, Table.DELIVER) else (Owner.EGRESS, False)
            )
            assert rule.match != Match()
            if rule.table is Table.CLASSIFY:
                assert rule.match.in_port in (SITE_PORT, GATEWAY_PORT)


def test_an_edge_that_the_topology_has_not_is_refused(topology):
    steering, trunks = steered(topology, [])
    other = Steering(edges=(replace(steering.edges[0], name="igw-xx"),))
    with pytest.raises(KeyError):
        list(steering_rules(topology, other, TABLE, trunks))
