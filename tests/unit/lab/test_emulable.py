"""A lab says what it cannot emulate."""

from dataclasses import replace

import pytest

from controller.domain.otn import OduType
from controller.domain.topology import (
    Gateway,
    Link,
    NetconfDevice,
    NextHop,
    Node,
    OpenFlowDevice,
    PerDirection,
    Role,
    Site,
    Topology,
)
from lab.emulable import ACCOUNT, check_emulable
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
            "node z: a pe of the lab is an OpenFlow switch",
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


GATEWAY = Gateway(
    name="g",
    node="z",
    port=60,
    capacity_bps=10**7,
    delays_ns=(("europe", 10**8),),
    next_hop=NextHop(mac="02:00:00:00:00:01", ip="192.0.2.2"),
    addresses=("192.0.2.1",),
)


def test_a_gateway_that_can_be_emulated_passes():
    check_emulable(replace(TOPOLOGY, gateways=(GATEWAY,)))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"next_hop": None}, "gateway g: without nextHop and addresses nobody behind it would find us"),
        ({"addresses": ()}, "gateway g: without nextHop and addresses nobody behind it would find us"),
        ({"capacity_bps": 10**11}, "gateway g: 100Gbps is more than a lab carries"),
        ({"port": 65280}, "gateway g: port 65280 of z is not a port"),
        ({"name": "a-z"}, "gateway a-z: a link has that name, too"),
        ({"delays_ns": tuple((f"r{n}", 1) for n in range(65))}, "gateways lead to 65 regions"),
    ],
)
def test_a_gateway_that_cannot_be_is_named(changed, reason):
    with pytest.raises(LabError) as refused:
        check_emulable(replace(TOPOLOGY, gateways=(replace(GATEWAY, **changed),)))
    assert reason in str(refused.value)


OTN = Node(
    name="o",
    role=Role.OTN,
    device=NetconfDevice(
        host="127.0.0.1", port=18310, username=ACCOUNT, key_file="keys/id", known_hosts="keys/known_hosts"
    ),
)
OTHER = replace(OTN, name="q", device=replace(OTN.device, port=18311))
BETWEEN = replace(
    LINK, name="o-q", a="o", z="q", a_port=65535, capacity_bps=PerDirection.both(10**11), odu=OduType.ODU4
)
CLIENT = replace(LINK, name="a-o", z="o", a_port=3, z_port=1)
OPTICAL = replace(TOPOLOGY, nodes=(A, Z, OTN, OTHER), links=(LINK, BETWEEN, CLIENT))


def test_an_optical_layer_can_be_emulated_whatever_its_links_carry():
    check_emulable(OPTICAL)


def with_device(**changes):
    return {"nodes": (A, Z, replace(OTN, device=replace(OTN.device, **changes)), OTHER)}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"nodes": (A, Z, replace(OTN, device=None), OTHER)}, "node o has no device: give it a NETCONF device"),
        ({"nodes": (A, Z, replace(OTN, device=A.device), OTHER)}, "node o: an OTN node of the lab is a NETCONF device"),
        (with_device(host="10.0.0.7"), "node o: host 10.0.0.7 is not in the lab"),
        (with_device(host="localhost"), "node o: host localhost is not in the lab"),
        (
            with_device(username="admin-of-another"),
            f"node o: username admin-of-another cannot log in: the lab runs as {ACCOUNT}",
        ),
        (with_device(key_file="/root/.ssh/id"), "node o: keyFile /root/.ssh/id is not below the topology's directory"),
        (with_device(key_file="../id"), "node o: keyFile ../id is not below"),
        (with_device(known_hosts="~/.ssh/known_hosts"), "node o: knownHosts ~/.ssh/known_hosts is not below"),
        (
            with_device(profile="of-tomorrow"),
            "the lab has no device of profile of-tomorrow: write otn-node or slot-matrix",
        ),
        (with_device(port=18311), "node q: its NETCONF port 18311 is that of o"),
        (
            {"links": (replace(CLIENT, capacity_bps=PerDirection.both(10**10)),)},
            "link a-o: 10Gbps is more than a lab carries",
        ),
        ({"links": (replace(BETWEEN, z_port=65536),)}, "link o-q: port 65536 of q is not a port of an OTN node"),
        ({"sites": (replace(SITE, node="o"),)}, "site s: the lab has customers at switches only"),
    ],
)
def test_what_an_optical_layer_cannot_be_is_named(changed, reason):
    with pytest.raises(LabError) as refused:
        check_emulable(replace(OPTICAL, **changed))
    assert reason in str(refused.value)


def test_all_reasons_are_given_at_once():
    with pytest.raises(LabError) as refused:
        check_emulable(replace(TOPOLOGY, nodes=(replace(A, device=None), replace(Z, device=None))))
    assert str(refused.value).count("has no device") == 2
