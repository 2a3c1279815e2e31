"""Errors <-> gRPC status with google.rpc details (AIP-193): the code and ErrorInfo by reason, BadRequest with the
fields at fault, and what was refused of a plan.

Details travel in HTTP/2 trailers, of which clients take 8 KiB unless told otherwise; so they are cut short here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from controller.domain.errors import Fault, InvalidInput, Reason, TrunklineError
from controller.wire.gen.trunkline.v1 import plan_pb2

DOMAIN = "trunkline"
STATE_UNAVAILABLE = "STATE_UNAVAILABLE"
MOST_DETAILS = 10
MOST_MESSAGE_CHARACTERS = 1_000

_CODES = {
    grpc.StatusCode.INVALID_ARGUMENT: (
        Reason.INVALID_VALUE,
        Reason.INVALID_FORMAT,
        Reason.MISSING_PROPERTY,
        Reason.UNEXPECTED_PROPERTY,
    ),
    grpc.StatusCode.NOT_FOUND: (Reason.REFERENCE_NOT_FOUND,),
    grpc.StatusCode.ALREADY_EXISTS: (Reason.NAME_TAKEN, Reason.VLAN_IN_USE),
    grpc.StatusCode.ABORTED: (Reason.ETAG_MISMATCH, Reason.PLAN_STALE, Reason.INTERRUPTED),
    grpc.StatusCode.FAILED_PRECONDITION: (
        Reason.NO_PATH,
        Reason.NO_BANDWIDTH,
        Reason.DELAY_BOUND_UNREACHABLE,
        Reason.NOT_DISJOINT,
        Reason.MTU_TOO_SMALL,
        Reason.SEARCH_LIMIT,
        Reason.NO_ELIGIBLE_GATEWAY,
        Reason.GATEWAY_CAPACITY,
        Reason.DEVICE_REFUSED,
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (Reason.TENANT_QUOTA, Reason.TABLE_FULL),
    grpc.StatusCode.UNAVAILABLE: (Reason.DEVICE_UNREACHABLE,),
}
_CODE_OF = {reason: code for code, reasons in _CODES.items() for reason in reasons}

_INTENT_FIELD = re.compile(r"intents\[(\d+)\]\.private_line\.?(.*)")


class RemoteError(Exception):
    """What a server answered instead of doing what it was asked. ``faults`` bear the index of the intent."""

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        faults: tuple[Fault, ...] = (),
        plan: plan_pb2.Plan | None = None,
    ) -> None:
        super().__init__(f"{message} [{reason}]")
        self.code = code
        self.reason = reason
        self.message = message
        self.faults = faults
        self.plan = plan


def status_of(error: TrunklineError, plan: plan_pb2.Plan | None = None) -> Status:
    """What a client is told of an error."""
    details: list[Message] = [ErrorInfo(reason=error.reason, domain=DOMAIN)]
    if isinstance(error, InvalidInput):
        details.append(BadRequest(field_violations=map(_violation, error.faults[:MOST_DETAILS])))
    if plan is not None:
        refused = [verdict for verdict in plan.intents if not verdict.feasible]
        details.append(plan_pb2.Plan(topology=plan.topology, intents=refused[:MOST_DETAILS]))
    return _status(_CODE_OF[error.reason], error.message, details)


def store_status(message: str) -> Status:
    """What a client is told when the state cannot be written: nothing was lost, try again later."""
    return _status(grpc.StatusCode.UNAVAILABLE, message, [ErrorInfo(reason=STATE_UNAVAILABLE, domain=DOMAIN)])


def remote_error(error: grpc.RpcError) -> RemoteError:
    """Read what ``status_of`` wrote; an error of another origin (no connection, deadline) keeps its code."""
    assert isinstance(error, grpc.Call)
    code, message = error.code(), error.details() or ""
    reason, faults, plan = code.name, list[Fault](), None
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info, bad, refused = ErrorInfo(), BadRequest(), plan_pb2.Plan()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad):
            faults = list(map(_fault, bad.field_violations))
        elif detail.Unpack(refused):
            plan = refused
    return RemoteError(code=code, reason=reason, message=message, faults=tuple(faults), plan=plan)


def _status(code: grpc.StatusCode, message: str, details: Iterable[Message]) -> Status:
    packed = []
    for detail in details:
        anything = Any()
        anything.Pack(detail)
        packed.append(anything)
    return Status(code=code.value[0], message=message[:MOST_MESSAGE_CHARACTERS], details=packed)


def _violation(fault: Fault) -> BadRequest.FieldViolation:
    return BadRequest.FieldViolation(field=fault.field, description=fault.message, reason=fault.reason)


def in_request(error: InvalidInput) -> InvalidInput:
    """The same faults with fields of intents as paths from the request: ``intents[2].private_line.spec.a.site``."""
    return InvalidInput(tuple(map(_in_request, error.faults)))


def _in_request(fault: Fault) -> Fault:
    if fault.field and not fault.field.startswith(("metadata", "spec")):
        return fault
    return replace(fault, field=f"intents[{fault.document}].private_line.{fault.field}".rstrip("."))


def _fault(violation: BadRequest.FieldViolation) -> Fault:
    found = _INTENT_FIELD.fullmatch(violation.field)
    field, document = (found[2], int(found[1])) if found else (violation.field, 0)
    known = violation.reason in set(Reason)
    return Fault(
        reason=Reason(violation.reason) if known else Reason.INVALID_VALUE,
        message=violation.description,
        field=field,
        document=document,
    )
