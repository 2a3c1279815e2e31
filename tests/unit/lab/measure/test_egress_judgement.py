"""What the measurement of traffic abroad says: of what is right, and of one fault at a time."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from controller.documents import load_topology
from controller.domain.egress import TrafficClass
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from lab.measure.egress import EARLY_NS, LATE_NS, TTL, judged, probes
from lab.measure.egress_report import egress_failures, egress_json, egress_text
from lab.measure.exits import Exit, ExpectedTraffic, destination, expected_traffic, sources
from lab.measure.traffic import Arrival, load

MS = 1_000_000
TOPOLOGY = load_topology(Path(__file__).parents[4] / "topologies/lab-egress.yaml")
NEAR = Exit(gateway="igw-ur", rate_bps=3_000_000, delay_ns=59 * MS, nodes=("pe-bj", "p-ur"))
FAR = Exit(gateway="igw-sh", rate_bps=1_000_000, delay_ns=114 * MS, nodes=("pe-bj", "pe-sh"))
TRAFFIC = ExpectedTraffic(
    policy="backbone/bj-to-europe",
    site="net-bj",
    source="pe-bj",
    region="europe",
    traffic_class=TrafficClass.GOLD,
    destinations=("100.64.0.0/17", "fd64:1::/32", "100.64.128.0/17"),
    exits=(NEAR, FAR),
)
ECHOED = {4: 3, 6: 3}


def arrival(number, gateway="igw-ur", delay_ns=59 * MS + 100_000, **more):
    fields = {"region": "europe", "sent_ns": 0, "arrived_ns": delay_ns, "ttl": TTL, "dscp": 46, **more}
    return Arrival(number=number, gateway=gateway, **fields)


RIGHT = [arrival(number) for number in range(6)] + [arrival(number, "igw-sh", 114 * MS) for number in range(6, 8)]


def failed(report):
    assert report.passed == (not any(not check.passed for check in report.checks))
    return {check.name for check in report.checks if not check.passed}


def test_what_is_as_planned_passes():
    report = judged(TRAFFIC, 8, RIGHT, ECHOED)
    assert failed(report) == set()
    assert report.arrived == {"igw-sh": 2, "igw-ur": 6}
    assert report.delay_ns == {"igw-sh": 114 * MS, "igw-ur": 59 * MS + 100_000}


@pytest.mark.parametrize(
    ("sent", "arrivals", "echoed", "faults"),
    [
        (9, RIGHT, ECHOED, {"carried"}),
        (7, RIGHT, ECHOED, {"carried"}),
        (8, [*RIGHT[:7], RIGHT[7]._replace(region="japan")], ECHOED, {"carried"}),
        (8, [*RIGHT[:7], RIGHT[7]._replace(gateway="igw-gz")], ECHOED, {"gateways"}),
        (8, [each._replace(ttl=64) for each in RIGHT], ECHOED, {"hop limit"}),
        (8, [*RIGHT[:7], RIGHT[7]._replace(ttl=62)], ECHOED, {"hop limit"}),
        (8, [each._replace(arrived_ns=each.arrived_ns + LATE_NS + MS) for each in RIGHT], ECHOED, {"delay"}),
        (8, [each._replace(arrived_ns=each.arrived_ns - EARLY_NS - MS) for each in RIGHT], ECHOED, {"delay"}),
        (8, RIGHT, {4: 3, 6: 2}, {"answers"}),
        (8, [], ECHOED, {"carried", "gateways"}),
        (0, [], ECHOED, {"carried", "gateways"}),
    ],
)
def test_each_fault_is_named(sent, arrivals, echoed, faults):
    report = judged(TRAFFIC, sent, arrivals, echoed)
    assert failed(report) == faults
    assert len(egress_failures([report])) == len(faults)


def test_a_gateway_that_is_planned_to_get_nothing_must_get_nothing():
    nothing_left = replace(TRAFFIC, exits=(NEAR, replace(FAR, rate_bps=0)))
    assert failed(judged(nothing_left, 8, RIGHT, ECHOED)) == {"gateways"}


def test_a_gateway_that_is_planned_to_get_a_share_must_get_some():
    none_far = [arrival(number) for number in range(8)]
    assert failed(judged(TRAFFIC, 8, none_far, ECHOED)) == {"gateways"}
    hardly_any = replace(TRAFFIC, exits=(NEAR, replace(FAR, rate_bps=300_000)))
    assert failed(judged(hardly_any, 8, none_far, ECHOED)) == set()
    many = replace(TRAFFIC, destinations=tuple(f"100.64.{number}.0/24" for number in range(100)))
    assert failed(judged(many, 8, none_far, ECHOED)) == set()


def test_planned_and_measured_stand_side_by_side():
    report = judged(TRAFFIC, 8, RIGHT, ECHOED)
    console = Console(width=140, record=True, file=StringIO())
    console.print(egress_text([report]))
    text = console.export_text()
    for words in ("backbone/bj-to-europe", "59.00 ms", "59.10 ms", "6 of 8", "3Mbps", "1 of 1 sources"):
        assert words in text
    (found,) = json.loads(json.dumps(egress_json([report])))
    assert found["measured"][1] == {"gateway": "igw-ur", "probes": 6, "delayUs": 59100.0}
    assert found["planned"][0]["delayUs"] == 59000.0


def test_probes_come_from_all_last_four_bits_in_both_versions_and_go_to_all_prefixes():
    streams = probes(TOPOLOGY, TRAFFIC)
    assert len(streams) == 32
    assert len({stream.source for stream in streams}) == 32
    assert {stream.dscp for stream in streams} == {46}
    assert {stream.destination for stream in streams} == {destination(prefix) for prefix in TRAFFIC.destinations}
    assert sources(TOPOLOGY, "net-bj", 4)[0] == "10.11.0.16"


def test_expectations_are_those_of_policies_in_force_from_sources_with_a_site():
    policy = pb.Intent()
    told = policy.egress_policy
    told.metadata.tenant, told.metadata.name = "backbone", "west"
    told.spec.destination.region, told.spec.traffic_class = "europe", "silver"
    told.spec.destination.prefixes.append("100.64.0.0/16")
    told.status.state = pb.ACTIVE
    for source, gateway in (("pe-bj", "igw-ur"), ("pe-bj", "igw-sh"), ("p-zz", "igw-ur")):
        told.status.assignments.add(source=source, gateway=gateway, rate_bps=5, delay_ns=7, nodes=["x"])
    (found,) = expected_traffic(TOPOLOGY, [policy, pb.Intent()])
    assert (found.policy, found.site, found.source, found.dscp) == ("backbone/west", "net-bj", "pe-bj", 26)
    assert set(found.by_gateway) == {"igw-ur", "igw-sh"}
    told.status.state = pb.FAILED
    assert expected_traffic(TOPOLOGY, [policy]) == ()


def test_a_load_has_the_rate_that_was_asked():
    stream = load("net-bj", "10.11.0.16", "100.64.0.9", rate_bps=4_000_000)
    assert stream.rate_bps == pytest.approx(4_000_000, rel=1e-3)
