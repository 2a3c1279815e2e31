"""Lines applied and deleted over the API, and how long that takes: from the first request until the last answer.

An answer comes when every switch has confirmed every rule with a barrier and all tables have been read back and found
equal: the server's transaction sees to that (docs/transaction.md).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from controller.bench.bulk.server import Api, BenchFailed
from controller.domain.intents import PrivateLine
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import line_to_wire
from controller.wire.names import intent_name

READY_LIMIT_S = 120.0
"""For switches that have just begun to look for their controller, or are being read after its restart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    seconds: float
    rules: int


def in_one(api: Api, lines: Sequence[PrivateLine]) -> Applied:
    """All lines with one request. Raises ``BenchFailed`` unless all are ACTIVE."""
    request = _request(lines)
    begun = time.perf_counter()
    answer = _applied(api, request)
    return Applied(seconds=time.perf_counter() - begun, rules=_rules(answer))


def one_by_one(api: Api, lines: Sequence[PrivateLine]) -> Applied:
    """A request for each line, the next one when the last is answered."""
    requests = [_request([line]) for line in lines]
    rules = 0
    begun = time.perf_counter()
    for request in requests:
        rules += _rules(_applied(api, request))
    return Applied(seconds=time.perf_counter() - begun, rules=rules)


def until_applied(api: Api, lines: Sequence[PrivateLine]) -> float:
    """The same as ``in_one``, again and again while a switch is not in step yet; returns the time of it all."""
    begun = time.perf_counter()
    while True:
        try:
            api.intents.Apply(_request(lines))
            return time.perf_counter() - begun
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or time.perf_counter() - begun > READY_LIMIT_S:
                raise _failed(error) from error


def delete(api: Api, lines: Sequence[PrivateLine]) -> float:
    """All lines with one request; returns the seconds."""
    begun = time.perf_counter()
    try:
        names = [intent_name(line.key) for line in lines]
        api.intents.Delete(pb.DeleteRequest(names=names, confirm=len(names)))
    except grpc.RpcError as error:
        raise _failed(error) from error
    return time.perf_counter() - begun


def _request(lines: Sequence[PrivateLine]) -> pb.ApplyRequest:
    """For lines that are all new: so many change, which is confirmed beforehand."""
    intents = [line_to_wire(line) for line in lines]
    return pb.ApplyRequest(intents=intents, request_id=uuid.uuid4().hex, confirm=len(lines))


def _applied(api: Api, request: pb.ApplyRequest) -> pb.ApplyResponse:
    try:
        answer = api.intents.Apply(request)
    except grpc.RpcError as error:
        raise _failed(error) from error
    active = sum(intent.private_line.status.state == pb.ACTIVE for intent in answer.intents)
    if active != len(request.intents):
        raise BenchFailed(f"{active} of {len(request.intents)} lines are ACTIVE")
    return answer


def _rules(answer: pb.ApplyResponse) -> int:
    return sum(len(device.changes) for device in answer.plan.devices)


def _failed(error: grpc.RpcError) -> BenchFailed:
    assert isinstance(error, grpc.Call)
    return BenchFailed(f"the server refused: {error.details()}")
