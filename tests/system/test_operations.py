"""Status, metrics, logs by request, the stop button and confirmations, of a real server with simulated switches."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import sys

import grpc
import pytest
from running.command import ROOT, trunkline
from running.controllers import called
from running.lines import line
from running.processes import until
from running.scraping import scrape
from running.simulated import simulated

from controller.domain.errors import Reason
from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import line_to_wire
from controller.wire.names import intent_name

NORTH = line("north", "a1.100", "z1.200")
SOUTH = line("south", "a1.101", "z1.201", avoid=["p-n"])
TOO_WIDE = line("wide", "a2.7", "z2.7", mbps=900)


@pytest.fixture
def off(processes):
    """The ring, without a controller yet."""
    with simulated(processes) as made:
        yield made


def status(net):
    answer = trunkline("status", "--server", net.server, "-o", "json")
    assert (answer.code, answer.err) == (0, "")
    return json.loads(answer.out)


def devices(net):
    return {one["device"]: one for one in status(net)["devices"]}


def until_all_in_step(net):
    until(lambda: all(one["inStep"] for one in devices(net).values()), "every device to be in step")


# Status


def test_status_says_which_switches_are_connected_and_in_step(net):
    until_all_in_step(net)
    net.apply(NORTH)
    shown = devices(net)
    assert list(shown) == ["p-n", "p-s", "pe-a", "pe-z"]
    for node, rules in net.tables().items():
        assert shown[node]["desiredRules"] == shown[node]["observedRules"] == len(rules)
    net.switches.set_switch("p-s", connected=False)
    until(lambda: not devices(net)["p-s"]["connected"], "the switch to leave")
    assert not devices(net)["p-s"]["inStep"]
    said = trunkline("status", "--server", net.server).out
    assert "3 of 4 devices connected\n" in said
    assert re.search(r"^p-s +not connected +0/0 +0 +0$", said, re.MULTILINE)
    assert re.search(r"^pe-a +in step +", said, re.MULTILINE)


# Metrics


@pytest.fixture
def scraped(off):
    """The ring with metrics on, and what a scrape finds."""
    off.start("--metrics", "127.0.0.1:0", "--confirm-above", "2")
    (address,) = re.findall(r"metrics on http://(\S+)/metrics", off.log.read_text())
    until_all_in_step(off)
    return off, lambda: scrape(address)


def test_a_scrape_tells_what_was_done_and_how_things_stand(scraped):
    net, found = scraped
    net.apply(NORTH, SOUTH)
    net.delete(SOUTH)
    with pytest.raises(RemoteError):
        net.apply(TOO_WIDE)
    net.plan(TOO_WIDE)
    net.switches.set_switch("p-s", connected=False)
    until(lambda: found()["trunkline_device_connected", ("device", "p-s")] == 0, "the switch to leave")
    now = found()
    assert now["trunkline_intents", ("kind", "PrivateLine"), ("state", "ACTIVE")] == 1
    assert now["trunkline_requests_total", ("outcome", "OK"), ("request", "apply")] == 1
    assert now["trunkline_requests_total", ("outcome", "NO_BANDWIDTH"), ("request", "apply")] == 1
    assert now["trunkline_requests_total", ("outcome", "NO_BANDWIDTH"), ("request", "plan")] == 1
    assert now["trunkline_request_duration_seconds_count", ("request", "delete")] == 1
    assert now["trunkline_transactions_total", ("kind", "apply"), ("outcome", "done")] == 1
    assert now["trunkline_device_disconnections_total", ("device", "p-s")] == 1
    assert now["trunkline_reconcile_runs_total", ("outcome", "clean")] == 4
    method = ("method", "trunkline.v1.IntentService/Apply")
    assert now["trunkline_grpc_calls_total", ("code", "OK"), method] == 1
    assert now["trunkline_grpc_calls_total", ("code", "FAILED_PRECONDITION"), method] == 1
    for node, rules in net.tables().items():
        for view in ("desired", "observed"):
            assert now[f"trunkline_device_{view}_rules", ("device", node)] == len(rules), node
    reserved = {(link, direction): bps for (link, direction), bps in net.ledger().items()}
    assert {key: value * 8 for key, value in per_link(now, "reserved").items() if value} == reserved
    assert set(per_link(now, "capacity").values()) == {100e6 / 8}


def per_link(found, what):
    return {
        (dict(labels)["link"], dict(labels)["direction"]): value
        for (name, *labels), value in found.items()
        if name == f"trunkline_link_{what}_bytes_per_second"
    }


def test_a_failed_change_counts_as_undone(scraped):
    net, found = scraped
    net.switches.set_switch("p-n", frozen=True)
    with pytest.raises(RemoteError) as failed:
        net.apply(NORTH)
    assert failed.value.reason == Reason.DEVICE_UNREACHABLE
    net.switches.set_switch("p-n", frozen=False)
    assert found()["trunkline_transactions_total", ("kind", "apply"), ("outcome", "undone")] == 1


def test_calls_are_counted_by_how_they_end_and_unknown_methods_as_one(scraped):
    net, found = scraped
    for name in ("/no.Such/Method", "/nor.This/One", "/trunkline.v1.IntentService/Get"):
        with pytest.raises(grpc.RpcError):
            net.channel.unary_unary(name)(b"\xff garbled", timeout=30)
    watching = net.stub.Watch(pb.WatchRequest(), timeout=30)
    net.apply(NORTH)
    next(watching)
    watching.cancel()
    watched = ("method", "trunkline.v1.IntentService/Watch")
    until(lambda: ("trunkline_grpc_calls_total", ("code", "CANCELLED"), watched) in found(), "the watch to end")
    now = found()
    assert now["trunkline_grpc_calls_total", ("code", "UNIMPLEMENTED"), ("method", "unknown")] == 2
    garbled = ("method", "trunkline.v1.IntentService/Get")
    assert now["trunkline_grpc_calls_total", ("code", "INVALID_ARGUMENT"), garbled] == 1


def test_without_the_option_nothing_listens_and_a_taken_port_is_an_error(off):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        off.launch("--metrics", address)
        assert off.ended() != 0
        assert f"cannot listen on {address}: Address already in use" in off.log.read_text()
    off.start()
    assert "metrics on" not in off.log.read_text()


# Logs


def test_every_line_of_a_request_bears_its_id_down_to_the_device(off):
    off.start("--log-format", "json", "--log-level", "debug")
    until_all_in_step(off)
    off.apply(NORTH, request_id="order-66")
    lines = [json.loads(text) for text in off.log.read_text().splitlines()]
    mine = [one for one in lines if one.get("request") == "order-66"]
    at_devices = {one["device"] for one in mine if one["logger"] == "controller.southbound.openflow.driver"}
    assert at_devices == {"pe-a", "p-n", "pe-z"}
    (told,) = (one for one in mine if one.get("change") == "apply")
    assert (told["outcome"], told["lines"], told["devices"], told["caller"]) == ("done", 1, 3, "unix:")
    assert told["rules"] == sum(map(len, off.tables().values()))
    assert told["seconds"] > 0
    assert {one["txn"] for one in mine if "txn" in one} != set()
    others = [one for one in lines if one.get("device") and "request" not in one]
    assert {one["logger"] for one in others} <= {"controller.service.reconciler"}


def test_an_id_may_come_in_a_header_and_text_lines_show_it(off):
    off.start("--log-level", "debug")
    until_all_in_step(off)
    request = pb.ApplyRequest(intents=[line_to_wire(NORTH)])
    off.stub.Apply(request, metadata=[("x-request-id", "from-the-portal")], timeout=30)
    assert re.search(r"apply from unix:.*: done \[request from-the-portal\]", off.log.read_text())


# The stop button


def test_frozen_a_switch_that_lost_its_rules_waits_also_after_a_restart(net):
    net.apply(NORTH, SOUTH)
    tables = net.tables()
    pressed = trunkline("freeze", "--reason", "fibre works", "--server", net.server)
    assert pressed.code == 0
    assert re.fullmatch(r"frozen since \S+: fibre works; repairs wait \(trunkline freeze --off\)\n", pressed.out)
    net.switches.set_switch("p-n", restart=True)
    until(lambda: devices(net)["p-n"]["waitingChanges"] == len(tables["p-n"]), "the switch to be read")
    net.delete(SOUTH)  # p-n has no part in it
    with pytest.raises(RemoteError, match="freeze --off"):
        net.delete(NORTH)
    net.restart()
    until(lambda: devices(net)["p-n"]["waitingChanges"] == len(tables["p-n"]), "the switch to be read")
    assert net.tables()["p-n"] == []
    shown = status(net)["freeze"]
    assert (shown["frozen"], shown["reason"]) == (True, "fibre works")
    assert "fibre works" in trunkline("status", "--server", net.server).out
    assert trunkline("freeze", "--off", "--server", net.server).out == "not frozen: automatic changes go on\n"
    until(lambda: net.tables()["p-n"] == tables["p-n"], "the switch to be repaired")
    until_all_in_step(net)
    assert status(net)["freeze"] == {"frozen": False}
    net.delete(NORTH)


def test_a_reason_is_one_line_of_plain_text(net):
    refused = trunkline("freeze", "--reason", "storm\n\x1b[2J", "--server", net.server)
    assert (refused.code, refused.out) == (1, "")
    assert "reason: has line breaks or control characters" in refused.err
    assert status(net)["freeze"] == {"frozen": False}


def test_a_reason_is_not_for_letting_go(net):
    assert trunkline("freeze", "--off", "--reason", "x", "--server", net.server).code == 1


# Confirmations


LINES = [line(f"line-{vlan}", f"a1.{vlan}", f"z1.{vlan}", mbps=1) for vlan in range(10, 13)]


def test_many_lines_are_confirmed_by_their_number(scraped):
    net, found = scraped
    with pytest.raises(RemoteError) as refused:
        net.apply(*LINES)
    error = refused.value
    assert (error.code, error.reason, error.lines) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "CONFIRMATION_REQUIRED",
        3,
    )
    request = pb.ApplyRequest(intents=[line_to_wire(one) for one in LINES], confirm=3)
    called(net.stub.Apply, request)
    names = [f"acme/{one.name}" for one in LINES]
    for given in ((), ("--confirm", "4")):
        answer = trunkline("delete", *names, *given, "--server", net.server)
        assert (answer.code, answer.out) == (1, "")
        assert "if that is meant, repeat it with --confirm 3 [CONFIRMATION_REQUIRED]\n" in answer.err
    assert len(net.intents()) == 3
    assert found()["trunkline_requests_total", ("outcome", "CONFIRMATION_REQUIRED"), ("request", "delete")] == 2
    assert trunkline("delete", *names, "--confirm", "3", "--server", net.server).code == 0
    assert net.intents() == {}


@pytest.mark.parametrize(("typed", "code", "left"), [("3", 0, 0), ("2", 1, 3)])
def test_on_a_terminal_the_number_is_asked_for(scraped, typed, code, left):
    net, _ = scraped
    called(net.stub.Apply, pb.ApplyRequest(intents=[line_to_wire(one) for one in LINES], confirm=3))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "controller", "delete", *(f"acme/{one.name}" for one in LINES)]
    env = {**os.environ, "TERM": "dumb", "TRUNKLINE_SERVER": net.server}
    said = b""
    with subprocess.Popen(command, cwd=ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as deleting:
        os.close(theirs)
        while b"how many lines are to change" not in said:
            said += os.read(ours, 65_536)
        os.write(ours, f"{typed}\n".encode())
        while piece := read(ours):
            said += piece
    os.close(ours)
    assert deleting.returncode == code, said.decode()
    assert len(net.intents()) == left


def read(terminal):
    try:
        return os.read(terminal, 65_536)
    except OSError:  # nobody has the other end any more
        return b""


def test_a_number_is_checked_however_small_the_change(net):
    request = pb.DeleteRequest(names=[intent_name(NORTH.key)], confirm=7)
    net.apply(NORTH)
    with pytest.raises(RemoteError, match="touches 1 line on 3 devices, not 7"):
        called(net.stub.Delete, request)


@pytest.mark.parametrize("value", ["many", "-1", "1,2,3", "", "1,"])
def test_a_limit_that_is_none(value):
    answer = trunkline("serve", "-t", "x.yaml", "--confirm-above", value)
    assert answer.code == 1
    assert "is neither LINES, nor LINES,DEVICES, nor off" in answer.err
