"""Traffic abroad over Open vSwitch, steered by the compiler's rules: by the planned gateway, as fast as planned."""

from pathlib import Path

import pytest
from steered_lab import SteeredLab

from lab.measure.egress import measure_egress
from lab.measure.egress_report import egress_failures

ROOT = Path(__file__).parents[2]
TOPOLOGY = ROOT / "topologies/lab-egress.yaml"
POLICIES = ROOT / "intents/lab-egress.yaml"
LINES = ROOT / "intents/lab-egress-lines.yaml"


@pytest.fixture
def steered():
    with SteeredLab(TOPOLOGY) as steered:
        yield steered


@pytest.mark.lab(limit_s=180)
def test_traffic_leaves_as_planned(steered):
    expected = steered.expected(steered.apply(LINES, POLICIES))
    assert len(expected) == 12
    reports = measure_egress(steered.topology, steered.hosts, expected)
    assert egress_failures(reports) == []
