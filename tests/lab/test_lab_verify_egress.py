"""``lab verify`` over a lab with gateways: traffic abroad is as planned, and what is not is named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import wait_until

from lab.named import NamedLab

ROOT = Path(__file__).parents[2]
FILES = (ROOT / "intents/lab-egress.yaml", ROOT / "intents/lab-egress-lines.yaml")


def run(*words, code=0):
    environment = {**os.environ, "TRUNKLINE_SERVER": NamedLab("default").server}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def verify(code=0):
    return json.loads(run("lab", "verify", "--seconds", "1", "-o", "json", code=code))


def steered():
    """Whether a cycle has found nothing left to do for the policies that are in force."""
    intents = json.loads(run("controller", "get", "-o", "json"))["intents"]
    policies = [one for one in intents if one["kind"] == "EgressPolicy"]
    last = json.loads(run("controller", "egress", "cycles", "-o", "json"))["cycles"][-1]
    return len(policies) == 5 and last["ending"] == "unchanged"


@pytest.mark.lab(limit_s=400, alone=True)
def test_verify_measures_traffic_abroad_and_names_what_is_wrong():
    run("lab", "up", "-t", str(ROOT / "topologies/lab-egress.yaml"))
    run("controller", "apply", *(word for file in FILES for word in ("-f", str(file))))
    wait_until(steered, "steered")
    report = verify()
    assert report["passed"]
    assert len(report["lines"]) == 3
    assert len(report["egress"]) == 12
    assert all(one["passed"] for one in report["egress"])
    assert run("lab", "exec", "--region", "europe", "--", "ip", "-o", "addr", "show", "dev", "lo").count("100.64.0.1")

    # The way from one gateway to one region is 10 ms longer than declared.
    run("lab", "fail", "delay", "igw-sh north-america", "82ms")
    report = verify(code=1)
    wrong = {one["policy"] for one in report["egress"] if not one["passed"]}
    assert wrong == {"backbone/all-to-na"}
    assert report["failures"]
    assert all("all-to-na" in failure and "delay: " in failure for failure in report["failures"])
    run("lab", "fail", "delay", "igw-sh north-america", "72ms")

    # A rule is missing: what Sichuan sends finds no way.
    run("controller", "freeze")
    management = json.loads(run("lab", "status"))["nodes"]["pe-cd"]["management"]
    run("lab", "exec", "--", "ovs-ofctl", "-O", "OpenFlow13", "del-flows", management, "table=3")
    report = verify(code=1)
    assert {one["from"] for one in report["egress"] if not one["passed"]} == {"pe-cd"}
