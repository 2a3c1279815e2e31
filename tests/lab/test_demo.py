"""``make demo``: all lines of the backbone at once, over Open vSwitch, as planned."""

import subprocess
import sys

import pytest

from controller.documents import load_intents, load_topology
from lab.demo import INTENTS, TOPOLOGY


@pytest.mark.lab(limit_s=300)
def test_every_line_of_the_demo_is_as_planned():
    lines, switches = len(load_intents(INTENTS)), len(load_topology(TOPOLOGY).nodes)
    assert (lines, switches) == (15, 31)
    command = [sys.executable, "-m", "lab", "demo", "--seconds", "3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{lines} lines applied" in done.stdout
    assert f"{lines} of {lines} lines as planned" in done.stdout
    assert "0 are left" in done.stdout
