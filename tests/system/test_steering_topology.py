"""A controller that starts with other gateways, sites or next hops than those by which traffic was steered."""

from __future__ import annotations

import signal

import pytest
from running.kill_points import COMMIT_POINT
from running.processes import until
from running.simulated import simulated
from running.steered import (
    FROM_A,
    FROM_Z,
    STREAMS,
    THREE_GATEWAYS,
    all_comes_out,
    check_traffic,
    cycles,
    told,
    until_steered,
)

from controller.documents import load_topology


@pytest.fixture
def net(processes):
    with simulated(processes, THREE_GATEWAYS) as made:
        made.start()
        made.apply(FROM_A, FROM_Z)
        made.switches.declare_traffic(STREAMS)
        until_steered(made)
        made.until_right()
        check_traffic(made)
        yield made


def change_topology(net, *, without=(), without_node="", replacing=()):
    """What the next controller starts with: the sections of these names are gone, a node with its links is, and words
    are others."""
    text = THREE_GATEWAYS.read_text()
    for name in without:
        before, _, section = text.partition(f"    - name: {name}\n")
        lines = section.splitlines(keepends=True)
        while lines and lines[0].startswith("      "):
            del lines[0]
        text = before + "".join(lines)
    if without_node:
        text = "".join(one for one in text.splitlines(keepends=True) if f": {without_node}," not in one)
    for old, new in replacing:
        assert text.count(old) == 1
        text = text.replace(old, new)
    net.topology_file = net.directory / "topology.yaml"
    net.topology_file.write_text(text)
    net.topology = load_topology(net.topology_file)


def until_all_is_well(net, *, not_by=()):
    """With switches that hold what follows from what is on disk and nothing of the old topology."""
    until_steered_again(net)
    until(lambda: all_comes_out(net, not_by=not_by), lambda: (net.switches.traffic(), cycles(net)[-3:]))
    net.until_right()
    check_traffic(net, not_by=not_by)


def until_steered_again(net):
    """The first cycle has ended."""
    until(lambda: cycles(net), "the first cycle")


def test_a_gateway_that_is_gone_gets_nothing(net):
    net.end()
    change_topology(net, without=["igw-n"])
    net.start()
    until_all_is_well(net, not_by=["igw-n"])
    assert {edge.name for edge in net.saved().steering.edges} == {"igw-m", "igw-s", "prov-a", "prov-z"}


def test_a_new_next_hop_is_told(net):
    net.end()
    change_topology(net, replacing=[("02:00:00:00:21:01", "02:00:00:00:99:99")])
    assert "02:00:00:00:99:99" not in str(net.tables())
    net.start()
    until_all_is_well(net)
    words = str(net.tables())
    assert "02:00:00:00:99:99" in words
    assert "02:00:00:00:21:01" not in words


def test_a_site_that_is_gone_leaves_nothing_behind(net):
    net.end()
    change_topology(net, without=["prov-z"])
    net.start()
    until_steered_again(net)
    saved = net.until_right()
    assert {entry.source for entry in saved.steering.entries} == {"pe-a"}
    (from_a, from_z, _) = net.switches.traffic()
    assert sum(from_a.out_bps.values()) == STREAMS[0].rate_bps
    assert not from_z.out_bps


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_change_that_was_cut_off_ends_under_a_topology_without_its_gateway(net, moment):
    net.restart(kill_points={"request_id": "", "kill": (COMMIT_POINT, moment)})
    until_steered_again(net)
    told(net, "drain", "gateway", "igw-n")
    assert net.ended() == -signal.SIGKILL
    assert net.saved().unfinished
    change_topology(net, without=["igw-n"])
    net.start()
    until_all_is_well(net, not_by=["igw-n"])


def test_a_change_that_was_cut_off_on_a_device_that_is_gone_needs_the_earlier_topology_once_more(net):
    net.restart(kill_points={"request_id": "", "kill": (COMMIT_POINT, "after")})
    until_steered_again(net)
    net.switches.set_link("s-z", up=False)  # a way to igw-s goes, and rules on p-s with it
    assert net.ended() == -signal.SIGKILL
    assert "p-s" in {part.device for change in net.saved().unfinished for part in change.rounds}
    earlier, said = net.topology_file, len(net.log.read_text())
    change_topology(net, without=["igw-s"], without_node="p-s")
    net.launch()
    assert net.ended() == 1
    words = "a change of where internet traffic leaves was cut off and must be finished"
    assert words in net.log.read_text()[said:]
    later, net.topology_file = net.topology_file, earlier
    net.start()
    until_steered_again(net)
    net.end()
    net.topology_file = later
    net.start()
    until(lambda: all_comes_out(net, not_by=["igw-s"]), lambda: (net.switches.traffic(), cycles(net)[-3:]))
    assert net.saved().unfinished == ()
