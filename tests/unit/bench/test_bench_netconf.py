"""What ``bench netconf`` needs no device for: whose turn it is, and the network that one line is ordered on."""

import base64
import struct

from controller.bench.netconf import two_layers
from controller.bench.netconf.turns import repeated, takes_part
from controller.compiler.planner import Planner
from controller.documents import load_topology
from controller.domain.rules import CrossConnect
from controller.southbound.netconf.endpoint import Endpoint, known_host_key
from controller.southbound.netconf.southbound import ManagedDevice


def test_a_fast_way_has_all_its_repetitions_and_a_slow_one_as_many_as_fit_in_its_turn():
    taken_back = []
    assert repeated(lambda: 0.01, 3, lambda: taken_back.append(True)) == [10.0] * 3
    assert len(taken_back) == 3
    assert repeated(lambda: 1.5, 3) == [1_500.0] * 2
    assert repeated(lambda: 53.0, 3) == [53_000.0]


def test_who_was_measured_for_long_comes_no_more():
    assert takes_part([])
    assert takes_part([1_900.0] * 4)
    assert not takes_part([53_000.0])


def test_the_line_rides_every_otn_node_between_the_pes(tmp_path):
    devices = {f"otn-{number}": _device(number) for number in range(two_layers.OTN_NODES)}
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(two_layers.known_hosts(devices), encoding="ascii")
    assert known_host_key(known_hosts, "127.0.0.1", 20_002) == _key(2)
    file = tmp_path / "topology.yaml"
    file.write_text(two_layers.document(devices, known_hosts), encoding="utf-8")
    plan = Planner(load_topology(file)).plan([two_layers.line()])
    (verdict,) = plan.verdicts
    assert verdict.placed.paths[0].route.nodes == ("pe-a", *devices, "pe-z")
    connected = [
        device
        for part in plan.rounds
        for device, changes in part.changes
        for change in changes
        if isinstance(change.rule, CrossConnect)
    ]
    assert connected == list(devices)


def _device(number):
    endpoint = Endpoint(
        host="127.0.0.1", port=20_000 + number, username="lab", key_file="/keys/id", host_key=_key(number)
    )
    return ManagedDevice(profile="otn-node", endpoint=endpoint)


def _key(number):
    """A public key as OpenSSH writes it: two strings, each behind its length (RFC 8709)."""
    parts = (b"ssh-ed25519", bytes([number]) * 32)
    return base64.b64encode(b"".join(struct.pack(">I", len(part)) + part for part in parts)).decode()
