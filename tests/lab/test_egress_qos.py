"""A private line is safe from what bursts beside it, and better classes from bulk: what is urgent goes first on every
link, and out of a gateway."""

from pathlib import Path

import pytest
from steered_lab import SteeredLab
from waiting import wait_until

from controller.domain.egress import TrafficClass
from controller.domain.qos import LINE_TC, TC_OF_CLASS
from controller.domain.topology import Direction
from lab.measure import frames
from lab.measure.dataplane import Flood
from lab.measure.frames import Identity
from lab.measure.loading import Load
from lab.measure.raw_port import SitePort
from lab.measure.sockets import SocketDataPlane
from lab.measure.traffic import Stream, load

ROOT = Path(__file__).parents[2]
SECOND = 1_000_000_000
CIR_BPS = 8_000_000
BULK = TC_OF_CLASS[TrafficClass.BULK]
NEAREST = "igw-gz"  # 20 Mbps
ENOUGH_LOST, ENOUGH_SENT = 2000, 600


@pytest.fixture
def steered():
    with SteeredLab(ROOT / "topologies/lab-egress.yaml") as steered:
        steered.apply(ROOT / "intents/lab-egress-lines.yaml", ROOT / "intents/lab-egress.yaml")
        yield steered


@pytest.mark.lab(alone=True)
def test_a_flood_of_bulk_takes_no_frame_of_a_line_and_no_packet_of_a_better_class(steered):
    """bj-gz and Beijing's traffic for south-east Asia ride the same three links; the first has 24 Mbps."""
    ends = ("dc-bj-1", "dc-gz-1")
    ports = [SitePort(site=site, pid=steered.hosts.customers[site], interface="eth0") for site in ends]
    frame = frames.ipv4_udp(Identity(source=b"\x02TL\0\0\x0a", target=b"\x02TL\0\0\x0f", mark=1 << 40), 1200)
    line = Flood(site=ends[0], frame=frame, rate_bps=CIR_BPS * 95 // 100)
    bulk = load("net-bj", "10.11.0.20", "100.66.0.9", rate_bps=32_000_000, packet_bytes=1486)
    with Load(steered.hosts.customers["net-bj"], [bulk]) as load_of_bulk, SocketDataPlane("ovs", ports) as plane:
        (flooded,) = plane.flood([line], 5 * SECOND, SECOND)
        load_of_bulk.stop()
    assert flooded.sent_bytes * 8 / 5 > 0.9 * CIR_BPS
    assert flooded.lost_by_prober == 0
    assert flooded.received_bytes == {ends[1]: flooded.sent_bytes}

    link = steered.lab.wires.counters_by_class()["bj-zz"][Direction.A_TO_Z]
    assert link[LINE_TC].entered >= flooded.sent_bytes // len(frame)
    assert link[LINE_TC].overflowed == 0
    assert link[BULK].overflowed > load_of_bulk.sent // 10, "the link was not full: nothing is proved"

    # More than the gateway next to Guangdong takes: what no room is found for is sent all the same, and bulk is lost.
    urgent = Stream(site="net-gd", source="10.44.0.20", destination="100.66.0.9", dscp=46, every_ns=SECOND // 200)
    bulk = load("net-gd", "10.44.0.21", "100.66.0.9", rate_bps=32_000_000, packet_bytes=1486)
    with Load(steered.hosts.customers["net-gd"], [bulk]), steered.traffic([urgent]) as traffic:
        wait_until(lambda: at_gateway(steered)[BULK].overflowed > ENOUGH_LOST, "bulk to be lost at the gateway")
        wait_until(lambda: len(traffic.sent[0]) > ENOUGH_SENT, "packets to be sent beside it")
        traffic.stop(drain_s=1.0)
    assert {one.gateway for one in traffic.arrived[0]} == {NEAREST}
    assert len(traffic.arrived[0]) == len(traffic.sent[0])
    assert at_gateway(steered)[TC_OF_CLASS[TrafficClass.GOLD]].overflowed == 0


def at_gateway(steered):
    return steered.lab.wires.counters_by_class()[NEAREST][Direction.A_TO_Z]
