"""Topology documents: what they become, and that each way of being wrong is told at its field and line."""

import os
from fractions import Fraction
from pathlib import Path

import pytest

from controller.documents import load_topology, read_topology
from controller.documents.topology_writing import write_topology
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.topology import (
    CostModel,
    Gateway,
    GatewayCost,
    Link,
    Location,
    NetconfDevice,
    NextHop,
    Node,
    OpenFlowDevice,
    PerDirection,
    Role,
    Site,
    SiteService,
)

GOOD = Path(__file__).with_name("example-topology.yaml").read_text()


def faults_of(text: str | bytes) -> tuple[Fault, ...]:
    with pytest.raises(InvalidInput) as caught:
        read_topology(text, "net.yaml")
    return caught.value.faults


def test_every_field_arrives() -> None:
    topology = read_topology(GOOD, "net.yaml")
    assert (topology.name, topology.hop_delay_ns, topology.overhead_factor) == ("example", 5_000, Fraction(1015, 1000))
    assert topology.nodes == (
        Node(
            name="pe-bj",
            role=Role.PE,
            region="beijing",
            location=Location(lat=39.9, lon=116.4),
            device=OpenFlowDevice(datapath_id=10),
        ),
        Node(
            name="otn-bj",
            role=Role.OTN,
            device=NetconfDevice(host="127.0.0.1", port=18310, username="trunkline", key_file="keys/id"),
        ),
        Node(name="p-zz", role=Role.P, enabled=False),
    )
    assert topology.links == (
        Link(
            name="bj-zz-1",
            a="pe-bj",
            z="p-zz",
            a_port=1,
            z_port=3,
            capacity_bps=PerDirection.both(100 * 10**9),
            delay_ns=PerDirection.both(3_400_000),
            srlgs=("cable-12",),
            cost=10,
            mtu_bytes=9000,
        ),
        Link(
            name="bj-zz-2",
            a="pe-bj",
            z="p-zz",
            a_port=2,
            z_port=4,
            capacity_bps=PerDirection(10**9, 2 * 10**9),
            delay_ns=PerDirection(3_000_000, 4_000),
            cost=1,
            mtu_bytes=1600,
            enabled=False,
        ),
    )
    assert topology.sites == (
        Site(name="dc-bj-1", node="pe-bj", port=11),
        Site(
            name="prov-bj",
            node="pe-bj",
            port=12,
            service=SiteService.INTERNET,
            prefixes=("10.44.0.0/16", "fd00:44::/32"),
            anti_spoofing=True,
        ),
    )
    assert topology.gateways == (
        Gateway(
            name="igw-zz",
            node="p-zz",
            port=21,
            capacity_bps=800 * 10**9,
            delays_ns=(("north-america", 65_000_000), ("japan", 15_000_000)),
            losses_ppm=(("japan", 500),),
            next_hop=NextHop(mac="02:00:00:00:00:0a", ip="192.0.2.1"),
            cost=GatewayCost(model=CostModel.PERCENTILE_95, per_mbps=Fraction("2.5"), committed_bps=40 * 10**9),
        ),
    )


def test_what_gateways_cost_is_read_back_as_it_is_written() -> None:
    topology = read_topology(GOOD, "net.yaml")
    assert read_topology(write_topology(topology), "written.yaml").gateways == topology.gateways


def test_defaults() -> None:
    text = "{apiVersion: trunkline/v1, kind: Topology, metadata: {name: one}, spec: {nodes: [{name: pe-bj, role: pe}]}}"
    topology = read_topology(text.encode(), "net.yaml")
    assert (topology.links, topology.sites, topology.gateways) == ((), (), ())
    assert (topology.hop_delay_ns, topology.overhead_factor) == (0, 1)


WRONG_VALUE, DANGLING, UNKNOWN_KEY = Reason.INVALID_VALUE, Reason.REFERENCE_NOT_FOUND, Reason.UNEXPECTED_PROPERTY

# (what is written, what is written instead, field, line, reason, words of the message)
WRONG = [
    ("trunkline/v1", "trunkline/v2", "apiVersion", 1, WRONG_VALUE, "expected trunkline/v1"),
    ("kind: Topology", "kind: Topolgy", "kind", 2, WRONG_VALUE, "did you mean 'Topology'"),
    ("kind: Topology", "kind: Slice", "kind", 2, WRONG_VALUE, "expected Topology, PrivateLine or EgressPolicy"),
    ("kind: Topology\n", "", "kind", 1, Reason.MISSING_PROPERTY, "is missing"),
    ("{name: example}", "{name: example, lable: x}", "metadata.lable", 3, UNKNOWN_KEY, "known here: name"),
    ("{name: example}", "{name: -example}", "metadata.name", 3, WRONG_VALUE, "'-example' is not a name"),
    ("{name: example}", f"{{name: {'x' * 64}}}", "metadata.name", 3, WRONG_VALUE, "1 to 63"),
    ("{name: example}", "{name: 北京}", "metadata.name", 3, WRONG_VALUE, "ASCII"),
    ("hopDelay: 5us", "hopDelay: 5", "spec.hopDelay", 5, WRONG_VALUE, "5 has no unit; a delay needs one: 5ms?"),
    ("hopDelay: 5us", "hopDelays: 5us", "spec.hopDelays", 5, UNKNOWN_KEY, "did you mean 'hopDelay'?"),
    ("overheadFactor: 1.015", "overheadFactor: 0.99", "spec.overheadFactor", 6, WRONG_VALUE, "1 to 100"),
    ("overheadFactor: 1.015", "overheadFactor: .nan", "spec.overheadFactor", 6, WRONG_VALUE, "decimal number"),
    ("overheadFactor: 1.015", "overheadFactor: .inf", "spec.overheadFactor", 6, WRONG_VALUE, "decimal number"),
    ("overheadFactor: 1.015", "overheadFactor: 1e3", "spec.overheadFactor", 6, WRONG_VALUE, "decimal number"),
    ("overheadFactor: 1.015", 'overheadFactor: "1"', "spec.overheadFactor", 6, WRONG_VALUE, "not the text '1'"),
    ("overheadFactor: 1.015", "overheadFactor: true", "spec.overheadFactor", 6, WRONG_VALUE, "not true"),
    ("name: p-zz, ", "", "spec.nodes[2].name", 10, Reason.MISSING_PROPERTY, "name: pe-bj"),
    ("name: p-zz, ", "name: 7, ", "spec.nodes[2].name", 10, WRONG_VALUE, "not the number 7 (in quotes"),
    ("name: p-zz, ", "name: no, ", "spec.nodes[2].name", 10, WRONG_VALUE, "quote it if it is text"),
    ("name: p-zz, ", "name: [p-zz], ", "spec.nodes[2].name", 10, WRONG_VALUE, "not a list"),
    ("name: p-zz, ", "name: , ", "spec.nodes[2].name", 10, WRONG_VALUE, "is empty"),
    ("name: otn-bj", "name: pe-bj", "spec.nodes[1].name", 9, Reason.NAME_TAKEN, "a node 'pe-bj' on line 8 already"),
    ("role: p,", "role: q,", "spec.nodes[2].role", 10, WRONG_VALUE, "one of pe, p, otn"),
    ("role: p,", "role: {p: p},", "spec.nodes[2].role", 10, WRONG_VALUE, "not a mapping"),
    ("enabled: false}\n  links", "enabled: off}\n  links", "spec.nodes[2].enabled", 10, WRONG_VALUE, "true or false"),
    ("enabled: false}\n  links", "enabled: 0}\n  links", "spec.nodes[2].enabled", 10, WRONG_VALUE, "the number 0"),
    ("lat: 39.90", "lat: 90.01", "spec.nodes[0].location.lat", 8, WRONG_VALUE, "-90 to 90"),
    ("lon: 116.40", "lon: -181", "spec.nodes[0].location.lon", 8, WRONG_VALUE, "-180 to 180"),
    ("lat: 39.90, ", "", "spec.nodes[0].location.lat", 8, Reason.MISSING_PROPERTY, "is missing"),
    ("{lat: 39.90, lon: 116.40}", "[1, 2]", "spec.nodes[0].location", 8, WRONG_VALUE, "a mapping, not a list"),
    ("driver: openflow", "driver: openflw", "spec.nodes[0].device.driver", 8, WRONG_VALUE, "'openflow', 'netconf'"),
    ("driver: openflow", "driver: [openflow]", "spec.nodes[0].device.driver", 8, WRONG_VALUE, "not a list"),
    ("driver: openflow", "driver: ", "spec.nodes[0].device.driver", 8, WRONG_VALUE, "is empty"),
    ("driver: openflow", "driver: no", "spec.nodes[0].device.driver", 8, WRONG_VALUE, "true or false"),
    ("driver: openflow, ", "", "spec.nodes[0].device.driver", 8, Reason.MISSING_PROPERTY, "is missing"),
    ("driver: openflow", "driver: openflow, host: a", "spec.nodes[0].device.host", 8, UNKNOWN_KEY, "datapathId"),
    ('"000000000000000A"', "0000000000000010", "spec.nodes[0].device.datapathId", 8, WRONG_VALUE, "16 hexadecimal"),
    ('"000000000000000A"', '"0A"', "spec.nodes[0].device.datapathId", 8, WRONG_VALUE, "16 hexadecimal"),
    ('"000000000000000A"', "12", "spec.nodes[0].device.datapathId", 8, WRONG_VALUE, "the number 12"),
    ("port: 18310", "port: 65536", "spec.nodes[1].device.port", 9, WRONG_VALUE, "1 to 65535"),
    ("host: 127.0.0.1", 'host: "a\\0b"', "spec.nodes[1].device.host", 9, WRONG_VALUE, "printable"),
    ("keyFile: keys/id", 'keyFile: ""', "spec.nodes[1].device.keyFile", 9, WRONG_VALUE, "printable"),
    ("name: bj-zz-2", "name: bj-zz-1", "spec.links[1].name", 13, Reason.NAME_TAKEN, "a link 'bj-zz-1' on line 12"),
    ("z: p-zz, aPort: 1", "z: p-zy, aPort: 1", "spec.links[0].z", 12, DANGLING, "did you mean 'p-zz'?"),
    ("z: p-zz, aPort: 1", "z: pe-bj, aPort: 1", "spec.links[0].z", 12, WRONG_VALUE, "joins two nodes"),
    ("aPort: 1", "aPort: 0", "spec.links[0].aPort", 12, WRONG_VALUE, "0 is not a port"),
    ("aPort: 1", "aPort: -1", "spec.links[0].aPort", 12, WRONG_VALUE, "-1 is not a port"),
    ("aPort: 1", f"aPort: {10**29}", "spec.links[0].aPort", 12, WRONG_VALUE, "is not a port"),
    ("aPort: 1", f"aPort: {'9' * 9999}", "spec.links[0].aPort", 12, WRONG_VALUE, "decimal number"),
    ("aPort: 1", "aPort: 1.0", "spec.links[0].aPort", 12, WRONG_VALUE, "a whole number, not the number 1.0"),
    ("aPort: 1", "aPort: 01", "spec.links[0].aPort", 12, WRONG_VALUE, "'01' is not a plain decimal number"),
    ("aPort: 1", "aPort: 0x1", "spec.links[0].aPort", 12, WRONG_VALUE, "'0x1'"),
    ("aPort: 1", "aPort: 1_0", "spec.links[0].aPort", 12, WRONG_VALUE, "'1_0'"),
    ("aPort: 1", 'aPort: "1"', "spec.links[0].aPort", 12, WRONG_VALUE, "not the text '1'"),
    ("aPort: 1", "aPort: 1:1", "spec.links[0].aPort", 12, WRONG_VALUE, "not the text '1:1'"),
    ("aPort: 2", "aPort: 1", "spec.links[1].aPort", 13, WRONG_VALUE, "port 1 of 'pe-bj' is used on line 12"),
    ("port: 11", "port: 2", "spec.sites[0].port", 15, WRONG_VALUE, "port 2 of 'pe-bj' is used on line 13"),
    ("port: 12", "port: 11", "spec.sites[1].port", 16, WRONG_VALUE, "used on line 15"),
    ("port: 21", "port: 3", "spec.gateways[0].port", 18, WRONG_VALUE, "port 3 of 'p-zz' is used on line 12"),
    ("capacity: 100Gbps", "capacity: 100GBps", "spec.links[0].capacity", 12, WRONG_VALUE, "Gbps, Tbps"),
    ("capacity: 100Gbps", "capacity: 100", "spec.links[0].capacity", 12, WRONG_VALUE, "100Mbps?"),
    ("capacity: 100Gbps", "capacity: 12ms", "spec.links[0].capacity", 12, WRONG_VALUE, "not a rate"),
    ("capacity: 100Gbps", "capacity: 0bps", "spec.links[0].capacity", 12, WRONG_VALUE, "more than 0bps"),
    ("capacity: 100Gbps", "capacity: -1Gbps", "spec.links[0].capacity", 12, WRONG_VALUE, "not a rate"),
    ("capacity: 100Gbps", "capacity: 1001Tbps", "spec.links[0].capacity", 12, WRONG_VALUE, "too large"),
    ("capacity: 100Gbps", "capacity: [1Gbps]", "spec.links[0].capacity", 12, WRONG_VALUE, "not a list"),
    ("zToA: 2Gbps", "zToA: 2", "spec.links[1].capacity.zToA", 13, WRONG_VALUE, "no unit"),
    ("zToA: 4us", "zToA: 0.1ns", "spec.links[1].delay.zToA", 13, WRONG_VALUE, "finer than 1ns"),
    ("srlgs: [cable-12]", "srlgs: cable-12", "spec.links[0].srlgs", 12, WRONG_VALUE, "a list, not the text"),
    ("srlgs: [cable-12]", "srlgs: [cable 12]", "spec.links[0].srlgs[0]", 12, WRONG_VALUE, "is not a name"),
    ("cost: 10", "cost: -1", "spec.links[0].cost", 12, WRONG_VALUE, "-1 is not a cost"),
    ("mtu: 9000", "mtu: 63", "spec.links[0].mtu", 12, WRONG_VALUE, "63 is not an MTU"),
    ("dc-bj-1, node: pe-bj", "dc-bj-1, node: x", "spec.sites[0].node", 15, DANGLING, "no node 'x'"),
    ("dc-bj-1, node: pe-bj", "dc-bj-1, node: p-zz", "spec.sites[0].node", 15, WRONG_VALUE, "attaches to a PE"),
    ("service: internet", "service: l2", "spec.sites[1].prefixes", 16, WRONG_VALUE, "service: internet"),
    ("10.44.0.0/16", "10.44.0.1/16", "spec.sites[1].prefixes[0]", 16, WRONG_VALUE, "host bits"),
    (
        ', prefixes: [10.44.0.0/16, "FD00:44::/32"]',
        "",
        "spec.sites[1].antiSpoofing",
        16,
        WRONG_VALUE,
        "which sources are its own",
    ),
    ("antiSpoofing: true", "antiSpoofing: 1", "spec.sites[1].antiSpoofing", 16, WRONG_VALUE, "true or false"),
    ("10.44.0.0/16", "10.44.0.0", "spec.sites[1].prefixes[0]", 16, WRONG_VALUE, "no prefix length"),
    ("japan: 15ms", "japan: 15", "spec.gateways[0].delays.japan", 18, WRONG_VALUE, "15ms?"),
    ("japan: 0.05%", "japan: 0.05", "spec.gateways[0].losses.japan", 18, WRONG_VALUE, "0.05%?"),
    ("japan: 0.05%", "japan: 101%", "spec.gateways[0].losses.japan", 18, WRONG_VALUE, "the most is 100%"),
    ("japan: 0.05%", "japn: 0.05%", "spec.gateways[0].losses.japn", 18, DANGLING, "did you mean 'japan'?"),
    ("japan: 15ms", "ja pan: 15ms", "spec.gateways[0].delays.ja pan", 18, WRONG_VALUE, "not a name"),
    ("02:00:00:00:00:0A", "03:00:00:00:00:0A", "spec.gateways[0].nextHop.mac", 18, WRONG_VALUE, "unicast"),
    ("192.0.2.1", "192.0.2.256", "spec.gateways[0].nextHop.ip", 18, WRONG_VALUE, "not an IP address"),
    ("192.0.2.1", "192.0.2.1, ip6: 192.0.2.2", "spec.gateways[0].nextHop", 18, WRONG_VALUE, "write one of each"),
    ("192.0.2.1", '"fd00::1", ip6: "fd00::2"', "spec.gateways[0].nextHop", 18, WRONG_VALUE, "write one of each"),
    ("perMbps: 2.5", "perMbps: 0", "spec.gateways[0].cost.perMbps", 18, WRONG_VALUE, "0 is no price"),
    (", perMbps: 2.5", "", "spec.gateways[0].cost", 18, WRONG_VALUE, "perMbps is missing"),
    ("percentile95", "none", "spec.gateways[0].cost", 18, WRONG_VALUE, "no meaning with model none"),
    ("percentile95", "flat", "spec.gateways[0].cost", 18, WRONG_VALUE, "committed has no meaning with model flat"),
    ("committed: 40Gbps", "committed: 40", "spec.gateways[0].cost.committed", 18, WRONG_VALUE, "no unit"),
    ("percentile95", "weekly", "spec.gateways[0].cost.model", 18, WRONG_VALUE, "none, flat, percentile95"),
    ("delay: 3.4ms", "delay: 3.4ms, delay: 4ms", "spec.links[0].delay", 12, Reason.INVALID_FORMAT, "line 12 already"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "field", "line", "reason", "words"), WRONG)
def test_one_thing_wrong(old: str, new: str, field: str, line: int, reason: Reason, words: str) -> None:
    assert old in GOOD
    faults = faults_of(GOOD.replace(old, new, 1))
    assert [(fault.field, fault.source, fault.line, fault.reason) for fault in faults] == [
        (field, "net.yaml", line, reason)
    ], [str(fault) for fault in faults]
    assert words in faults[0].message


def test_a_mistyped_key_that_is_needed() -> None:
    missing, unknown = faults_of(GOOD.replace("zToA: 4us", "ztoa: 4us"))
    assert (missing.field, missing.reason) == ("spec.links[1].delay.zToA", Reason.MISSING_PROPERTY)
    assert (unknown.field, unknown.reason) == ("spec.links[1].delay.ztoa", Reason.UNEXPECTED_PROPERTY)
    assert "did you mean 'zToA'?" in unknown.message


def test_a_datapath_twice() -> None:
    text = GOOD.replace(
        "role: p, enabled", 'role: p, device: {driver: openflow, datapathId: "000000000000000a"}, enabled'
    )
    (fault,) = faults_of(text)
    assert (fault.field, fault.line) == ("spec.nodes[2].device.datapathId", 10)
    assert "line 8" in fault.message


def test_all_faults_at_once_in_line_order() -> None:
    text = GOOD
    for old, new in (
        ("name: igw-zz", "name: _"),
        ("aPort: 2", "aPort: 1"),
        ("hopDelay: 5us", "hopDelay: 5"),
        ("role: p,", "rolle: p,"),
        ("node: pe-bj, port: 12", "node: gone, port: 12"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    assert [(fault.line, fault.reason.value) for fault in faults_of(text)] == [
        (5, "INVALID_VALUE"),
        (10, "MISSING_PROPERTY"),
        (10, "UNEXPECTED_PROPERTY"),
        (13, "INVALID_VALUE"),
        (16, "REFERENCE_NOT_FOUND"),
        (18, "INVALID_VALUE"),
    ]


def test_an_unreadable_node_is_no_dangling_reference() -> None:
    (fault,) = faults_of(GOOD.replace("lat: 39.90", "lat: north"))
    assert fault.field == "spec.nodes[0].location.lat"


def test_many_faults_are_counted() -> None:
    nodes = "".join(f"    - {{name: n{number}, role: nothing}}\n" for number in range(2_000))
    faults = faults_of(f"apiVersion: trunkline/v1\nkind: Topology\nmetadata: {{name: big}}\nspec:\n  nodes:\n{nodes}")
    assert len(faults) == 51
    assert [fault.line for fault in faults[:50]] == list(range(6, 56))
    assert "1950 more faults" in faults[50].message


def test_other_kinds_in_the_file_are_left_alone() -> None:
    assert read_topology(f"{GOOD}---\napiVersion: trunkline/v1\nkind: PrivateLine\n", "net.yaml").name == "example"


def test_one_topology_a_file() -> None:
    (fault,) = faults_of(f"{GOOD}---\n{GOOD}")
    assert (fault.field, fault.line, fault.document) == ("kind", 21, 1)
    assert "first begins on line 1" in fault.message


def test_a_file_without_a_topology() -> None:
    (fault,) = faults_of("apiVersion: trunkline/v1\nkind: PrivateLine\n")
    assert "holds no Topology, only PrivateLine" in fault.message


@pytest.mark.parametrize("value", ["", "5", "[]", "text", "{nodes: 5}", "{nodes: []}", "{nodes: [[]]}", "{links: []}"])
def test_a_spec_of_the_wrong_shape(value: str) -> None:
    text = f"apiVersion: trunkline/v1\nkind: Topology\nmetadata: {{name: x}}\nspec: {value}\n"
    assert all(fault.field.startswith("spec") and fault.line == 4 for fault in faults_of(text))


def test_files_that_cannot_be_read(tmp_path: os.PathLike[str]) -> None:
    for path in (os.path.join(tmp_path, "absent.yaml"), os.fspath(tmp_path), "a\0b"):
        with pytest.raises(InvalidInput, match="cannot be read") as caught:
            load_topology(path)
        assert caught.value.faults[0].source == path


def test_a_file_without_end() -> None:
    with pytest.raises(InvalidInput, match="larger than 8 MiB"):
        load_topology("/dev/zero")


OPTICAL = """apiVersion: trunkline/v1
kind: Topology
metadata: {{name: light}}
spec:
  nodes:
    - {{name: o-a, role: otn}}
    - {{name: o-z, role: otn}}
    - {{name: p-a, role: p}}
  links:
    - {{name: fibre, a: o-a, z: o-z, aPort: 1, zPort: 1, capacity: {capacity}, delay: 1ms{odu}}}
    - {{name: client, a: p-a, z: o-a, aPort: 1, zPort: 2, capacity: 10Gbps, delay: 1us{client}}}
"""


@pytest.mark.parametrize(
    ("capacity", "odu", "slots"),
    [
        ("100Gbps", "", 80),
        ("40Gbps", "", 32),
        ("10Gbps", "", 8),
        ("2.5Gbps", "", 2),
        ("30Gbps", "", 0),
        ("100Gbps", ", odu: ODU2", 8),
        ("{aToZ: 100Gbps, zToA: 40Gbps}", "", 32),
    ],
)
def test_a_link_between_otn_nodes_is_the_odu_that_it_says_or_that_its_capacity_says(capacity, odu, slots):
    topology = read_topology(OPTICAL.format(capacity=capacity, odu=odu, client=""), "net.yaml")
    assert topology.link["fibre"].slots == slots
    assert topology.link["client"].odu is None


@pytest.mark.parametrize(
    ("odu", "client", "field", "words"),
    [
        (", odu: ODU0", "", "spec.links[0].odu", "no tributary slots"),
        (", odu: ODU5", "", "spec.links[0].odu", "ODU4"),
        ("", ", odu: ODU1", "spec.links[1].odu", "between two OTN nodes"),
    ],
)
def test_an_odu_that_cannot_be(odu, client, field, words):
    (fault,) = faults_of(OPTICAL.format(capacity="100Gbps", odu=odu, client=client))
    assert fault.field == field
    assert words in fault.message
