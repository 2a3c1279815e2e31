"""What is behind the gateways of a lab, reached over plain rules that route between one site and one gateway."""

import statistics
import subprocess
from pathlib import Path

import pytest
from test_lab_wire import carrier
from waiting import wait_until

from controller.documents import load_topology
from lab.measure.echoes import echoes
from lab.measure.traffic import Listener, Stream, Traffic
from lab.network import Lab

pytestmark = pytest.mark.lab(alone=True)

TOPOLOGY = load_topology(Path(__file__).parents[2] / "topologies/lab-egress.yaml")
ROUTER = "02:54:4c:00:00:0a"
SITE, GATEWAY = TOPOLOGY.site["net-sh"], next(each for each in TOPOLOGY.gateways if each.name == "igw-sh")
OTHERS = ("igw-gz", "igw-ur")
EUROPE_MS, AMERICA_MS, ASIA_MS = 107, 72, 26


def answer_arp(switch, port, address):
    actions = [f"move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:{ROUTER}->eth_src,set_field:2->arp_op"]
    actions += ["move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]"]
    actions += [f"set_field:{ROUTER}->arp_sha,set_field:{address}->arp_spa,IN_PORT"]
    switch.ofctl("add-flow", f"in_port={port},arp,arp_op=1,arp_tpa={address},actions={','.join(actions)}")


def know(pid, interface, address):
    """These rules answer no neighbour solicitation."""
    subprocess.run(
        f"nsenter --target={pid} --net ip neigh add {address} lladdr {ROUTER} dev {interface}".split(), check=True
    )


@pytest.fixture
def lab():
    """The site and the gateway at pe-sh reach each other; the other gateways are cut, or answers would take these."""
    with Lab(TOPOLOGY) as lab:
        switch = lab.switches["pe-sh"]
        answer_arp(switch, 50, "10.31.0.1")
        answer_arp(switch, 60, "192.0.2.5")
        for port, out, mac in ((50, 60, GATEWAY.next_hop.mac), (60, 50, SITE.next_hop.mac)):
            for version in ("ip", "ipv6"):
                macs = f"set_field:{ROUTER}->eth_src,set_field:{mac}->eth_dst"
                switch.ofctl(
                    "add-flow", f"in_port={port},{version},dl_dst={ROUTER},actions=dec_ttl,{macs},output:{out}"
                )
        know(lab.hosts["net-sh"].pid, "eth0", "fd00:31::1")
        for region in lab.abroad.values():
            know(region.pid, region.interfaces["igw-sh"], "2001:db8:2::1")
        for other in OTHERS:
            lab.wires.cut(other)
        yield lab


def all_answer(lab, source, destination):
    """Five in a row; the kernels abroad take a moment to learn that the nearer gateways have no carrier."""
    found = echoes(lab.hosts["net-sh"].pid, source, destination, timeout_s=0.5)
    return None if None in found else found


@pytest.mark.parametrize(
    ("source", "destination", "one_way_ms"),
    [
        ("10.31.0.2", "100.64.0.1", EUROPE_MS),
        ("10.31.0.31", "100.64.200.9", EUROPE_MS),
        ("10.31.0.2", "100.65.0.1", AMERICA_MS),
        ("fd00:31::2", "fd64:1::1", EUROPE_MS),
        ("fd00:31::1f", "fd64:3:7::9", ASIA_MS),
    ],
)
def test_a_region_is_as_far_from_the_gateway_as_declared_and_answers_for_all_its_addresses(
    lab, source, destination, one_way_ms
):
    medians_ms = []

    def as_far_as_declared():
        found = all_answer(lab, source, destination)
        if found is None:
            return False
        assert {echo.ttl for echo in found} == {63 if "." in source else None}
        medians_ms.append(statistics.median(echo.round_trip_ns for echo in found) / 1e6)
        assert medians_ms[-1] >= 2 * one_way_ms
        return medians_ms[-1] <= 2 * one_way_ms + 3  # a busy machine delays packets for a moment

    wait_until(as_far_as_declared, lambda: f"{2 * one_way_ms} ms there and back: {medians_ms}")


def test_a_packet_reaches_its_region_by_its_gateway_alone(lab):
    hosts = {name: host.pid for name, host in lab.hosts.items()}
    listeners = [
        Listener(region=name, gateway=gateway, pid=region.pid, interface=interface)
        for name, region in lab.abroad.items()
        for gateway, interface in region.interfaces.items()
    ]
    destinations = {"100.64.0.9": "europe", "100.65.3.4": "north-america", "fd64:3::7": "south-east-asia"}
    sources = {4: "10.31.0.20", 6: "fd00:31::1a"}
    streams = [
        Stream(site="net-sh", source=sources[6 if ":" in destination else 4], destination=destination, dscp=46)
        for destination in [*destinations, "198.51.100.1"]
    ]
    with Traffic(hosts, listeners, streams) as traffic:
        wait_until(lambda: all(len(arrived) >= 20 for arrived in traffic.arrived[:3]), "twenty packets of each")
        traffic.stop()
    for index, region in enumerate(destinations.values()):
        arrived = traffic.arrived[index]
        assert {(each.region, each.gateway, each.ttl, each.dscp) for each in arrived} == {(region, "igw-sh", 63, 46)}
        assert [each.number for each in arrived] == list(range(len(traffic.sent[index])))
        least_ms = min(each.delay_ns for each in arrived) / 1e6
        declared_ms = dict(GATEWAY.delays_ns)[region] / 1e6
        assert declared_ms <= least_ms <= declared_ms + 3
    assert traffic.sent[3]
    assert not traffic.arrived[3], "nobody has an address outside all regions"
    assert not traffic.refused


def test_a_gateway_that_is_cut_has_no_carrier_at_either_side_and_comes_back(lab):
    switch, europe = lab.switches["pe-sh"], lab.abroad["europe"]
    lab.wires.cut("igw-sh")
    assert not carrier(switch.pid, "eth60")
    assert not carrier(europe.pid, europe.interfaces["igw-sh"])
    assert set(echoes(lab.hosts["net-sh"].pid, "10.31.0.2", "100.64.0.1", timeout_s=0.5)) == {None}
    lab.wires.restore("igw-sh")
    assert carrier(switch.pid, "eth60")
    wait_until(lambda: all_answer(lab, "10.31.0.2", "100.64.0.1"), "answers to all")
