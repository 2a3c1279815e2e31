"""One province sends more than the nearest gateway takes: some of it moves, loss ends, and lines lose nothing."""

import threading
from pathlib import Path

import pytest
from served_lab import ServedLab
from waiting import wait_until

from controller.domain.topology import Direction
from lab.measure import frames
from lab.measure.dataplane import Flood
from lab.measure.frames import Identity
from lab.measure.raw_port import SitePort
from lab.measure.sockets import SocketDataPlane
from lab.measure.traffic import load

ROOT = Path(__file__).parents[2]
SECOND = 1_000_000_000
NEAREST = "igw-ur"  # 12 Mbps
USED_TO_BPS, GROWN_BPS = 6_000_000, 15_000_000
LINE_BPS = 3_800_000  # of globex/bj-cd's 4 Mbps
LINE_SITES = ("dc-cd-2", "dc-bj-2")
ENOUGH_FRAMES = 3000
POLICY = """
apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {tenant: backbone, name: sc-to-europe}
spec:
  from: {regions: [sichuan]}
  to: {region: europe, prefixes: [100.64.0.0/16, "fd64:1::/32"]}
  demand: measured
"""


def from_sichuan(rate_bps):
    """From 16 addresses that end in all ways."""
    return [load("net-sc", f"10.51.0.{16 + tail}", "100.64.0.9", rate_bps // 16) for tail in range(16)]


class LineUnderLoad(threading.Thread):
    """A line that is kept busy for a while; ``flooded`` tells what became of it."""

    def __init__(self, served, seconds):
        super().__init__()
        ports = [
            SitePort(site=site, pid=served.hosts.customers[site], interface=served.lab.hosts[site].interface)
            for site in LINE_SITES
        ]
        self.plane = SocketDataPlane("ovs", ports)
        frame = frames.ipv4_udp(Identity(source=b"\x02TL\0\0\x0a", target=b"\x02TL\0\0\x0f", mark=1 << 40), 1200)
        self.flood = Flood(site=LINE_SITES[0], frame=frame, rate_bps=LINE_BPS)
        self.duration_ns = seconds * SECOND

    def run(self):
        with self.plane:
            (self.flooded,) = self.plane.flood([self.flood], self.duration_ns, SECOND)


@pytest.mark.lab(alone=True)
def test_growth_beyond_a_gateway_moves_and_loss_ends(tmp_path):
    policy = tmp_path / "measured.yaml"
    policy.write_text(POLICY)
    with ServedLab(ROOT / "topologies/lab-egress.yaml", "--egress-every", "2s") as served:
        served.apply(ROOT / "intents/lab-egress-lines.yaml", policy)

        def lane():
            return served.lab.wires.counters()[NEAREST][Direction.A_TO_Z]

        def elsewhere():
            counters = served.lab.wires.counters()
            return sum(counters[name][Direction.A_TO_Z].entered for name in ("igw-gz", "igw-sh"))

        def demand_bps():
            figures = served.cycles()[-1].figures
            return sum(each.demand_bps for each in figures.classes)

        with served.load(from_sichuan(USED_TO_BPS)):
            wait_until(lambda: demand_bps() > 0.7 * USED_TO_BPS, lambda: f"demand, measured: {demand_bps()}")
            assert lane().overflowed == 0
            assert elsewhere() == 0, "all leaves by the nearest gateway"

        line = LineUnderLoad(served, seconds=20)
        line.start()
        with served.load(from_sichuan(GROWN_BPS), limit_s=90):
            wait_until(lambda: lane().overflowed > 0, "more than the gateway takes")
            wait_until(lambda: elsewhere() > 0, "some of it leaves elsewhere")
            wait_until(lambda: no_loss_any_more(lane), "no more is lost")
            moved = [cycle for cycle in served.cycles() if cycle.moved_bps]
            assert moved, "it was a cycle that moved it"
            nearest = next(each for each in served.cycles()[-1].figures.gateways if each.gateway == NEAREST)
            assert 0 < nearest.carried_bps <= nearest.usable_bps
        line.join()
        assert line.flooded.lost_by_prober == 0
        assert line.flooded.received_bytes == {LINE_SITES[1]: line.flooded.sent_bytes}


def no_loss_any_more(lane):
    """Of the next thousands of frames none is lost."""
    before = lane()
    wait_until(lambda: lane().entered >= before.entered + ENOUGH_FRAMES, "frames go on")
    return lane().overflowed == before.overflowed
