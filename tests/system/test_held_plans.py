"""Plans that a server keeps: held against others, over kill -9, for a time; carried out as they were shown."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from running.command import trunkline
from running.controllers import called, reserved
from running.lines import MBPS, line
from running.processes import until

from controller.documents import write_intent
from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.gen.trunkline.v1 import saved_plan_pb2
from controller.wire.intents import line_to_wire

A = line("one", "a1.100", "z1.200", mbps=60)
RIVAL = line("two", "a1.101", "z1.201", mbps=60)
BESIDE = line("beside", "a2", "z2", mbps=1)


def plan(net, *lines, hold_s=None, save=True, deletes=()):
    request = pb.PlanRequest(intents=[line_to_wire(one) for one in lines], deletes=deletes, save=save)
    if hold_s is not None:
        request.hold.CopyFrom(Duration(seconds=int(hold_s), nanos=int(hold_s % 1 * 1e9)))
    return called(net.stub.Plan, request).plan


def apply(net, plan_id, **more):
    return called(net.stub.Apply, pb.ApplyRequest(plan_id=plan_id, **more))


def plans(net):
    return {one.plan_id: one for one in called(net.stub.ListPlans, saved_plan_pb2.ListPlansRequest()).plans}


def release(net, plan_id):
    return called(net.stub.DeletePlan, saved_plan_pb2.DeletePlanRequest(plan_id=plan_id))


def routes(message):
    return [[(path.role, list(path.links)) for path in verdict.paths] for verdict in message.intents]


def refused(call, *arguments, **named):
    with pytest.raises(RemoteError) as error:
        call(*arguments, **named)
    return error.value


@pytest.mark.parametrize("hold_s", [None, 600])
def test_a_kept_plan_is_carried_out_as_it_was_shown_and_once(net, hold_s):
    shown = plan(net, A, hold_s=hold_s)
    assert shown.feasible
    assert shown.HasField("hold_expire_time") is (hold_s is not None)
    net.apply(BESIDE)
    made = apply(net, shown.plan_id)
    assert routes(made.plan) == routes(shown)
    assert net.states() == {"one": ("ACTIVE", A), "beside": ("ACTIVE", BESIDE)}
    written = net.changes_written()
    again = apply(net, shown.plan_id)
    assert [intent.private_line.metadata.name for intent in again.intents] == ["one"]
    assert not again.plan.devices
    assert net.changes_written() == written
    assert plans(net)[shown.plan_id].HasField("apply_time")
    saved = net.until_right()
    assert net.ledger() == reserved(net.topology, saved)
    net.check_frames([A, BESIDE])


def test_only_a_hold_keeps_the_room_from_others_and_gives_it_back(net):
    shown = plan(net, A, hold_s=600)
    assert set(rates(net)) == {60 * MBPS}
    assert not plan(net, line("wide", "a2", "z2", mbps=100, avoid=["p-s"]), save=False).feasible
    assert refused(net.plan, line("same-port", "a1.100", "z1.200")).reason == "VLAN_IN_USE"
    release(net, shown.plan_id)
    assert rates(net) == []
    assert refused(release, net, shown.plan_id).code is grpc.StatusCode.NOT_FOUND
    assert refused(apply, net, shown.plan_id).reason == "REFERENCE_NOT_FOUND"
    plan(net, A)
    assert rates(net) == []


def rates(net):
    """What is reserved now, of every direction that anything is reserved of: an impossible plan adds nothing."""
    return [use.reserved_bps for use in net.plan(line("impossible", "a2", "z2", mbps=1000)).links if use.reserved_bps]


def test_an_infeasible_plan_is_not_kept(net):
    shown = plan(net, line("wide", "a2", "z2", mbps=1000), hold_s=60)
    assert (shown.feasible, shown.plan_id) == (False, "")
    assert plans(net) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda net: net.apply(RIVAL), "a-n has 40Mbps free, 60Mbps needed"),
        (lambda net: net.apply(line("other", "a1.100", "z2.1", mbps=1)), "VLAN 100 of site a1 is in use by"),
        (lambda net: net.apply(A), "PrivateLine acme/one was created"),
    ],
)
def test_a_saved_plan_is_stale_when_what_it_rests_on_has_changed(net, change, words):
    shown = plan(net, A)
    change(net)
    before = net.states()
    error = refused(apply, net, shown.plan_id)
    assert (error.reason, error.code) == ("PLAN_STALE", grpc.StatusCode.ABORTED)
    assert words in error.message
    assert net.states() == before


@pytest.mark.parametrize("hold_s", [None, 600])
def test_a_plan_of_an_intent_that_has_changed_is_stale_even_if_it_is_held(net, hold_s):
    net.apply(A)
    wider = line("one", "a1.100", "z1.200", mbps=70)
    shown = plan(net, wider, hold_s=hold_s)
    net.apply(line("one", "a1.100", "z1.200", mbps=50))
    assert "PrivateLine acme/one was changed" in refused(apply, net, shown.plan_id).message
    net.delete(A)
    assert "PrivateLine acme/one was deleted" in refused(apply, net, shown.plan_id).message


def test_a_kept_plan_may_take_intents_away(net):
    net.apply(RIVAL)
    shown = plan(net, A, hold_s=60, deletes=["tenants/acme/privateLines/two"])
    net.apply(BESIDE)
    apply(net, shown.plan_id)
    assert net.states() == {"one": ("ACTIVE", A), "beside": ("ACTIVE", BESIDE)}
    net.until_right()
    net.check_frames([A, BESIDE], silent=[RIVAL])


def test_a_hold_ends_by_itself_and_its_plan_stays(net):
    shown = plan(net, A, hold_s=1)
    until(lambda: rates(net) == [], "the hold to end")
    assert not plans(net)[shown.plan_id].HasField("hold_expire_time")
    net.apply(BESIDE)
    assert routes(apply(net, shown.plan_id).plan) == routes(shown)


def test_a_hold_survives_kill_9(net):
    shown, saved = plan(net, A, hold_s=600), plan(net, BESIDE)
    kept = plans(net)
    net.restart()
    assert plans(net) == kept
    assert set(rates(net)) == {60 * MBPS}
    assert refused(net.plan, line("same-port", "a1.100", "z1.200")).reason == "VLAN_IN_USE"
    for one in (shown, saved):
        assert routes(apply(net, one.plan_id).plan) == routes(one)
    net.restart()
    assert all(one.HasField("apply_time") for one in plans(net).values())
    assert not apply(net, shown.plan_id).plan.devices
    assert net.ledger() == reserved(net.topology, net.until_right())


def test_a_hold_that_ended_while_no_controller_ran_is_over(net):
    plan(net, A, hold_s=1)
    net.restart()
    until(lambda: rates(net) == [], "the hold to end")


def test_of_clients_that_race_for_a_hold_one_gets_it(net):
    rivals = [line(f"rival{number}", f"a1.{number}", f"z1.{number}", 60, avoid=["p-s"]) for number in range(100, 104)]
    with ThreadPoolExecutor(4) as pool:
        shown = [*pool.map(lambda one: plan(net, one, hold_s=600), rivals)]
    assert [one.feasible for one in shown].count(True) == 1
    winner = next(one for one in shown if one.feasible)
    with ThreadPoolExecutor(4) as pool:  # and whoever applies the winner, it is carried out once
        made = [*pool.map(lambda _: apply(net, winner.plan_id), range(4))]
    assert {intent.private_line.metadata.generation for answer in made for intent in answer.intents} == {1}
    assert len(net.states()) == 1


def test_a_device_that_refuses_leaves_the_hold_as_it_was(net):
    shown = plan(net, A, hold_s=600)
    net.until_right()
    net.switches.order_fault("pe-a", "refuse", error="BAD_MATCH")
    assert refused(apply, net, shown.plan_id).reason == "DEVICE_REFUSED"
    assert set(rates(net)) == {60 * MBPS}
    assert net.states() == {"one": ("FAILED", A)}
    assert routes(apply(net, shown.plan_id).plan) == routes(shown)
    assert net.states() == {"one": ("ACTIVE", A)}


@pytest.mark.parametrize("hold_s", [0.5, 24 * 3600 + 1])
def test_a_hold_is_neither_too_short_nor_too_long(net, hold_s):
    error = refused(plan, net, A, hold_s=hold_s)
    assert (error.reason, error.faults[0].field) == ("INVALID_VALUE", "hold")


def test_no_more_plans_are_kept_than_the_server_takes(net):
    for _ in range(100):
        plan(net, BESIDE)
    error = refused(plan, net, BESIDE)
    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    release(net, next(iter(plans(net))))
    assert plan(net, BESIDE).plan_id


def test_a_plan_is_not_applied_beside_intents_or_in_part(net):
    shown = plan(net, A)
    for more in ({"intents": [line_to_wire(BESIDE)]}, {"partial": True}):
        assert refused(apply, net, shown.plan_id, **more).reason == "INVALID_VALUE"


def test_a_request_id_answers_again(net):
    shown = plan(net, A)
    first = apply(net, shown.plan_id, request_id="r")
    assert apply(net, shown.plan_id, request_id="r").intents == first.intents
    assert refused(apply, net, plan(net, BESIDE).plan_id, request_id="r").reason == "INVALID_VALUE"


def test_the_commands(net, tmp_path):
    file = tmp_path / "one.yaml"
    file.write_text(write_intent(A))
    server = ("--server", net.server)
    shown = json.loads(trunkline("plan", "-f", file, "--hold", "10m", "-o", "json", *server).out)
    assert [part["round"] for part in shown["rounds"]] == ["prepare", "flip"]
    listed = json.loads(trunkline("get", "plans", "-o", "json", *server).out)["plans"]
    assert [(one["plan"], one["state"], one["holdExpires"]) for one in listed] == [
        (shown["plan"], "held", shown["holdExpires"])
    ]
    assert listed[0]["intents"][0]["paths"] == shown["intents"][0]["paths"]
    table = trunkline("get", "plans", *server).out
    assert shown["plan"] in table
    made = trunkline("apply", "--plan", shown["plan"], *server)
    assert (made.code, made.err) == (0, "")
    assert "ACTIVE" in made.out
    assert "nothing changes on any device" in trunkline("apply", "--plan", shown["plan"], *server).out
    assert "is forgotten" in trunkline("delete", "plan", shown["plan"], *server).out
    assert "REFERENCE_NOT_FOUND" in trunkline("apply", "--plan", shown["plan"], *server).err
    saved = trunkline("plan", "-f", file, "--save", *server)
    assert "it reserves nothing" in saved.out
