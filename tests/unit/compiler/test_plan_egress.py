"""Egress policies planned: who leaves where, what is said when not all of it can, and that lines come first."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import networkx as nx
import pytest
from scipy.optimize import linprog

from controller.compiler.egress_conditions import Conditions, Taken
from controller.compiler.planner import Planner
from controller.documents import load_topology, read_topology
from controller.domain.egress import ROUNDING_BPS, EgressPolicy, GatewayChoice, Sources, TrafficClass, is_carried
from controller.domain.errors import Reason
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.topology import CostModel, Direction, GatewayCost, PerDirection
from controller.egress.billing import Month
from controller.egress.slots import MonthBook

GBPS = 10**9
BACKBONE = Path(__file__).parents[3] / "topologies" / "china-backbone.yaml"
COAST = read_topology(
    """
apiVersion: trunkline/v1
kind: Topology
metadata: {name: coast}
spec:
  hopDelay: 50us
  nodes:
    - {name: pe-gz, role: pe, region: guangdong}
    - {name: pe-sh, role: pe, region: shanghai}
    - {name: pe-xx, role: pe, region: nowhere}
  links:
    - {name: gz-sh, a: pe-gz, z: pe-sh, aPort: 1, zPort: 1, capacity: 100Gbps, delay: {aToZ: 5ms, zToA: 6ms}}
  sites:
    - {name: dc-gz, node: pe-gz, port: 11}
    - {name: dc-sh, node: pe-sh, port: 11}
  gateways:
    - {name: igw-sh, node: pe-sh, port: 21, capacity: 100Gbps, delays: {north-america: 60ms, japan: 15ms}}
    - {name: igw-gz, node: pe-gz, port: 21, capacity: 40Gbps, delays: {north-america: 64ms}}
""",
    "coast.yaml",
)


def policy(name, *, source="guangdong", to="north-america", gbps=10, **more):
    return EgressPolicy(
        tenant="backbone",
        name=name,
        sources=Sources(regions=(source,)),
        to_region=to,
        demand_bps=None if gbps is None else int(gbps * GBPS),
        **more,
    )


def planned(*policies, lines=(), topology=COAST):
    planner = Planner(topology)
    plan = planner.plan(list(lines))
    assert plan.feasible
    return planner.plan_egress(policies, plan).added_to(plan)


def shares(plan, name):
    (verdict,) = [one for one in plan.verdicts if one.key.name == name]
    return {(one.source, one.gateway): one.rate_bps / GBPS for one in verdict.assignments}


def refusal(plan, name):
    (verdict,) = [one for one in plan.verdicts if one.key.name == name]
    (found,) = verdict.refusals
    return found


def test_traffic_leaves_where_it_is_there_first():
    plan = planned(policy("na"))
    assert plan.feasible
    (assignment,) = plan.verdicts[0].assignments
    assert (assignment.gateway, assignment.rate_bps, assignment.delay_ns) == ("igw-gz", 10 * GBPS, 64_000_000)
    assert assignment.nodes == ("pe-gz",)
    assert {use.egress_bps for use in plan.links} == {0}


def test_a_full_gateway_sends_the_rest_over_the_network():
    plan = planned(policy("na", gbps=50))
    assert shares(plan, "na") == {("pe-gz", "igw-gz"): 38.0, ("pe-gz", "igw-sh"): 12.0}
    (over,) = [one for one in plan.verdicts[0].assignments if one.gateway == "igw-sh"]
    assert (over.delay_ns, over.links) == (65_050_000, ("gz-sh",))
    assert {(use.direction, use.egress_bps) for use in plan.links} == {("aToZ", 12 * GBPS), ("zToA", 0)}


def test_lines_come_first_and_egress_gets_its_share_of_the_rest():
    line = PrivateLine(
        tenant="acme",
        name="gold",
        a=Attachment(site="dc-gz", vlan=1),
        z=Attachment(site="dc-sh", vlan=1),
        cir_bps=PerDirection.both(90 * GBPS),
    )
    plan = planned(policy("na", gbps=50), lines=[line])
    assert shares(plan, "na") == {("pe-gz", "igw-gz"): 38.0, ("pe-gz", "igw-sh"): 5.0}
    found = refusal(plan, "na")
    assert found.reason is Reason.GATEWAY_CAPACITY
    assert "7Gbps of 50Gbps are not carried" in found.message
    assert [(one.field, one.value) for one in found.relaxations] == [("spec.demand", "43Gbps")]


def test_gold_before_silver_before_bulk():
    classes = {
        name: policy(name, gbps=60, traffic_class=TrafficClass(name), prefixes=(f"203.0.{number}.0/24",))
        for number, name in enumerate(("bulk", "silver", "gold"))
    }
    plan = planned(*classes.values())
    assert {name: sum(shares(plan, name).values()) for name in classes} == {"gold": 60, "silver": 60, "bulk": 13.0}
    assert [verdict.key.name for verdict in plan.verdicts] == ["bulk", "silver", "gold"]


@pytest.mark.parametrize(
    ("asked", "reason", "words"),
    [
        (policy("p", gbps=None), Reason.INVALID_VALUE, "nothing has been measured yet"),
        (
            policy("p", to="japan", gateways=GatewayChoice(deny=("igw-sh",))),
            Reason.NO_ELIGIBLE_GATEWAY,
            "igw-sh do, and are not allowed, or denied",
        ),
        (policy("p", source="nowhere"), Reason.NO_ELIGIBLE_GATEWAY, "no route in service leads from pe-xx"),
        (
            policy("p", max_delay_ns=60_000_000),
            Reason.DELAY_BOUND_UNREACHABLE,
            "the least delay to north-america is 64ms",
        ),
    ],
)
def test_why_not(asked, reason, words):
    plan = planned(asked, policy("other", gbps=1, prefixes=("203.0.113.0/24",)))
    assert not plan.feasible
    assert refusal(plan, "p").reason is reason
    assert words in refusal(plan, "p").message
    assert shares(plan, "other") == {("pe-gz", "igw-gz"): 1.0}


def test_what_would_do_does():
    asked = policy("p", max_delay_ns=60_000_000)
    assert refusal(planned(asked), "p").relaxations[0].value == "64ms"
    assert planned(replace(asked, max_delay_ns=64_000_000)).feasible


def test_a_demand_is_shared_among_its_sources_to_the_last_bit():
    two = replace(policy("p"), sources=Sources(nodes=("pe-gz", "pe-sh")), demand_bps=10 * GBPS + 1)
    plan = planned(two)
    by_source = Counter()
    for one in plan.verdicts[0].assignments:
        by_source[one.source] += one.rate_bps
    assert by_source == {"pe-gz": 5 * GBPS + 1, "pe-sh": 5 * GBPS}


def test_a_preferred_gateway_is_used_before_a_little_faster_one():
    plan = planned(policy("p", gateways=GatewayChoice(prefer=("igw-sh",))))
    assert shares(plan, "p") == {("pe-gz", "igw-sh"): 10.0}


@pytest.mark.parametrize(
    ("at_most", "expected"),
    [
        (None, {("pe-gz", "igw-gz"): 38.0, ("pe-gz", "igw-sh"): 12.0}),
        (2, {("pe-gz", "igw-gz"): 38.0, ("pe-gz", "igw-sh"): 12.0}),
        (1, {("pe-gz", "igw-sh"): 50.0}),
    ],
)
def test_a_policy_may_limit_over_how_many_gateways_a_source_is_split(at_most, expected):
    plan = planned(policy("na", gbps=50, gateways=GatewayChoice(at_most=at_most)))
    assert plan.feasible
    assert shares(plan, "na") == expected


def _with_cost(model, per_mbps):
    gateways = tuple(
        replace(one, cost=GatewayCost(model=model, per_mbps=Fraction(per_mbps))) if one.name == "igw-gz" else one
        for one in COAST.gateways
    )
    return replace(COAST, gateways=gateways)


def _by_gateway(cost, months):
    planner = Planner(_with_cost(*cost))
    plan = planner.plan_egress([policy("na", gbps=30)], planner.plan([]), conditions=Conditions(months=months))
    assert plan.certificate.gap < 1e-9
    return {gateway: rate_bps // GBPS for flow in plan.leaving.values() for gateway, rate_bps in flow.items()}


FREE = Month(billed_bps=10 * GBPS, free_slots=1)
FULL = Month(billed_bps=10 * GBPS, free_slots=0, burst_bps=20 * GBPS)
HALF = replace(FULL, sent_bps=8 * GBPS, left=Fraction(1, 2))


@pytest.mark.parametrize(
    ("cost", "month", "expected"),
    [
        ((CostModel.NONE, 0), None, {"igw-gz": 30}),
        ((CostModel.FLAT, "1.0"), None, {"igw-gz": 30}),  # it is 1.05 ms faster
        ((CostModel.FLAT, "1.1"), None, {"igw-sh": 30}),
        ((CostModel.PERCENTILE_95, 8), None, {"igw-sh": 30}),
        ((CostModel.PERCENTILE_95, 8), FREE, {"igw-gz": 30}),
        ((CostModel.PERCENTILE_95, 8), FULL, {"igw-gz": 10, "igw-sh": 20}),
        ((CostModel.PERCENTILE_95, 8), HALF, {"igw-gz": 4, "igw-sh": 26}),
        ((CostModel.PERCENTILE_95, 1), FULL, {"igw-gz": 30}),
        ((CostModel.FLAT, 8), FULL, {"igw-sh": 30}),
    ],
)
def test_what_gateways_bill_counts_against_delay(cost, month, expected):
    assert _by_gateway(cost, {} if month is None else {"igw-gz": month}) == expected


@pytest.mark.parametrize(("month", "expected"), [(FREE, {"igw-gz": 30}), (FULL, {"igw-gz": 7, "igw-sh": 23})])
def test_what_leaves_for_elsewhere_is_part_of_what_is_billed(month, expected):
    planner = Planner(_with_cost(CostModel.PERCENTILE_95, 8))
    taken = Taken(gateways={"igw-gz": 3 * GBPS})
    plan = planner.plan_egress(
        [policy("na", gbps=30)], planner.plan([]), conditions=Conditions(months={"igw-gz": month}, taken=taken)
    )
    assert {gateway: bps // GBPS for flow in plan.leaving.values() for gateway, bps in flow.items()} == expected


def test_a_month_planned_slot_by_slot_uses_its_free_slots_and_raises_no_level():
    """A short one of 100 slots, 12 Gbit/s of which are agreed on, in a network that has more to send all the time."""
    planner = Planner(_with_cost(CostModel.PERCENTILE_95, 8))
    loads, book = [], MonthBook(slots=100)
    for slot in range(20):
        for number in range(3):
            month = book.month(slot, number * 100.0, committed_bps=12 * GBPS)
            plan = planner.plan_egress(
                [policy("na", gbps=30)], planner.plan([]), conditions=Conditions(months={"igw-gz": month})
            )
            sent = sum(flow.get("igw-gz", 0) for flow in plan.leaving.values())
            # What is sent is a little more than planned in the first part, and as planned in the others.
            sent += GBPS if number == 0 else 0
            book = book.noted(slot, number * 100, number * 100 + 100, sent)
        loads.append(book.fullest_bps)
    month = book.month(20, 0.0, committed_bps=12 * GBPS)
    assert (month.billed_bps, month.free_slots) == (12 * GBPS, 0)
    assert [sum(load > 12 * GBPS for load in found) for found in loads[:6]] == [1, 2, 3, 4, 5, 5]
    assert book.fullest_bps[-6] == pytest.approx(12 * GBPS, abs=10)


def test_where_the_month_is_not_known_what_is_paid_anyway_is_free():
    topology = _with_cost(CostModel.PERCENTILE_95, 8)
    committed = tuple(replace(one, cost=replace(one.cost, committed_bps=12 * GBPS)) for one in topology.gateways)
    planner = Planner(replace(topology, gateways=committed))
    plan = planner.plan_egress([policy("na", gbps=30)], planner.plan([]))
    assert shares(plan, "na") == {("pe-gz", "igw-gz"): 12.0, ("pe-gz", "igw-sh"): 18.0}


@pytest.mark.parametrize("share", [0.5, 0.97, 1.3])
def test_the_backbone_carries_as_much_as_a_linear_program_says(share):
    """All provinces to all regions, against scipy: as much is carried, and as fast."""
    topology = load_topology(BACKBONE)
    regions = sorted({region for gateway in topology.gateways for region, _ in gateway.delays_ns})
    provinces = sorted({node.region for node in topology.nodes if node.region and node.name.startswith("pe-")})
    pairs = [(province, region) for province in provinces for region in regions]
    weights = [1 + (17 * number) % 23 for number in range(len(pairs))]
    total = 2_337 * GBPS * Fraction(share).limit_denominator(100)
    policies = [
        policy(f"p{number}", source=province, to=region, gbps=int(total * weight / sum(weights)) / GBPS)
        for number, ((province, region), weight) in enumerate(zip(pairs, weights, strict=True))
    ]
    plan = planned(*policies, topology=topology)
    load, delay, carried = Counter(), 0, 0
    for verdict in plan.verdicts:
        for one in verdict.assignments:
            load[one.gateway] += one.rate_bps
            delay += one.rate_bps * one.delay_ns
            carried += one.rate_bps
    for gateway in topology.gateways:
        assert load[gateway.name] <= gateway.capacity_bps * 0.95
    most, least_delay = _linear_program(topology, policies)
    assert carried == pytest.approx(most, rel=1e-6)
    assert delay / carried == pytest.approx(least_delay / most, rel=2e-6)


def _linear_program(topology, policies):
    """(bits a second carried at most, their least delay in bit ns), links left aside: they are wide in the backbone."""
    planner = Planner(topology)
    columns = []
    for index, one in enumerate(policies):
        (source,) = one.sources.resolved(topology)
        for number, gateway in enumerate(topology.gateways):
            beyond = dict(gateway.delays_ns).get(one.to_region)
            if beyond is not None:
                columns.append((index, number, _inside_ns(planner, source, gateway.node) + beyond))
    rates = [[float(index == row) for index, _, _ in columns] for row in range(len(policies))]
    loads = [[float(number == row) for _, number, _ in columns] for row in range(len(topology.gateways))]
    room = [*(one.demand_bps / GBPS for one in policies), *(g.capacity_bps * 0.95 / GBPS for g in topology.gateways)]
    most = linprog([-1.0] * len(columns), A_ub=[*rates, *loads], b_ub=room, method="highs")
    all_of_it = [[-1.0] * len(columns)]
    fast = linprog(
        [delay / 1e6 for _, _, delay in columns],
        A_ub=[*rates, *loads, *all_of_it],
        b_ub=[*room, most.fun * (1 - 1e-9)],
        method="highs",
    )
    return -most.fun * GBPS, fast.fun * GBPS * 1e6


_INSIDE = {}


def _inside_ns(planner, source, node):
    """Least delay by networkx's own search."""
    if source not in _INSIDE:
        graph = nx.DiGraph()
        for link in planner.topology.links:
            for direction in Direction:
                tail, head = link.ends(direction)
                delay = link.delay_ns[direction] + planner.topology.hop_delay_ns
                known = graph.get_edge_data(tail, head, {"delay": delay})["delay"]
                graph.add_edge(tail, head, delay=min(delay, known))
        _INSIDE[source] = nx.single_source_dijkstra_path_length(graph, source, weight="delay")
    return _INSIDE[source][node]


@pytest.mark.parametrize(
    ("demand_bps", "carried_bps", "all_of_it"),
    [
        (90 * GBPS, 90 * GBPS, True),
        (90 * GBPS, 90 * GBPS - 1, True),
        (90 * GBPS, 90 * GBPS - ROUNDING_BPS, True),
        (90 * GBPS, 90 * GBPS - ROUNDING_BPS - 1, False),
        (1_000_000, 999_999, True),
        (999_999, 999_998, False),
        (1, 0, False),
    ],
)
def test_a_bit_that_rounding_leaves_is_no_reason_to_refuse_anything(demand_bps, carried_bps, all_of_it):
    assert is_carried(demand_bps, carried_bps) is all_of_it
