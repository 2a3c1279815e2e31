"""A device is lost, hangs, refuses or lies at each verb of a transaction over both kinds of devices: all or nothing.

The controller is held at a step of its journal (a gate), something is done to a device, and it is let go.
"""

from __future__ import annotations

import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest
from netconf_rig import otn_config
from private_ovs import PrivateOvs
from running.kill_points import COMMIT_POINT, reached
from running.kill_scenarios import agree
from running.lines import line
from running.processes import Processes, until
from running.two_layers import TwoLayers, otn_nodes

from controller.store.records import Verb
from controller.wire.errors import RemoteError
from lab.netconf import NetconfNodes

KEPT = line("kept", "a1.100", "z1.200")
WAS = line("light", "a1.110", "z1.210", mbps=500, layer="otn")
IS = line("light", "a1.110", "z1.210", mbps=2000, layer="otn")  # another ODU: all of its circuit is new
BEFORE, AFTER = {"kept": KEPT, "light": WAS}, {"kept": KEPT, "light": IS}
PREPARE, FLIP, REMOVE = 0, 1, 2
VERBS = (Verb.COMMIT, Verb.VERIFY, Verb.CONFIRM)
BY_HAND = """<interface><name>by-hand</name><type>otn-odu</type>
<administrative-state>inService</administrative-state><supporting-port>101</supporting-port>
<odu><rate>ODU0</rate><tributary-port>3</tributary-port><tributary-slot>3</tributary-slot></odu></interface>"""
NOT_BY_HAND = '<interface nc:operation="delete"><name>by-hand</name></interface>'

pytestmark = pytest.mark.lab(netconf=True, limit_s=600)


@pytest.fixture
def net():
    """A network with ``BEFORE`` in it, whose controller does not wait long for devices."""
    with ExitStack() as last:
        ovs = PrivateOvs()
        nodes = last.enter_context(NetconfNodes(otn_nodes(0), Path(mkdtemp(prefix="otn-"))))
        made = TwoLayers(last.enter_context(Processes()), ovs, 0, nodes)
        last.callback(made.close)
        gates = made.directory / "gates"
        gates.mkdir()
        made.gates = gates
        brief = {"connect_s": 2, "answer_s": 1, "lock_s": 0.3, "retry_s": 0.02, "longest_retry_s": 0.2}
        watched = {"request_id": None, "gates": str(gates)}
        made.start(kill_points=watched, limits={"answer_s": 1}, netconf_limits=brief)
        made.apply(*BEFORE.values())
        yield made


@contextmanager
def held(net, step, act):
    """``act`` in another thread, held at a step of its journal inside the block; yields its future."""
    gate = net.gates / f"{step} after"
    gate.touch()
    try:
        with ThreadPoolExecutor(1) as client:
            asked = client.submit(act)
            until(reached(gate).exists, lambda: f"{step} to be reached\n{net.log.read_text()}")
            yield asked
            gate.unlink()
            asked.exception()  # wait for its end
    finally:
        gate.unlink(missing_ok=True)
        reached(gate).unlink(missing_ok=True)


def change(net):
    return net.apply(*AFTER.values())


def undone(net, asked, reason, *words):
    """The change was refused, with these words, and everything is as before it."""
    error = asked.exception()
    assert isinstance(error, RemoteError), "it was not refused"
    assert error.reason == reason, error
    for word in words:
        assert word in error.message
    stands(net, BEFORE)
    status = net.intents()["light"].status
    assert status.reason == reason
    for word in words:
        assert word in status.message


def stands(net, lines):
    agree(net, lines)
    net.check_frames(lines.values())


def about_to(device, verb, number):
    """The step behind which the device is told to."""
    return f"{verb} {device} {number} before"


def put_back(net):
    net.apply(*BEFORE.values())
    stands(net, BEFORE)


@pytest.mark.parametrize("verb", VERBS)
def test_an_otn_node_that_is_lost_at_a_verb(net, verb):
    for number in (PREPARE, REMOVE):
        for step in (about_to("o-z", verb, number), f"{verb} o-a {number} after"):
            with held(net, step, lambda: change(net)) as asked:
                net.nodes.kill(net.node("o-z"))
            start_again(net)
            if number == PREPARE and not (verb is Verb.CONFIRM and step.endswith("after")):
                undone(net, asked, "DEVICE_UNREACHABLE", "o-z")
            elif number == REMOVE:
                assert asked.exception() is None, asked.exception()
                stands(net, AFTER)
            put_back(net)


def start_again(net):
    net.nodes.start(net.node("o-z"))
    net.nodes.wait_until_answering(net.node("o-z"))
    net.open_session("o-z")


@pytest.mark.parametrize("verb", VERBS)
def test_an_otn_node_that_hangs_at_a_verb_is_given_up_and_put_right_when_it_goes_on(net, verb):
    for number in (PREPARE, REMOVE):
        with held(net, about_to("o-z", verb, number), lambda: change(net)) as asked:
            net.nodes.pause(net.node("o-z"))
        # Answered, although the device still hangs.
        assert (asked.exception() is None) == (number == REMOVE), asked.exception()
        net.nodes.resume(net.node("o-z"))
        if number == PREPARE:
            undone(net, asked, "DEVICE_UNREACHABLE", "o-z", "no answer")
        else:
            stands(net, AFTER)
            put_back(net)


@pytest.mark.parametrize("verb", VERBS)
def test_switches_that_are_lost_or_hang_at_a_verb(net, verb):
    for number in (PREPARE, FLIP, REMOVE):
        for lose, find in ((net.ovs.restart_switch, None), (net.ovs.pause_switch, net.ovs.resume_switch)):
            with held(net, about_to("pe-z", verb, number), lambda: change(net)) as asked:
                lose()
            made = asked.exception() is None
            # A switch is asked nothing to confirm: behind its last verb before the commit point either may come first.
            assert made == (number == REMOVE) or (number, verb) == (FLIP, Verb.CONFIRM), asked.exception()
            if find is not None:
                find()
            if made:
                stands(net, AFTER)
                put_back(net)
            else:
                # One that is back before it is asked is there, and empty.
                reason = asked.exception().reason
                assert reason == "DEVICE_UNREACHABLE" or (lose == net.ovs.restart_switch and reason == "DEVICE_REFUSED")
                undone(net, asked, reason, "pe-")


def test_a_confirm_that_fails_after_another_has_confirmed_is_made_good_there(net):
    with held(net, about_to("o-z", Verb.CONFIRM, PREPARE), lambda: change(net)) as asked:
        until(lambda: net.at_rest("o-a") and "ODU1" in net.running("o-a"), "o-a to be confirmed")
        net.nodes.kill(net.node("o-z"))
    assert "o-z" in asked.exception().message
    # There at once, without the one that is lost.
    until(lambda: "ODU1" not in net.running("o-a"), "the opposite edit")
    assert net.saved().leftovers
    start_again(net)
    undone(net, asked, "DEVICE_UNREACHABLE", "o-z")


def test_an_otn_node_that_refuses(net):
    session = net.sessions["o-z"]
    with held(net, about_to("o-z", Verb.COMMIT, PREPARE), lambda: change(net)) as asked:
        session.edit(otn_config(BY_HAND))  # a slot that the plan counts on
        session.commit()
    assert asked.exception().reason == "DEVICE_REFUSED"
    until(lambda: "by-hand" in net.running("o-z") and "ODU1" not in net.running("o-a"), "all to be as before")
    assert net.active() == BEFORE
    session.edit(otn_config(NOT_BY_HAND))
    session.commit()
    undone(net, asked, "DEVICE_REFUSED", "o-z", "interface[otn:name='by-hand']", "slot is taken")
    change(net)
    stands(net, AFTER)


def test_an_otn_node_that_somebody_else_has_locked(net):
    net.sessions["o-z"].lock()
    with ThreadPoolExecutor(1) as client:
        asked = client.submit(change, net)
        asked.exception()
    net.sessions["o-z"].unlock()
    undone(net, asked, "DEVICE_REFUSED", "o-z", "lock")
    change(net)
    stands(net, AFTER)


def test_an_otn_node_that_says_ok_and_drops_the_edit(net):
    """netconfd does so after a validate of its candidate; the controller is held between edit and commit."""
    with held(net, "edited", lambda: change(net)) as asked:
        net.sessions["o-z"].ask("<validate><source><candidate/></source></validate>")
    undone(net, asked, "DEVICE_REFUSED", "o-z", "read back", "is not there")
    change(net)
    stands(net, AFTER)


def test_a_full_disk_while_otn_nodes_wait_to_be_confirmed(net):
    with held(net, about_to("o-z", Verb.VERIFY, PREPARE), lambda: change(net)) as asked:
        _, most = resource.prlimit(net.controller, resource.RLIMIT_FSIZE)
        resource.prlimit(net.controller, resource.RLIMIT_FSIZE, (0, most))
    assert asked.exception().reason == "STATE_UNAVAILABLE"
    resource.prlimit(net.controller, resource.RLIMIT_FSIZE, (most, most))
    until(lambda: net.states()["light"][0] == "ACTIVE", "the change to be undone")
    stands(net, BEFORE)
    change(net)
    stands(net, AFTER)


def test_the_server_of_a_node_that_would_be_lost_at_the_commit_point(net):
    """Everything is confirmed by then: there is only forward."""
    with held(net, COMMIT_POINT, lambda: change(net)) as asked:
        net.nodes.kill(net.node("o-z"))
    start_again(net)
    assert asked.exception() is None
    stands(net, AFTER)
