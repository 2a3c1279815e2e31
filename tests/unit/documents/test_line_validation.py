"""The rules that documents and the wire share, on values that no document could bring."""

from dataclasses import replace

import pytest

from controller.domain.errors import Fault, Reason
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.topology import Link, Node, PerDirection, Role, Site, Topology
from controller.domain.validation import MAX_CIR_BPS, check_conflicts, check_line, check_lines, check_values

TOPOLOGY = Topology(
    name="two",
    nodes=(Node(name="pe-1", role=Role.PE), Node(name="pe-2", role=Role.PE)),
    links=(
        Link(
            name="l",
            a="pe-1",
            z="pe-2",
            a_port=1,
            z_port=1,
            capacity_bps=PerDirection.both(10**9),
            delay_ns=PerDirection.both(10**6),
        ),
    ),
    sites=tuple(Site(name=f"s{number}", node=f"pe-{number % 2 + 1}", port=10 + number) for number in range(6)),
)


def evpl(name: str, a: str, a_vlan: int, z: str, z_vlan: int) -> PrivateLine:
    return PrivateLine(
        tenant="t",
        name=name,
        a=Attachment(site=a, vlan=a_vlan),
        z=Attachment(site=z, vlan=z_vlan),
        cir_bps=PerDirection.both(10**6),
    )


def epl(name: str, a: str, z: str) -> PrivateLine:
    return PrivateLine(
        tenant="t", name=name, a=Attachment(site=a), z=Attachment(site=z), cir_bps=PerDirection.both(10**6)
    )


LINE = evpl("line", "s0", 10, "s1", 20)


def told(faults: list[Fault]) -> list[tuple[str, str, int]]:
    return [(fault.reason.value, fault.field, fault.document) for fault in faults]


def test_nothing_wrong() -> None:
    assert check_line(LINE, TOPOLOGY) == []
    assert check_lines([LINE, epl("whole", "s2", "s3")], TOPOLOGY) == []


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (replace(LINE, tenant=""), ["metadata.tenant"]),
        (replace(LINE, name="a" * 64), ["metadata.name"]),
        (replace(LINE, name="a\n"), ["metadata.name"]),
        (replace(LINE, a=Attachment(site="s0", vlan=0)), ["spec.a.vlan"]),
        (replace(LINE, z=Attachment(site="s1", vlan=2**31)), ["spec.z.vlan"]),
        (replace(LINE, z=Attachment(site="s1")), ["spec.z.vlan"]),
        (replace(LINE, a=Attachment(site="s0")), ["spec.a.vlan"]),
        (replace(LINE, z=Attachment(site="s0", vlan=11)), ["spec.z.site"]),
        (replace(LINE, cir_bps=PerDirection.both(0)), ["spec.bandwidth"]),
        (replace(LINE, cir_bps=PerDirection(-1, MAX_CIR_BPS + 1)), ["spec.bandwidth.aToZ", "spec.bandwidth.zToA"]),
        (replace(LINE, max_delay_ns=0), ["spec.maxDelay"]),
        (replace(LINE, max_delay_ns=2**63), ["spec.maxDelay"]),
        (replace(LINE, mtu_bytes=0), ["spec.mtu"]),
        (replace(LINE, priority=-1), ["spec.priority"]),
        (replace(LINE, via=("a", "b", "a")), ["spec.via.nodes[2]"]),
        (replace(LINE, mtu_bytes=10**9, priority=9), ["spec.mtu", "spec.priority"]),
    ],
)
def test_values_out_of_range(line: PrivateLine, fields: list[str]) -> None:
    faults = check_values(line)
    assert [fault.field for fault in faults] == fields
    assert {fault.reason for fault in faults} == {Reason.INVALID_VALUE}


def test_the_edges_of_the_ranges() -> None:
    for changes in (
        {"a": Attachment(site="s0", vlan=1), "z": Attachment(site="s1", vlan=4094)},
        {"cir_bps": PerDirection(1, MAX_CIR_BPS)},
        {"max_delay_ns": 1},
        {"mtu_bytes": 64, "priority": 7},
        {"mtu_bytes": 9600, "priority": 0},
        {"name": "a" * 63, "tenant": "0"},
    ):
        assert check_values(replace(LINE, **changes)) == []


def test_each_line_knows_its_own_faults() -> None:
    lines = [LINE, evpl("b", "s9", 1, "s1", 1), evpl("c", "s0", 11, "s1", 0)]
    assert told(check_lines(lines, TOPOLOGY)) == [
        ("REFERENCE_NOT_FOUND", "spec.a.site", 1),
        ("INVALID_VALUE", "spec.z.vlan", 2),
    ]


def test_claims_among_lines() -> None:
    lines = [LINE, evpl("same-vid", "s2", 1, "s0", 10), epl("port", "s1", "s3"), evpl("under-port", "s3", 5, "s4", 5)]
    assert told(check_conflicts(lines)) == [
        ("VLAN_IN_USE", "spec.z.vlan", 1),
        ("VLAN_IN_USE", "spec.a.site", 2),
        ("VLAN_IN_USE", "spec.a.vlan", 3),
    ]


def test_claims_against_standing_lines() -> None:
    standing = [LINE, epl("port", "s2", "s3")]
    new = evpl("new", "s0", 10, "s2", 7)
    faults = check_conflicts([new], standing=standing)
    assert told(faults) == [("VLAN_IN_USE", "spec.a.vlan", 0), ("VLAN_IN_USE", "spec.z.vlan", 0)]
    assert "PrivateLine t/line" in faults[0].message
    assert "PrivateLine t/port" in faults[1].message


def test_a_line_may_take_its_own_vlan_again_and_give_it_up() -> None:
    moved = evpl("line", "s0", 12, "s1", 20)
    assert check_conflicts([moved], standing=[LINE]) == []
    assert check_conflicts([moved, evpl("other", "s0", 10, "s2", 1)], standing=[LINE]) == []


def test_a_name_twice_is_told_once() -> None:
    assert told(check_conflicts([LINE, LINE])) == [("NAME_TAKEN", "metadata.name", 1)]
