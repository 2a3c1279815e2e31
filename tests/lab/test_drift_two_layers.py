"""Somebody changes cross-connects of a real NETCONF server by hand: told by a notification, repaired or reported."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest
from netconf_rig import otn_config
from private_ovs import PrivateOvs
from running.command import trunkline
from running.lines import line
from running.processes import Processes, until
from running.two_layers import TwoLayers, otn_nodes

from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from lab.netconf import NetconfNodes

LIGHT = line("light", "a1.100", "z1.100", mbps=1, layer="otn")


@contextmanager
def two_layers():
    ovs = PrivateOvs()
    with Processes() as processes, NetconfNodes(otn_nodes(0), Path(mkdtemp(prefix="otn-"))) as nodes:
        net = TwoLayers(processes, ovs, 0, nodes)
        try:
            yield net
        finally:
            net.close()


def take_connections(net, node):
    """Take every cross-connect of a node away, and nothing else."""
    session = net.sessions[node]
    names = [rule.number for rule in net.planner(net.saved()).desired[node].values()]
    session.edit(
        otn_config(
            "".join(
                f'<odu-connection nc:operation="delete"><connection-name>trunkline-{number}</connection-name>'
                "</odu-connection>"
                for number in names
            )
        )
    )
    session.commit()


def fares(net):
    return pb.Assurance.Name(net.intents()["light"].status.assurance)


@pytest.mark.lab(netconf=True)
def test_a_cross_connect_taken_away_by_hand_is_noticed_and_put_right_or_reported():
    with two_layers() as net:
        net.start("--read-every", "off")
        net.until_all_take_part()
        net.apply(LIGHT)
        take_connections(net, "o-a")
        until(lambda: "device o-a differs from what it should hold" in net.log.read_text(), "the notice")
        net.until_right()
        net.end()

        net.start("--read-every", "off", "--drift", "report")
        until(lambda: fares(net) == "UP", "the devices to be read")
        take_connections(net, "o-z")
        until(lambda: fares(net) == "DRIFTED", "the notice")
        answer = trunkline("diff", "--server", net.server, "-o", "json")
        assert answer.code == 2
        differ = {one["device"]: one["differences"] for one in json.loads(answer.out)["devices"] if one["differences"]}
        assert set(differ) == {"o-z"}
        assert {rule["kind"] for rule in differ["o-z"]} <= {"missing", "modified"}
        assert differ["o-z"][0]["intents"] == ["tenants/acme/privateLines/light"]
        assert trunkline("diff", "o-z", "--repair", "--server", net.server).code == 0
        net.until_right()
        assert fares(net) == "UP"
