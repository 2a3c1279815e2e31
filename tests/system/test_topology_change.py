"""A controller that is started with another topology file than the one before."""

from __future__ import annotations

import signal

import pytest
from running.controllers import RING
from running.kill_points import COMMIT_POINT
from running.lines import line

from controller.documents import load_topology
from controller.domain.rules import FlowRule

NORTH = line("north", "a1.100", "z1.200")
ALSO_NORTH = line("also-north", "a1.101", "z1.101")
SOUTH = line("south", "a2", "z2", avoid=["p-n"])
LINK_N_Z = "    - {name: n-z, a: p-n, z: pe-z, aPort: 2, zPort: 1, capacity: 100Mbps, delay: 3ms}\n"


@pytest.fixture
def lines(net):
    net.apply(NORTH, ALSO_NORTH, SOUTH)
    return net


def use(net, **replaced):
    """From the next start on, the ring with these texts replaced, given as pairs."""
    text = RING.read_text()
    for before, after in replaced.values():
        assert before in text
        text = text.replace(before, after)
    net.topology_file = net.directory / "topology.yaml"
    net.topology_file.write_text(text)
    net.topology = load_topology(net.topology_file)


def use_the_ring(net):
    net.topology_file = RING
    net.topology = load_topology(RING)


def refused(net, *more):
    """What a start says that comes to nothing."""
    told_before = len(net.log.read_text())
    net.launch(*more)
    assert net.ended() == 1
    return net.log.read_text()[told_before:]


def test_a_topology_that_strands_lines_is_refused_with_a_list_and_nothing_changes(lines):
    tables = lines.tables()
    assert lines.end(signal.SIGTERM) == 0
    saved = lines.saved()
    use(lines, gone=(LINK_N_Z, ""))
    told = refused(lines)
    assert "strands 2 of 3 private lines" in told
    for name in ("north", "also-north"):
        assert f"  PrivateLine acme/{name}: link n-z is gone [NO_PATH]" in told
    assert "acme/south" not in told
    assert "--force" in told
    assert lines.saved() == saved
    use_the_ring(lines)
    lines.start()
    lines.until_right()
    lines.until_all_take_part()
    assert lines.tables() == tables
    assert set(lines.active()) == {"north", "also-north", "south"}


def test_with_force_stranded_lines_fail_and_leave_nothing_behind(lines):
    lines.end()
    use(lines, gone=(LINK_N_Z, ""))
    lines.start("--force")
    saved = lines.until_right()
    assert [placed.line.name for placed in saved.placed] == ["south"]
    assert set(lines.ledger()) == {(name, way) for name in ("a-s", "s-z") for way in ("aToZ", "zToA")}
    for name in ("north", "also-north"):
        status = lines.intents()[name].status
        assert (lines.states()[name][0], status.reason) == ("FAILED", "NO_PATH")
        assert status.message == "the topology was changed: link n-z is gone"
        assert not status.paths
    lines.check_frames([SOUTH], silent=[NORTH, ALSO_NORTH])
    # It is over with that: the next start needs no force, and the lines can be applied anew.
    lines.restart()
    lines.apply(NORTH, ALSO_NORTH)
    lines.until_right()
    lines.check_frames([NORTH, ALSO_NORTH, SOUTH])
    assert lines.intents()["north"].status.paths[0].links == ["a-s", "s-z"]


def test_lines_stay_where_a_smaller_link_has_room_for_some(lines):
    lines.end()
    use(lines, smaller=("zPort: 1, capacity: 100Mbps, delay: 3ms", "zPort: 1, capacity: 7Mbps, delay: 3ms"))
    told = refused(lines)
    assert "strands 1 of 3 private lines" in told
    assert "acme/north: link n-z has 3Mbps left aToZ now, the line holds 4Mbps" in told
    lines.start("--force")
    lines.until_right()
    assert set(lines.active()) == {"also-north", "south"}
    lines.check_frames([ALSO_NORTH, SOUTH], silent=[NORTH])


def test_a_node_that_is_taken_out_is_cleaned_when_it_returns(lines):
    lines.end()
    node = '    - {name: p-n, role: p, region: north, device: {driver: openflow, datapathId: "0000000000000002"}}\n'
    link = "    - {name: a-n, a: pe-a, z: p-n, aPort: 1, zPort: 1, capacity: 100Mbps, delay: 2ms}\n"
    use(lines, node=(node, ""), link=(link, ""), other=(LINK_N_Z, ""))
    assert "node p-n is gone" in refused(lines)
    lines.start("--force")
    lines.until_right()
    assert lines.switches.tables("p-n") != []  # out of reach
    lines.end()
    use_the_ring(lines)
    lines.start()
    lines.until_right()
    assert set(lines.active()) == {"south"}


def test_a_head_end_that_is_taken_out_is_cleaned_of_meters_and_groups_when_it_returns(lines):
    lines.end()
    use(lines, gone=('region: west, device: {driver: openflow, datapathId: "0000000000000001"}', "region: west"))
    assert "node pe-a is no OpenFlow switch any more" in refused(lines)
    lines.start("--force")
    assert {left.device for left in lines.saved().leftovers} >= {"pe-a"}
    assert not any(isinstance(left.rule, FlowRule) for left in lines.saved().leftovers)
    assert lines.active() == {}
    lines.end()
    use_the_ring(lines)
    lines.start()
    lines.until_right()
    assert lines.tables() == {name: [] for name in lines.topology.node}


def test_ports_may_change_and_rules_follow(lines):
    lines.end()
    use(
        lines,
        link=("aPort: 2, zPort: 1, capacity: 100Mbps, delay: 3ms", "aPort: 7, zPort: 8, capacity: 100Mbps, delay: 3ms"),
        site=("{name: z2, node: pe-z, port: 12}", "{name: z2, node: pe-z, port: 19}"),
    )
    lines.start()
    lines.until_right()
    assert set(lines.active()) == {"north", "also-north", "south"}


def test_a_change_that_was_cut_off_is_finished_with_the_topology_it_was_made_for(net):
    net.apply(NORTH)
    request = "the-one-to-die"
    net.restart(kill_points={"request_id": request, "kill": [COMMIT_POINT, "after"]})
    net.until_all_take_part()
    with pytest.raises(Exception, match="UNAVAILABLE"):
        net.apply(ALSO_NORTH, request_id=request)
    net.ended()
    use(net, gone=(LINK_N_Z, ""))
    for more in ((), ("--force",)):
        told = refused(net, *more)
        assert "a change of PrivateLine acme/also-north was cut off" in told
        assert "start once with the earlier file" in told
    use_the_ring(net)
    net.start()
    net.until_right()
    assert set(net.active()) == {"north", "also-north"}


def test_a_line_over_a_node_without_a_switch_is_refused(net):
    net.end()
    use(net, gone=('region: north, device: {driver: openflow, datapathId: "0000000000000002"}', "region: north"))
    net.start()
    with pytest.raises(Exception, match="p-n: has no device by the topology") as caught:
        net.apply(NORTH)
    assert caught.value.reason == "DEVICE_UNREACHABLE"
    assert net.states() == {}
    net.apply(SOUTH)
    assert set(net.active()) == {"south"}
