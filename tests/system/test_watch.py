"""Watch: what a watcher sees of changes, and that one who resumes has missed nothing."""

from __future__ import annotations

import grpc
import pytest
from running.lines import line
from running.watcher import Watcher

from controller.wire.errors import RemoteError

A = line("one", "a1.100", "z1.200")
A_SOUTH = line("one", "a1.100", "z1.200", avoid=["p-n"])
B = line("two", "a1.101", "z1.201")


def test_every_state_and_the_progress_of_each_round_are_told(net):
    with Watcher(net) as watcher:
        net.apply(A, request_id="create")
        watcher.until(lambda heard: ("one", "ACTIVE") in heard.seen)
        net.apply(A_SOUTH, request_id="move")
        watcher.until(lambda heard: len([one for one in heard.seen if one == ("one", "ACTIVE")]) == 2)
        net.delete(A, request_id="remove")
        watcher.until(lambda heard: ("one", "DELETED") in heard.seen)
    revisions = [event.revision for event in watcher.changes]
    assert revisions == sorted(set(revisions))
    for request_id, phases in {
        "create": {"prepare": 3, "flip": 2},
        "move": {"prepare": 3, "flip": 2, "remove": 3},
        "remove": {"flip": 2, "remove": 3},
    }.items():
        for phase, total in phases.items():
            assert watcher.phases[request_id, phase] == [(done, total) for done in range(1, total + 1)]
    assert {phase for _, phase in watcher.phases} == {"prepare", "flip", "remove"}


def test_an_undone_change_is_told_with_its_reason(net):
    net.switches.order_fault("pe-z", "refuse", error="TABLE_FULL")
    with Watcher(net) as watcher:
        with pytest.raises(RemoteError):
            net.apply(A, request_id="create")
        watcher.until(lambda heard: ("one", "FAILED") in heard.seen)
    assert watcher.changes[-1].intent.private_line.status.reason == "TABLE_FULL"
    assert "pe-z" in watcher.changes[-1].intent.private_line.status.message
    assert watcher.phases["create", "undo"]


def test_a_watcher_that_begins_sees_all_there_is_in_the_order_of_revisions(net):
    net.apply(B)
    net.apply(A)
    with Watcher(net) as watcher:
        watcher.until(lambda heard: len(heard.seen) == 2)
    assert watcher.seen == [("two", "ACTIVE"), ("one", "ACTIVE")]


def test_who_resumes_has_missed_nothing_also_across_a_restart(net):
    net.apply(A)
    with Watcher(net) as first:
        first.until(lambda heard: ("one", "ACTIVE") in heard.seen)
    known = first.last_revision()
    net.apply(B)
    net.delete(A)
    net.restart()
    with Watcher(net, known) as second:
        net.apply(line("three", "a2", "z2"))
        second.until(lambda heard: ("three", "ACTIVE") in heard.seen)
    assert second.seen[:2] == [("two", "ACTIVE"), ("one", "DELETED")]
    for revision in range(known, second.last_revision()):
        with Watcher(net, revision) as resumed:
            resumed.until(lambda heard: ("three", "ACTIVE") in heard.seen)
        later = [event for event in second.changes if event.revision > revision]
        assert {(event.revision, event.intent.private_line.metadata.name) for event in later} >= {
            (event.revision, event.intent.private_line.metadata.name) for event in resumed.changes
        }
        assert {name for name, _ in resumed.seen} == {event.intent.private_line.metadata.name for event in later}


def test_the_end_of_the_server_ends_the_watch_at_once_and_says_so(net):
    with Watcher(net) as watcher:
        net.apply(A)
        watcher.until(lambda heard: ("one", "ACTIVE") in heard.seen)
        assert net.end(15) == 0
        watcher.until(lambda heard: heard.code is grpc.StatusCode.UNAVAILABLE)


def test_a_revision_that_cannot_be_is_refused(net):
    with Watcher(net, -1) as watcher:
        watcher.until(lambda heard: heard.code is grpc.StatusCode.INVALID_ARGUMENT)
