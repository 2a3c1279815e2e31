"""A lab says what it cannot emulate."""

from dataclasses import replace

import pytest

from controller.domain.topology import Link, NetconfDevice, Node, OpenFlowDevice, PerDirection, Role, Site, Topology
from lab.emulable import check_emulable
from lab.errors import LabError

A = Node(name="a", role=Role.PE, device=OpenFlowDevice(datapath_id=1))
Z = Node(name="z", role=Role.PE, device=OpenFlowDevice(datapath_id=2))
LINK = Link(
    name="a-z",
    a="a",
    z="z",
    a_port=1,
    z_port=1,
    capacity_bps=PerDirection.both(10**9),
    delay_ns=PerDirection.both(0),
)
SITE = Site(name="s", node="a", port=2)
TOPOLOGY = Topology(name="two", nodes=(A, Z), links=(LINK,), sites=(SITE,))


def test_what_can_be_emulated_passes():
    check_emulable(TOPOLOGY)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"nodes": (A, replace(Z, device=None))}, "node z has no device"),
        (
            {"nodes": (A, replace(Z, device=NetconfDevice(host="h", port=830, username="u", key_file="k")))},
            "node z: NETCONF devices are not emulated yet",
        ),
        (
            {"links": (replace(LINK, capacity_bps=PerDirection(10**9, 10**11)),)},
            "link a-z: 100Gbps is more than a lab carries; declare at most 1Gbps",
        ),
        ({"links": (replace(LINK, z_port=65280),)}, "link a-z: port 65280 of z is not a port"),
        ({"sites": (replace(SITE, port=0),)}, "site s: port 0 of a is not a port"),
    ],
)
def test_what_cannot_be_is_named(changed, reason):
    with pytest.raises(LabError) as refused:
        check_emulable(replace(TOPOLOGY, **changed))
    assert reason in str(refused.value)


def test_all_reasons_are_given_at_once():
    with pytest.raises(LabError) as refused:
        check_emulable(replace(TOPOLOGY, nodes=(replace(A, device=None), replace(Z, device=None))))
    assert str(refused.value).count("has no device") == 2
