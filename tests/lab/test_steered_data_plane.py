"""Traffic over Open vSwitch, steered by the compiler's rules: abroad by the planned gateway, as fast as planned, and
from site to site."""

import socket
from ipaddress import ip_address
from itertools import permutations
from pathlib import Path

import pytest
from steered_lab import SteeredLab

from lab.ip_hosts import customer_addresses
from lab.measure.egress import measure_egress
from lab.measure.egress_report import egress_failures
from lab.tap import inside_netns

ROOT = Path(__file__).parents[2]
TOPOLOGY = ROOT / "topologies/lab-egress.yaml"
POLICIES = ROOT / "intents/lab-egress.yaml"
LINES = ROOT / "intents/lab-egress-lines.yaml"
LIMIT_S = 10


@pytest.fixture
def steered():
    with SteeredLab(TOPOLOGY) as steered:
        yield steered


@pytest.mark.lab
def test_traffic_leaves_as_planned_and_sites_reach_each_other(steered):
    expected = steered.expected(steered.apply(LINES, POLICIES))
    assert len(expected) == 12
    reports = measure_egress(steered.topology, steered.hosts, expected)
    assert egress_failures(reports) == []
    for source, target in permutations((site for site in steered.topology.sites if site.prefixes), 2):
        ends = zip(customer_addresses(source).values(), customer_addresses(target).values(), strict=True)
        for (sender, *_), (receiver, *_) in ends:
            assert_gets_through(steered, (source.name, sender), (target.name, receiver))


def assert_gets_through(steered, source, target):
    """A datagram between two hosts, by their kernels."""
    family = socket.AF_INET if ip_address(source[1]).version == 4 else socket.AF_INET6
    with inside_netns(steered.hosts.customers[target[0]]), socket.socket(family, socket.SOCK_DGRAM) as heard:
        heard.settimeout(LIMIT_S)
        heard.bind((target[1], 0))
        with inside_netns(steered.hosts.customers[source[0]]), socket.socket(family, socket.SOCK_DGRAM) as said:
            said.bind((source[1], 0))
            said.sendto(b"from next door", (target[1], heard.getsockname()[1]))
            assert heard.recvfrom(100)[1][:2] == (source[1], said.getsockname()[1])
