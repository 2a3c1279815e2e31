"""``make demo``: all lines of the backbone at once, over Open vSwitch, as planned."""

import subprocess
import sys

import pytest

from controller.documents import load_intents, load_topology
from lab.demo import INTENTS, TOPOLOGY


@pytest.mark.lab(netconf=True, alone=True)
def test_every_line_of_the_demo_is_as_planned():
    lines, nodes = len(load_intents(INTENTS)), len(load_topology(TOPOLOGY).nodes)
    assert (lines, nodes) == (20, 43)
    command = [sys.executable, "-m", "lab", "demo", "--seconds", "3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{lines} lines applied" in done.stdout
    assert f"{lines} of {lines} lines as planned" in done.stdout
    assert "0 are left" in done.stdout
    # Behind it traffic abroad, before and after a gateway is cut off.
    assert "5 policies applied" in done.stdout
    assert "igw-ur cut off" in done.stdout
    assert done.stdout.count("12 of 12 sources' traffic abroad as planned") == 2
    # The line that needs the longest circuit: one cross-connect a node, with a client port at either end.
    route = ("otn-bj", "otn-zz", "otn-wh", "otn-cs", "otn-gz")
    table = done.stdout[done.stdout.index("port: slots") :].splitlines()
    first = next(row for row, text in enumerate(table) if "nimbus/bj-gz" in text)
    for node, text in zip(route, table[first:], strict=False):
        assert node in text
    assert "client 1" in table[first]
    assert "client 1" in table[first + len(route) - 1]
