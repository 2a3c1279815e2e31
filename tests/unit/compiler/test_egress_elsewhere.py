"""Traffic for addresses that no prefix is known for takes room before anything is planned, where it will leave."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from controller.compiler.egress_conditions import NOTHING_TAKEN
from controller.compiler.egress_elsewhere import measured_elsewhere, much
from controller.compiler.egress_now import decided, simulated, state_of
from controller.compiler.egress_routes import EgressRoutes
from controller.compiler.planner import Planner
from controller.compiler.steering.inputs import SteeringInputs
from controller.documents import read_topology
from controller.domain.egress import EgressPolicy, Sources, TrafficClass
from controller.domain.steering import ELSEWHERE, SLICES, Entry, Steering
from controller.domain.topology import Direction
from controller.paths.network import Network
from controller.paths.snapshot import bring

GBPS = 10**9
BULK, GOLD = TrafficClass.BULK, TrafficClass.GOLD
NOTHING_STEERED = Steering()
# From pe-a igw-n is nearer than igw-s, from pe-z as well; igw-x nobody can be sent to.
NETWORK = read_topology(
    """
apiVersion: trunkline/v1
kind: Topology
metadata: {name: ring}
spec:
  nodes:
    - {name: pe-a, role: pe}
    - {name: p-n, role: p}
    - {name: p-s, role: p}
    - {name: pe-z, role: pe}
  links:
    - {name: a-n, a: pe-a, z: p-n, aPort: 1, zPort: 1, capacity: 10Gbps, delay: 1ms}
    - {name: n-z, a: p-n, z: pe-z, aPort: 2, zPort: 1, capacity: 10Gbps, delay: 1ms}
    - {name: a-s, a: pe-a, z: p-s, aPort: 2, zPort: 1, capacity: 10Gbps, delay: 2ms}
    - {name: s-z, a: p-s, z: pe-z, aPort: 2, zPort: 2, capacity: 10Gbps, delay: 2ms}
  sites:
    - {name: prov-a, node: pe-a, port: 11, service: internet, prefixes: [10.44.0.0/16]}
    - {name: prov-z, node: pe-z, port: 11, service: internet, prefixes: [10.45.0.0/16]}
  gateways:
    - name: igw-n
      node: p-n
      port: 21
      capacity: 10Gbps
      delays: {japan: 15ms}
      nextHop: {mac: "02:00:00:00:21:01", ip: 192.0.2.1}
    - name: igw-s
      node: p-s
      port: 21
      capacity: 10Gbps
      delays: {japan: 16ms}
      nextHop: {mac: "02:00:00:00:21:02", ip: 192.0.2.2}
    - {name: igw-x, node: pe-a, port: 21, capacity: 10Gbps, delays: {europe: 16ms}}
""",
    "ring.yaml",
)
A_TO_JAPAN = EgressPolicy(
    tenant="backbone",
    name="a",
    sources=Sources(nodes=("pe-a",)),
    to_region="japan",
    prefixes=("198.51.100.0/24",),
    demand_bps=6 * GBPS,
)
SLICE_BPS = 6 * GBPS // SLICES


def measured(**bps):
    """Bulk for elsewhere, by source (``pe_a``)."""
    return {(source.replace("_", "-"), ELSEWHERE, BULK): (rate // SLICES,) * SLICES for source, rate in bps.items()}


def taken(steering=NOTHING_STEERED, **inputs):
    known = SteeringInputs(**inputs)
    return measured_elsewhere(EgressRoutes(Network(NETWORK), known.links_down), steering, known)


def test_it_takes_the_nearest_gateway_and_the_links_to_it():
    found = taken(measured=measured(pe_a=2 * GBPS, pe_z=3 * GBPS) | {("pe-a", ELSEWHERE, GOLD): (1,) * SLICES})
    assert found.gateways == {"igw-n": 5 * GBPS + SLICES}
    assert found.links == {("a-n", Direction.A_TO_Z): 2 * GBPS + SLICES, ("n-z", Direction.Z_TO_A): 3 * GBPS}


def test_what_is_for_a_known_group_is_no_part_of_it():
    assert taken(measured={("pe-a", 1, BULK): (GBPS,) * SLICES}) == NOTHING_TAKEN


def test_past_what_is_away():
    far = taken(measured=measured(pe_a=GBPS), gateways_away=frozenset({"igw-n"}))
    assert (far.gateways, set(far.links)) == ({"igw-s": GBPS}, {("a-s", Direction.A_TO_Z)})
    round_about = taken(measured=measured(pe_a=GBPS), links_down=frozenset({"a-n"}))
    assert round_about.gateways == {"igw-s": GBPS}
    nowhere = taken(measured=measured(pe_a=GBPS), gateways_away=frozenset({"igw-n", "igw-s"}))
    assert nowhere == NOTHING_TAKEN


def test_who_cannot_be_told_sends_it_as_before():
    entry = Entry(source="pe-a", group=ELSEWHERE, traffic_class=BULK, gateways=("igw-s",), rate_bps=7)
    inputs = {"measured": measured(pe_a=GBPS), "nodes_away": frozenset({"pe-a"})}
    assert taken(Steering(entries=(entry,)), **inputs).gateways == {"igw-s": GBPS}
    assert taken(**inputs) == NOTHING_TAKEN


def test_only_what_is_much_of_a_gateway_is_worth_a_word():
    found = taken(measured=measured(pe_a=GBPS // 2))
    assert list(much(found, NETWORK)) == []
    found = taken(measured=measured(pe_a=GBPS))
    assert [(gateway.name, bps) for gateway, bps in much(found, NETWORK)] == [("igw-n", GBPS)]


def steered(policies=(A_TO_JAPAN,), **inputs):
    planner = Planner(NETWORK, policies=policies)
    found = planner.plan_steering(SteeringInputs(**inputs))
    planner.adopt(found.plan)
    return planner, found


def rates(planner):
    found = {}
    for entry in planner.steering.entries:
        for gateway, bps in entry.bps().items():
            found[gateway] = found.get(gateway, 0) + bps
    return {name: bps for name, bps in found.items() if bps}


def test_what_is_planned_gets_the_room_that_it_leaves_at_gateways():
    planner, _ = steered()
    assert rates(planner) == {"igw-n": 6 * GBPS}
    planner, found = steered(measured=measured(pe_z=6 * GBPS))
    # 9.5 Gbps may be used: 3.5 are left for Japan, laid out over sixteenths of one prefix.
    assert 9.5 * GBPS - SLICE_BPS < rates(planner)["igw-n"] <= 9.5 * GBPS
    assert sum(rates(planner).values()) == 12 * GBPS
    assert found.egress.taken.gateways == {"igw-n": 6 * GBPS}
    assert found.egress.certificate.carried_bps[2] == 6 * GBPS


def test_what_is_planned_gets_the_room_that_it_leaves_on_links():
    wide = replace(NETWORK.gateway["igw-n"], capacity_bps=100 * GBPS)
    topology = replace(NETWORK, gateways=(wide, *NETWORK.gateways[1:]))
    planner = Planner(topology, policies=(A_TO_JAPAN,))
    planner.adopt(planner.plan_steering(SteeringInputs(measured=measured(pe_a=7 * GBPS))).plan)
    assert rates(planner)["igw-n"] == pytest.approx(9.5 * GBPS, abs=SLICE_BPS)
    assert sum(rates(planner).values()) == 13 * GBPS


def test_a_gateway_that_it_fills_is_left_to_it():
    planner, found = steered(measured=measured(pe_z=12 * GBPS))
    assert rates(planner) == {"igw-n": 12 * GBPS, "igw-s": 6 * GBPS}
    assert found.egress.verdicts[0].refusals == ()


def test_it_is_decided_and_simulated_as_the_cycle_does():
    now = state_of(Planner(NETWORK, policies=(A_TO_JAPAN,)))
    network = Network(NETWORK)
    bring(network, now.snapshot)
    inputs = SteeringInputs(measured=measured(pe_z=6 * GBPS))
    plan = decided(network, now, inputs)
    assert plan.taken.gateways == {"igw-n": 6 * GBPS}
    assert sum(bps for flow in plan.leaving.values() for name, bps in flow.items() if name == "igw-n") <= 3.5 * GBPS
    found = simulated(network, now, inputs, ["igw-n"], Fraction(3, 2))
    assert found.after.taken.gateways == {"igw-s": 9 * GBPS}
    assert sum(sum(flow.values()) for flow in found.after.leaving.values()) == pytest.approx(GBPS / 2)


def test_without_any_demand_it_is_told_all_the_same():
    _, found = steered(policies=(), measured=measured(pe_a=GBPS))
    assert found.egress.solved is None
    assert found.egress.taken.gateways == {"igw-n": GBPS}
    assert {(use.link, use.direction): use.egress_bps for use in found.plan.links if use.egress_bps} == {
        ("a-n", Direction.A_TO_Z): GBPS
    }
