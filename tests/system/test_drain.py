"""Gateways drained and undrained: what is answered, listed, kept over restarts, refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from running.command import trunkline
from running.processes import until
from running.simulated import simulated

GATEWAYS = Path(__file__).parents[1] / "running" / "gateways.yaml"


@pytest.fixture
def off(processes):
    """Two gateways, without a controller yet."""
    with simulated(processes, topology=GATEWAYS) as made:
        yield made


@pytest.fixture
def net(off):
    off.start()
    return off


def told(net, *arguments):
    answer = trunkline(*arguments, "--server", net.server, "-o", "json")
    assert (answer.code, answer.err) == (0, "")
    return json.loads(answer.out)


def drained(net):
    return {one["gateway"]: one["reason"] for one in told(net, "status")["drained"]}


def test_a_gateway_stays_drained_over_a_restart_until_it_is_undrained(net):
    assert drained(net) == {}
    answer = told(net, "drain", "gateway", "igw-s", "--reason", "new line card")
    assert (answer["gateway"], answer["drained"], answer["reason"], answer["waits"]) == (
        "igw-s",
        True,
        "new line card",
        None,
    )
    again = told(net, "drain", "gateway", "igw-s")
    assert again == answer
    told(net, "drain", "gateway", "igw-n")
    net.restart()
    assert drained(net) == {"igw-n": "", "igw-s": "new line card"}
    said = trunkline("status", "--server", net.server).out
    assert f"gateway igw-s is drained since {answer['since']}: new line card\n" in said
    assert told(net, "undrain", "gateway", "igw-s") == {"gateway": "igw-s", "drained": False, "waits": None}
    assert drained(net) == {"igw-n": ""}
    assert trunkline("undrain", "gateway", "igw-n", "--server", net.server).out == "gateway igw-n is not drained\n"
    assert drained(net) == {}


def test_status_lists_what_is_down_beside_what_is_drained(net):
    told(net, "drain", "gateway", "igw-s")
    net.switches.plug(gateway="igw-n", plugged=False)
    net.switches.plug(site="prov-a", plugged=False)
    net.switches.set_link("n-z", up=False)

    def down():
        status = told(net, "status")
        return status["gatewaysDown"], status["linksDown"], status["sitesDown"]

    until(lambda: down() == (["igw-n"], ["n-z"], ["prov-a"]), down)
    said = trunkline("status", "--server", net.server).out.splitlines()
    assert said[1].startswith("gateway igw-s is drained since ")
    assert said[2:5] == ["gateways that are down: igw-n", "links that are down: n-z", "sites that are down: prov-a"]
    net.switches.plug(gateway="igw-n", plugged=True)
    net.switches.plug(site="prov-a", plugged=True)
    net.switches.set_link("n-z", up=True)
    until(lambda: down() == ([], [], []), down)
    assert " down: " not in trunkline("status", "--server", net.server).out


def test_a_frozen_controller_says_that_traffic_waits(net):
    told(net, "freeze", "--reason", "fibre works")
    said = trunkline("drain", "gateway", "igw-s", "--server", net.server).out
    assert said.endswith("; the controller is frozen: traffic moves after trunkline freeze --off\n")
    assert told(net, "status")["drained"][0]["waits"] is not None
    told(net, "freeze", "--off")
    assert told(net, "status")["drained"][0]["waits"] is None


@pytest.mark.parametrize(
    ("mode", "why"), [("shadow", "what would move is only reported"), ("off", "nothing is steered")]
)
def test_a_controller_that_moves_nothing_says_so(off, mode, why):
    off.start("--egress", mode)
    assert why in told(off, "drain", "gateway", "igw-s")["waits"]


@pytest.mark.parametrize("command", ["drain", "undrain"])
def test_a_gateway_that_is_none_is_refused(net, command):
    answer = trunkline(command, "gateway", "igw-x", "--server", net.server)
    assert (answer.code, answer.out) == (1, "")
    assert "there is no gateway 'igw-x'" in answer.err
    assert "[REFERENCE_NOT_FOUND]" in answer.err
    answer = trunkline(command, "gateway", "", "--server", net.server)
    assert (answer.code, "[MISSING_PROPERTY]" in answer.err) == (1, True)


@pytest.mark.parametrize("reason", ["x" * 501, "two\nlines"])
def test_a_reason_that_is_no_line_of_text_is_refused(net, reason):
    answer = trunkline("drain", "gateway", "igw-s", "--reason", reason, "--server", net.server)
    assert (answer.code, "[INVALID_VALUE]" in answer.err) == (1, True)
    assert drained(net) == {}
