"""PrivateLine documents: what they become, what is refused where, and the way back from a field to its line."""

from pathlib import Path

import pytest

from controller.documents import LocatedIntent, check_intents, load_intents, read_intents, read_topology
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.intents import Attachment, Avoid, Disjointness, Objective, PrivateLine, Protection
from controller.domain.topology import PerDirection

FULL = """\
apiVersion: trunkline/v1
kind: PrivateLine
metadata: {tenant: acme, name: bj-sh-gold}
spec:
  a: {site: dc-bj-1, vlan: 100}
  z: {site: dc-sh-1, vlan: 200}
  bandwidth: {aToZ: 1.5Mbps, zToA: 500kbps}
  maxDelay: 12.5ms
  mtu: 9000
  protection: 1:1
  disjoint: srlg
  avoid: {nodes: [p-zz], links: [l1], srlgs: [cable-1], regions: [henan]}
  via: {nodes: [p-wh, p-nj]}
  objective: cost
  priority: 0
"""

SHORT = """\
apiVersion: trunkline/v1
kind: PrivateLine
metadata: {tenant: acme, name: epl}
spec:
  a: {site: dc-bj-2}
  z: {site: dc-sh-2}
  bandwidth: 2Mbps
"""

TOPOLOGY = read_topology(
    """\
apiVersion: trunkline/v1
kind: Topology
metadata: {name: four}
spec:
  nodes:
    - {name: pe-bj, role: pe, region: beijing}
    - {name: pe-sh, role: pe, region: shanghai}
    - {name: p-zz, role: p, region: henan}
    - {name: p-wh, role: p}
    - {name: p-nj, role: p}
  links:
    - {name: l1, a: pe-bj, z: pe-sh, aPort: 1, zPort: 1, capacity: 1Gbps, delay: 1ms, srlgs: [cable-1]}
  sites:
    - {name: dc-bj-1, node: pe-bj, port: 11}
    - {name: dc-bj-2, node: pe-bj, port: 12}
    - {name: dc-sh-1, node: pe-sh, port: 11}
    - {name: dc-sh-2, node: pe-sh, port: 12}
    - {name: homes, node: pe-sh, port: 13, service: internet, prefixes: [10.0.0.0/8]}
""",
    "four.yaml",
)


def refused(text: str) -> tuple[Fault, ...]:
    with pytest.raises(InvalidInput) as caught:
        read_intents(text, "lines.yaml")
    return caught.value.faults


def read_one(text: str) -> LocatedIntent:
    (located,) = read_intents(text, "lines.yaml")
    return located


def test_every_field_arrives() -> None:
    assert read_one(FULL).intent == PrivateLine(
        tenant="acme",
        name="bj-sh-gold",
        a=Attachment(site="dc-bj-1", vlan=100),
        z=Attachment(site="dc-sh-1", vlan=200),
        cir_bps=PerDirection(1_500_000, 500_000),
        max_delay_ns=12_500_000,
        mtu_bytes=9000,
        protection=Protection.ONE_TO_ONE,
        disjoint=Disjointness.SRLG,
        avoid=Avoid(nodes=("p-zz",), links=("l1",), srlgs=("cable-1",), regions=("henan",)),
        via=("p-wh", "p-nj"),
        objective=Objective.COST,
        priority=0,
    )


def test_defaults() -> None:
    assert read_one(SHORT).intent == PrivateLine(
        tenant="acme",
        name="epl",
        a=Attachment(site="dc-bj-2"),
        z=Attachment(site="dc-sh-2"),
        cir_bps=PerDirection.both(2_000_000),
    )


def test_what_is_right_passes_the_topology() -> None:
    check_intents(read_intents(f"{FULL}---\n{SHORT}", "lines.yaml"), TOPOLOGY)


# (what is written, what is written instead, field, line, reason, words of the message)
WRONG = [
    ("tenant: acme, ", "", "metadata.tenant", 3, Reason.MISSING_PROPERTY, "tenant: acme"),
    ("tenant: acme", "tenant: ac me", "metadata.tenant", 3, Reason.INVALID_VALUE, "is not a name"),
    ("bj-sh-gold", "a/b", "metadata.name", 3, Reason.INVALID_VALUE, "'a/b' is not a name"),
    ("site: dc-bj-1, ", "", "spec.a.site", 5, Reason.MISSING_PROPERTY, "is missing"),
    ("{site: dc-bj-1, vlan: 100}", "dc-bj-1", "spec.a", 5, Reason.INVALID_VALUE, "a mapping, not the text"),
    ("vlan: 100", "vlan: 0", "spec.a.vlan", 5, Reason.INVALID_VALUE, "1 to 4094"),
    ("vlan: 100", "vlan: 4095", "spec.a.vlan", 5, Reason.INVALID_VALUE, "1 to 4094"),
    ("vlan: 100", "vlan: -1", "spec.a.vlan", 5, Reason.INVALID_VALUE, "1 to 4094"),
    ("vlan: 100", "vlan: 1e99", "spec.a.vlan", 5, Reason.INVALID_VALUE, "decimal number"),
    ("vlan: 100", "vlan: 100.5", "spec.a.vlan", 5, Reason.INVALID_VALUE, "a whole number"),
    ("vlan: 100", "vlan: yes", "spec.a.vlan", 5, Reason.INVALID_VALUE, "true or false"),
    ("vlan: 100", "vlan: 0100", "spec.a.vlan", 5, Reason.INVALID_VALUE, "decimal number"),
    ("vlan: 100", "vlan: ", "spec.a.vlan", 5, Reason.INVALID_VALUE, "is empty"),
    ("vlan: 100", "vlan: null", "spec.a.vlan", 5, Reason.INVALID_VALUE, "is empty"),
    ("vlan: 100", "vlans: 100", "spec.a.vlans", 5, Reason.UNEXPECTED_PROPERTY, "did you mean 'vlan'?"),
    (", vlan: 100", "", "spec.a.vlan", 5, Reason.INVALID_VALUE, "both ends a vlan (EVPL) or neither"),
    (", vlan: 200", "", "spec.z.vlan", 6, Reason.INVALID_VALUE, "both ends a vlan (EVPL) or neither"),
    ("dc-sh-1", "dc-bj-1", "spec.z.site", 6, Reason.INVALID_VALUE, "joins two sites"),
    ("{aToZ: 1.5Mbps, zToA: 500kbps}", "500", "spec.bandwidth", 7, Reason.INVALID_VALUE, "500Mbps?"),
    ("{aToZ: 1.5Mbps, zToA: 500kbps}", "500MBps", "spec.bandwidth", 7, Reason.INVALID_VALUE, "not a rate"),
    ("{aToZ: 1.5Mbps, zToA: 500kbps}", "12ms", "spec.bandwidth", 7, Reason.INVALID_VALUE, "not a rate"),
    ("{aToZ: 1.5Mbps, zToA: 500kbps}", "0Mbps", "spec.bandwidth", 7, Reason.INVALID_VALUE, "more than 0bps"),
    ("{aToZ: 1.5Mbps, zToA: 500kbps}", "true", "spec.bandwidth", 7, Reason.INVALID_VALUE, "not true"),
    ("zToA: 500kbps", "zToA: 0bps", "spec.bandwidth.zToA", 7, Reason.INVALID_VALUE, "more than 0bps"),
    (", zToA: 500kbps", "", "spec.bandwidth.zToA", 7, Reason.MISSING_PROPERTY, "is missing"),
    ("maxDelay: 12.5ms", "maxDelay: 12.5", "spec.maxDelay", 8, Reason.INVALID_VALUE, "12.5ms?"),
    ("maxDelay: 12.5ms", "maxDelay: 0ms", "spec.maxDelay", 8, Reason.INVALID_VALUE, "more than 0ns"),
    ("maxDelay: 12.5ms", "maxDelay: 11s", "spec.maxDelay", 8, Reason.INVALID_VALUE, "too large"),
    ("maxDelay: 12.5ms", "maxdelay: 12.5ms", "spec.maxdelay", 8, Reason.UNEXPECTED_PROPERTY, "mean 'maxDelay'?"),
    ("mtu: 9000", "mtu: 9601", "spec.mtu", 9, Reason.INVALID_VALUE, "64 to 9600"),
    ("protection: 1:1", "protection: 1+1", "spec.protection", 10, Reason.INVALID_VALUE, "none, restore, 1:1"),
    ("disjoint: srlg", "disjoint: srgl", "spec.disjoint", 11, Reason.INVALID_VALUE, "did you mean 'srlg'?"),
    ("regions: [henan]", "regions: henan", "spec.avoid.regions", 12, Reason.INVALID_VALUE, "a list, not the text"),
    ("nodes: [p-zz]", "nodes: [4]", "spec.avoid.nodes[0]", 12, Reason.INVALID_VALUE, "the number 4"),
    ("[p-wh, p-nj]", "[p-wh, p-wh]", "spec.via.nodes[1]", 13, Reason.INVALID_VALUE, "named before"),
    ("priority: 0", "priority: 8", "spec.priority", 15, Reason.INVALID_VALUE, "0 (first) to 7"),
    ("priority: 0", "priority: 0\n  priority: 1", "spec.priority", 16, Reason.INVALID_FORMAT, "line 15 already"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "field", "line", "reason", "words"), WRONG)
def test_one_thing_wrong(old: str, new: str, field: str, line: int, reason: Reason, words: str) -> None:
    assert FULL.count(old) == 1
    faults = refused(FULL.replace(old, new))
    assert [(fault.field, fault.source, fault.line, fault.reason) for fault in faults] == [
        (field, "lines.yaml", line, reason)
    ], [str(fault) for fault in faults]
    assert words in faults[0].message


@pytest.mark.parametrize(
    ("old", "new", "field", "line", "reason", "words"),
    [
        ("dc-bj-1", "dc-bj-9", "spec.a.site", 5, Reason.REFERENCE_NOT_FOUND, "did you mean 'dc-bj-"),
        ("dc-sh-1", "homes", "spec.z.site", 6, Reason.INVALID_VALUE, "service 'internet'"),
        ("[p-zz]", "[p-xx]", "spec.avoid.nodes[0]", 12, Reason.REFERENCE_NOT_FOUND, "no node 'p-xx'"),
        ("[l1]", "[l2]", "spec.avoid.links[0]", 12, Reason.REFERENCE_NOT_FOUND, "no link 'l2'"),
        ("[cable-1]", "[l1]", "spec.avoid.srlgs[0]", 12, Reason.REFERENCE_NOT_FOUND, "no SRLG 'l1'"),
        ("[henan]", "[hunan]", "spec.avoid.regions[0]", 12, Reason.REFERENCE_NOT_FOUND, "did you mean 'henan'?"),
        ("p-nj]", "nanjing]", "spec.via.nodes[1]", 13, Reason.REFERENCE_NOT_FOUND, "no node 'nanjing'"),
    ],
)
def test_names_unknown_to_the_topology(old: str, new: str, field: str, line: int, reason: Reason, words: str) -> None:
    assert FULL.count(old) == 1
    located = read_intents(FULL.replace(old, new), "lines.yaml")
    with pytest.raises(InvalidInput) as caught:
        check_intents(located, TOPOLOGY)
    (fault,) = caught.value.faults
    assert (fault.field, fault.source, fault.line, fault.reason) == (field, "lines.yaml", line, reason)
    assert words in fault.message


def test_a_name_twice() -> None:
    (fault,) = refused(f"{FULL}---\n{SHORT.replace('name: epl', 'name: bj-sh-gold')}")
    assert (fault.reason, fault.field, fault.line, fault.document) == (Reason.NAME_TAKEN, "metadata.name", 19, 1)
    assert "lines.yaml:3" in fault.message


def test_one_name_in_two_tenants() -> None:
    text = f"{FULL}---\n{SHORT.replace('{tenant: acme, name: epl}', '{tenant: other, name: bj-sh-gold}')}"
    assert [one.intent.key.tenant for one in read_intents(text, "lines.yaml")] == ["acme", "other"]


def test_a_vlan_twice() -> None:
    (fault,) = refused(f"{FULL}---\n{FULL.replace('bj-sh-gold', 'second').replace('vlan: 200', 'vlan: 201')}")
    assert (fault.reason, fault.field, fault.line) == (Reason.VLAN_IN_USE, "spec.a.vlan", 21)
    assert "VLAN 100 of site 'dc-bj-1' is used by PrivateLine acme/bj-sh-gold" in fault.message


def test_a_port_and_a_vlan_of_it() -> None:
    faults = refused(f"{FULL}---\n{SHORT.replace('dc-bj-2', 'dc-bj-1')}")
    assert [(fault.reason, fault.field, fault.line) for fault in faults] == [(Reason.VLAN_IN_USE, "spec.a.site", 21)]
    faults = refused(f"{SHORT.replace('dc-bj-2', 'dc-bj-1')}---\n{FULL}")
    assert [(fault.reason, fault.field, fault.line) for fault in faults] == [(Reason.VLAN_IN_USE, "spec.a.vlan", 13)]


def test_several_files_are_taken_together(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(FULL)
    two.write_text(SHORT)
    assert [located.source for located in load_intents([one, two])] == [str(one), str(two)]

    one.write_text(FULL.replace("mtu: 9000", "mtu: 1"))
    two.write_text(SHORT.replace("name: epl", "name: bj-sh-gold").replace("2Mbps", "2"))
    with pytest.raises(InvalidInput) as caught:
        load_intents([two, tmp_path / "none.yaml", one])
    assert [(Path(fault.source).name, fault.line) for fault in caught.value.faults] == [
        ("two.yaml", 7),
        ("none.yaml", 0),
        ("one.yaml", 9),
    ]

    two.write_text(SHORT.replace("name: epl", "name: bj-sh-gold"))
    one.write_text(FULL)
    with pytest.raises(InvalidInput, match="names are unique") as caught:
        load_intents([one, two])
    assert f"{one}:3" in caught.value.faults[0].message


def test_a_field_leads_back_to_its_line() -> None:
    _, located = read_intents(f"{SHORT}---\n{FULL}", "lines.yaml")
    for field, line in (
        ("spec.a.vlan", 13),
        ("spec.via.nodes[1]", 21),
        ("spec.bandwidth.zToA", 15),
        ("spec.bandwidth.unknown", 15),
        ("spec.nothing", 12),
        ("", 9),
        ("etag", 9),
    ):
        told = located.locate(Fault(reason=Reason.INVALID_VALUE, message="from the server", field=field, document=7))
        assert (told.source, told.line, told.document, told.field) == ("lines.yaml", line, 1, field)


def test_kinds_not_known() -> None:
    (fault,) = refused(FULL.replace("kind: PrivateLine", "kind: Slice"))
    assert (fault.field, fault.line) == ("kind", 2)
    assert "Topology, PrivateLine or EgressPolicy" in fault.message


def test_no_files_no_intents() -> None:
    assert load_intents([]) == ()
