"""What a topology document says of the optical layer: how it is refused, with its line, and how it is written again."""

import pytest

from controller.documents import read_topology, write_topology
from controller.domain.errors import InvalidInput, Reason
from controller.domain.otn import OduType
from controller.domain.topology import Layer

GOOD = """\
apiVersion: trunkline/v1
kind: Topology
metadata: {name: light}
spec:
  otnNodeDelay: 10us
  nodes:
    - {name: pe-a, role: pe}
    - {name: p-b, role: p}
    - {name: otn-a, role: otn}
    - {name: otn-b, role: otn}
  links:
    - {name: client, a: pe-a, z: otn-a, aPort: 1, zPort: 1, capacity: 10Gbps, delay: 0us}
    - {name: fibre, a: otn-a, z: otn-b, aPort: 2, zPort: 1, capacity: 100Gbps, delay: 3ms, odu: ODU4}
    - {name: packets, a: pe-a, z: p-b, aPort: 2, zPort: 1, capacity: 100Gbps, delay: 1ms}
  sites:
    - {name: dc-a, node: pe-a, port: 11}
"""


def test_the_optical_layer_is_read_and_written_again():
    topology = read_topology(GOOD, "net.yaml")
    assert topology.otn_node_delay_ns == 10_000
    assert [topology.layer(link) for link in topology.links] == [Layer.OTN, Layer.OTN, Layer.PACKET]
    assert [(link.odu, link.slots) for link in topology.links] == [(None, 0), (OduType.ODU4, 80), (None, 0)]
    assert read_topology(write_topology(topology), "again.yaml") == topology


@pytest.mark.parametrize(
    ("right", "wrong", "field", "line", "reason", "words"),
    [
        ("odu: ODU4", "odu: ODU0", "spec.links[1].odu", 13, Reason.INVALID_VALUE, "has no tributary slots"),
        ("odu: ODU4", "odu: ODU2e", "spec.links[1].odu", 13, Reason.INVALID_VALUE, "ODU1, ODU2, ODU3, ODU4"),
        ("odu: ODU4", "odu: ODU9", "spec.links[1].odu", 13, Reason.INVALID_VALUE, "ODU4"),
        ("delay: 1ms", "delay: 1ms, odu: ODU4", "spec.links[2].odu", 14, Reason.INVALID_VALUE, "between two OTN nodes"),
        ("delay: 0us", "delay: 0us, odu: ODU2", "spec.links[0].odu", 12, Reason.INVALID_VALUE, "between two OTN nodes"),
        ("otnNodeDelay: 10us", "otnNodeDelay: 3ns", "spec.otnNodeDelay", 5, Reason.INVALID_VALUE, ""),
        ("node: pe-a, port", "node: otn-a, port", "spec.sites[0].node", 16, Reason.INVALID_VALUE, "is an OTN node"),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_written(right, wrong, field, line, reason, words):
    assert GOOD.count(right) == 1
    text = GOOD.replace(right, wrong)
    with pytest.raises(InvalidInput) as caught:
        read_topology(text, "net.yaml")
    (fault,) = caught.value.faults
    assert (fault.field, fault.line, fault.reason) == (field, line, reason)
    assert words in fault.message
