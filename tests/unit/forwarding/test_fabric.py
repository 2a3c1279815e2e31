from __future__ import annotations

import pytest

from controller.domain.rules import FlowRule, Match, Output, SetTrunk, Table, Wrap
from controller.domain.topology import Direction, Link, Node, PerDirection, Role, Topology
from controller.forwarding.fabric import Fabric, ForwardingLoop
from controller.forwarding.switch import Switch

FRAME = bytes.fromhex("020000000b01" + "020000000a01" + "0800").ljust(60, b"x")


def link(name, a, z, a_port, z_port, there_us, back_us):
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=a_port,
        z_port=z_port,
        capacity_bps=PerDirection.both(10**9),
        delay_ns=PerDirection(there_us * 1_000, back_us * 1_000),
    )


# Two parallel links from west to east, then one to south.
TOPOLOGY = Topology(
    name="chain",
    nodes=tuple(Node(name=name, role=Role.PE) for name in ("west", "east", "south")),
    links=(
        link("one", "west", "east", 1, 1, 10, 20),
        link("two", "west", "east", 2, 2, 30, 40),
        link("last", "south", "east", 1, 3, 100, 200),
    ),
    hop_delay_ns=7,
)


def through(ports):
    """A switch that does this with what comes in at a port: an action, or the number of a port to send it out of."""
    return Switch(
        FlowRule(
            cookie=1,
            table=Table.CLASSIFY,
            priority=1,
            match=Match(in_port=port),
            actions=tuple(Output(out) if isinstance(out, int) else out for out in outs),
        )
        for port, outs in ports.items()
    )


def fabric(west, east, south, **more):
    switches = {"west": through(west), "east": through(east), "south": through(south)}
    return Fabric(TOPOLOGY, switches, **more)


def test_a_frame_takes_the_delay_of_each_link_in_its_direction_and_of_each_hop():
    joined = fabric({9: [2], 2: [9]}, {2: [3], 3: [2]}, {1: [9], 9: [1]})
    (there,) = joined.send("west", 9, FRAME)
    assert (there.node, there.port, there.frame, there.nodes) == ("south", 9, FRAME, ("west", "east", "south"))
    assert there.delay_ns == 30_000 + 200_000 + 2 * 7
    (back,) = joined.send("south", 9, FRAME)
    assert (back.node, back.delay_ns) == ("west", 100_000 + 40_000 + 2 * 7)


def test_delays_can_be_told_and_a_link_that_is_down_carries_nothing():
    down = set()
    joined = fabric(
        {9: [1]},
        {1: [3]},
        {1: [9]},
        link_up=lambda link: link.name not in down,
        delay_ns=lambda link, direction: 5 if direction is Direction.A_TO_Z else 60,
    )
    assert [arrival.delay_ns for arrival in joined.send("west", 9, FRAME)] == [5 + 60 + 14]
    down.add("last")
    assert joined.send("west", 9, FRAME) == []


def test_copies_all_arrive():
    joined = fabric({9: [1, 2, 8]}, {1: [9], 2: [9]}, {})
    arrivals = joined.send("west", 9, FRAME)
    assert sorted((at.node, at.port, at.delay_ns) for at in arrivals) == [
        ("east", 9, 10_007),
        ("east", 9, 30_007),
        ("west", 8, 0),
    ]


def test_a_loop_is_found():
    joined = fabric({9: [1], 2: [1]}, {1: [2]}, {})
    with pytest.raises(ForwardingLoop, match="west"):
        joined.send("west", 9, FRAME)


def test_a_loop_in_which_the_frame_grows_is_found():
    joined = fabric({9: [1], 2: [Wrap(5, shim=True), 1]}, {1: [2]}, {})
    with pytest.raises(ForwardingLoop):
        joined.send("west", 9, FRAME)


def test_a_frame_may_come_by_the_same_place_as_another_one():
    """Not a loop: from the second time on it is labelled, and leaves."""
    joined = fabric({9: [1], 2: [9]}, {1: [Wrap(5), SetTrunk(9), 2]}, {})
    (arrival,) = joined.send("west", 9, FRAME)
    assert (arrival.node, arrival.nodes) == ("west", ("west", "east", "west"))


def test_meters_see_when_a_frame_comes_by():
    seen = []

    class Watching(Switch):
        def receive(self, in_port, frame, now_ns=None, *watchers):
            seen.append(now_ns)
            return super().receive(in_port, frame, now_ns, *watchers)

    through_east = Watching(through({1: [9]}).rules.values())
    joined = Fabric(TOPOLOGY, {"west": through({9: [1]}), "east": through_east, "south": through({})})
    joined.send("west", 9, FRAME, now_ns=1_000_000)
    joined.send("west", 9, FRAME)
    assert seen == [1_000_000 + 10_007, None]


def test_each_flow_that_a_frame_meets_is_told_with_its_node():
    joined = Fabric(TOPOLOGY, {"west": through({9: [1]}), "east": through({1: [9]}), "south": through({})})
    met = []
    joined.send("west", 9, FRAME, on_match=lambda *what: met.append(what))
    assert [(node, rule.match.in_port, size) for node, rule, size in met] == [
        ("west", 9, len(FRAME)),
        ("east", 1, len(FRAME)),
    ]
