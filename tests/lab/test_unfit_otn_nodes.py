"""OTN nodes that cannot take part, before a whole server: the status says why, so does an apply that needs one, and
nothing is changed anywhere."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import pytest
from private_ovs import PrivateOvs
from running.command import trunkline
from running.lines import line
from running.processes import Processes, until
from running.two_layers import TwoLayers, otn_nodes

from controller.wire.errors import RemoteError
from lab.netconf import NetconfNodes

LIGHT = line("light", "a1.110", "z1.210", mbps=500, layer="otn")
STRANGER = "AAAAC3NzaC1lZDI1NTE5AAAAIJqNqZ1kqFAFxv5JNVVvPzYpP0JKYbV5AlVbqvRdDBBS"

pytestmark = pytest.mark.lab(netconf=True)


@pytest.fixture
def net():
    """A network that was well, without a controller now."""
    with ExitStack() as last:
        ovs = PrivateOvs()
        nodes = last.enter_context(NetconfNodes(otn_nodes(0), Path(mkdtemp(prefix="otn-"))))
        made = TwoLayers(last.enter_context(Processes()), ovs, 0, nodes)
        last.callback(made.close)
        yield made


def refused(net, reason, *words):
    with pytest.raises(RemoteError) as error:
        net.apply(LIGHT)
    assert error.value.reason == reason
    for word in words:
        assert word in error.value.message, error.value.message
    assert net.active() == {}
    assert net.held() == []


def status(net):
    outcome = trunkline("status", "--server", net.server)
    assert outcome.code == 0
    return outcome.out


def test_one_with_another_host_key_is_not_talked_to(net):
    known = net.nodes.known_hosts.read_text().splitlines()
    place = known[0].split()[0]
    net.nodes.known_hosts.write_text("\n".join((f"{place} ssh-ed25519 {STRANGER}", *known[1:])) + "\n")
    net.start()
    refused(net, "DEVICE_UNREACHABLE", "o-a", "host key", "nothing was changed")
    until(lambda: "o-a is not connected: " in status(net), "the status to tell")
    assert "the host key is not the one that is known" in status(net)
    assert "o-z is not connected" not in status(net)


def test_one_without_a_candidate_is_refused(net):
    net.nodes.kill(net.node("o-z"))
    net.nodes.start(net.node("o-z"), target="running")
    net.nodes.wait_until_answering(net.node("o-z"))
    net.start()
    refused(net, "DEVICE_UNREACHABLE", "o-z", "it lacks :candidate")
    assert "o-z is not connected: it lacks :candidate" in status(net)


def test_values_that_the_model_does_not_allow_name_device_and_path(net):
    """The topology knows client ports that the node does not have."""
    name = net.node("o-z")
    net.nodes.kill(name)
    without_ports = replace(net.nodes.nodes[name], client_ports=()).startup()
    (net.nodes.directory / name / "startup.xml").write_text(without_ports)
    net.nodes.start(name)
    net.nodes.wait_until_answering(name)
    net.start()
    refused(net, "DEVICE_REFUSED", "o-z: /trunkline-otn-node:otn-node/interface", "supporting-port")
    net.open_session("o-z")
    assert "trunkline-" not in net.running("o-a") + net.running("o-z")
