"""Several clients, impatient ones, and ones that ask twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from running.lines import line
from running.processes import until

from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import line_to_wire

A = line("one", "a1.100", "z1.200")
A_SOUTH = line("one", "a1.100", "z1.200", avoid=["p-n"])
A_WIDE = line("one", "a1.100", "z1.200", mbps=9)
B = line("two", "a1.101", "z1.201")


@pytest.fixture
def clients():
    with ThreadPoolExecutor(4) as pool:
        yield pool


@contextmanager
def held_up(net, first, **named):
    """A change that cannot go on before the end of the block: a switch does not answer. Yields its future."""
    net.until_all_take_part()
    net.switches.set_switch("pe-z", frozen=True)
    try:
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(net.apply, first, **named)
            until(lambda: net.states().get(first.name, ("",))[0] == "APPLYING", "the change to begin")
            yield future
            net.switches.set_switch("pe-z", frozen=False)
    finally:
        net.switches.set_switch("pe-z", frozen=False)


def test_a_new_intent_is_refused_when_its_device_is_away_and_made_when_it_comes(net, clients):
    net.apply(A)
    net.switches.set_switch("p-s", connected=False)
    until(lambda: "p-s" not in net.connected(), "the switch to leave")
    net.apply(B)  # does not need it
    with pytest.raises(RemoteError) as refused:
        net.apply(A_SOUTH)
    assert refused.value.reason == "DEVICE_UNREACHABLE"
    assert "p-s" in refused.value.message
    assert net.states() == {"one": ("ACTIVE", A), "two": ("ACTIVE", B)}
    waiting = clients.submit(net.apply, A_SOUTH)
    net.switches.set_switch("p-s", connected=True)
    waiting.result()
    assert net.states()["one"] == ("ACTIVE", A_SOUTH)
    net.until_right()


def test_two_changes_of_one_intent_are_made_one_after_the_other(net, clients):
    net.apply(A)
    for done in [clients.submit(net.apply, one) for one in (A_SOUTH, A_WIDE, A_SOUTH, A_WIDE)]:
        done.result()
    state, spec = net.states()["one"]
    assert state == "ACTIVE"
    assert spec in (A_SOUTH, A_WIDE)
    saved = net.until_right()
    assert [placed.line for placed in saved.placed] == [spec]


def test_different_intents_at_the_same_time_are_all_made(net, clients):
    lines = [line(f"l{number}", f"a1.{100 + number}", f"z1.{100 + number}") for number in range(8)]
    for done in [clients.submit(net.apply, one) for one in lines]:
        done.result()
    assert net.states() == {one.name: ("ACTIVE", one) for one in lines}
    net.until_right()
    net.check_frames(lines)


def test_one_port_is_given_to_one_of_two(net, clients):
    rivals = [line(name, "a2", "z2") for name in ("first", "second")]
    outcomes = [clients.submit(net.apply, one).exception() for one in rivals]
    reasons = sorted("" if error is None else error.reason for error in outcomes)
    assert reasons == ["", "VLAN_IN_USE"]
    assert len(net.states()) == 1
    net.until_right()


def test_a_stale_etag_changes_nothing(net, clients):
    created = net.apply(A).intents[0].private_line.metadata.etag
    moved = net.apply(A_SOUTH, etag=created).intents[0].private_line.metadata.etag
    assert moved != created
    for request in (lambda: net.apply(A_WIDE, etag=created), lambda: net.delete(A, etag=created)):
        with pytest.raises(RemoteError) as stale:
            request()
        assert (stale.value.reason, stale.value.code) == ("ETAG_MISMATCH", grpc.StatusCode.ABORTED)
    assert net.states() == {"one": ("ACTIVE", A_SOUTH)}
    outcomes = [clients.submit(net.apply, one, etag=moved) for one in (A, A_WIDE)]
    assert sorted(error.reason if (error := done.exception()) else "" for done in outcomes) == ["", "ETAG_MISMATCH"]
    net.delete(A, etag=net.intents()["one"].metadata.etag)
    net.apply(A)
    with pytest.raises(RemoteError, match="ETAG_MISMATCH"):  # the same name, another life
        net.apply(A_SOUTH, etag=created)


def test_a_request_repeated_while_it_runs_is_carried_out_once(net, clients):
    with held_up(net, A, request_id="r") as first:
        again = clients.submit(net.apply, A, request_id="r")
        with pytest.raises(RemoteError) as other:
            net.apply(B, request_id="r")
        assert other.value.reason == "INVALID_VALUE"
        assert other.value.faults[0].field == "request_id"
    assert first.result().intents == again.result().intents
    assert net.intents()["one"].metadata.generation == 1
    net.until_right()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_request_repeated_later_finds_what_it_did(net, restarted):
    done = net.apply(A, request_id="r")
    net.switches.order_fault("pe-a", "refuse", error="BAD_MATCH")
    with pytest.raises(RemoteError) as failed:
        net.apply(B, request_id="s")
    net.apply(A, request_id="nothing-to-do")
    net.until_right()
    if restarted:
        net.restart()
    net.until_all_take_part()
    written = net.changes_written()
    assert net.apply(A, request_id="r").intents == done.intents
    assert net.apply(A, request_id="nothing-to-do").intents == done.intents
    with pytest.raises(RemoteError) as again:
        net.apply(B, request_id="s")
    assert (again.value.reason, again.value.message) == (failed.value.reason, failed.value.message)
    for other in (lambda: net.apply(A_SOUTH, request_id="r"), lambda: net.delete(A, request_id="r")):
        with pytest.raises(RemoteError, match="request id 'r' was used"):
            other()
    assert net.changes_written() == written


def test_a_delete_repeated_with_its_id_is_fine_and_another_one_finds_nothing(net):
    net.apply(A, B)
    net.delete(A, B, request_id="d")
    net.delete(A, B, request_id="d")
    with pytest.raises(RemoteError) as gone:
        net.delete(A)
    assert gone.value.code is grpc.StatusCode.NOT_FOUND
    assert "acme/one" in gone.value.message
    assert net.until_right().placed == ()
    assert all(rules == [] for rules in net.tables().values())


def test_a_client_that_hangs_up_leaves_a_change_that_ends(net):
    with held_up(net, B):
        request = pb.ApplyRequest(intents=[line_to_wire(A)], request_id="r")
        waiting = net.stub.Apply.future(request, timeout=30)
        waiting.cancel()
    net.apply(A, request_id="r")  # whether or not it had begun
    assert net.states() == {"one": ("ACTIVE", A), "two": ("ACTIVE", B)}
    assert net.intents()["one"].metadata.generation == 1
    net.until_right()


def test_a_change_past_its_deadline_goes_on_and_its_id_finds_it(net):
    net.apply(B)
    net.switches.set_switch("pe-z", frozen=True)
    with pytest.raises(RemoteError) as late:
        net.apply(A, request_id="r", timeout=0.3)
    assert late.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    net.switches.set_switch("pe-z", frozen=False)
    net.apply(A, request_id="r")
    assert net.states() == {"one": ("ACTIVE", A), "two": ("ACTIVE", B)}
    assert net.intents()["one"].metadata.generation == 1
    net.until_right()


def test_a_plan_that_names_an_intent_twice_is_refused(net):
    net.apply(A)
    name = "tenants/acme/privateLines/one"
    for request in (
        pb.PlanRequest(deletes=[name, name]),
        pb.PlanRequest(intents=[line_to_wire(A_SOUTH)], deletes=[name]),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            net.stub.Plan(request)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "name an intent once" in refused.value.details()


def test_partial_makes_what_is_possible(net):
    too_wide = line("wide", "a2", "z2", mbps=500)
    with pytest.raises(RemoteError) as refused:
        net.apply(A, too_wide)
    assert (refused.value.reason, refused.value.code) == ("NO_BANDWIDTH", grpc.StatusCode.FAILED_PRECONDITION)
    assert net.states() == {}
    answer = net.apply(A, too_wide, partial=True)
    assert [intent.private_line.metadata.name for intent in answer.intents] == ["one"]
    assert net.states() == {"one": ("ACTIVE", A)}
    net.until_right()


HUGE = line("one", "a1.100", "z1.200", mbps=1_000_000)


def names(answer):
    return [intent.private_line.metadata.name for intent in answer.intents]


def test_a_partial_apply_tells_what_it_left_out_and_why(net):
    net.apply(A)
    answer = net.apply(HUGE, B, partial=True, request_id="part")
    assert names(answer) == ["two"]
    one, two = answer.plan.intents
    assert (one.name, one.feasible, one.reasons[0].reason) == ("one", False, "NO_BANDWIDTH")
    assert (two.name, two.feasible) == ("two", True)
    assert net.states() == {"one": ("ACTIVE", A), "two": ("ACTIVE", B)}
    assert names(net.apply(HUGE, B, partial=True, request_id="part")) == ["two"]
    net.until_right()


def test_a_repeated_request_shows_all_that_the_first_one_did(net):
    net.apply(A)
    assert names(net.apply(A, B, request_id="both")) == ["one", "two"]
    assert names(net.apply(A, B, request_id="both")) == ["one", "two"]


def test_a_request_that_failed_for_want_of_a_device_can_be_sent_again(net):
    net.until_all_take_part()
    net.switches.order_fault("pe-z", "hang-up")
    with pytest.raises(RemoteError) as lost:
        net.apply(A, request_id="again")
    assert lost.value.reason == "DEVICE_UNREACHABLE"
    net.until_all_take_part()
    assert names(net.apply(A, request_id="again")) == ["one"]
    net.until_right()
