"""A server steers traffic abroad: it leaves as planned, over both IP versions, and answers come back."""

from pathlib import Path

import pytest
from served_lab import ServedLab

from lab.measure.egress import measure_egress
from lab.measure.egress_report import egress_failures

ROOT = Path(__file__).parents[2]


@pytest.mark.lab(alone=True)
def test_traffic_leaves_as_planned():
    with ServedLab(ROOT / "topologies/lab-egress.yaml", "--egress-every", "2s") as served:
        served.apply(ROOT / "intents/lab-egress-lines.yaml", ROOT / "intents/lab-egress.yaml")
        expected = served.expected()
        assert {traffic.source for traffic in expected} == {"pe-bj", "pe-sh", "pe-gz", "pe-cd"}
        assert len(expected) == 12
        reports = measure_egress(served.topology, served.hosts, expected)
        assert egress_failures(reports) == []
        assert {gateway for report in reports for gateway in report.arrived} == {"igw-gz", "igw-sh", "igw-ur"}
