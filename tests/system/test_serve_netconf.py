"""A start whose topology has NETCONF devices: what is wrong with what they need is said at once, and by name."""

from __future__ import annotations

import base64

import pytest
from running.command import topology as document
from running.command import trunkline, write

from lab.otn import YANG

KEY = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(32)).decode()


def otn_network(place, port=18310, **device):
    """A topology with one OTN node, and beside it the files that it names: a key, and a ``known_hosts``."""
    (place / "key").write_text("a key")
    (place / "known_hosts").write_text(f"[127.0.0.1]:18310 ssh-ed25519 {KEY}\n")
    told = {"driver": "netconf", "host": "127.0.0.1", "port": port, "username": "u", "keyFile": "key"}
    told |= {"knownHosts": "known_hosts", **device}
    return write(place / "topology.yaml", document(nodes=[{"name": "o-a", "role": "otn", "device": told}]))


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ({"port": 18311}, "known_hosts has no key of [127.0.0.1]:18311: ssh-keyscan -p 18311 127.0.0.1"),
        ({"knownHosts": "nowhere"}, "nowhere"),
        ({"keyFile": "keys/id"}, "keys/id"),
        ({"profile": "nonsense"}, "nonsense"),
    ],
    ids=["no entry in known_hosts", "no known_hosts", "no key", "unknown profile"],
)
def test_a_device_that_cannot_be_talked_to_is_named(tmp_path, device, words):
    said = start(tmp_path, otn_network(tmp_path, **device), "--yang", YANG)
    assert "node o-a" in said
    assert words in said


def test_without_the_modules_it_does_not_start(tmp_path):
    file = otn_network(tmp_path)
    said = start(tmp_path, file)
    assert "1 nodes of the topology (o-a first) are NETCONF devices: give --yang" in said
    empty = tmp_path / "empty"
    empty.mkdir()
    said = start(tmp_path, file, "--yang", empty)
    assert f"--yang {empty}" in said
    assert "trunkline-otn-node" in said
    (empty / "trunkline-otn-node.yang").write_text("no YANG at all")
    assert f"--yang {empty}" in start(tmp_path, file, "--yang", empty)


def start(place, file, *more):
    """A start that comes to nothing, in this process: what it says."""
    outcome = trunkline(
        *("serve", "-t", file, "--state", place / "state.db", "--listen", f"unix:{place}/api"),
        *("--openflow", "tcp:127.0.0.1:0", *more),
    )
    assert outcome.code == 1
    assert "Traceback" not in outcome.err
    return outcome.err
