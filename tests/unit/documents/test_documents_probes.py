"""What a gateway says that it pings: read, written, and refused where it cannot be."""

from dataclasses import replace

import pytest

from controller.documents import read_topology, write_topology
from controller.domain.errors import InvalidInput, Reason

GOOD = """\
apiVersion: trunkline/v1
kind: Topology
metadata: {name: one}
spec:
  nodes: [{name: pe, role: pe}]
  gateways:
    - {name: igw, node: pe, port: 60, capacity: 1Gbps, delays: {europe: 98ms, japan: 18ms},
       nextHop: {mac: "02:00:00:ff:00:01", ip: 192.0.2.2}, addresses: [192.0.2.1, "2001:db8:1::1"],
       probes: {europe: "FD64:1::1", japan: 203.0.113.1}}
"""
FIELD = "spec.gateways[0].probes"


def test_probes_are_read_and_written():
    topology = read_topology(GOOD, "net.yaml")
    assert topology.gateways[0].probes == (("europe", "fd64:1::1"), ("japan", "203.0.113.1"))
    assert read_topology(write_topology(topology), "again.yaml") == topology
    without = replace(topology, gateways=(replace(topology.gateways[0], probes=()),))
    assert read_topology(GOOD.replace('probes: {europe: "FD64:1::1", japan: 203.0.113.1}', "probes: {}"), "") == without


@pytest.mark.parametrize(
    ("old", "new", "field", "reason", "words"),
    [
        ("{europe: 98ms, ", "{europa: 98ms, ", "europe", Reason.REFERENCE_NOT_FOUND, "did you mean 'europa'?"),
        ("203.0.113.1", "203.0.113", "japan", Reason.INVALID_VALUE, "not an IP address"),
        ("203.0.113.1", "192.0.2.1", "japan", Reason.INVALID_VALUE, "no address of a host abroad"),
        ("203.0.113.1", "224.0.0.1", "japan", Reason.INVALID_VALUE, "no address of a host abroad"),
        ("203.0.113.1", '"fd64:1::1"', "japan", Reason.INVALID_VALUE, "in region europe already"),
        (', "2001:db8:1::1"]', "]", "europe", Reason.INVALID_VALUE, "no IPv6 address of ours"),
    ],
)
def test_what_cannot_be_pinged_is_refused(old, new, field, reason, words):
    assert old in GOOD
    with pytest.raises(InvalidInput) as refused:
        read_topology(GOOD.replace(old, new), "net.yaml")
    (fault,) = refused.value.faults
    assert (fault.field, fault.reason) == (f"{FIELD}.{field}", reason)
    assert words in fault.message


def test_without_a_next_hop_there_is_nobody_to_send_a_ping_to():
    with pytest.raises(InvalidInput) as refused:
        read_topology(GOOD.replace('nextHop: {mac: "02:00:00:ff:00:01", ip: 192.0.2.2}, ', ""), "net.yaml")
    assert [fault.field for fault in refused.value.faults] == [f"{FIELD}.europe", f"{FIELD}.japan"]
