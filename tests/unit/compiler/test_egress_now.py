"""What a failure or growth would do to egress as it is steered: only what has to leaves, lines keep what they have."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from controller.compiler.egress_changes import changes
from controller.compiler.egress_failures import failed, lost
from controller.compiler.egress_now import decided, simulated, state_of
from controller.compiler.planner import Planner
from controller.compiler.steering.inputs import SteeringInputs
from controller.documents import read_topology
from controller.domain.egress import EgressPolicy, Sources
from controller.domain.errors import InvalidInput
from controller.domain.topology import Direction
from controller.paths.network import Network
from controller.paths.snapshot import bring

GBPS = 10**9
COAST = read_topology(
    """
apiVersion: trunkline/v1
kind: Topology
metadata: {name: coast}
spec:
  nodes:
    - {name: pe-gz, role: pe, region: guangdong}
    - {name: pe-sh, role: pe, region: shanghai}
    - {name: pe-hk, role: pe, region: hong-kong}
  links:
    - {name: gz-sh, a: pe-gz, z: pe-sh, aPort: 1, zPort: 1, capacity: 200Gbps, delay: 5ms, srlgs: [coast]}
    - {name: gz-hk, a: pe-gz, z: pe-hk, aPort: 2, zPort: 1, capacity: 10Gbps, delay: 1ms}
  gateways:
    - name: igw-sh
      node: pe-sh
      port: 21
      capacity: 100Gbps
      delays: {japan: 15ms}
      nextHop: {mac: "02:00:00:00:21:01", ip: 192.0.2.1}
    - name: igw-gz
      node: pe-gz
      port: 21
      capacity: 40Gbps
      delays: {japan: 21ms}
      nextHop: {mac: "02:00:00:00:21:02", ip: 192.0.2.2}
    - name: igw-hk
      node: pe-hk
      port: 21
      capacity: 40Gbps
      delays: {japan: 30ms}
      nextHop: {mac: "02:00:00:00:21:03", ip: 192.0.2.3}
""",
    "coast.yaml",
)


def policy(name, source, gbps):
    return EgressPolicy(
        tenant="backbone", name=name, sources=Sources(nodes=(source,)), to_region="japan", demand_bps=gbps * GBPS
    )


GZ, SH = policy("gz", "pe-gz", 20), policy("sh", "pe-sh", 30)


def state(*policies):
    planner = Planner(COAST, policies=policies)
    found = state_of(planner)
    network = Network(COAST)
    bring(network, found.snapshot)
    return network, found


def carried(plan):
    found = {}
    for flow, gateways in plan.leaving.items():
        for gateway, bps in gateways.items():
            found.setdefault(flow[0], {})[gateway] = bps / GBPS
    return found


def test_what_is_decided_is_what_the_planner_decides():
    network, now = state(GZ, SH)
    plan = decided(network, now, SteeringInputs())
    assert carried(plan) == {"pe-gz": {"igw-sh": 20.0}, "pe-sh": {"igw-sh": 30.0}}
    assert [verdict.key for verdict in plan.verdicts] == sorted((GZ.key, SH.key))
    away = decided(network, now, SteeringInputs(gateways_away=frozenset({"igw-sh"})))
    # 38 Gbps of igw-gz may be used, and of the link to Hong Kong 9.5.
    assert carried(away) == {"pe-gz": {"igw-gz": 10.5, "igw-hk": 9.5}, "pe-sh": {"igw-gz": 27.5}}


def test_only_what_has_to_leave_leaves():
    network, now = state(GZ, SH)
    found = simulated(network, now, SteeringInputs(), ["igw-gz"], Fraction(1))
    assert changes(found.before.solved, found.after.solved) == ()
    found = simulated(network, now, SteeringInputs(), ["gz-sh"], Fraction(1))
    assert carried(found.after) == {"pe-gz": {"igw-gz": 20.0}, "pe-sh": {"igw-sh": 30.0}}
    assert found.failed == frozenset()


def test_what_is_away_already_does_not_come_back_in_a_simulation():
    network, now = state(SH)
    inputs = SteeringInputs(gateways_away=frozenset({"igw-sh"}), links_down=frozenset())
    found = simulated(network, now, inputs, ["igw-gz"], Fraction(1))
    assert carried(found.before) == {"pe-sh": {"igw-gz": 30.0}}
    # Through the 10 Gbps to Hong Kong, as much as may be used of it.
    assert carried(found.after) == {"pe-sh": {"igw-hk": 9.5}}
    assert found.failed == {"igw-gz"}


def test_lines_keep_what_they_reserve_when_links_fail():
    network, now = state(GZ)
    reserved = tuple(
        replace(use, reserved_bps=5 * GBPS) if (use.link, use.direction) == ("gz-hk", Direction.A_TO_Z) else use
        for use in now.links
    )
    found = simulated(network, replace(now, links=reserved), SteeringInputs(), ["igw-gz", "coast"], Fraction(1))
    assert carried(found.after) == {"pe-gz": {"igw-hk": 4.5}}


def test_a_gateway_that_no_packet_can_be_handed_to_carries_nothing():
    _, now = state(GZ, SH)
    silent = replace(COAST.gateway["igw-sh"], next_hop=None)
    topology = replace(COAST, gateways=(silent, *COAST.gateways[1:]))
    network = Network(topology)
    bring(network, now.snapshot)
    assert carried(decided(network, now, SteeringInputs())) == {
        "pe-gz": {"igw-gz": 10.5, "igw-hk": 9.5},
        "pe-sh": {"igw-gz": 27.5},
    }
    found = simulated(network, now, SteeringInputs(), ["igw-gz"], Fraction(1))
    assert {gateway for flow in found.after.leaving.values() for gateway in flow} == {"igw-hk"}


def test_growth_fills_what_there_is():
    network, now = state(SH)
    found = simulated(network, now, SteeringInputs(), [], Fraction(4))
    assert carried(found.after) == {"pe-sh": {"igw-sh": 95.0, "igw-gz": pytest.approx(25.0)}}


@pytest.mark.parametrize(
    ("fail", "scale", "field"), [(["igw-x"], 1, "fail[0]"), (["igw-gz", "zz"], 1, "fail[1]"), ([], 1000, "scale")]
)
def test_what_cannot_be_is_refused(fail, scale, field):
    network, now = state(SH)
    with pytest.raises(InvalidInput) as refused:
        simulated(network, now, SteeringInputs(), fail, Fraction(scale))
    assert [fault.field for fault in refused.value.faults] == [field]


@pytest.mark.parametrize(
    ("names", "gateways", "links"),
    [
        ([], set(), set()),
        (["igw-sh"], {"igw-sh"}, set()),
        (["gz-hk"], set(), {"gz-hk"}),
        (["coast"], set(), {"gz-sh"}),
        (["pe-gz"], {"igw-gz"}, {"gz-sh", "gz-hk"}),
        (["pe-sh", "igw-hk"], {"igw-sh", "igw-hk"}, {"gz-sh"}),
    ],
)
def test_what_is_lost_is_what_carries_nothing_any_more(names, gateways, links):
    assert lost(COAST, failed(COAST, names)) == (gateways, links)
