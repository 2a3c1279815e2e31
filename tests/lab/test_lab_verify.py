"""``lab verify`` over a real lab: it passes what is right, and names the line when something is wrong."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import wait_until

from lab.named import NamedLab

ROOT = Path(__file__).parents[2]
INTENTS = (ROOT / "intents/lab-small-epl.yaml", ROOT / "intents/lab-small-evpl.yaml")
SECONDS = "2"


def run(*words, code=0):
    environment = {**os.environ, "TRUNKLINE_SERVER": NamedLab("default").server}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def ofctl(node, command, *arguments):
    management = json.loads(run("lab", "status").stdout)["nodes"][node]["management"]
    words = ("ovs-ofctl", "-O", "OpenFlow13", command, management, *arguments)
    return run("lab", "exec", "--", *words).stdout


def verify(*, wrong=frozenset()):
    """Measure; exactly the lines in ``wrong`` must fail. Returns what was said of the failures."""
    done = run("lab", "verify", "--seconds", SECONDS, "-o", "json", code=1 if wrong else 0)
    report = json.loads(done.stdout)
    assert report["dataPlane"] == "ovs"
    failed = {f"{line['tenant']}/{line['name']}" for line in report["lines"] if not line["passed"]}
    assert failed == wrong, report["failures"]
    for name in wrong:
        assert f"FAILED {name}: " in done.stderr
    return "\n".join(report["failures"])


def routes():
    """The links of every placed line."""
    intents = json.loads(run("controller", "get", "-o", "json").stdout)["intents"]
    return {
        f"{one['metadata']['tenant']}/{one['metadata']['name']}": one["status"]["paths"][0]["links"] for one in intents
    }


def over(*links):
    return {name for name, route in routes().items() if set(route) & set(links)}


def restart(node):
    """Power off and on: its rules are lost, and the controller writes them again."""
    count = len(ofctl(node, "dump-flows").splitlines())
    run("lab", "fail", "off", node)
    run("lab", "fail", "on", node)
    return count


@pytest.mark.lab(alone=True)
def test_verify_passes_what_is_right_and_names_what_is_wrong():
    run("lab", "up", "-t", str(ROOT / "topologies/lab-small.yaml"))
    run("controller", "apply", *(word for file in INTENTS for word in ("-f", str(file))))
    assert len(routes()) == 9
    verify()

    # A rule is missing: the customer's port of one end sends nothing. A controller that is not frozen puts it back.
    run("controller", "freeze")
    expected = len(ofctl("pe-cd", "dump-flows").splitlines())
    port = _port_of("dc-cd-1")
    ofctl("pe-cd", "del-flows", f"table=0,in_port={port}")
    assert "0/17" in verify(wrong={"acme/sh-cd"})
    run("controller", "freeze", "--off")
    wait_until(lambda: len(ofctl("pe-cd", "dump-flows").splitlines()) == expected, "the rule is back")
    restart("pe-cd")
    wait_until(lambda: len(ofctl("pe-cd", "dump-flows").splitlines()) == expected, "the rules are back")
    verify()

    # A meter is wrong: a quarter of the rate.
    run("controller", "freeze")
    flow = ofctl("pe-gz", "dump-flows", f"table=0,in_port={_port_of('dc-gz-1')}")
    meter = re.search(r"meter:(\d+)", flow)[1]
    ofctl("pe-gz", "mod-meter", f"meter={meter},kbps,burst,band=type=drop,rate=1000,burst_size=500")
    assert "rate zToA" in verify(wrong={"acme/bj-gz"})
    ofctl("pe-gz", "mod-meter", f"meter={meter},kbps,burst,band=type=drop,rate=4000,burst_size=2000")
    run("controller", "freeze", "--off")

    # Two cables are swapped at the patch panel.
    run("lab", "fail", "swap", "bj-nj", "xa-cd")
    verify(wrong=over("bj-nj", "xa-cd"))
    run("lab", "fail", "swap", "bj-nj", "xa-cd")

    # A wire is 10 ms longer than declared.
    declared_ns = json.loads(run("lab", "status").stdout)["links"]["cd-gz"]["aToZ"]["delay_ns"]
    run("lab", "fail", "delay", "cd-gz", f"{declared_ns + 10_000_000}ns")
    assert "round trip" in verify(wrong=over("cd-gz"))
    run("lab", "fail", "delay", "cd-gz", f"{declared_ns}ns")

    # A line that was deleted must carry nothing any more, and all else goes on.
    run("controller", "delete", "nimbus/bj-cd")
    verify()
    assert len(routes()) == 8


def _port_of(site):
    text = (ROOT / "topologies/lab-small.yaml").read_text()
    return re.search(rf"name: {site}, .*?port: (\d+)", text)[1]
