"""Egress as messages: they say what was decided, flow by flow; distributions survive being thinned out."""

from __future__ import annotations

import numpy as np
import pytest

from controller.compiler.egress_comparison import Outcome, compared
from controller.compiler.egress_use import flow_uses
from controller.compiler.planner import Planner
from controller.documents import read_topology
from controller.domain.egress import EgressPolicy, GatewayChoice, Sources, TrafficClass
from controller.domain.egress_demand import DemandRow
from controller.domain.errors import Reason
from controller.domain.intents import IntentKey
from controller.domain.steering import DestinationGroup, Entry, Steering
from controller.service.egress.billed import Bill
from controller.service.egress.measuring import Measured
from controller.service.egress.report import Losses, Mode
from controller.service.egress.showing import Picture
from controller.store.records import Drained
from controller.wire.egress_comparison import MOST_POINTS, outcome_from_wire, outcome_to_wire
from controller.wire.egress_picture import Wanted, picture_to_wire
from controller.wire.egress_view import view_to_wire
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

GBPS = 10**9
BULK, GOLD = TrafficClass.BULK, TrafficClass.GOLD
COAST = read_topology(
    """
apiVersion: trunkline/v1
kind: Topology
metadata: {name: coast}
spec:
  nodes:
    - {name: pe-gz, role: pe, region: guangdong}
    - {name: pe-sh, role: pe, region: shanghai}
  links:
    - {name: gz-sh, a: pe-gz, z: pe-sh, aPort: 1, zPort: 1, capacity: 200Gbps, delay: 5ms}
  gateways:
    - {name: igw-sh, node: pe-sh, port: 21, capacity: 100Gbps, delays: {japan: 15ms}}
    - {name: igw-gz, node: pe-gz, port: 21, capacity: 40Gbps, delays: {japan: 21ms}}
""",
    "coast.yaml",
)
POLICY = EgressPolicy(
    tenant="backbone",
    name="gold",
    sources=Sources(nodes=("pe-gz",)),
    to_region="japan",
    demand_bps=50 * GBPS,
    traffic_class=GOLD,
    gateways=GatewayChoice(allow=("igw-gz",)),
)
ROWS = [DemandRow(source="pe-sh", to_region="japan", traffic_class=BULK, rate_bps=97 * GBPS)]


@pytest.fixture(scope="module")
def plan():
    planner = Planner(COAST)
    return planner.plan_egress([POLICY], planner.plan([]), ROWS)


BILL = Bill(
    gateway="igw-sh",
    month="2026-11",
    committed_bps=GBPS,
    billed_bps=2 * GBPS,
    free_slots=432,
    free_slots_left=9,
    known_slots=3,
    unknown_slots=4,
    slot_bps=5,
    slot_s=1.5,
)


def picture(plan, steering=None):
    return Picture(
        plan=plan,
        steering=Steering() if steering is None else steering,
        losses=Losses(gateways=frozenset({"igw-gz", "igw-sh"}), links=frozenset({"gz-sh"})),
        measured=Measured(),
        mode=Mode.SHADOW,
        waits="it is in shadow",
        drained=(("igw-gz", Drained(reason="new line card", since=86_400.5)),),
        latest=None,
        bills=(BILL,),
    )


def test_a_view_has_figures_and_what_is_not_carried(plan):
    view = view_to_wire(plan)
    assert [(one.gateway, one.carried_bps, one.usable_bps) for one in view.figures.gateways] == [
        ("igw-sh", 95 * GBPS, 95 * GBPS),
        ("igw-gz", 38 * GBPS, 38 * GBPS),
    ]
    assert [(one.traffic_class, one.demand_bps, one.carried_bps) for one in view.figures.classes] == [
        ("gold", 50 * GBPS, 38 * GBPS),
        ("bulk", 97 * GBPS, 95 * GBPS),
    ]
    policy, flow = view.not_carried
    assert (policy.policy, policy.missing_bps, policy.source) == (
        "tenants/backbone/egressPolicies/gold",
        12 * GBPS,
        "",
    )
    assert (flow.policy, flow.source, flow.destination, flow.missing_bps) == ("", "pe-sh", "japan", 2 * GBPS)
    assert {policy.reason, flow.reason} == {Reason.GATEWAY_CAPACITY}


def test_gateways_can_be_left_out_of_a_view(plan):
    assert [one.gateway for one in view_to_wire(plan, {"igw-sh"}).figures.gateways] == ["igw-gz"]


def test_what_is_not_measured_yet_is_not_told_as_nothing():
    planner = Planner(COAST)
    measured = EgressPolicy(tenant="t", name="m", sources=Sources(nodes=("pe-gz",)), to_region="japan", demand_bps=None)
    view = view_to_wire(planner.plan_egress([measured], planner.plan([])))
    assert not view.HasField("figures")
    (one,) = view.not_carried
    assert not one.HasField("missing_bps")


def test_every_flow_has_its_shares(plan):
    solved = plan.solved
    found = {one.aggregate.source: one for one in flow_uses(solved)}
    assert found["pe-gz"].shares == (("igw-gz", 38 * GBPS, 21_000_000),)
    assert found["pe-gz"].policy is POLICY
    carried = {source: sum(bps for _, bps, _ in one.shares) for source, one in found.items()}
    assert carried == {"pe-gz": 38 * GBPS, "pe-sh": 95 * GBPS}


def test_a_picture_tells_what_is_steered_and_what_is_away(plan):
    steering = Steering(
        groups=(
            DestinationGroup(
                number=3,
                region="japan",
                gateways=("igw-gz", "igw-sh"),
                policy=IntentKey(kind="EgressPolicy", tenant="backbone", name="gold"),
            ),
        ),
        entries=(
            Entry(source="pe-gz", group=0, traffic_class=BULK, gateways=("igw-gz",), rate_bps=GBPS),
            Entry(
                source="pe-gz",
                group=3,
                traffic_class=GOLD,
                gateways=("igw-gz",) * 12 + ("igw-sh",) * 4,
                rate_bps=16 * GBPS,
            ),
        ),
    )
    found = picture_to_wire(COAST, picture(plan, steering), Wanted((), "", None), comparison=False)
    assert [(one.gateway, one.rate_bps) for one in found.steered] == [("igw-sh", 4 * GBPS), ("igw-gz", 12 * GBPS)]
    elsewhere, japan = found.entries
    assert (elsewhere.destination, elsewhere.gateways[0].slices) == ("", 16)
    assert [(one.gateway, one.slices, one.rate_bps) for one in japan.gateways] == [
        ("igw-gz", 12, 12 * GBPS),
        ("igw-sh", 4, 4 * GBPS),
    ]
    assert (found.mode, found.waits, found.HasField("last_cycle")) == ("shadow", "it is in shadow", False)
    assert [(one.gateway, one.since.ToJsonString()) for one in found.drained] == [
        ("igw-gz", "1970-01-02T00:00:00.500Z")
    ]
    assert (list(found.gateways_down), list(found.links_down)) == (["igw-sh"], ["gz-sh"])
    assert (list(found.regions_without_prefixes), list(found.outcomes)) == ([], [])
    (bill,) = found.bills
    assert (bill.gateway, bill.month, bill.committed_bps, bill.billed_bps) == ("igw-sh", "2026-11", GBPS, 2 * GBPS)
    assert (bill.free_slots, bill.free_slots_left, bill.known_slots, bill.unknown_slots) == (432, 9, 3, 4)
    assert (bill.slot_bps, bill.slot_known.ToMilliseconds()) == (5, 1_500)


@pytest.mark.parametrize(
    ("wanted", "sources"),
    [
        (Wanted((), "", None), ["pe-gz", "pe-sh"]),
        (Wanted(("pe-sh",), "", None), ["pe-sh"]),
        (Wanted((), "", GOLD), ["pe-gz"]),
        (Wanted((), "europe", None), []),
        (None, []),
    ],
)
def test_flows_are_those_wanted(plan, wanted, sources):
    found = picture_to_wire(COAST, picture(plan), wanted, comparison=False)
    assert [one.flow.source for one in found.flows] == sources
    assert list(found.regions_without_prefixes) == ["japan"]


def test_outcomes_come_back_as_they_were(plan):
    for outcome in compared(plan.solved):
        sent = outcome_to_wire(outcome, plan.solved)
        back = outcome_from_wire(pb.MethodOutcome.FromString(sent.SerializeToString()))
        assert (back.method, back.carried) == (outcome.method, outcome.carried)
        assert back.offered.tolist() == outcome.offered.tolist()
        assert [one.capacity_bps for one in sent.offered] == [100 * GBPS, 40 * GBPS]


def test_a_long_distribution_is_thinned_out_and_keeps_its_end(plan):
    count = 50_000
    outcome = Outcome(
        method="nearest",
        offered=np.zeros(2),
        delay_ns=np.arange(count, dtype=np.int64) // 2,  # every delay twice
        within=np.linspace(0.0, 0.9, count),
    )
    back = outcome_from_wire(outcome_to_wire(outcome, plan.solved))
    assert len(back.delay_ns) == MOST_POINTS
    assert (np.diff(back.delay_ns) > 0).all()
    assert (back.delay_ns[-1], back.carried) == (count // 2 - 1, 0.9)
    # Of points with the same delay the last counts: so much is there by then.
    assert back.within.tolist() == outcome.within[2 * back.delay_ns + 1].tolist()


def test_nothing_carried_is_an_empty_distribution(plan):
    outcome = Outcome(method="greedy", offered=np.zeros(2), delay_ns=np.zeros(0, np.int64), within=np.zeros(0))
    assert outcome_from_wire(outcome_to_wire(outcome, plan.solved)).carried == 0.0
