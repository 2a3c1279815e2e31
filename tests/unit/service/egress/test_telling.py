"""What a cycle says of traffic that no room is found for."""

from __future__ import annotations

import pytest

from controller.compiler.planner import Planner
from controller.compiler.steering.inputs import SteeringInputs
from controller.documents import read_topology
from controller.domain.egress import EgressPolicy, Sources, TrafficClass
from controller.service.egress.telling import not_carried

GBPS = 10**9
ONE_GATEWAY = read_topology(
    """
apiVersion: trunkline/v1
kind: Topology
metadata: {name: one}
spec:
  nodes: [{name: pe-a, role: pe}]
  links: []
  sites:
    - {name: prov-a, node: pe-a, port: 11, service: internet, prefixes: [10.44.0.0/16]}
  gateways:
    - name: igw
      node: pe-a
      port: 21
      capacity: 10Gbps
      delays: {japan: 15ms}
      nextHop: {mac: "02:00:00:00:21:01", ip: 192.0.2.1}
""",
    "one.yaml",
)


def decided(max_loss_ppm=None, **gbps):
    policies = [
        EgressPolicy(
            tenant="backbone",
            name=name,
            sources=Sources(nodes=("pe-a",)),
            to_region="japan",
            demand_bps=round(rate * GBPS),
            traffic_class=TrafficClass(name),
            max_loss_ppm=max_loss_ppm if name == "gold" else None,
        )
        for name, rate in gbps.items()
    ]
    return Planner(ONE_GATEWAY, policies=policies).plan_steering(SteeringInputs()).egress


@pytest.mark.parametrize("gbps", [{}, {"gold": 5, "bulk": 4.5}, {"bulk": 9.501}])
def test_nothing_is_said_while_all_is_carried_or_nearly_all(gbps):
    assert list(not_carried(decided(**gbps))) == []


def test_it_says_how_much_of_which_classes_finds_no_room():
    (said,) = not_carried(decided(gold=5, silver=6, bulk=3))
    assert said.startswith("no room is found for 1.5Gbps of silver, 3Gbps of bulk: ")


def test_what_no_gateway_may_carry_wants_for_no_room():
    """Nobody knows what is lost beyond the gateway: that keeps no bound."""
    (said,) = not_carried(decided(max_loss_ppm=5_000, gold=5, bulk=3))
    assert said.startswith("no gateway may carry 5Gbps of gold (")
    forbidden, full = not_carried(decided(max_loss_ppm=5_000, gold=5, bulk=10))
    assert forbidden.startswith("no gateway may carry 5Gbps of gold (")
    assert full.startswith("no room is found for 500Mbps of bulk: ")
