"""What any gRPC client may expect: health, reflection, pages, deadlines, sizes."""

from __future__ import annotations

import signal

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from running.kill_points import COMMIT_POINT
from running.lines import line
from running.processes import until
from running.simulated import simulated

from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import line_to_wire

INTENTS = "trunkline.v1.IntentService"
PATHS = "trunkline.v1.PathService"
HEALTH = "grpc.health.v1.Health"
CODE = grpc.StatusCode
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
LINES = [line(f"line-{number:02}", f"a1.{number}", f"z1.{number}", mbps=1) for number in range(1, 12)]


@pytest.fixture(scope="module")
def full(processes):
    """A server with eleven lines, which these tests only look at."""
    with simulated(processes) as made:
        made.start()
        made.apply(*LINES)
        yield made


def code_of(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code()


def health(net, service=""):
    request = health_pb2.HealthCheckRequest(service=service)
    return health_pb2_grpc.HealthStub(net.channel).Check(request, timeout=30).status


# Health and reflection


@pytest.mark.parametrize("service", ["", INTENTS, PATHS, HEALTH])
def test_a_server_at_rest_is_serving(full, service):
    assert health(full, service) == SERVING


def test_health_of_a_service_that_is_not_there(full):
    assert code_of(lambda: health(full, "trunkline.v1.Nothing")) is CODE.NOT_FOUND


def cut_off(net):
    """A change is killed at its commit point, and then a switch that has a part in it is away: a controller that
    starts now waits for it before it serves."""
    net.until_all_take_part()
    net.restart(kill_points={"request_id": "cut off", "kill": [COMMIT_POINT, "after"]})
    net.until_all_take_part()
    with pytest.raises(Exception, match="UNAVAILABLE"):
        net.apply(LINES[0], request_id="cut off")
    net.ended()
    net.switches.set_switch("pe-z", connected=False)
    net.launch()


def test_not_serving_until_everything_left_half_done_is_settled(net):
    cut_off(net)
    until(lambda: answers(net), "an answer")
    assert health(net) == health(net, INTENTS) == NOT_SERVING
    changes = health_pb2_grpc.HealthStub(net.channel).Watch(health_pb2.HealthCheckRequest(), timeout=30)
    assert next(changes).status == NOT_SERVING
    net.switches.set_switch("pe-z", connected=True)
    assert next(changes).status == SERVING
    assert set(net.active()) == {LINES[0].name}
    changes.cancel()


def answers(net):
    try:
        return health(net) is not None
    except grpc.RpcError:
        net.hang_up()
        return False


def test_a_server_that_is_still_settling_can_be_stopped(net):
    cut_off(net)
    until(lambda: answers(net), "an answer")
    assert health(net) == NOT_SERVING
    assert net.end(signal.SIGTERM) == 0
    net.switches.set_switch("pe-z", connected=True)
    net.start()
    assert set(net.active()) == {LINES[0].name}


def test_reflection_tells_services_and_types(full):
    database = ProtoReflectionDescriptorDatabase(full.channel)
    assert {INTENTS, PATHS, HEALTH} <= set(database.get_services())
    file = database.FindFileContainingSymbol(INTENTS)
    (service,) = file.service
    assert {method.name for method in service.method} == {
        *("Plan", "Apply", "Get", "List", "Delete", "Watch", "Explain", "Describe"),
        *("ListPlans", "DeletePlan", "Rollback", "GetHistory"),
    }
    (service,) = database.FindFileContainingSymbol(PATHS).service
    assert {method.name for method in service.method} == {"ComputePaths", "WhatIf"}


def test_what_is_not_there_is_unimplemented(full):
    for method in ("/trunkline.v1.IntentService/Explode", "/trunkline.v2.IntentService/Get", "/nothing"):
        assert code_of(lambda method=method: full.channel.unary_unary(method)(b"", timeout=30)) is CODE.UNIMPLEMENTED


# Pages


def listed(net, **request):
    return net.stub.List(pb.ListRequest(**{"parent": "tenants/-", **request}), timeout=30)


@pytest.mark.parametrize("size", [1, 2, 5, 10, 11, 12, 1_000, 2**31 - 1])
def test_pages_hold_every_intent_once_and_in_order(full, size):
    names, token = [], ""
    while True:
        page = listed(full, page_size=size, page_token=token)
        assert len(page.intents) <= min(size, 1_000)
        names += [intent.private_line.metadata.name for intent in page.intents]
        token = page.next_page_token
        if not token:
            break
    assert names == [one.name for one in LINES]


def test_a_page_of_another_tenant_is_empty(full):
    assert not listed(full, parent="tenants/nobody").intents
    assert len(listed(full, parent="tenants/acme").intents) == len(LINES)


def test_a_page_begins_where_the_token_says_though_that_intent_is_gone(net):
    net.apply(*LINES[:4])
    first = listed(net, page_size=2)
    net.delete(LINES[1])
    second = listed(net, page_size=2, page_token=first.next_page_token)
    assert [intent.private_line.metadata.name for intent in second.intents] == ["line-03", "line-04"]


# Time and size


def test_deadlines_are_kept(full):
    watch = full.stub.Watch(pb.WatchRequest(from_revision=10**6), timeout=0.2)
    assert code_of(lambda: next(watch)) is CODE.DEADLINE_EXCEEDED


def test_a_large_batch_is_planned(full):
    many = [line(f"many-{number:04}", f"a1.{number}", f"z1.{number}", mbps=1) for number in range(100, 1_100)]
    wire = [line_to_wire(one) for one in many]
    for intent in wire:
        intent.private_line.spec.bandwidth.a_to_z_bps = intent.private_line.spec.bandwidth.z_to_a_bps = 1_000
    plan = full.stub.Plan(pb.PlanRequest(intents=wire), timeout=60).plan
    assert plan.feasible
    assert len(plan.intents) == 1_000


def test_a_request_beyond_all_measure_is_refused_and_nobody_else_notices(full):
    channel = grpc.insecure_channel(full.server, options=[("grpc.max_send_message_length", -1)])
    huge = pb.PlanRequest(deletes=["x" * 1024**2] * 65)
    with channel:
        plan = channel.unary_unary(f"/{INTENTS}/Plan", request_serializer=pb.PlanRequest.SerializeToString)
        assert code_of(lambda: plan(huge, timeout=60)) is CODE.RESOURCE_EXHAUSTED
    assert health(full) == SERVING


# The end


def test_watchers_are_told_that_the_server_stops_and_do_not_hold_it_up(net):
    net.apply(LINES[0])
    watch = net.stub.Watch(pb.WatchRequest(), timeout=60)
    event = next(watch)
    assert event.intent.private_line.metadata.name == LINES[0].name
    assert net.end(signal.SIGTERM) == 0
    with pytest.raises(grpc.RpcError) as caught:
        next(watch)
    assert caught.value.code() is CODE.UNAVAILABLE
    assert "watch again from the last revision seen" in caught.value.details()
