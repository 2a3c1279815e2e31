"""Back to an earlier specification, and what a history tells: who, when, what; over changes, deletions and restarts."""

from __future__ import annotations

import json

import grpc
import pytest
from running.command import trunkline
from running.controllers import called
from running.lines import line

from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import saved_plan_pb2 as pb
from controller.wire.names import intent_name

FIRST = line("one", "a1.100", "z1.200", mbps=60)
SECOND = line("one", "a1.100", "z1.200", mbps=20, avoid=["p-n"])
OTHER = line("one", "a2", "z2", mbps=5)
NAME = intent_name(FIRST.key)


def rollback(net, **more):
    return called(net.stub.Rollback, pb.RollbackRequest(name=NAME, **more))


def history(net):
    return called(net.stub.GetHistory, pb.GetHistoryRequest(name=NAME)).history


def refused(call, *arguments, **named):
    with pytest.raises(RemoteError) as error:
        call(*arguments, **named)
    return error.value


def test_back_to_the_one_before_and_forth_again(net):
    net.apply(FIRST)
    net.apply(SECOND)
    answer = rollback(net, request_id="r")
    assert answer.intents[0].private_line.metadata.generation == 3
    assert net.states() == {"one": ("ACTIVE", FIRST)}
    assert rollback(net, request_id="r").intents == answer.intents  # once, however often it is sent
    net.check_frames([FIRST])
    rollback(net)
    assert net.states() == {"one": ("ACTIVE", SECOND)}
    net.until_right()
    net.check_frames([SECOND])


def test_generations_go_on_over_lives_and_any_of_them_can_be_had_back(net):
    net.apply(FIRST)
    net.apply(SECOND)
    net.delete(FIRST)
    net.restart()
    rollback(net)  # it is gone: its last one
    assert net.states() == {"one": ("ACTIVE", SECOND)}
    net.delete(FIRST)
    net.apply(OTHER)
    assert net.intents()["one"].metadata.generation == 4
    rollback(net, to_generation=1)
    assert net.states() == {"one": ("ACTIVE", FIRST)}
    assert [entry.generation for entry in history(net)] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5]
    net.until_right()
    net.check_frames([FIRST])


def test_to_what_it_is_changes_nothing(net):
    net.apply(FIRST)
    written = net.changes_written()
    rollback(net, to_generation=1)
    assert net.intents()["one"].metadata.generation == 1
    assert net.changes_written() == written


def test_it_is_refused_as_an_apply_would_be(net):
    net.apply(FIRST)
    net.apply(SECOND)
    net.apply(line("wide", "a2", "z2", mbps=80, avoid=["p-s"]))
    net.apply(line("also-wide", "a1.7", "z1.7", mbps=50, avoid=["p-n"]))
    error = refused(rollback, net)
    assert (error.reason, error.code) == ("NO_BANDWIDTH", grpc.StatusCode.FAILED_PRECONDITION)
    assert refused(rollback, net, etag="stale").reason == "ETAG_MISMATCH"
    assert net.states()["one"] == ("ACTIVE", SECOND)


def test_what_is_not_there(net):
    assert refused(rollback, net).code is grpc.StatusCode.NOT_FOUND
    net.apply(FIRST)
    assert "nothing to go back to" in refused(rollback, net).message
    assert "known are 1" in refused(rollback, net, to_generation=7).message
    assert refused(rollback, net, to_generation=0).reason == "INVALID_VALUE"
    assert refused(lambda: called(net.stub.GetHistory, pb.GetHistoryRequest(name=NAME + "x"))).reason == (
        "REFERENCE_NOT_FOUND"
    )


def test_a_history_tells_who_when_and_what(net):
    net.apply(FIRST, request_id="a")
    net.apply(SECOND, request_id="b")
    net.delete(FIRST, request_id="c")
    told = history(net)
    assert [(entry.state, entry.generation, entry.request_id) for entry in told] == [
        ("APPLYING", 1, "a"),
        ("ACTIVE", 1, "a"),
        ("APPLYING", 1, "b"),
        ("ACTIVE", 2, "b"),
        ("DELETING", 2, "c"),
        ("DELETED", 2, "c"),
    ]
    assert {entry.caller for entry in told} == {"unix:"}
    assert [entry.time.seconds for entry in told] == sorted(entry.time.seconds for entry in told)
    assert ("spec.bandwidth", "", "60Mbps") in [(c.field, c.before, c.after) for c in told[0].changes]
    assert [(c.field, c.before, c.after) for c in told[3].changes] == [
        ("spec.bandwidth", "60Mbps", "20Mbps"),
        ("spec.avoid.nodes", "", "p-n"),
    ]
    assert not any(entry.changes for number, entry in enumerate(told) if number not in (0, 3))


def test_the_commands(net):
    net.apply(FIRST)
    net.apply(SECOND)
    server = ("--server", net.server)
    assert "spec.bandwidth: 60Mbps -> 20Mbps" in trunkline("describe", "acme/one", *server).out
    made = trunkline("rollback", "acme/one", "--to-generation", "1", *server)
    assert (made.code, made.err) == (0, "")
    assert "60Mbps" in made.out
    told = trunkline("history", "acme/one", *server).out
    assert "generation 3  by unix:  request" in told
    assert "spec.bandwidth: 20Mbps -> 60Mbps" in told
    assert "spec.avoid.nodes: p-n -> (none)" in told
    data = json.loads(trunkline("history", "acme/one", "-o", "json", *server).out)
    assert data["intent"] == "acme/one"
    assert {entry["caller"] for entry in data["history"]} == {"unix:"}
    gone = trunkline("rollback", "acme/two", *server)
    assert (gone.code, "REFERENCE_NOT_FOUND" in gone.err) == (1, True)
