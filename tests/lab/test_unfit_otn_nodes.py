"""OTN nodes that cannot take part, before a whole server: the status says why, so does an apply that needs one, and
nothing is changed anywhere."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest
from running.command import trunkline
from running.lines import line
from running.processes import Processes, until
from running.simulated import SimulatedNetwork
from running.two_layers import LINE_PORT, TWO_LAYERS, with_endpoints

from controller.wire.errors import RemoteError
from lab.netconf import NetconfNodes
from lab.otn import YANG, OtnNode

LIGHT = line("light", "a1.110", "z1.210", mbps=500, layer="otn")
STRANGER = "AAAAC3NzaC1lZDI1NTE5AAAAIJqNqZ1kqFAFxv5JNVVvPzYpP0JKYbV5AlVbqvRdDBBS"

pytestmark = pytest.mark.lab(netconf=True)


@contextmanager
def network(**client_ports):
    """Simulated switches and NETCONF servers, not yet under a controller: yields both."""
    ports = {"o-a": (1, 2, 3, 4), "o-z": (1, 2, 3, 4)} | {
        name.replace("_", "-"): of for name, of in client_ports.items()
    }
    listed = [OtnNode(name=name, client_ports=of, line_ports={LINE_PORT: 80}) for name, of in ports.items()]
    directory = Path(mkdtemp(prefix="otn-"))
    with NetconfNodes(listed, directory) as nodes, Processes() as processes:
        topology = directory / "topology.yaml"
        topology.write_text(with_endpoints(TWO_LAYERS.read_text(), nodes, {name: name for name in ports}))
        net = SimulatedNetwork(processes, Path(mkdtemp(prefix="net-")), topology)
        try:
            yield net, nodes
        finally:
            net.close()


def refused(net, reason, *words):
    with pytest.raises(RemoteError) as error:
        net.apply(LIGHT)
    assert error.value.reason == reason
    for word in words:
        assert word in error.value.message, error.value.message
    assert net.active() == {}
    assert [net.switches.tables(name) for name in ("pe-a", "pe-z")] == [[], []]


def status(net):
    outcome = trunkline("status", "--server", net.server)
    assert outcome.code == 0
    return outcome.out


def test_one_with_another_host_key_is_not_talked_to(tmp_path):
    with network() as (net, nodes):
        known = nodes.known_hosts.read_text().splitlines()
        place = known[0].split()[0]
        nodes.known_hosts.write_text("\n".join((f"{place} ssh-ed25519 {STRANGER}", *known[1:])) + "\n")
        net.start("--yang", YANG)
        refused(net, "DEVICE_UNREACHABLE", "o-a", "host key", "nothing was changed")
        until(lambda: "o-a is not connected: " in status(net), "the status to tell")
        assert "the host key is not the one that is known" in status(net)
        assert "o-z is not connected" not in status(net)


def test_one_without_a_candidate_is_refused(tmp_path):
    with network() as (net, nodes):
        nodes.kill("o-z")
        nodes.start("o-z", target="running")
        nodes.wait_until_answering("o-z")
        net.start("--yang", YANG)
        refused(net, "DEVICE_UNREACHABLE", "o-z", "it lacks :candidate")
        assert "o-z is not connected: it lacks :candidate" in status(net)


def test_values_that_the_model_does_not_allow_name_device_and_path(tmp_path):
    """The topology knows a client port that the node does not have."""
    with network(o_z=(9,)) as (net, _):
        net.start("--yang", YANG)
        refused(net, "DEVICE_REFUSED", "o-z: /trunkline-otn-node:otn-node/interface", "supporting-port")
