"""Egress planned cycle after cycle: names in, names out, and nobody moves who need not."""

from dataclasses import replace
from fractions import Fraction

import pytest

from controller.compiler.egress_conditions import Conditions
from controller.compiler.planner import Planner
from controller.documents import read_topology
from controller.domain.egress import EgressPolicy, Sources, TrafficClass
from controller.domain.egress_demand import DemandRow
from controller.domain.errors import Reason
from controller.domain.steering import SLICES
from controller.egress.damping import USUAL_LIMITS, Limits, Why

GBPS = 10**9
TOPOLOGY = read_topology(
    """
apiVersion: trunkline/v1
kind: Topology
metadata: {name: coast}
spec:
  nodes:
    - {name: pe-gz, role: pe, region: guangdong}
    - {name: pe-sh, role: pe, region: shanghai}
  links:
    - {name: gz-sh, a: pe-gz, z: pe-sh, aPort: 1, zPort: 1, capacity: 100Gbps, delay: 5ms}
  gateways:
    - {name: igw-sh, node: pe-sh, port: 21, capacity: 100Gbps, delays: {north-america: 60ms, japan: 15ms}}
    - {name: igw-gz, node: pe-gz, port: 21, capacity: 40Gbps, delays: {north-america: 40ms}}
""",
    "coast.yaml",
)
POLICY = EgressPolicy(
    tenant="backbone", name="na", sources=Sources(regions=("guangdong",)), to_region="north-america", demand_bps=None
)
FLOW = ("pe-gz", "north-america", TrafficClass.BULK, POLICY.key)
LOOSE = Limits(moved_share=1.0)


def rows(**gbps):
    return [
        DemandRow(
            source=f"pe-{name}", to_region="north-america", traffic_class=TrafficClass.BULK, rate_bps=int(rate * GBPS)
        )
        for name, rate in gbps.items()
    ]


def planned(demand, **cycle):
    planner = Planner(TOPOLOGY)
    return planner.plan_egress([POLICY], planner.plan([]), demand, **cycle)


def test_nothing_is_damped_where_nothing_is_known():
    plan = planned(rows(gz=10))
    assert plan.leaving == {FLOW: {"igw-gz": 10 * GBPS}}
    assert (plan.moved_bps, plan.held, plan.memory, plan.optimum) == (0, (), {}, plan.solved)


def test_an_unchanged_network_moves_nothing():
    first = planned(rows(gz=50, sh=20))
    again = planned(rows(gz=50, sh=20), before=first.leaving)
    assert (again.moved_bps, again.held, again.leaving) == (0, (), first.leaving)
    assert again.verdicts == first.verdicts


def test_what_is_better_moves_when_it_has_been_so_for_three_cycles():
    before, memory = {FLOW: {"igw-sh": 10 * GBPS}}, {}
    for cycles in (1, 2):
        plan = planned(rows(gz=10), before=before, memory=memory, limits=LOOSE)
        assert plan.leaving == before
        (held,) = plan.held
        assert (held.flow, held.origin, held.target, held.why) == (FLOW, "igw-sh", "igw-gz", Why.EARLY)
        assert (held.rate_bps, held.gain_ns) == (10 * GBPS, 25_000_000)
        memory = plan.memory
        assert memory == {(FLOW, "igw-sh"): cycles}
        assert plan.certificate.delay_ns - plan.optimum.certificate.delay_ns == 25_000_000
        assert plan.certificate.gap > 0.3
    plan = planned(rows(gz=10), before=before, memory=memory, limits=LOOSE)
    assert plan.leaving == {FLOW: {"igw-gz": 10 * GBPS}}
    assert (plan.moved_bps, plan.memory) == (10 * GBPS, {})
    assert [(one.gateway, one.rate_bps) for one in plan.verdicts[0].assignments] == [("igw-gz", 10 * GBPS)]
    assert plan.certificate.gap < 1e-9


def test_a_gateway_that_is_away_is_left_at_once():
    before = planned(rows(gz=30, sh=10)).leaving
    assert before[FLOW] == {"igw-gz": 28 * GBPS, "igw-sh": 2 * GBPS} or before[FLOW] == {"igw-gz": 30 * GBPS}
    plan = planned(rows(gz=30, sh=10), before=before, urgent=True, conditions=Conditions(closed=frozenset({"igw-gz"})))
    assert plan.leaving[FLOW] == {"igw-sh": 30 * GBPS}
    assert plan.moved_bps == sum(flow.get("igw-gz", 0) for flow in before.values())
    assert plan.verdicts[0].feasible


def test_a_gateway_that_is_away_is_named_where_no_other_serves():
    plan = planned(rows(gz=30), conditions=Conditions(closed=frozenset({"igw-gz", "igw-sh"})))
    (refusal,) = plan.verdicts[0].refusals
    assert refusal.reason is Reason.NO_ELIGIBLE_GATEWAY
    assert "igw-sh, igw-gz out of service" in refusal.message


def test_what_is_above_a_cap_and_may_not_move_yet_is_told():
    before = {FLOW: {"igw-gz": 30 * GBPS}}
    plan = planned(rows(gz=50), before=before)
    assert plan.leaving == {FLOW: {"igw-gz": 47_500_000_000, "igw-sh": 2_500_000_000}}
    assert plan.damping.over_bps == {"igw-gz": 9_500_000_000}
    assert [(one.rate_bps, one.why) for one in plan.held] == [(9_500_000_000, Why.BOUND)]
    assert plan.verdicts[0].feasible  # it is all on its way, and some of it is one too many at igw-gz


@pytest.mark.parametrize("bps", [1, 15, 16, 17, 999_999_999, 10 * GBPS])
def test_traffic_that_is_all_there_is_moves_by_slices(bps):
    before, memory = {FLOW: {"igw-sh": bps}}, {}
    limits = replace(USUAL_LIMITS, slices=SLICES)
    for _ in range(limits.cycles):
        plan = planned(rows(gz=Fraction(bps, GBPS)), before=before, memory=memory, limits=limits)
        memory = plan.memory
    assert bps / SLICES <= plan.moved_bps < bps / SLICES + 2


def test_a_policy_that_is_renamed_has_no_past_and_one_without_traffic_no_future():
    before = planned(rows(gz=10)).leaving
    planner = Planner(TOPOLOGY)
    renamed = replace(POLICY, name="other")
    plan = planner.plan_egress([renamed], planner.plan([]), rows(gz=10), before=before)
    assert (plan.moved_bps, len(plan.leaving)) == (0, 1)
    nothing = planned(rows(gz=0), before=before)
    assert (nothing.leaving, nothing.moved_bps, nothing.memory) == ({}, 0, {})
