"""Traffic that is declared and not sent: counted exactly, by the rules of steering, as these change."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steered_pair import FAR, FAR_LABEL, NEAR, SITE, TOPOLOGY, S, rules, stream

from controller.domain.rules import Table
from controller.forwarding.packet import Packet, packet_in
from controller.simulation.network import Network
from controller.simulation.traffic import Traffic, Way


def network(*bulk, **more):
    made = Network(TOPOLOGY)
    steer(made, *bulk, **more)
    return made


def steer(made, *bulk, **more):
    made.traffic.before_change()
    for device, rule in rules(*bulk, **more):
        made.datapaths[device].tables.switch.set(rule)


def seen(made, node, table):
    """(match, packets, bytes) of all flows of a table that have seen anything."""
    made.traffic.settle()
    datapath = made.datapaths[node]
    flows = [rule for rule in datapath.tables.switch.rules.values() if getattr(rule, "table", None) is table]
    counted = [(rule.match, *datapath.seen(rule)[:2]) for rule in flows]
    return [counts for counts in counted if counts[1]]


def by_slice(made):
    return {match.source: packets for match, packets, _ in seen(made, "west", Table.STEER)}


@pytest.mark.parametrize(
    "ends", [{}, {"source": "fd00:44::700", "destination": "2001:db8:ff::7"}], ids=["IPv4", "IPv6"]
)
def test_packets_of_all_slices_are_counted_where_they_go(ends):
    made = network(*["near"] * 4, *["far"] * 12)
    made.traffic.declare([stream(source_bits=4, **ends)])
    [carried] = made.traffic.carried()
    assert (carried.fault, carried.out_bps) == ("", {NEAR: 2_000_000, FAR: 6_000_000})
    made.advance(2 * S)  # of 1,000 packets of 1,000 bytes a second
    assert sum(by_slice(made).values()) == 2_000
    [(match, packets, size)] = seen(made, "east", Table.DELIVER)
    assert (match.mpls_label, packets, size) == (FAR_LABEL, 1_500, 1_500 * (1_000 + 18))
    assert {packets for _, packets, _ in seen(made, "west", Table.ROUTE)} == {2_000}


def test_a_class_goes_its_own_way():
    made = network("far", gold="near")
    made.traffic.declare([stream(), stream(dscp=46)])
    assert [carried.out_bps for carried in made.traffic.carried()] == [{FAR: 8_000_000}, {NEAR: 8_000_000}]


def test_what_changes_counts_from_then_on():
    made = network("near")
    made.traffic.declare([stream()])
    made.advance(3 * S)
    steer(made, "far")
    made.advance(2 * S)
    # The flow is the same and counts on; what it does is another.
    assert by_slice(made) == {None: 5_000}
    assert [packets for _, packets, _ in seen(made, "east", Table.DELIVER)] == [2_000]
    made.links.set_up("over", False)
    made.advance(S)
    assert by_slice(made) == {None: 6_000}
    assert [packets for _, packets, _ in seen(made, "east", Table.DELIVER)] == [2_000]
    assert [carried.out_bps for carried in made.traffic.carried()] == [{}]
    made.links.set_up("over", True)
    made.links.plug(*SITE, False)
    made.advance(S)
    assert by_slice(made) == {None: 6_000}
    made.links.plug(*SITE, True)
    made.links.plug(*FAR, False)
    made.advance(S)
    assert by_slice(made) == {None: 7_000}
    assert [carried.out_bps for carried in made.traffic.carried()] == [{}]


def test_another_declaration_takes_the_place_of_the_one_before():
    made = network("near")
    made.traffic.declare([stream(), stream(16_000_000)])
    made.advance(S)
    made.traffic.declare([stream(800_000)])
    made.advance(S)
    assert by_slice(made) == {None: 3_100}
    made.traffic.declare([])
    made.advance(S)
    assert by_slice(made) == {None: 3_100}
    assert made.traffic.carried() == []


def test_lossy_links_lose_nothing_of_it_and_its_ways_are_only_followed_after_changes():
    followed = []
    counted = Counter()

    def follow(node, port, frame):
        followed.append(frame)
        return Way(flows=((node, "a flow", 10),), out=((node, 1),))

    now = [0]
    traffic = Traffic(follow, lambda node, flow, packets, size: counted.update({(node, flow): packets}), lambda: now[0])
    traffic.declare([stream(source_bits=2)])
    for _ in range(5):
        now[0] += S
        traffic.settle()
    assert len(followed) == 4
    for _ in range(3):  # a burst of changes: one look, at the next question
        traffic.before_change()
        now[0] += S
    traffic.settle()
    assert len(followed) == 8
    for _ in range(2):  # but one look more, if that comes much later
        traffic.before_change()
        now[0] += 10 * S
    traffic.settle()
    assert len(followed) == 16
    assert counted == {("west", "a flow"): 28_000}
    made = network("far")
    made.links.set_loss("over", 1.0)
    made.traffic.declare([stream()])
    assert [carried.out_bps for carried in made.traffic.carried()] == [{FAR: 8_000_000}]


@given(
    st.integers(1, 10**12),
    st.integers(54, 9_000),
    st.lists(st.tuples(st.integers(0, 10**10), st.booleans()), max_size=12),
)
def test_however_often_one_asks_not_a_packet_is_lost_or_invented(rate_bps, frame_bytes, steps):
    made = network("near")
    made.traffic.declare([stream(rate_bps, frame_bytes=frame_bytes)])
    elapsed_ns = 0
    for step_ns, change in steps:
        made.advance(step_ns)
        elapsed_ns += step_ns
        if change:
            steer(made, "near")
        packets = rate_bps * elapsed_ns // (8 * S * frame_bytes)
        assert seen(made, "west", Table.STEER) == (
            [(seen(made, "west", Table.STEER)[0][0], packets, packets * frame_bytes)] if packets else []
        )


def test_frames_that_are_sent_are_counted_like_those_that_are_not():
    made = network("far")
    [frame] = stream().frames()
    [outcome] = made.send([(*SITE, frame)])
    assert [(arrival.node, arrival.port) for arrival in outcome.arrivals] == [FAR]
    assert [counts[1:] for counts in seen(made, "west", Table.STEER)] == [(1, 1_000)]
    assert [counts[1:] for counts in seen(made, "east", Table.DELIVER)] == [(1, 1_018)]


def test_a_stream_is_of_packets_as_declared():
    made = stream(source="10.44.7.9", source_bits=2, dscp=46, frame_bytes=64)
    frames = list(made.frames())
    assert {len(frame) for frame in frames} == {64}
    network_part = int.from_bytes(bytes((10, 44, 7, 0)), "big")
    destination = int.from_bytes(bytes((198, 51, 100, 7)), "big")
    assert [packet_in(frame) for frame in frames] == [
        Packet(4, network_part + last, destination, 46) for last in (8, 9, 10, 11)
    ]
    v6 = stream(source="fd00:44::9", destination="2001:db8:ff::7")
    [packet] = map(packet_in, v6.frames())
    assert (packet.version, packet.source & 0xFFFF, packet.destination & 0xFFFF) == (6, 9, 7)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"source": "fd00::1"}, "not of one IP version"),
        ({"source": "10.0.0"}, "10.0.0"),
        ({"rate_bps": 0}, "0 bps"),
        ({"frame_bytes": 53}, "53 bytes"),
        ({"frame_bytes": 9_001}, "9001 bytes"),
        ({"dscp": 64}, "DSCP 64"),
        ({"source_bits": 9}, "9"),
    ],
)
def test_a_stream_that_cannot_be_is_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        stream(**wrong)
