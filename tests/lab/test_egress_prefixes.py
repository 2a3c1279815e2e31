"""Ten thousand prefixes on real switches: each leads where it should; all their traffic moves by few rules."""

import random
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml
from served_lab import ServedLab
from waiting import wait_until

from lab.measure.traffic import Stream

ROOT = Path(__file__).parents[2]
PREFIXES = 10_000
SAMPLE = 120
PROVINCES = {"net-bj": "10.11.0.16", "net-sh": "10.31.0.16", "net-gd": "10.44.0.16", "net-sc": "10.51.0.16"}
IPV6_SOURCES = {"net-bj": "fd00:11::10", "net-sh": "fd00:31::10", "net-gd": "fd00:44::10", "net-sc": "fd00:51::10"}


def prefixes():
    """Half of them IPv4, half IPv6, scattered over what Europe has in the lab, with holes between."""
    dice = random.Random(20261120)
    of_4 = dice.sample(list(ip_network("100.64.0.0/16").subnets(new_prefix=29)), PREFIXES // 2)
    of_6 = [ip_network((0xFD64_0001 << 96 | number << 80, 48)) for number in dice.sample(range(1 << 16), PREFIXES // 2)]
    return [str(prefix) for prefix in (*of_4, *of_6)]


def policy(names):
    return {
        "apiVersion": "trunkline/v1",
        "kind": "EgressPolicy",
        "metadata": {"tenant": "backbone", "name": "all-to-europe"},
        "spec": {
            "from": {"regions": ["beijing", "shanghai", "guangdong", "sichuan"]},
            "to": {"region": "europe", "prefixes": names},
            "demand": "8Mbps",
        },
    }


def probes(names):
    """From all provinces to some of the prefixes."""
    dice = random.Random(1)
    for number, prefix in enumerate(dice.sample(names, SAMPLE)):
        site = sorted(PROVINCES)[number % len(PROVINCES)]
        source = (IPV6_SOURCES if ":" in prefix else PROVINCES)[site]
        destination = str(ip_network(prefix).network_address + 3)
        yield Stream(site=site, source=source, destination=destination, every_ns=500_000_000)


def gateways(traffic):
    """By which the last packet of each stream came in; nothing for one that is yet to come."""
    return [arrived[-1].gateway if arrived else "" for arrived in traffic.arrived]


@pytest.mark.lab
def test_ten_thousand_prefixes(tmp_path):
    names = prefixes()
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(policy(names)))
    with ServedLab(ROOT / "topologies/lab-egress.yaml", "--egress-every", "5s") as served:
        before = rules_in(served, "pe-bj")
        served.apply(file)
        for node in ("pe-bj", "pe-sh", "pe-gz", "pe-cd"):
            assert rules_in(served, node) > PREFIXES // 2, "they are not alike, so that few can be told by fewer rules"
        assert before < 100
        with served.traffic(list(probes(names))) as traffic:
            wait_until(lambda: set(gateways(traffic)) == {"igw-ur"}, lambda: f"all by the nearest: {gateways(traffic)}")
            number = served.cycles()[-1].number
            served.lab.wires.cut("igw-ur")
            wait_until(
                lambda: set(gateways(traffic)) <= {"igw-gz", "igw-sh"}, lambda: f"all by others: {gateways(traffic)}"
            )
            moved = wait_until(lambda: urgent_after(served, number), "the cycle's report")
            assert 0 < moved.rules < PREFIXES // 10, "prefixes are written once, whatever moves"
        assert {arrival.region for arrived in traffic.arrived for arrival in arrived} == {"europe"}


def urgent_after(served, number):
    return next((each for each in served.cycles() if each.number > number and each.urgent), None)


def rules_in(served, node):
    """How many rules tell a prefix's group."""
    return served.lab.switches[node].ofctl("dump-flows", "table=2").count("cookie=")
