"""Protected lines in a lab: ``lab verify --change-over`` cuts their working routes and measures the others."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab.named import NamedLab

ROOT = Path(__file__).parents[2]


def run(*words, code=0):
    environment = {**os.environ, "TRUNKLINE_SERVER": NamedLab("default").server}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def line(name, a, z, **spec):
    """An EVPL; ``a`` and ``z``: (site, VLAN)."""
    ends = {end: {"site": site, "vlan": vlan} for end, (site, vlan) in (("a", a), ("z", z))}
    return {
        "apiVersion": "trunkline/v1",
        "kind": "PrivateLine",
        "metadata": {"tenant": "acme", "name": name},
        "spec": {**ends, "bandwidth": "2Mbps", **spec},
    }


LINES = [
    line("bj-sh", ("dc-bj-1", 10), ("dc-sh-1", 10), protection="1:1", disjoint="srlg"),
    line("bj-gz", ("dc-bj-1", 20), ("dc-gz-1", 30), protection="1:1", disjoint="node", maxDelay="40ms"),
    line("xa-cd", ("dc-xa-1", 40), ("dc-cd-1", 40), protection="1:1"),
    line("plain", ("dc-bj-1", 50), ("dc-sh-1", 50)),
]


def verify(*options, code=0):
    done = run("lab", "verify", "--seconds", "1", "-o", "json", *options, code=code)
    return json.loads(done.stdout)


@pytest.mark.lab(alone=True)
def test_each_protect_route_carries_when_the_working_one_is_cut(tmp_path):
    run("lab", "up", "-t", str(ROOT / "topologies/lab-small.yaml"))
    file = tmp_path / "lines.yaml"
    file.write_text(yaml.safe_dump_all(LINES))
    run("controller", "apply", "-f", str(file))
    report = verify("--change-over")
    planned = {one["name"]: one["planned"]["protect"] for one in report["lines"] if "protect" in one["planned"]}
    assert planned.keys() == {"bj-sh", "bj-gz", "xa-cd"}
    for one in report["lines"]:
        assert ("change-over" in {check["check"] for check in one["checks"]}) == (one["name"] in planned)

    # The second trunk of one line is broken somewhere on its way: only with a cut is it seen. A controller that is not
    # frozen would put it right at once.
    run("controller", "freeze")
    _, transit, *_ = planned["bj-gz"]["route"]
    management = json.loads(run("lab", "status").stdout)["nodes"][transit]["management"]
    run("lab", "exec", "--", "ovs-ofctl", "-O", "OpenFlow13", "del-flows", management, "table=0,mpls")
    run("lab", "verify", "--seconds", "1", "--change-over", code=1)
    run("controller", "freeze", "--off")

    run("controller", "delete", *(f"acme/{one['metadata']['name']}" for one in LINES))
    for node, about in json.loads(run("lab", "status").stdout)["nodes"].items():
        for what in ("dump-flows", "dump-groups", "dump-meters"):
            words = ("ovs-ofctl", "-O", "OpenFlow13", what, about["management"])
            _, *held = run("lab", "exec", "--", *words).stdout.splitlines()
            assert held == [], f"{node} {what}"
