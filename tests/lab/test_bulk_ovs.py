"""``bench apply`` over Open vSwitch: every line is measured, and every engine's rules are on the switch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.lab
def test_lines_and_rules_come_onto_switches():
    command = [sys.executable, "-m", "controller", "bench", "apply", "--quick", "-o", "json"]
    command += ["--work", "batch-300", "--work", "rules", "--case", "topologies/lab-small.yaml"]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert "notes" not in report
    batch, *rules = report["rows"]
    assert (batch["work"], batch["case"], batch["unit"]) == ("batch-300", "lab-small", "s")
    assert (batch["detail"]["linesReached"], batch["detail"]["waysReached"]) == (300, 600)
    assert [row["engine"] for row in rules] == [
        "trunkline",
        "trunkline/driver",
        "bytes",
        "ovs-ofctl",
        "ovs-ofctl-bundle",
    ]
    assert all(row["detail"]["rules"] == 20_000 for row in rules)
