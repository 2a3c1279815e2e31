"""Policies beside lines in one plan: what is taken into force, what is refused, and what stays as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_plan_egress import COAST, GBPS, policy

from controller.compiler.plan import Movement
from controller.compiler.planner import Planner
from controller.domain.egress import Sources, TrafficClass
from controller.domain.errors import InvalidInput, Reason
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.topology import PerDirection

LINE = PrivateLine(
    tenant="acme",
    name="gold",
    a=Attachment(site="dc-gz", vlan=1),
    z=Attachment(site="dc-sh", vlan=1),
    cir_bps=PerDirection.both(90 * GBPS),
)


@pytest.fixture
def planner():
    return Planner(COAST)


def adopted(planner, *wanted, unwanted=()):
    plan = planner.plan(wanted, unwanted)
    assert plan.feasible
    planner.adopt(plan)
    return plan


def carried(assignments):
    return {(one.source, one.gateway): one.rate_bps / GBPS for one in assignments}


def test_lines_and_policies_of_one_plan_have_their_verdicts_in_the_order_asked(planner):
    plan = planner.plan([policy("a"), LINE, policy("b", to="japan", gbps=4)])
    assert [str(verdict.key) for verdict in plan.verdicts] == [
        "EgressPolicy backbone/a",
        "PrivateLine acme/gold",
        "EgressPolicy backbone/b",
    ]
    assert carried(plan.verdicts[0].assignments) == {("pe-gz", "igw-gz"): 10.0}
    assert [one.name for one in plan.movement.policies_in] == ["a", "b"]
    assert {use.egress_bps for use in plan.links} == {0, 4 * GBPS}
    assert planner.policies == {}, "a plan leaves no trace"


def test_the_lines_of_a_plan_come_before_its_policies(planner):
    plan = planner.plan([policy("a", gbps=50), LINE])
    assert carried(plan.verdicts[0].assignments) == {("pe-gz", "igw-gz"): 38.0, ("pe-gz", "igw-sh"): 5.0}
    assert [refusal.reason for refusal in plan.verdicts[0].refusals] == [Reason.GATEWAY_CAPACITY]
    assert plan.verdicts[1].feasible
    assert plan.movement.policies_in == ()


def test_what_is_in_force_counts_for_what_is_asked_next(planner):
    adopted(planner, policy("a", gbps=38))
    plan = planner.plan([policy("b", source="shanghai", gbps=120)])
    assert not plan.feasible
    assert sum(one.rate_bps for one in plan.verdicts[0].assignments) < 120 * GBPS


def test_a_policy_that_is_there_stays_whatever_lines_take_from_it_and_no_line_is_refused_for_it(planner):
    adopted(planner, policy("a", gbps=130))
    assert sum(carried(planner.assignments()[policy("a").key]).values()) == 130.0
    plan = adopted(planner, LINE)
    assert plan.movement.policies_in == plan.movement.policies_out == ()
    assert sum(carried(planner.assignments()[policy("a").key]).values()) == 43.0
    again = planner.plan([policy("a", gbps=130)])
    assert again.feasible
    assert again.movement == Movement()
    assert not planner.plan([policy("a", gbps=131)]).feasible
    (found,) = planner.explain_policies([policy("a", gbps=130)])
    assert found.carried
    assert [refusal.reason for refusal in found.verdict.refusals] == [Reason.GATEWAY_CAPACITY]


def test_no_policy_takes_what_its_class_has_and_a_better_class_does(planner):
    adopted(planner, policy("a", source="shanghai", gbps=90))
    # To Japan only igw-sh leads, where `a` has most of the room, and to America igw-gz as well.
    plan = planner.plan([policy("b", source="shanghai", to="japan", gbps=60)])
    ((refusal,),) = (verdict.refusals for verdict in plan.verdicts)
    assert (refusal.reason, "17Gbps of what other bulk policies ask for" in refusal.message) == (
        "GATEWAY_CAPACITY",
        True,
    )
    assert plan.movement == Movement()
    better = policy("b", source="shanghai", to="japan", gbps=60, traffic_class=TrafficClass.SILVER)
    adopted(planner, better)
    assert sum(carried(planner.assignments()[better.key]).values()) == 60.0
    assert sum(carried(planner.assignments()[policy("a").key]).values()) == 73.0
    # It is short of room now, and whoever leaves all as it is may still come and go.
    adopted(planner, policy("c", gbps=None))
    adopted(planner, replace(better, demand_bps=50 * GBPS))
    adopted(planner, unwanted=[better.key])
    assert sum(carried(planner.assignments()[policy("a").key]).values()) == 90.0


def test_a_changed_policy_takes_the_place_of_what_it_was_or_keeps_it(planner):
    first, second = policy("a"), policy("a", gbps=20)
    adopted(planner, first)
    plan = adopted(planner, second)
    assert (plan.movement.policies_out, plan.movement.policies_in) == ((first,), (second,))
    assert planner.policies == {first.key: second}
    refused = planner.plan([replace(second, max_delay_ns=1_000_000)])
    assert not refused.feasible
    assert refused.movement == Movement()


def test_a_policy_that_goes_frees_what_it_was_for(planner):
    adopted(planner, policy("a"), LINE)
    plan = adopted(planner, unwanted=[policy("a").key, LINE.key])
    assert plan.movement.policies_out == (policy("a"),)
    assert (dict(planner.policies), dict(planner.lines)) == ({}, {})
    assert planner.assignments() == {}
    adopted(planner, policy("b"))


def test_two_policies_for_the_same_traffic_are_refused_beside_those_in_force(planner):
    adopted(planner, policy("a"))
    twice = policy("b", gbps=1)
    with pytest.raises(InvalidInput, match=r"bulk traffic from pe-gz .* is what EgressPolicy backbone/a is for") as no:
        planner.plan([LINE, twice])
    assert [(fault.document, fault.field) for fault in no.value.faults] == [(1, "spec.to")]
    assert planner.plan([replace(twice, traffic_class=TrafficClass.GOLD)]).feasible
    assert planner.plan([replace(twice, prefixes=("198.51.100.0/24",))]).feasible
    assert planner.plan([replace(twice, sources=Sources(nodes=("pe-sh",)))]).feasible
    assert planner.plan([twice], [policy("a").key]).feasible
    assert planner.plan([replace(twice, name="a")]).feasible


def test_a_demand_that_is_to_be_measured_asks_for_nothing_yet(planner):
    plan = adopted(planner, policy("a", gbps=None))
    assert (plan.feasible, plan.verdicts[0].assignments) == (True, ())
    assert planner.assignments() == {policy("a").key: ()}
    assert not planner.plan_egress([policy("a", gbps=None)], plan).verdicts[0].feasible


def test_a_planner_that_is_made_anew_knows_the_policies_in_force(planner):
    adopted(planner, policy("a"), LINE, policy("b", to="japan", gbps=4))
    again = Planner(COAST, planner.lines.values(), planner.trunks.values(), (), planner.policies.values())
    assert again.assignments() == planner.assignments()
    assert again.plan([policy("a", gbps=20)]) == planner.plan([policy("a", gbps=20)])


def test_who_came_first_does_not_matter(planner):
    other = Planner(COAST)
    one, two = policy("a", gbps=60), policy("b", source="shanghai", gbps=60)
    adopted(planner, one, two)
    adopted(other, two)
    adopted(other, one)
    assert planner.assignments() == other.assignments()
