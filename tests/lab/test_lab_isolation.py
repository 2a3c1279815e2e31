"""A lab leaves nothing behind, however it ends. These tests run in namespaces themselves: "the machine" is those."""

import os
import signal
import subprocess
import sys

import pytest
from remains import assert_nothing_remains, children, command_line, descendants, snapshot
from waiting import wait_until

from lab import init
from lab.isolation import Isolated, run

pytestmark = pytest.mark.lab

TOPOLOGY = """
apiVersion: trunkline/v1
kind: Topology
metadata: {name: three}
spec:
  nodes:
    - {name: pe-a, role: pe, device: {driver: openflow, datapathId: "0000000000000001"}}
    - {name: p, role: p, device: {driver: openflow, datapathId: "0000000000000002"}}
    - {name: pe-z, role: pe, device: {driver: openflow, datapathId: "0000000000000003"}}
  links:
    - {name: a-p, a: pe-a, z: p, aPort: 1, zPort: 1, capacity: 100Mbps, delay: 2ms}
    - {name: p-z, a: p, z: pe-z, aPort: 2, zPort: 1, capacity: 100Mbps, delay: 2ms}
  sites:
    - {name: dc-a, node: pe-a, port: 11}
    - {name: dc-z, node: pe-z, port: 11}
"""


def test_what_stays_is_seen():
    before = snapshot()
    subprocess.run(["ip", "link", "add", "stays", "type", "veth", "peer", "name", "stays-too"], check=True)
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as stray:
        wait_until(lambda: snapshot()["namespaces"] > before["namespaces"], "another network namespace")
        wait_until(lambda: (stray.pid, "sleep\n") in snapshot()["processes"], "the program that lives there")
        after = snapshot()
        stray.kill()
    assert after["links"] - before["links"] == {"stays", "stays-too"}
    assert {name for _, name in after["processes"] - before["processes"]} == {"sleep\n"}


@pytest.fixture
def topology(tmp_path):
    file = tmp_path / "three.yaml"
    file.write_text(TOPOLOGY)
    return file


def lab_run(topology, *command):
    """``lab run`` as a process, in a session of its own as at a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "lab", "run", "-t", topology, "--", *command],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


VICTIMS = {
    "the command": lambda lab: lab.pid,
    "unshare": lambda lab: children(lab.pid)[0],
    "process 1": lambda lab: children(children(lab.pid)[0])[0],
    "the session": lambda lab: children(children(children(lab.pid)[0])[0])[0],
}

MOMENTS = {
    "its namespaces are made": lambda lines: any(init.__file__ in line for line in lines),
    "its session starts": lambda lines: any("lab.session" in line and init.__file__ not in line for line in lines),
    "its nodes are made": lambda lines: any("mininet:p" in line for line in lines),
    "its switches start": lambda lines: any("ovs-vswitchd" in line[:1] for line in lines),
    "it is up": lambda lines: ["sleep", "infinity", ""] in lines,
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_kill_9_at_any_moment_leaves_nothing(topology, victim):
    before = snapshot()
    for moment, reached in MOMENTS.items():
        lab = lab_run(topology, "sleep", "infinity")
        wait_until(has_come_to(reached, lab), moment)
        pid = wait_until(lambda lab=lab: find(lab, victim), victim)
        os.kill(pid, signal.SIGKILL)
        lab.wait()
        assert_nothing_remains(before)


def has_come_to(reached, lab):
    def condition():
        assert lab.poll() is None, "the lab ended by itself"
        return reached([command_line(pid) for pid in descendants(lab.pid)])

    return condition


def find(lab, victim):
    try:
        return VICTIMS[victim](lab)
    except IndexError:  # not there yet
        return None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("whom", ["the command alone", "all of the terminal"])
def test_ctrl_c_and_sigterm_leave_nothing(topology, number, whom):
    before = snapshot()
    lab = lab_run(topology, "sleep", "infinity")
    wait_until(has_come_to(MOMENTS["it is up"], lab), "the lab")
    if whom == "the command alone":
        lab.send_signal(number)
    else:
        os.killpg(lab.pid, number)
    assert lab.wait() != 0
    assert_nothing_remains(before)


def test_a_normal_end_leaves_nothing_and_answers_as_the_command_does(topology):
    before = snapshot()
    assert lab_run(topology, "sh", "-c", "exit 7").wait() == 7
    assert lab_run(topology, "sh", "-c", "kill -TERM $$").wait() == 128 + signal.SIGTERM
    assert_nothing_remains(before)


def test_the_time_limit_kills_everything():
    before = snapshot()
    # A command that will not end when asked to, and a daemon that left it.
    stubborn = "trap '' TERM INT HUP; setsid sh -c \"trap '' TERM HUP; sleep infinity\" & while :; do sleep 60; done"
    assert run(["sh", "-c", stubborn], limit_s=0.5) == init.EXIT_TIME_LIMIT
    assert_nothing_remains(before)


def test_whoever_outlives_the_command_is_killed():
    before = snapshot()
    assert run(["sh", "-c", "setsid sleep infinity & exit 0"], limit_s=30) == 0
    assert_nothing_remains(before)


def test_inside_is_apart_from_outside(tmp_path):
    (tmp_path / "shared").mkdir()
    script = f"""
        ip link add outside-or-in type veth peer name other-end
        echo private > /run/private; echo shared > {init.SHARED}/shared; echo temporary > $TMPDIR/temporary
        test $(ls /proc | grep -c '^[0-9]') -lt 10 && ip -o link show lo | grep -q UP
    """
    before = snapshot()
    with Isolated(["sh", "-ec", script], limit_s=30, shared=tmp_path / "shared") as isolated:
        assert isolated.wait() == 0
    shared = tmp_path / "shared" / "shared"
    assert shared.read_text() == "shared\n"
    shared.unlink()
    assert_nothing_remains(before)


def test_a_command_that_does_not_exist_is_said_so(topology):
    lab = subprocess.run(
        [sys.executable, "-m", "lab", "run", "-t", topology, "--", "no-such-command"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert lab.returncode == 1
    assert lab.stderr.startswith("no-such-command cannot be started")
    assert "Traceback" not in lab.stderr
