"""``python -m lab`` as people and scripts use it."""

import json
import os
import signal
import subprocess
import sys

import pytest
from remains import assert_nothing_remains, snapshot
from test_lab_isolation import TOPOLOGY
from waiting import wait_until

from lab.control import ask
from lab.named import NamedLab

pytestmark = pytest.mark.lab


@pytest.fixture
def topology(tmp_path):
    file = tmp_path / "three.yaml"
    file.write_text(TOPOLOGY)
    return file


def lab(*words):
    return subprocess.run([sys.executable, "-m", "lab", *words], capture_output=True, text=True, check=False)


def succeeds(*words):
    done = lab(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refuses(*words):
    """What it says, in one line."""
    done = lab(*words)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_up_use_down(topology):
    before = snapshot()
    said = succeeds("up", "-t", topology)
    assert "lab default is up: three, 3 nodes, 2 links, 2 sites" in said
    assert "default is up already" in refuses("up", "-t", topology)

    sites = json.loads(succeeds("status"))["sites"]
    shown = json.loads(succeeds("exec", "--site", "dc-z", "--", "ip", "-j", "addr", "show", "eth0"))[0]
    assert shown["address"] == sites["dc-z"]["mac"]
    assert shown["addr_info"][0]["local"] == sites["dc-z"]["ip"]
    assert shown["mtu"] == 1600
    assert "eth11" in succeeds("exec", "--node", "pe-a", "--", "ip", "link")
    assert "br0" in succeeds("exec", "--", "ovs-vsctl", "--db=unix:/run/openvswitch/p/db.sock", "show")
    assert lab("exec", "--", "sh", "-c", "exit 5").returncode == 5
    assert "no such site: nowhere; it has dc-a, dc-z" in refuses("exec", "--site", "nowhere", "--", "true")

    succeeds("down")
    assert "lab default is not up" in refuses("down")
    before["files"].add("/run/trunkline-lab")  # the place itself stays
    assert_nothing_remains(before)


def test_faults(topology):
    succeeds("up", "--name", "harm", "-t", topology)

    def link(name):
        return json.loads(succeeds("status", "--name", "harm"))["links"][name]

    fail = ("fail", "--name", "harm")
    succeeds(*fail, "delay", "a-p", "30ms", "--direction", "zToA")
    succeeds(*fail, "rate", "a-p", "5Mbps")
    succeeds(*fail, "loss", "a-p", "0.5", "--direction", "aToZ")
    there, back = link("a-p")["aToZ"], link("a-p")["zToA"]
    assert (there["delay_ns"], back["delay_ns"]) == (2_000_000, 30_000_000)
    assert (there["rate_bps"], back["rate_bps"]) == (5_000_000, 5_000_000)
    assert (there["loss"], back["loss"]) == (0.5, 0.0)

    def port_1_of(node):
        return succeeds("exec", "--name", "harm", "--node", node, "--", "ip", "link", "show", "eth1")

    succeeds(*fail, "cut", "p-z")
    assert "NO-CARRIER" in port_1_of("pe-z")
    succeeds(*fail, "restore", "p-z")
    assert "NO-CARRIER" not in port_1_of("pe-z")
    succeeds(*fail, "swap", "a-p", "p-z")
    succeeds(*fail, "off", "p")
    assert json.loads(succeeds("status", "--name", "harm"))["nodes"]["p"]["running"] is False
    succeeds(*fail, "on", "p")
    assert json.loads(succeeds("status", "--name", "harm"))["nodes"]["p"]["running"] is True
    assert "no link nope; there are a-p, p-z" in refuses(*fail, "cut", "nope")
    assert "no node nope; there are pe-a, p, pe-z" in refuses(*fail, "off", "nope")
    assert lab(*fail, "delay", "a-p", "30").returncode == 2, "a bare number is no delay"
    succeeds("down", "--name", "harm")


def test_labs_of_different_names_stand_side_by_side(topology):
    succeeds("up", "--name", "one", "-t", topology)
    succeeds("up", "--name", "two", "-t", topology)
    succeeds("down", "--name", "one")
    assert json.loads(succeeds("status", "--name", "two"))["topology"] == "three"
    succeeds("down", "--name", "two")


def test_a_killed_lab_is_recognised_and_cleared_away(topology):
    before = snapshot()
    succeeds("up", "-t", topology)
    named = NamedLab("default")
    os.kill(named.pid(), signal.SIGKILL)
    wait_until(lambda: lab("status").returncode == 1, "the lab gone")
    assert "is not up" in refuses("down")
    assert named.directory.exists()
    assert "no lab answers" in refuses("status")
    succeeds("up", "-t", topology)
    succeeds("down")
    before["files"].add("/run/trunkline-lab")
    assert_nothing_remains(before)


def test_a_time_limit_ends_a_lab_in_the_background(topology):
    succeeds("up", "-t", topology, "--limit", "20")
    wait_until(lambda: lab("status").returncode == 1, "the lab gone")
    assert "killed at its time limit" in NamedLab("default").log.read_text()


def test_what_is_wrong_is_said_and_leaves_nothing(topology, tmp_path):
    before = snapshot()
    large = tmp_path / "large.yaml"
    large.write_text(TOPOLOGY.replace("100Mbps", "100Gbps"))
    before["files"].add(str(large))
    before["files"].add("/run/trunkline-lab")
    said = lab("up", "-t", large)
    assert said.returncode == 1
    assert "link a-p: 100Gbps is more than a lab carries" in said.stderr
    assert "Traceback" not in said.stderr
    assert "no-such-program cannot be started" in refuses("up", "-t", topology, "--controller", "no-such-program")
    assert "did not start: too tired" in refuses("up", "-t", topology, "--controller", "sh -c 'echo too tired; exit 3'")
    assert "not a name for a lab" in refuses("up", "-t", topology, "--name", "../evil")
    assert lab("up", "-t", tmp_path / "none.yaml").returncode == 2
    assert_nothing_remains(before)


CONTROLLER = """
import socket, sys
listeners = [socket.socket(socket.AF_UNIX) for _ in range(2)]
for listener, name in zip(listeners, ("openflow.sock", "api.sock")):
    listener.bind("/run/trunkline/" + name)
    listener.listen()
while True:
    connection, _ = listeners[0].accept()
    if connection.recv(1) == bytes([4]):
        print("hello", flush=True)
"""


def test_a_controller_runs_inside_and_the_switches_find_it(topology, tmp_path):
    program = tmp_path / "controller.py"
    program.write_text(CONTROLLER)
    # The directory of this test is hidden inside (it is below /run): the program is handed over as text.
    succeeds("up", "-t", topology, "--controller", f"{sys.executable} -c '{CONTROLLER}'")
    directory = NamedLab("default").directory
    wait_until(lambda: (directory / "controller.log").read_text().count("hello") >= 3, "every switch says hello")
    assert (directory / "api.sock").is_socket()
    succeeds("down")


def test_a_request_that_makes_no_sense_is_answered(topology):
    succeeds("up", "-t", topology)
    control = NamedLab("default").control_socket
    for act, arguments, answer in (
        ("dance", {}, "does not know 'dance'"),
        ("cut", {}, "cut: .*name"),
        ("delay", {"name": "a-p", "delay_ns": -5}, "negative"),
        ("delay", {"name": "a-p", "delay_ns": "soon"}, "delay"),
        ("loss", {"name": "a-p", "loss": 0.1, "direction": "up"}, "not a valid Direction"),
    ):
        with pytest.raises(Exception, match=answer):
            ask(control, act, **arguments)
    assert ask(control, "describe")["topology"] == "three"
    succeeds("down")
