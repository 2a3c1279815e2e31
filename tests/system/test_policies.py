"""Egress policies on a server: applied, listed, watched, changed, rolled back, deleted like any intent, and there
again after whatever end of the server."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest
from running.controllers import called
from running.kill_points import BEGIN, COMMIT_POINT, END
from running.lines import line
from running.policies import COAST, GBPS, left_by, policy
from running.simulated import simulated
from running.watcher import Watcher

from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.gen.trunkline.v1 import saved_plan_pb2
from controller.wire.intents import intent_to_wire
from controller.wire.names import intent_name

A, B = policy("a", gbps=50), policy("b", source="shanghai", traffic_class="gold")
BIGGER = replace(A, demand_bps=60 * GBPS)
LINE = line("beside", "a1.100", "z1.200", mbps=10_000)
CHANGE = "the-change"


@pytest.fixture
def coast(processes):
    with simulated(processes, COAST) as made:
        made.start()
        yield made


def refused(call, *arguments, **named):
    with pytest.raises(RemoteError) as error:
        call(*arguments, **named)
    return error.value


def policies(net):
    """All that is told of them."""
    return [one.egress_policy for one in net.listed() if one.HasField("egress_policy")]


def carried(net):
    return {name: left_by(body.status) for name, body in net.intents().items() if hasattr(body.status, "assignments")}


def test_a_policy_is_applied_once_watched_and_deleted(coast):
    with Watcher(coast) as watcher:
        made = coast.apply(A, B, request_id="once")
        assert [one.name for one in made.plan.intents] == ["a", "b"]
        assert not made.plan.devices
        again = coast.apply(A, B, request_id="once")
        assert [one.egress_policy.metadata.name for one in again.intents] == ["a", "b"]
        assert coast.states() == {"a": ("ACTIVE", A), "b": ("ACTIVE", B)}
        assert carried(coast) == {"a": {"igw-gz": 38.0, "igw-sh": 12.0}, "b": {"igw-sh": 10.0}}
        coast.delete(A)
        watcher.until(lambda heard: ("a", "DELETED") in heard.seen)
        assert [state for name, state in watcher.seen if name == "a"][-2:] == ["DELETING", "DELETED"]
    assert coast.states() == {"b": ("ACTIVE", B)}
    assert refused(coast.delete, A).reason == "REFERENCE_NOT_FOUND"


def test_a_change_needs_the_etag_it_names_and_can_be_rolled_back(coast):
    (made,) = coast.apply(A).intents
    etag = made.egress_policy.metadata.etag
    (bigger,) = coast.apply(BIGGER, etag=etag).intents
    assert bigger.egress_policy.metadata.generation == 2
    stale = refused(coast.apply, A, etag=etag)
    assert (stale.code.name, stale.reason) == ("ABORTED", "ETAG_MISMATCH")
    name = intent_name(A.key)
    called(coast.stub.Rollback, saved_plan_pb2.RollbackRequest(name=name))
    assert coast.states() == {"a": ("ACTIVE", A)}
    told = called(coast.stub.GetHistory, saved_plan_pb2.GetHistoryRequest(name=name)).history
    changes = [(one.field, one.before, one.after) for entry in told for one in entry.changes]
    assert changes[-2:] == [("spec.demand", "50Gbps", "60Gbps"), ("spec.demand", "60Gbps", "50Gbps")]
    coast.delete(A)
    called(coast.stub.Rollback, saved_plan_pb2.RollbackRequest(name=name))
    assert coast.states() == {"a": ("ACTIVE", A)}


def test_what_is_refused_says_why_and_changes_nothing(coast):
    coast.apply(A)
    twice = refused(coast.apply, LINE, replace(A, name="twice"))
    assert [(fault.document, fault.field, str(fault.reason)) for fault in twice.faults] == [
        (1, "spec.to", "INVALID_VALUE")
    ]
    assert "bulk traffic from pe-gz to region north-america" in twice.faults[0].message
    full = refused(coast.apply, LINE, replace(B, demand_bps=900 * GBPS))
    assert (full.code.name, full.reason) == ("FAILED_PRECONDITION", "GATEWAY_CAPACITY")
    wrong = intent_to_wire(replace(A, name="x", to_region="mars"))
    del wrong.egress_policy.spec.destination.prefixes[:]
    wrong.egress_policy.spec.ClearField("demand")
    wrong.egress_policy.spec.destination.prefixes.append("10.0.0.1/8")
    bad = refused(called, coast.stub.Apply, pb.ApplyRequest(intents=[wrong]))
    assert [fault.field for fault in bad.faults] == ["spec.to.prefixes[0]", "spec.demand"]
    assert coast.states() == {"a": ("ACTIVE", A)}
    partly = coast.apply(LINE, replace(B, demand_bps=900 * GBPS), partial=True)
    assert [one.feasible for one in partly.plan.intents] == [True, False]
    assert set(coast.active()) == {"a", LINE.name}


def test_lines_come_first_and_take_what_policies_had(coast):
    coast.apply(A)
    coast.apply(LINE)
    assert carried(coast)["a"] == {"igw-gz": 38.0, "igw-sh": 12.0}
    coast.apply(line("more", "a1.101", "z1.201", mbps=80_000))
    assert carried(coast)["a"] == {"igw-gz": 38.0, "igw-sh": 5.0}
    assert coast.states()["a"] == ("ACTIVE", A)
    assert coast.apply(A).plan.feasible
    coast.check_frames([LINE])


def test_a_demand_that_is_to_be_measured_is_taken_and_asks_for_nothing_yet(coast):
    measured = policy("measured", gbps=None, to="japan")
    coast.apply(measured)
    assert coast.states() == {"measured": ("ACTIVE", measured)}
    assert carried(coast) == {"measured": {}}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_policies_are_in_force_again_after_a_restart(coast, how):
    coast.apply(A, B, LINE)
    before = policies(coast)
    coast.end(how)
    coast.start()
    assert policies(coast) == before
    assert refused(coast.apply, replace(A, name="twice")).faults[0].field == "spec.to"
    coast.apply(BIGGER)
    assert carried(coast)["a"] == {"igw-gz": 38.0, "igw-sh": 22.0}
    coast.until_right()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", [BEGIN, COMMIT_POINT, END])
def test_killed_at_any_step_a_change_of_policies_is_all_or_nothing(coast, step, moment):
    coast.apply(A, B)
    coast.restart(kill_points={"request_id": CHANGE, "kill": [step, moment]})
    new = policy("new", to="japan")
    assert refused(coast.apply, BIGGER, new, request_id=CHANGE).reason == "UNAVAILABLE"
    assert coast.ended() == -9
    coast.start()
    begun, changed = (step, moment) != (BEGIN, "before"), step == END or (step, moment) == (COMMIT_POINT, "after")
    states = coast.states()
    assert states["a"] == ("ACTIVE", BIGGER if changed else A)
    assert states["b"] == ("ACTIVE", B)
    assert states.get("new") == (("ACTIVE", new) if changed else ("FAILED", new) if begun else None)
    in_force = {one.key: one for one in coast.saved().policies}
    assert in_force == {one.key: one for _, one in states.values() if states[one.name][0] == "ACTIVE"}
    assert carried(coast).get("new", {}) == ({"igw-sh": 10.0} if changed else {})
    if begun and not changed:
        assert refused(coast.apply, BIGGER, new, request_id=CHANGE).reason == "INTERRUPTED"
    coast.apply(BIGGER, new, request_id=CHANGE if changed or not begun else "again")
    assert coast.states() == {"a": ("ACTIVE", BIGGER), "b": ("ACTIVE", B), "new": ("ACTIVE", new)}


@pytest.mark.parametrize("step", [COMMIT_POINT, END])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_step_a_delete_of_policies_is_all_or_nothing(coast, step, moment):
    coast.apply(A, B, LINE)
    coast.restart(kill_points={"request_id": CHANGE, "kill": [step, moment]})
    coast.until_right()
    assert refused(coast.delete, A, LINE, request_id=CHANGE).reason == "UNAVAILABLE"
    assert coast.ended() == -9
    coast.start()
    gone = (step, moment) != (COMMIT_POINT, "before")
    assert set(coast.active()) == ({"b"} if gone else {"a", "b", LINE.name})
    saved = coast.until_right()
    assert {one.name for one in saved.policies} == ({"b"} if gone else {"a", "b"})


def test_a_topology_that_has_not_what_a_policy_names_is_refused_or_the_policy_fails(coast):
    chosen = replace(A, gateways=replace(A.gateways, prefer=("igw-gz",)))
    coast.apply(chosen, B)
    coast.end()
    coast.topology_file = coast.directory / "topology.yaml"
    coast.topology_file.write_text("\n".join(one for one in COAST.read_text().splitlines() if "igw-gz" not in one))
    told_before = len(coast.log.read_text())
    coast.launch()
    assert coast.ended() == 1
    told = coast.log.read_text()[told_before:]
    assert "strands 1 of 2 egress policies" in told
    assert "  EgressPolicy backbone/a: spec.gateways.prefer[0]: there is no gateway 'igw-gz'" in told
    coast.start("--force")
    assert {name: state for name, (state, _) in coast.states().items()} == {"a": "FAILED", "b": "ACTIVE"}
    status = coast.intents()["a"].status
    assert (status.reason, list(status.assignments)) == ("REFERENCE_NOT_FOUND", [])
    coast.restart()
    coast.apply(A)
    assert carried(coast) == {"a": {"igw-sh": 50.0}, "b": {"igw-sh": 10.0}}


def test_a_kept_plan_is_carried_out_unless_its_traffic_has_gone_to_another_policy(coast):
    def kept(*intents):
        return called(coast.stub.Plan, pb.PlanRequest(intents=map(intent_to_wire, intents), save=True)).plan.plan_id

    first, second = kept(A, LINE), kept(replace(A, name="rival"))
    called(coast.stub.Apply, pb.ApplyRequest(plan_id=first))
    assert coast.states() == {"a": ("ACTIVE", A), LINE.name: ("ACTIVE", LINE)}
    stale = refused(called, coast.stub.Apply, pb.ApplyRequest(plan_id=second))
    assert (stale.reason, "is what EgressPolicy backbone/a is for" in stale.message) == ("PLAN_STALE", True)
    third = kept(B)
    coast.restart()
    called(coast.stub.Apply, pb.ApplyRequest(plan_id=third))
    assert coast.states()["b"] == ("ACTIVE", B)
