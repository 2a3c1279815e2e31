"""Egress policies as they are written: what is read, and every way in which it is refused, with file and line."""

import pytest

from controller.documents import check_all, load_all, load_intents, read_topology
from controller.domain.egress import EgressPolicy, GatewayChoice, Sources, TrafficClass
from controller.domain.errors import InvalidInput, Reason

NETWORK = read_topology(
    """
apiVersion: trunkline/v1
kind: Topology
metadata: {name: coast}
spec:
  nodes:
    - {name: pe-gz, role: pe, region: guangdong}
    - {name: pe-sz, role: pe, region: guangdong}
    - {name: pe-sh, role: pe, region: shanghai}
    - {name: p-core, role: p, region: hubei}
  links:
    - {name: gz-core, a: pe-gz, z: p-core, aPort: 1, zPort: 1, capacity: 1Gbps, delay: 1ms}
  gateways:
    - {name: igw-sh, node: pe-sh, port: 21, capacity: 800Gbps, delays: {north-america: 65ms, japan: 15ms}}
    - {name: igw-gz, node: pe-gz, port: 21, capacity: 800Gbps, delays: {north-america: 75ms}}
""",
    "coast.yaml",
)
POLICY = """apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {tenant: backbone, name: gd-to-na}
spec:
  from: {regions: [guangdong]}
  to: {region: north-america, prefixes: [198.51.100.0/24, "2001:db8::/32"]}
  demand: 40Gbps
  gateways: {allow: [igw-sh, igw-gz], deny: [], prefer: [igw-gz], atMost: 2}
  maxDelay: 180ms
  class: gold
"""


def read(directory, *texts):
    files = []
    for number, text in enumerate(texts):
        file = directory / f"{number}.yaml"
        file.write_text(text)
        files.append(file)
    written = load_all(files)
    check_all(written, NETWORK)
    return [one.intent for one in written.policies]


def test_a_policy_with_everything(tmp_path):
    (policy,) = read(tmp_path, POLICY)
    assert policy == EgressPolicy(
        tenant="backbone",
        name="gd-to-na",
        sources=Sources(regions=("guangdong",)),
        to_region="north-america",
        prefixes=("198.51.100.0/24", "2001:db8::/32"),
        demand_bps=40_000_000_000,
        gateways=GatewayChoice(allow=("igw-sh", "igw-gz"), prefer=("igw-gz",), at_most=2),
        max_delay_ns=180_000_000,
        traffic_class=TrafficClass.GOLD,
    )
    assert policy.sources.resolved(NETWORK) == ("pe-gz", "pe-sz")


def test_a_bound_on_loss_is_read(tmp_path):
    (policy,) = read(tmp_path, POLICY.replace("  maxDelay: 180ms\n", "  maxDelay: 180ms\n  maxLoss: 0.05%\n"))
    assert (policy.max_delay_ns, policy.max_loss_ppm) == (180_000_000, 500)
    (policy,) = read(tmp_path, POLICY.replace("maxDelay: 180ms", "maxLoss: 20ppm"))
    assert (policy.max_delay_ns, policy.max_loss_ppm) == (None, 20)


def test_what_may_be_left_out(tmp_path):
    (policy,) = read(
        tmp_path,
        """apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {tenant: backbone, name: all}
spec: {from: {nodes: [pe-sh]}, to: {region: japan}, demand: measured}
""",
    )
    assert (policy.demand_bps, policy.traffic_class, policy.max_delay_ns) == (None, TrafficClass.BULK, None)
    assert policy.gateways.admits("igw-sh")


@pytest.mark.parametrize(
    ("old", "new", "field", "line", "reason", "words"),
    [
        ("regions: [guangdong]", "regions: [guandong]", "spec.from.regions[0]", 5, "REFERENCE_NOT_FOUND", "guangdong"),
        ("regions: [guangdong]", "nodes: [pe-xx]", "spec.from.nodes[0]", 5, "REFERENCE_NOT_FOUND", "no node"),
        ("regions: [guangdong]", "regions: [hubei]", "spec.from.regions", 5, "INVALID_VALUE", "no PE is in hubei"),
        ("regions: [guangdong]", "regions: []", "spec.from", 5, "INVALID_VALUE", "names nobody"),
        ("region: north-america", "region: mars", "spec.to.region", 6, "REFERENCE_NOT_FOUND", "a gateway serves"),
        ("198.51.100.0/24", "198.51.100.1/24", "spec.to.prefixes[0]", 6, "INVALID_VALUE", "host bits"),
        ("198.51.100.0/24", "198.51.100.0", "spec.to.prefixes[0]", 6, "INVALID_VALUE", "no prefix length"),
        ('"2001:db8::/32"', "198.51.100.0/24", "spec.to.prefixes[1]", 6, "INVALID_VALUE", "named before"),
        ("demand: 40Gbps", "demand: 40", "spec.demand", 7, "INVALID_VALUE", "measured"),
        ("demand: 40Gbps", "demand: -1Gbps", "spec.demand", 7, "INVALID_VALUE", "measured"),
        ("demand: 40Gbps", "demand: 0bps", "spec.demand", 7, "INVALID_VALUE", "more than 0bps"),
        ("demand: 40Gbps", "demand: 11Tbps", "spec.demand", 7, "INVALID_VALUE", "at most 10Tbps"),
        ("demand: 40Gbps", "demand: .nan", "spec.demand", 7, "INVALID_VALUE", "measured"),
        ("  demand: 40Gbps\n", "", "spec.demand", 4, "MISSING_PROPERTY", "demand"),
        ("allow: [igw-sh", "allow: [igw-xx", "spec.gateways.allow[0]", 8, "REFERENCE_NOT_FOUND", "no gateway"),
        ("deny: []", "deny: [igw-sh, igw-gz]", "spec.gateways.deny", 8, "INVALID_VALUE", "every gateway"),
        ("deny: []", "deny: [igw-gz]", "spec.gateways.prefer[0]", 8, "INVALID_VALUE", "not allowed"),
        ("atMost: 2", "atMost: 0", "spec.gateways.atMost", 8, "INVALID_VALUE", "1 to 64"),
        ("atMost: 2", "atMost: two", "spec.gateways.atMost", 8, "INVALID_VALUE", "whole number"),
        ("maxDelay: 180ms", "maxDelay: 0ms", "spec.maxDelay", 9, "INVALID_VALUE", "no bound"),
        ("maxDelay: 180ms", "maxLoss: 100%", "spec.maxLoss", 9, "INVALID_VALUE", "less than 100%"),
        ("maxDelay: 180ms", "maxLoss: 0.5", "spec.maxLoss", 9, "INVALID_VALUE", "0.5%?"),
        ("maxDelay: 180ms", "maxLoss: -1%", "spec.maxLoss", 9, "INVALID_VALUE", "is not a loss"),
        ("class: gold", "class: platinum", "spec.class", 10, "INVALID_VALUE", "gold, silver, bulk"),
        ("class: gold", "klass: gold", "spec.klass", 10, "UNEXPECTED_PROPERTY", "class"),
    ],
)
def test_one_thing_wrong(tmp_path, old, new, field, line, reason, words):
    assert old in POLICY
    with pytest.raises(InvalidInput) as refused:
        read(tmp_path, POLICY.replace(old, new))
    found = {(fault.field, fault.line, fault.reason): fault.message for fault in refused.value.faults}
    assert (field, line, Reason(reason)) in found, refused.value.faults
    assert words in found[field, line, Reason(reason)]


def test_two_policies_for_the_same_traffic_are_refused(tmp_path):
    other = POLICY.replace("gd-to-na", "other").replace("regions: [guangdong]", "nodes: [pe-sz]")
    with pytest.raises(InvalidInput, match=r"198.51.100.0/24 is what EgressPolicy backbone/gd-to-na is for, too"):
        read(tmp_path, POLICY, other)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("class: gold", "class: silver"),
        ("regions: [guangdong]", "regions: [shanghai]"),
        ('[198.51.100.0/24, "2001:db8::/32"]', "[198.51.100.0/25]"),  # more specific: it wins
        (', prefixes: [198.51.100.0/24, "2001:db8::/32"]', ""),  # the rest of the region
    ],
)
def test_policies_that_differ_in_what_they_are_for_stand_beside_each_other(tmp_path, old, new):
    assert old in POLICY
    assert len(read(tmp_path, POLICY, POLICY.replace("gd-to-na", "other").replace(old, new))) == 2


def test_a_name_is_taken_once(tmp_path):
    with pytest.raises(InvalidInput, match="names are unique within a tenant"):
        read(tmp_path, POLICY, POLICY.replace("class: gold", "class: bulk"))


def test_who_asks_for_lines_is_told_that_there_are_none(tmp_path):
    (tmp_path / "p.yaml").write_text(POLICY)
    with pytest.raises(InvalidInput, match="holds no PrivateLine, only EgressPolicy"):
        load_intents([tmp_path / "p.yaml"])
