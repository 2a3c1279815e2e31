"""``lab verify`` over both layers: it passes what is right, and names the line whose circuit somebody has broken."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from waiting import wait_until

from lab.named import NamedLab

ROOT = Path(__file__).parents[2]
TOPOLOGY = ROOT / "topologies/lab-otn.yaml"
EDITOR = Path(__file__).with_name("edit_by_hand.py")


def line(name, a, z, **spec):
    ends = {end: {"site": site, "vlan": vlan} for end, (site, vlan) in (("a", a), ("z", z))}
    return {
        "apiVersion": "trunkline/v1",
        "kind": "PrivateLine",
        "metadata": {"tenant": "acme", "name": name},
        "spec": {**ends, "bandwidth": "2Mbps", **spec},
    }


LINES = [
    line("light", ("dc-bj-1", 10), ("dc-sh-1", 10), layer="otn", isolation="dedicated"),
    line("both", ("dc-xa-1", 20), ("dc-sh-1", 20), layer="auto", maxDelay="15ms"),
    line("packets", ("dc-xa-1", 30), ("dc-bj-1", 30)),
]


def run(*words, code=0):
    environment = {**os.environ, "TRUNKLINE_SERVER": NamedLab("default").server}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def status():
    return json.loads(run("lab", "status").stdout)


def verify(*wrong):
    """Measure; exactly these lines must fail."""
    done = run("lab", "verify", "--seconds", "1", "-o", "json", code=1 if wrong else 0)
    report = json.loads(done.stdout)
    assert {one["name"] for one in report["lines"] if not one["passed"]} == set(wrong), report["failures"]
    for name in wrong:
        assert f"FAILED acme/{name}: " in done.stderr


def circuit_of(name):
    """The circuit that carries a line, by its client link at the start."""
    (link,) = (link for link in routes()[name] if link.startswith("client-bj"))
    found = [one for one in status()["circuits"] if link in one["links"]]
    return found[0] if found else None


def routes():
    intents = json.loads(run("controller", "get", "-o", "json").stdout)["intents"]
    return {one["metadata"]["name"]: one["status"]["paths"][0]["links"] for one in intents}


def edit(node, inner):
    port = re.search(rf"name: {node},.*?port: (\d+)", TOPOLOGY.read_text())[1]
    done = run("lab", "exec", "--", sys.executable, str(EDITOR), "/run/trunkline", port, inner)
    assert done.returncode == 0


@pytest.mark.lab(netconf=True, alone=True)
def test_verify_names_the_line_whose_cross_connect_somebody_changed(tmp_path):
    run("lab", "up", "-t", str(TOPOLOGY))
    file = tmp_path / "lines.yaml"
    file.write_text(yaml.safe_dump_all(LINES))
    run("controller", "apply", "-f", str(file))
    wait_until(lambda: len(status()["circuits"]) == 2, "two circuits")
    verify()

    # Deleted at one node on the way; the controller is kept from repairing it.
    run("controller", "freeze")
    number = circuit_of("light")["numbers"][0]
    connection = f"<connection-name>trunkline-{number}</connection-name>"
    edit("otn-nj", f'<odu-connection nc:operation="delete">{connection}</odu-connection>')
    wait_until(lambda: circuit_of("light") is None, "no circuit")

    # Other slots than the node before it has.
    number = circuit_of("both")["numbers"][0]
    slots = f'<odu><tributary-slot nc:operation="delete">{slot_of("both")}</tributary-slot>'
    slots += "<tributary-slot>77</tributary-slot></odu>"
    edit("otn-sh", f"<interface><name>{line_interface('otn-sh', number)}</name>{slots}</interface>")
    wait_until(lambda: circuit_of("both") is None, "no circuit")
    verify("light", "both")

    # The controller may repair again: both come back.
    run("controller", "freeze", "--off")
    wait_until(lambda: len(status()["circuits"]) == 2, "two circuits")
    verify()

    # A fibre is longer than declared.
    run("lab", "fail", "delay", "otn-jn-nj", "23ms")
    verify("light", "both")


def slot_of(name):
    number = circuit_of(name)["numbers"][0]
    (rule,) = (rule for rule in status()["nodes"]["otn-sh"]["crossConnects"] if rule["number"] == number)
    (slots,) = (end["slots"] for end in (rule["a"], rule["z"]) if "slots" in end)
    return slots[0]


def line_interface(node, number):
    """What the controller calls the interface at the line port."""
    (rule,) = (rule for rule in status()["nodes"][node]["crossConnects"] if rule["number"] == number)
    (end,) = (end for end in ("a", "z") if "slots" in rule[end])
    return f"trunkline-{number}-{end}"
