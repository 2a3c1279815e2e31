"""Cases that a person would think of first, and those that random ones seldom meet."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from unittest.mock import patch

import pytest
from customer_frames import frame
from installation import Installation

from controller.compiler.plan import RoundKind
from controller.compiler.planner import Planner
from controller.compiler.pools import METER_IDS
from controller.domain.errors import InvalidInput, Reason
from controller.domain.intents import Attachment, Avoid, PrivateLine, Protection
from controller.domain.rules import FlowRule, MeterRule, Op, Owner, owner_of
from controller.domain.topology import Direction, Link, Node, PerDirection, Role, Site, Topology

MBPS = 10**6


def link(name, a, z, ports, mbps=100, delay_us=1_000):
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=ports[0],
        z_port=ports[1],
        capacity_bps=PerDirection.both(mbps * MBPS),
        delay_ns=PerDirection.both(delay_us * 1_000),
    )


# west and east are joined by a short, thin link and by a long, wide way round; each has two customer ports.
TOPOLOGY = Topology(
    name="ring",
    nodes=tuple(Node(name=name, role=Role.PE) for name in ("west", "east", "south")),
    links=(
        link("short", "west", "east", (1, 1), mbps=10, delay_us=1_000),
        link("round-1", "west", "south", (2, 1), delay_us=2_000),
        link("round-2", "south", "east", (2, 2), delay_us=2_000),
    ),
    sites=tuple(
        Site(name=f"{node}-{port}", node=node, port=port) for node in ("west", "east", "south") for port in (11, 12)
    ),
)


def line(name, a="west-11", z="east-11", vlans=(None, None), mbps=4, **more):
    return PrivateLine(
        tenant="acme",
        name=name,
        a=Attachment(site=a, vlan=vlans[0]),
        z=Attachment(site=z, vlan=vlans[1]),
        cir_bps=PerDirection.both(mbps * MBPS),
        **more,
    )


def planner_with(*lines):
    planner = Planner(TOPOLOGY)
    plan = planner.plan(lines)
    assert plan.feasible
    planner.adopt(plan)
    return planner


def links_of(verdict):
    return verdict.placed.working.route.links


def reserved(plan, name):
    return {use.direction: use.reserved_bps for use in plan.links if use.link == name}


def test_the_larger_line_comes_first_and_takes_the_short_way():
    plan = Planner(TOPOLOGY).plan([line("a", vlans=(1, 1), mbps=4), line("b", vlans=(2, 2), mbps=8)])
    assert [links_of(verdict) for verdict in plan.verdicts] == [("round-1", "round-2"), ("short",)]


def test_priority_comes_before_rate_and_the_larger_of_two_rates_counts():
    lopsided = replace(line("c", vlans=(3, 3)), cir_bps=PerDirection(1 * MBPS, 9 * MBPS))
    batch = [line("a", vlans=(1, 1), mbps=8, priority=5), lopsided, line("b", vlans=(2, 2), mbps=7, priority=3)]
    by_name = {verdict.key.name: verdict for verdict in Planner(TOPOLOGY).plan(batch).verdicts}
    assert links_of(by_name["b"]) == ("short",)
    assert links_of(by_name["c"]) == links_of(by_name["a"]) == ("round-1", "round-2")
    same_priority = [replace(each, priority=4) for each in batch]
    by_name = {verdict.key.name: verdict for verdict in Planner(TOPOLOGY).plan(same_priority).verdicts}
    assert links_of(by_name["c"]) == ("short",)


def test_a_line_that_is_placed_does_not_move_for_a_better_way():
    planner = planner_with(line("a", vlans=(1, 1), mbps=8), line("b", vlans=(2, 2), mbps=4))
    gone = planner.lines[line("a").key].line.key
    plan = planner.plan([line("b", vlans=(2, 2), mbps=4)], [gone])
    assert links_of(plan.verdicts[0]) == ("round-1", "round-2")
    planner.adopt(plan)
    assert planner.plan([line("b", vlans=(2, 2), mbps=4)]).rounds == ()


def test_a_changed_line_is_planned_as_if_its_own_reservation_were_free():
    planner = planner_with(line("a", mbps=6))
    plan = planner.plan([line("a", mbps=9)])
    assert links_of(plan.verdicts[0]) == ("short",)
    assert reserved(plan, "short") == dict.fromkeys(Direction, 9 * MBPS)
    assert planner.plan(()).links != plan.links


def test_only_priority_changes_and_no_device_is_touched():
    planner = planner_with(line("a"))
    plan = planner.plan([line("a", priority=0)])
    assert plan.rounds == ()
    planner.adopt(plan)
    assert planner.lines[line("a").key].line.priority == 0


def test_a_changed_line_without_a_place_keeps_what_it_has():
    planner = planner_with(line("a", mbps=6))
    before, links = dict(planner.lines), planner.plan(()).links
    plan = planner.plan([line("a", mbps=200)])
    assert [refusal.reason for refusal in plan.verdicts[0].refusals] == [Reason.NO_BANDWIDTH]
    assert plan.verdicts[0].placed is None
    assert plan.rounds == ()
    assert plan.links == links
    planner.adopt(plan)
    assert planner.lines == before


def test_two_lines_exchange_their_vlans_in_one_plan():
    one, two = line("one", vlans=(100, 100)), line("two", vlans=(200, 200))
    planner = planner_with(one, two)
    plan = planner.plan([line("one", vlans=(200, 100)), line("two", vlans=(100, 200))])
    assert plan.feasible
    planner.adopt(plan)
    at_west = {rule.match.vlan: owner_of(rule.cookie) for rule in planner.desired["west"].values() if is_entry(rule)}
    numbers = {key.name: placed.number for key, placed in planner.lines.items()}
    assert at_west == {200: (Owner.LINE, numbers["one"]), 100: (Owner.LINE, numbers["two"])}


def is_entry(rule):
    return getattr(rule, "match", None) is not None and rule.match.in_port == 11


def test_who_waits_for_a_vlan_that_is_not_given_up_is_refused_and_so_on_down_the_chain():
    """one: 100 -> 200, two: 200 -> 300, three: 300 -> 400 without a place. So 300 stays taken, then 200, then 100."""
    planner = planner_with(
        *(line(name, vlans=(vid, vid)) for name, vid in (("one", 100), ("two", 200), ("three", 300)))
    )
    before = dict(planner.lines)
    plan = planner.plan(
        [
            line("one", vlans=(200, 100)),
            line("two", vlans=(300, 200)),
            line("three", vlans=(400, 300), mbps=500),
            line("four", vlans=(100, 400)),
        ]
    )
    assert [verdict.refusals[0].reason for verdict in plan.verdicts] == [
        Reason.VLAN_IN_USE,
        Reason.VLAN_IN_USE,
        Reason.NO_BANDWIDTH,
        Reason.VLAN_IN_USE,
    ]
    assert "VLAN 300 of site west-11 stays with PrivateLine acme/three" in plan.verdicts[1].refusals[0].message
    assert plan.rounds == ()
    planner.adopt(plan)
    assert planner.lines == before


def test_a_port_goes_from_a_whole_line_to_two_vlans_in_one_plan():
    planner = planner_with(line("whole", mbps=3))
    wanted = [line("one", vlans=(100, 100), mbps=3), line("two", vlans=(200, 200), mbps=3)]
    plan = planner.plan(wanted, [line("whole").key])
    assert plan.feasible
    (flip,) = (part for part in plan.rounds if part.kind is RoundKind.FLIP)
    for _, changes in flip.changes:
        assert [change.op for change in changes] == [Op.ADD] * 6 + [Op.DELETE] * 3


def test_a_line_has_six_rules_a_direction_and_two_where_nothing_is_wrapped():
    kinds = Counter(
        (rule.table.name, rule.match.ethertype) if isinstance(rule, FlowRule) else type(rule).__name__
        for device in ("west", "east")
        for rule in planner_with(line("a", vlans=(1, 2))).desired[device].values()
        if not isinstance(rule, FlowRule) or owner_of(rule.cookie)[0] is Owner.LINE
    )
    classify = {("CLASSIFY", ethertype): 2 for ethertype in (None, 0x8847, 0x8848)}
    assert kinds == {**classify, ("DELIVER", None): 4, "MeterRule": 2, "GroupRule": 2}
    local = planner_with(line("local", a="west-11", z="west-12")).desired["west"].values()
    assert Counter(type(rule) for rule in local) == {MeterRule: 2, FlowRule: 2}


def test_the_rules_for_mpls_stand_before_the_rule_for_all_other_frames_and_go_after_it():
    planner = planner_with()
    comes = planner.plan([line("a", vlans=(1, 2))])
    planner.adopt(comes)
    goes = planner.plan([], [line("a").key])
    for plan, ethertypes in ((comes, (0x8847, 0x8848, None)), (goes, (None, 0x8847, 0x8848))):
        (flip,) = (part for part in plan.rounds if part.kind is RoundKind.FLIP)
        assert [device for device, _ in flip.changes] == ["east", "west"]
        for _, changes in flip.changes:
            assert tuple(change.rule.match.ethertype for change in changes) == ethertypes


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (line("new", vlans=(100, 7)), ["spec.a.vlan"]),
        (line("new"), ["spec.a.site", "spec.z.site"]),
        (line("new", a="west-12", z="south-11"), []),
        (line("new", a="west-12", z="south-11", vlans=(100, 100)), []),
        (line("new", a="south-12", z="south-11", vlans=(5, 5)), ["spec.a.vlan"]),
    ],
)
def test_a_port_that_a_standing_line_uses_is_refused_with_the_index_of_the_line(asked, fields):
    whole = line("whole", a="south-12", z="east-12")
    planner = planner_with(line("old", vlans=(100, 200)), whole)
    first = line("other", a="west-12", z="south-11", vlans=(8, 9))
    if not fields:
        assert planner.plan([asked]).feasible
        return
    with pytest.raises(InvalidInput) as caught:
        planner.plan([first, asked])
    assert [(fault.document, fault.field, fault.reason) for fault in caught.value.faults] == [
        (1, field, Reason.VLAN_IN_USE) for field in fields
    ]


def test_two_lines_of_one_plan_cannot_have_the_same_port():
    planner = planner_with(line("old", vlans=(100, 100)))
    with pytest.raises(InvalidInput) as caught:
        planner.plan([line("old", vlans=(300, 300)), line("new", vlans=(300, 301))])
    assert [(fault.document, fault.field) for fault in caught.value.faults] == [(1, "spec.a.vlan")]
    with pytest.raises(InvalidInput):  # the old line stays on the port that the new one asks for as a whole
        planner.plan([line("old", vlans=(100, 100), mbps=5), line("new")])


@pytest.mark.parametrize(
    ("wanted", "unwanted"),
    [
        ([line("a", mbps=5), line("a", mbps=6)], []),
        ([line("a", mbps=5)], [line("a").key]),
        ([], [line("a").key, line("a").key]),
    ],
)
def test_what_is_named_twice_is_a_programming_error(wanted, unwanted):
    with pytest.raises(ValueError, match="named twice"):
        planner_with(line("a")).plan(wanted, unwanted)


def test_what_the_engine_does_not_know_is_refused_with_the_index_of_the_line():
    asked = [line("a"), line("b", a="west-12", z="east-12", protection=Protection.RESTORE)]
    with pytest.raises(InvalidInput) as caught:
        Planner(TOPOLOGY).plan(asked)
    assert [(fault.document, fault.field) for fault in caught.value.faults] == [(1, "spec.protection")]


def test_two_sites_of_one_pe_need_neither_trunk_nor_bandwidth():
    plan = Planner(TOPOLOGY).plan([line("local", a="west-11", z="west-12", vlans=(1, 2), mbps=900)])
    placed = plan.verdicts[0].placed
    assert (placed.working.route.nodes, placed.working.route.links) == (("west",), ())
    assert placed.trunk_label == PerDirection.both(0)
    assert plan.movement.trunks_in == ()
    assert not any(use.reserved_bps for use in plan.links)
    assert [device for device, _ in plan.changes()] == ["west"]


def test_lines_on_the_same_hops_share_their_trunks_and_the_last_one_takes_them_along():
    planner = planner_with(line("a", vlans=(1, 1)), line("b", vlans=(2, 2)))
    assert len(planner.trunks) == 2
    plan = planner.plan((), [line("a").key])
    assert plan.movement.trunks_out == ()
    planner.adopt(plan)
    assert len(planner.plan((), [line("b").key]).movement.trunks_out) == 2


def test_a_moved_line_rides_a_new_trunk_with_new_labels():
    planner = planner_with(line("a"))
    old = planner.lines[line("a").key]
    new = planner.plan([line("a", avoid=Avoid(links=("short",)))]).verdicts[0].placed
    assert new.number == old.number
    for numbers in ("trunk_label", "service_label", "meter_id"):
        assert set(getattr(new, numbers)).isdisjoint(getattr(old, numbers))


def test_the_order_in_which_lines_to_delete_are_named_decides_nothing():
    planner = planner_with(line("a", vlans=(1, 1)), line("b", vlans=(2, 2), mbps=8))
    keys = list(planner.lines)
    assert planner.plan((), keys) == planner.plan((), keys[::-1])


def test_with_numbers_for_one_line_only_lines_can_come_and_go_for_ever():
    one = {
        "METER_IDS": (1, 1),
        "GROUP_IDS": (1, 1),
        "SERVICE_LABELS": (600_000, 600_003),
        "TRUNK_LABELS": (2_000, 2_001),
    }
    with patch.multiple("controller.compiler.inventory", **one):
        planner = Planner(TOPOLOGY)
    for name in ("a", "b", "c"):
        plan = planner.plan([line(name)])
        assert plan.feasible
        planner.adopt(plan)
        assert not planner.plan([line("another", vlans=(1, 1), a="west-12", z="south-11")]).feasible
        planner.adopt(planner.plan((), [line(name).key]))


def foreign_meters(*, but):
    return [
        MeterRule(meter_id=number, rate_kbps=1, burst_kbits=1)
        for number in range(METER_IDS[0], METER_IDS[1] + 1)
        if number not in but
    ]


def test_a_device_whose_meters_are_all_taken_refuses_and_others_lose_nothing_by_it():
    planner = Planner(TOPOLOGY)
    planner.keep_clear("west", foreign_meters(but={17}))
    planner.keep_clear("south", foreign_meters(but=set()))
    no_meter_at_south = line("a", z="south-11", vlans=(1, 1), mbps=9)
    plan = planner.plan([no_meter_at_south, line("b", vlans=(2, 2), mbps=5), line("c", vlans=(3, 3), mbps=4)])
    assert [verdict.feasible for verdict in plan.verdicts] == [False, True, False]
    assert [plan.verdicts[index].refusals[0].reason for index in (0, 2)] == [Reason.TABLE_FULL] * 2
    assert plan.verdicts[1].placed.meter_id.a_to_z == 17
    assert reserved(plan, "round-1") == dict.fromkeys(Direction, 0)
    planner.adopt(plan)
    assert len(planner.trunks) == 2


def test_a_number_that_a_plan_gives_back_is_not_given_out_in_the_same_plan():
    """The only free meter belongs to the line that leaves: the device has it until after the flip."""
    planner = Planner(TOPOLOGY)
    planner.keep_clear("west", foreign_meters(but={17}))
    planner.adopt(planner.plan([line("old", vlans=(1, 1))]))
    new = line("new", vlans=(2, 2))
    refused = planner.plan([new], [line("old").key]).verdicts[0]
    assert [refusal.reason for refusal in refused.refusals] == [Reason.TABLE_FULL]
    planner.adopt(planner.plan([], [line("old").key]))
    assert planner.plan([new]).verdicts[0].placed.meter_id.a_to_z == 17


def test_a_changed_line_does_not_get_its_own_numbers_again_nor_does_another():
    """A meter that changed its rate before the flip would police the old line by the new rate."""
    planner = Planner(TOPOLOGY)
    planner.keep_clear("west", foreign_meters(but={17}))
    planner.adopt(planner.plan([line("a", vlans=(1, 1))]))
    plan = planner.plan([line("a", vlans=(1, 1), mbps=5), line("b", vlans=(2, 2))])
    assert [verdict.refusals[0].reason for verdict in plan.verdicts] == [Reason.TABLE_FULL] * 2


def test_frames_pass_by_the_rate_of_their_direction_and_a_new_rate_counts_from_the_flip_on():
    planner, installed = Planner(TOPOLOGY), Installation(TOPOLOGY)
    for there_mbps, back_mbps in ((1, 2), (3, 1)):
        asked = replace(line("a"), cir_bps=PerDirection(there_mbps * MBPS, back_mbps * MBPS))
        plan = planner.plan([asked])
        planner.adopt(plan)
        for _ in installed.install(plan, random.Random(1)):
            pass
        # A burst of half a second of the rate, at one instant, in frames of 1,500 bytes: 12 kbit.
        assert passed_at_once(installed, "west") == there_mbps * 500 // 12
        assert passed_at_once(installed, "east") == back_mbps * 500 // 12


def passed_at_once(installed, node):
    sent = frame(b"\x08\x00", size=1_500)
    return sum(len(installed.fabric.send(node, 11, sent, now_ns=0)) for _ in range(200))


def test_the_meter_polices_to_the_rate_of_its_direction_with_half_a_second_of_burst():
    lopsided = replace(line("a", mtu_bytes=9000), cir_bps=PerDirection(10 * MBPS, 20_500))
    planner = Planner(replace(TOPOLOGY, links=tuple(replace(one, mtu_bytes=9100) for one in TOPOLOGY.links)))
    planner.adopt(planner.plan([lopsided]))
    meters = {
        node: (rule.rate_kbps, rule.burst_kbits)
        for node, rules in planner.desired.items()
        for rule in rules.values()
        if isinstance(rule, MeterRule)
    }
    two_frames_kbits = 145  # 2 x (9000 + 22) bytes, rounded up: less would never let a longest frame pass
    assert meters == {"west": (10_000, 5_000), "east": (21, two_frames_kbits)}
