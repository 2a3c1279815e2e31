"""Random requests, random bytes: whatever comes, the server says what is wrong with it, changes nothing, and lives."""

from __future__ import annotations

import random
import socket

import grpc
import pytest
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from running.any_messages import messages
from running.lines import line
from running.simulated import simulated

from controller.domain.errors import Reason
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import line_to_wire

SERVICE = "/trunkline.v1.IntentService/"
REQUESTS = {
    "Plan": pb.PlanRequest,
    "Apply": pb.ApplyRequest,
    "Get": pb.GetRequest,
    "List": pb.ListRequest,
    "Delete": pb.DeleteRequest,
    "Explain": pb.ExplainRequest,
    "Describe": pb.DescribeRequest,
}
CODE = grpc.StatusCode
FORESEEN = {
    CODE.INVALID_ARGUMENT,
    CODE.NOT_FOUND,
    CODE.ALREADY_EXISTS,
    CODE.ABORTED,
    CODE.FAILED_PRECONDITION,
}
shared_server = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def net(processes):
    with simulated(processes) as made:
        made.start()
        made.apply(line("standing", "a2", "z2"))
        yield made
        assert set(made.active()) >= {"standing"}
        assert "an error that should not be" not in made.log.read_text()
        assert "Traceback" not in made.log.read_text()


@shared_server
@given(st.sampled_from(sorted(REQUESTS)).flatmap(lambda rpc: st.tuples(st.just(rpc), messages(REQUESTS[rpc]))))
def test_any_message_is_answered_or_refused_with_a_reason(net, asked):
    rpc, request = asked
    ask(net, rpc, request)


@shared_server
@given(messages(pb.PrivateLineSpec), st.data())
def test_one_wrong_thing_in_a_right_intent(net, spec, data):
    """Nearly right: what is drawn replaces one field of the specification."""
    intent = line_to_wire(line("fuzzed", "a1.100", "z1.200"))
    if spec.ListFields():
        field, _ = data.draw(st.sampled_from(spec.ListFields()))
        kept = pb.PrivateLineSpec()
        kept.CopyFrom(intent.private_line.spec)
        kept.ClearField(field.name)
        only = pb.PrivateLineSpec()
        only.CopyFrom(spec)
        for other, _ in spec.ListFields():
            if other.name != field.name:
                only.ClearField(other.name)
        kept.MergeFrom(only)
        intent.private_line.spec.CopyFrom(kept)
    ask(net, "Plan", pb.PlanRequest(intents=[intent]))
    ask(net, "Apply", pb.ApplyRequest(intents=[intent]))


def watches(data):
    """Whether these bytes are a request to watch: it would be answered when something happens."""
    try:
        return pb.WatchRequest.FromString(data).from_revision > 0
    except DecodeError:
        return False


def ask(net, rpc, request):
    """Ask; what is refused has a reason of ours and has changed nothing."""
    before = revision(net)
    error = failure(lambda: getattr(net.stub, rpc)(request, timeout=30))
    if error is not None:
        info = ErrorInfo()
        assert error.code() in FORESEEN, error
        assert any(detail.Unpack(info) for detail in rpc_status.from_call(error).details)
        assert info.reason in set(Reason)
        assert revision(net) == before


def failure(call):
    """The error that a call ends in; ``None`` when it succeeds."""
    try:
        call()
    except grpc.RpcError as error:
        return error
    return None


def revision(net):
    return net.stub.List(pb.ListRequest(parent="tenants/-", page_size=1), timeout=30).revision


@shared_server
@given(st.sampled_from([*REQUESTS, "Watch"]), st.binary(max_size=60).filter(lambda data: not watches(data)))
@example("Plan", b"\xff\xff\xff")
@example("Apply", b"\x0a\x01")
@example("Get", b"\x0a\x03\xff\xfe\xfd")  # no UTF-8
@example("List", b"\x0b" * 500)  # groups in groups
@example("Watch", b"\x08")
def test_bytes_that_are_no_message(net, rpc, data):
    raw(net, rpc, data)


@shared_server
@given(st.sampled_from(["Plan", "Apply"]), st.integers(0, 2**32 - 1))
def test_messages_that_were_damaged_on_the_way(net, rpc, seed):
    dice = random.Random(seed)
    message = REQUESTS[rpc](intents=[line_to_wire(line("fuzzed", "a1.100", "z1.200"))])
    data = bytearray(message.SerializeToString())
    for _ in range(dice.randrange(1, 4)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    raw(net, rpc, bytes(data[: dice.choice((None, dice.randrange(len(data))))]))


def raw(net, rpc, data):
    """Send these bytes as a request."""
    before = revision(net)
    if rpc == "Watch":
        call = net.channel.unary_stream(SERVICE + rpc)
        error = failure(lambda: next(call(data, timeout=30)))
    else:
        error = failure(lambda: net.channel.unary_unary(SERVICE + rpc)(data, timeout=30))
    assert error is None or error.code() in FORESEEN, error
    assert error is None or revision(net) == before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 1_000,
        b"GET / HTTP/1.1\r\nHost: trunkline\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 5_000,
        # SETTINGS, then HEADERS on stream 0, which is forbidden.
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\0\x82",
        # SETTINGS, then a frame that is announced with 16 MB and never comes.
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\xff\xff\xff\0\0\0\0\0\x01",
        random.Random(1).randbytes(100_000),
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + random.Random(2).randbytes(500),  # somebody tries TLS
    ],
    ids=range(9),
)
def test_a_connection_that_does_not_speak_grpc(net, data):
    before = revision(net)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(net.server.removeprefix("unix:"))
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4_096):
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert net.serving()
    assert revision(net) == before
