"""Simple rules beside the plan, summed by hand; and a matrix without policies beside policies without a matrix."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from controller.compiler.egress_comparison import compared
from controller.compiler.egress_use import delays
from controller.compiler.planner import Planner
from controller.documents import load_topology, read_topology
from controller.documents.demand import load_demand
from controller.domain.egress import EgressPolicy, Sources, TrafficClass
from controller.domain.egress_demand import DemandRow

ROOT = Path(__file__).parents[3]
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
  links:
    - {name: gz-sh, a: pe-gz, z: pe-sh, aPort: 1, zPort: 1, capacity: 200Gbps, delay: 5ms}
  gateways:
    - {name: igw-sh, node: pe-sh, port: 21, capacity: 100Gbps, delays: {japan: 15ms}}
    - {name: igw-gz, node: pe-gz, port: 21, capacity: 40Gbps, delays: {japan: 21ms}}
""",
    "coast.yaml",
)


def solved(topology, rows, policies=()):
    planner = Planner(topology)
    found = planner.plan_egress(policies, planner.plan([]), rows)
    assert found.solved is not None
    return found.solved


def test_simple_rules_summed_by_hand():
    """76 Gbps in Guangzhou: its own gateway is nearest and takes 38 in 21 ms, the one in Shanghai is faster, 20 ms."""
    rows = [DemandRow(source="pe-gz", to_region="japan", traffic_class=TrafficClass.BULK, rate_bps=76 * GBPS)]
    found = {one.method: one for one in compared(solved(COAST, rows))}
    assert list(found) == ["trunkline", "nearest", "equal-split", "least-delay", "greedy"]
    told = {
        name: ((one.offered / GBPS).tolist(), one.carried, (one.delay_ns / 1e6).tolist()) for name, one in found.items()
    }
    assert told == {
        "trunkline": ([76, 0], 1.0, [20]),
        "nearest": ([0, 76], 0.5, [21]),
        "equal-split": ([38, 38], 1.0, [20, 21]),
        "least-delay": ([76, 0], 1.0, [20]),
        "greedy": ([76, 0], 1.0, [20]),
    }
    np.testing.assert_allclose(found["equal-split"].within, [0.5, 1.0])


@pytest.mark.parametrize("scale", [1, 2])
def test_nothing_simple_carries_more_or_as_much_sooner(scale):
    topology = load_topology(ROOT / "topologies" / "china-backbone.yaml")
    matrix = load_demand(ROOT / "intents" / "china-demand.csv", topology)
    planner = Planner(topology)
    ours = planner.plan_egress((), planner.plan([]), matrix.rows, scale).solved
    best, *others = compared(ours)
    assert best.carried == pytest.approx(sum(ours.certificate.carried_bps) / sum(ours.certificate.demand_bps))
    mean = float((np.diff(best.within, prepend=0) * best.delay_ns).sum() / best.carried)
    assert mean == pytest.approx(delays(ours).mean_ns)
    for other in others:
        assert other.carried <= best.carried + 1e-9
        if other.carried > best.carried - 1e-9:
            assert mean <= float((np.diff(other.within, prepend=0) * other.delay_ns).sum() / other.carried) + 1


def test_a_matrix_alone_comes_to_what_policies_without_constraints_come_to():
    topology = load_topology(ROOT / "topologies" / "china-backbone.yaml")
    matrix = load_demand(ROOT / "intents" / "china-demand.csv", topology)
    policies = [
        EgressPolicy(
            tenant="t",
            name=f"p{number}",
            sources=Sources(nodes=(row.source,)),
            to_region=row.to_region,
            traffic_class=row.traffic_class,
            demand_bps=row.rate_bps,
        )
        for number, row in enumerate(matrix.rows)
    ]
    by_rows, by_policies = solved(topology, matrix.rows), solved(topology, (), policies)
    assert by_rows.certificate == by_policies.certificate
    loads = []
    for one in (by_rows, by_policies):
        load = Counter()
        shares = one.answer.shares
        for gateway, rate_bps in zip(shares.gateway.tolist(), shares.rate_bps.tolist(), strict=True):
            load[gateway] += rate_bps
        loads.append(load)
    assert loads[0] == loads[1]
