"""Frames in virtual time, through rules that the compiler made: what arrives, where, when, and how much."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_lab import EPL, EVPL, MBPS, MS, planned, ring

from controller.domain.rules import (
    Bucket,
    FlowRule,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Output,
    RuleKey,
    Table,
    UseGroup,
)
from controller.domain.topology import PerDirection
from controller.simulation.flood import Flood, FloodRun
from controller.simulation.network import Network

UNTAGGED = bytes.fromhex("020000000002 020000000001 0800") + bytes(range(50))
LLDP = bytes.fromhex("0180c200000e 020000000001 88cc") + bytes(46)
MPLS = bytes.fromhex("020000000002 020000000001 8847 003e9140 003ea140") + bytes(60)
LONG = bytes.fromhex("020000000002 020000000001 86dd") + bytes(index % 251 for index in range(1500))


def tagged(vid, frame=UNTAGGED, pcp=0):
    return frame[:12] + struct.pack("!HH", 0x8100, pcp << 13 | vid) + frame[12:]


QINQ = tagged(7, tagged(8, pcp=5), pcp=3)


def network_with(*lines):
    topology = ring()
    planner, _ = planned(topology, *lines)
    network = Network(topology)
    for node, rules in planner.desired.items():
        for rule in rules.values():
            network.datapaths[node].tables.switch.set(rule)
    return network


def send(network, site, *frames):
    return network.send([(*network.port_of(site), frame) for frame in frames])


def arrivals(outcomes):
    """(site, frame, one-way delay) of all that arrived."""
    return [("" if a is None else a, f, d) for a, f, d in _flat(outcomes)]


def _flat(outcomes):
    for outcome in outcomes:
        assert outcome.fault == ""
        for arrival in outcome.arrivals:
            place = (arrival.node, arrival.port)
            yield SITES.get(place), arrival.frame, arrival.delay_ns


SITES = {(site.node, site.port): site.name for site in ring().sites}


@pytest.mark.parametrize("frame", [UNTAGGED, tagged(100), QINQ, LLDP, MPLS, LONG])
def test_an_epl_carries_every_frame_unchanged_at_the_planned_delay(frame):
    network = network_with(EPL, EVPL)
    assert arrivals(send(network, "a1", frame)) == [("z1", frame, 7 * MS + 2000)]
    assert arrivals(send(network, "z1", frame)) == [("a1", frame, 8 * MS + 2000)]


def test_an_evpl_carries_its_vlan_and_nothing_else():
    network = network_with(EPL, EVPL)
    inside = tagged(100, QINQ, pcp=6)
    assert arrivals(send(network, "a2", inside)) == [("z2", tagged(200, QINQ, pcp=6), 7 * MS + 2000)]
    assert arrivals(send(network, "a2", UNTAGGED, tagged(200), tagged(7, tagged(100)))) == []
    assert network.counters["frames lost"] == 3


def test_the_clock_stands_at_the_last_arrival():
    network = network_with(EPL)
    outcomes = network.send([(*network.port_of("a1"), UNTAGGED)] * 3, interval_ns=1000)
    assert [outcome.entered_ns for outcome in outcomes] == [0, 1000, 2000]
    assert network.now_ns == 2000 + 7 * MS + 2000


def test_links_are_cut_repaired_slowed_and_made_lossy():
    network = network_with(EPL)
    assert network.links.set_up("1-n", False)
    assert not network.links.set_up("1-n", False)
    assert arrivals(send(network, "a1", UNTAGGED)) == []
    assert [port.number for port in network.datapaths["pe-1"].ports if not port.up] == [1]
    assert network.links.set_up("1-n", True)
    network.links.set_delay("1-n", PerDirection(13 * MS, 3 * MS))
    [(_, _, out_ns)] = arrivals(send(network, "a1", UNTAGGED))
    [(_, _, back_ns)] = arrivals(send(network, "z1", UNTAGGED))
    assert (out_ns, back_ns) == (17 * MS + 2000, 8 * MS + 2000)
    network.links.set_loss("n-2", 0.25)
    arrived = len(arrivals(network.send([(*network.port_of("a1"), UNTAGGED)] * 1000)))
    assert 690 <= arrived <= 810  # four standard deviations of a fair coin of that weight


@pytest.mark.parametrize("change", [lambda links: links.set_loss("1-n", 1.5), lambda n: n.set_delay("1-n", (-1, 0))])
def test_a_link_that_cannot_be_is_refused(change):
    with pytest.raises(ValueError, match="1-n"):
        change(network_with().links)


def test_a_loop_is_told_and_does_not_hang():
    network = network_with()
    round_and_round = (("p-n", 1, 2), ("pe-2", 1, 2), ("p-s", 2, 1), ("pe-1", 2, 1))
    for node, in_port, out_port in (("pe-1", 11, 1), *round_and_round):
        rule = FlowRule(
            cookie=0, table=Table.CLASSIFY, priority=1, match=Match(in_port=in_port), actions=(Output(out_port),)
        )
        network.datapaths[node].tables.switch.set(rule)
    [outcome] = send(network, "a1", UNTAGGED)
    assert outcome.arrivals == ()
    assert "sees the same frame again" in outcome.fault


def test_a_fast_failover_group_follows_its_ports():
    network = network_with()
    buckets = tuple(Bucket(actions=(Output(port),), watch_port=port) for port in (1, 2))
    for node, rule in (
        ("pe-1", GroupRule(group_id=1, kind=GroupKind.FAST_FAILOVER, buckets=buckets)),
        ("p-n", FlowRule(cookie=0, table=Table.CLASSIFY, priority=1, match=Match(in_port=1), actions=(Output(9),))),
        ("p-s", FlowRule(cookie=0, table=Table.CLASSIFY, priority=1, match=Match(in_port=1), actions=(Output(9),))),
    ):
        network.datapaths[node].tables.switch.set(rule)
    into = FlowRule(cookie=0, table=Table.CLASSIFY, priority=1, match=Match(in_port=11), actions=(UseGroup(1),))
    network.datapaths["pe-1"].tables.switch.set(into)
    [before] = send(network, "a1", UNTAGGED)
    network.links.set_up("1-n", False)
    [after] = send(network, "a1", UNTAGGED)
    assert [outcome.arrivals[0].node for outcome in (before, after)] == ["p-n", "p-s"]


def flood(network, duration_ns, drain_ns, *floods, step=100):
    wanted = []
    for site, frame, rate_bps in floods:
        node, port = network.port_of(site)
        wanted.append(Flood(node=node, port=port, frame=frame, rate_bps=rate_bps))
    run = FloodRun(network, wanted, duration_ns, drain_ns)
    while run.step(step):
        pass
    return run.tallies


@given(st.integers(100, 30_000), st.integers(25, 2000), st.integers(60, 1514), st.integers(1, 300))
def test_a_meter_lets_through_its_rate_and_once_its_burst(rate_kbps, burst_kbits, frame_bytes, more_tenths_percent):
    """Offered more than its rate, a meter drops nothing yet, or delivers rate x time + burst to within two frames: the
    one that the bucket is short of at the last drop, and the one that is due next at the end."""
    network = network_with(EPL)
    switch = network.datapaths["pe-1"].tables.switch
    meter_id = next(rule.meter_id for rule in switch.rules.values() if isinstance(rule, MeterRule))
    switch.set(MeterRule(meter_id=meter_id, rate_kbps=rate_kbps, burst_kbits=burst_kbits))
    frame_bits = frame_bytes * 8
    duration_ns = 300 * frame_bits * 10**6 // rate_kbps
    [tally] = flood(network, duration_ns, 10**9, ("a1", bytes(frame_bytes), rate_kbps * (1000 + more_tenths_percent)))
    delivered_bits = tally.arrived_bytes[network.port_of("z1")] * 8
    allowed_bits = rate_kbps * duration_ns / 10**6 + burst_kbits * 1000
    assert tally.sent_frames >= 300
    if delivered_bits != tally.sent_frames * frame_bits:
        assert allowed_bits - 2 * frame_bits <= delivered_bits <= allowed_bits


def test_floods_at_the_same_time_do_not_share_their_meters():
    network = network_with(EPL, EVPL)
    second = 10**9
    whole, vlan = flood(network, second, second, ("a1", LONG, 12 * MBPS), ("a2", tagged(100, LONG), 6 * MBPS), step=7)
    # A burst of half a second of the rate, and a second of it; the offer is exactly that much.
    assert whole.arrived_bytes[network.port_of("z1")] * 8 == pytest.approx(12 * MBPS, rel=0.01)
    assert vlan.arrived_bytes[network.port_of("z2")] * 8 == pytest.approx(6 * MBPS, rel=0.01)
    again, _ = flood(network, second, second, ("a1", LONG, 12 * MBPS), ("a2", tagged(100, LONG), 6 * MBPS))
    assert again.arrived_bytes[network.port_of("z1")] * 8 == pytest.approx(12 * MBPS, rel=0.01)
    third, _ = flood(network, second, 0, ("a1", LONG, 24 * MBPS), ("a2", tagged(7, LONG), 6 * MBPS))
    assert third.arrived_bytes[network.port_of("z1")] * 8 == pytest.approx(12 * MBPS, rel=0.02)


def test_what_arrives_after_the_drain_is_not_counted():
    network = network_with(EPL)
    [tally] = flood(network, 10 * MS, 0, ("a1", LONG, 1514 * 8 * 1000))
    assert tally.sent_frames == 10
    assert tally.arrived_frames[network.port_of("z1")] == 3  # those of the first 10 - 7.002 ms
    assert network.now_ns == 10 * MS


def test_a_node_without_openflow_swallows_what_reaches_it():
    topology = ring()
    nodes = tuple(replace(node, device=None) if node.name == "p-n" else node for node in topology.nodes)
    network = Network(replace(topology, nodes=nodes))
    out = FlowRule(cookie=0, table=Table.CLASSIFY, priority=1, match=Match(in_port=11), actions=(Output(1),))
    network.datapaths["pe-1"].tables.switch.set(out)
    assert "p-n" not in network.datapaths
    assert arrivals(send(network, "a1", UNTAGGED)) == []


def test_a_restart_forgets_rules_and_the_network_notices():
    network = network_with(EPL)
    network.datapaths["p-n"].restart()
    assert arrivals(send(network, "a1", UNTAGGED)) == []
    assert RuleKey("meter", (1,)) in network.datapaths["pe-1"].tables.switch.rules


def test_nothing_enters_or_leaves_by_a_port_where_nobody_is():
    network = network_with(EPL)
    for site in ("a1", "z1"):
        node, port = network.port_of(site)
        assert network.links.plug(node, port, False)
        assert not network.links.plug(node, port, False)
        assert [port.number for port in network.datapaths[node].ports if not port.up] == [port]
        assert arrivals(send(network, "a1", UNTAGGED)) == []
        assert network.links.plug(node, port, True)
        assert len(arrivals(send(network, "a1", UNTAGGED))) == 1
    with pytest.raises(ValueError, match="link 1-n"):
        network.links.plug("pe-1", 1, False)
