"""The measurement itself, measured: a network that keeps every promise passes, one with a single fault fails exactly
the checks that this fault breaks, and names the line."""

import pytest
from measuring.scenario import measured

from lab.measure.dataplane import MeasurementFailed
from lab.measure.raw_port import SitePort
from lab.measure.report import exit_code, failures
from lab.measure.sockets import SocketDataPlane

PORT, VLAN, OTHER = "acme/port", "acme/vlan", "acme/other"
BOTH_WAYS = ("frames aToZ", "frames zToA", "round trip", "rate aToZ", "rate zToA")

EXPECTED = {
    "none": set(),
    "drop-lldp": {(PORT, "frames aToZ")},
    "alter-mpls": {(PORT, "frames zToA")},
    "duplicate-ipv6": {(VLAN, "frames aToZ")},
    "leak": {(PORT, "isolation")},
    "leak-under-load": {(VLAN, "isolation")},
    "come-back": {(PORT, "isolation")},
    "slow": {(VLAN, "round trip")},
    "fast": {(PORT, "round trip")},
    "unpoliced": {(PORT, "rate aToZ")},
    "half-rate": {(VLAN, "rate zToA")},
    "vid-kept": {(VLAN, "frames aToZ")},
    "priority-lost": {(VLAN, "frames zToA")},
    "untagged-admitted": {(VLAN, "blocked")},
    "s-tag-admitted": set(),
    "deleted-line-left": {("site s6", "blocked")},
    "rule-deleted": {(OTHER, check) for check in BOTH_WAYS},
    "swapped": {
        (PORT, "isolation"),
        *((PORT, check) for check in BOTH_WAYS if check not in ("frames zToA", "rate zToA")),
    },
    "interface-down": {(PORT, check) for check in BOTH_WAYS},
}


@pytest.mark.lab(alone=True)
@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_fails_the_checks_that_it_breaks_and_no_other(fault):
    report = measured(fault)
    failed = {(str(found.line), check.name) for found in report.lines for check in found.checks if not check.passed}
    failed |= {(f"site {site}", check.name) for site, check in report.idle_sites if not check.passed}
    assert failed == EXPECTED[fault], failures(report)
    assert exit_code(report) == (1 if EXPECTED[fault] else 0)
    for subject, check in EXPECTED[fault]:
        assert any(failure.startswith(f"{subject}: {check}: ") for failure in failures(report))
    # Told, and not judged.
    (vlan,) = (found for found in report.lines if str(found.line) == VLAN)
    told = {seen.outcome for seen in vlan.observations if seen.kind == "outer tag 0x88a8" and seen.direction == "zToA"}
    assert told == {"carried unchanged" if fault == "s-tag-admitted" else "did not arrive at s3"}


@pytest.mark.lab
def test_a_missing_interface_is_named():
    with pytest.raises(MeasurementFailed, match=r"site s1: cannot open interface no-such of process 1"):
        SocketDataPlane("none", [SitePort(site="s1", pid=1, interface="no-such")])
