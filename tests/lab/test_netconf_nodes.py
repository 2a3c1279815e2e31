"""The lab's OTN nodes: up with all they need, and gone with all they had, whatever goes wrong."""

import subprocess
from pathlib import Path

import pytest
from netconf_rig import Rig, nodes_running, otn_node

from controller.southbound.netconf.endpoint import known_host_key
from controller.southbound.netconf.model import NotValid
from lab.netconf import NetconfNodes
from lab.otn import OtnNode

pytestmark = pytest.mark.lab(netconf=True)


async def test_more_nodes_than_one_ssh_server_takes(tmp_path):
    with nodes_running(tmp_path, *["otn-node", "slot-matrix"] * 9) as nodes:
        async with Rig(nodes) as rig:
            assert len(rig.up) == 18
        assert nodes.running
        endpoint = nodes.endpoint("otn-17")
        assert known_host_key(nodes.known_hosts, endpoint.host, endpoint.port) == endpoint.host_key
    assert not nodes.running


def test_a_node_that_cannot_be_takes_the_others_down(tmp_path):
    bad = OtnNode(name="bad", client_ports=(1,), line_ports={1: 81})
    nodes = NetconfNodes([otn_node("good"), bad], tmp_path)
    with pytest.raises(NotValid, match="81"), nodes:
        pass
    assert not nodes.running


@pytest.fixture
def locked_root(tmp_path):
    """The mounts are this test's own: what is mounted here ends with it."""
    lines = Path("/etc/shadow").read_text(encoding="utf-8").splitlines()
    locked = [f"root:!:{line.split(':', 2)[2]}" if line.startswith("root:") else line for line in lines]
    shadow = tmp_path / "shadow"
    shadow.write_text("\n".join(locked) + "\n", encoding="utf-8")
    subprocess.run(["mount", "--bind", shadow, "/etc/shadow"], check=True)


async def test_root_with_a_locked_password_is_let_in_by_key(tmp_path, locked_root):
    directory = tmp_path / "nodes"
    directory.mkdir()
    with nodes_running(directory, "otn-node") as nodes:
        async with Rig(nodes) as rig:
            assert await rig.rules("otn-0") == ()
