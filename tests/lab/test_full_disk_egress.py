"""The state file's disk has not a byte left, and a gateway is lost: its traffic leaves elsewhere all the same."""

from __future__ import annotations

import subprocess

import pytest
from running.lines import line
from running.processes import Processes, until
from running.simulated import simulated
from running.steered import FROM_A, FROM_Z, STREAMS, THREE_GATEWAYS, all_comes_out, check_traffic, cycles, until_steered

from controller.wire.errors import RemoteError

LINE = line("one", "a1", "z1")


@pytest.fixture
def net():
    """Traffic of two provinces, some of which leaves by igw-n; the state file is on a small disk of its own."""
    with Processes() as processes, simulated(processes, THREE_GATEWAYS) as made:
        disk = made.directory / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], check=True)
        try:
            made.state = disk / "state.db"
            made.start()
            made.apply(FROM_A, FROM_Z)
            made.switches.declare_traffic(STREAMS)
            until_steered(made)
            yield made
        finally:
            subprocess.run(["umount", "-l", disk], check=True)


def fill(net):
    """Take all room that is left; returns what takes it."""
    filler = net.state.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return filler


def refused(net, *lines):
    with pytest.raises(RemoteError) as found:
        net.apply(*lines)
    return found.value.reason


@pytest.mark.lab
def test_a_lost_gateway_is_left_although_the_disk_is_full(net):
    filler = fill(net)
    assert refused(net, LINE) == "STATE_UNAVAILABLE"
    net.switches.plug(gateway="igw-n", plugged=False)
    until(lambda: all_comes_out(net, not_by=["igw-n"]), lambda: cycles(net)[-3:])
    assert refused(net, LINE) == "STATE_UNAVAILABLE"  # what room came of it is not for lines
    net.switches.plug(gateway="igw-m", plugged=False)
    until(lambda: all_comes_out(net, not_by=["igw-n", "igw-m"]), lambda: cycles(net)[-3:])
    net.restart()
    until(lambda: all_comes_out(net, not_by=["igw-n", "igw-m"]), lambda: (net.switches.traffic(), cycles(net)[-3:]))
    filler.unlink()
    net.switches.plug(gateway="igw-n", plugged=True)
    net.apply(LINE)
    net.until_right()
    net.check_frames([LINE])
    check_traffic(net, not_by=["igw-m"])
