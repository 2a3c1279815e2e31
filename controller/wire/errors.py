"""Errors <-> gRPC status with google.rpc details (AIP-193): the code and ErrorInfo by reason, BadRequest with the
fields at fault, and what was refused of a plan.

All of it travels in HTTP/2 trailers, of which clients take 8 KiB unless told otherwise; so it is cut short here, and
ErrorInfo's metadata say how many faults or refusals there were in all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TypeVar

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from controller.domain.errors import ConfirmationRequired, Fault, InvalidInput, Reason, TrunklineError
from controller.wire.gen.trunkline.v1 import plan_pb2

DOMAIN = "trunkline"
COUNT = "count"
LINES = "lines"
DEVICES = "devices"
STATE_UNAVAILABLE = "STATE_UNAVAILABLE"
SERVER_STOPPING = "SERVER_STOPPING"
# The message stands in the trailers twice: percent-encoded, and with the details in base64. 1.5 + (1.5 + 3) * 4/3 KiB
# leave room for the rest.
MOST_MESSAGE_BYTES = 1_500
MOST_DETAIL_BYTES = 3_000
MOST_FAULT_BYTES = 500
MOST_BINDING_NAMES = 20
"""Of each kind; a cut of a thousand links would leave room for nothing else. The message says how many there are."""

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
        Reason.LOSS_BOUND_UNREACHABLE,
        Reason.NOT_DISJOINT,
        Reason.MTU_TOO_SMALL,
        Reason.SEARCH_LIMIT,
        Reason.NO_ELIGIBLE_GATEWAY,
        Reason.GATEWAY_CAPACITY,
        Reason.DEVICE_REFUSED,
        Reason.CONFIRMATION_REQUIRED,
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (Reason.TENANT_QUOTA, Reason.TABLE_FULL),
    grpc.StatusCode.UNAVAILABLE: (Reason.DEVICE_UNREACHABLE,),
}
_CODE_OF = {reason: code for code, reasons in _CODES.items() for reason in reasons}

# Where the messages name a field otherwise than the documents (and hence the faults) do.
_FIELD_OF_MESSAGE = {
    "maxDelay": "max_delay",
    "maxLoss": "max_loss_ppm",
    "atMost": "at_most",
    "aToZ": "a_to_z_bps",
    "zToA": "z_to_a_bps",
    "from": "sources",
    "to": "destination",
    "demand": "demand_bps",
    "class": "traffic_class",
}
_FIELD_OF_DOCUMENT = {message: document for document, message in _FIELD_OF_MESSAGE.items()}
_INTENT_FIELD = re.compile(r"intents\[(\d+)\](?:\.(?:private_line|egress_policy))?\.?(.*)")


Detail = TypeVar("Detail", bound=Message)


class RemoteError(Exception):
    """What a server answered instead of doing what it was asked. ``faults`` bear the index of the intent; of them, or
    of the refused intents in ``plan``, ``left_out`` did not fit into the answer. ``lines``: how many lines are to be
    confirmed; ``None`` when that is not what is wrong."""

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        faults: tuple[Fault, ...] = (),
        plan: plan_pb2.Plan | None = None,
        left_out: int = 0,
        lines: int | None = None,
    ) -> None:
        super().__init__(f"{message} [{reason}]")
        self.code = code
        self.reason = reason
        self.message = message
        self.faults = faults
        self.plan = plan
        self.left_out = left_out
        self.lines = lines


def status_of(error: TrunklineError, plan: plan_pb2.Plan | None = None) -> Status:
    """What a client is told of an error."""
    info = ErrorInfo(reason=error.reason, domain=DOMAIN)
    details: list[Message] = [info]
    if isinstance(error, InvalidInput):
        details.append(BadRequest(field_violations=_that_fit(map(_violation, error.faults))))
        info.metadata[COUNT] = str(len(error.faults))
    if isinstance(error, ConfirmationRequired):
        info.metadata[LINES], info.metadata[DEVICES] = str(error.lines), str(error.devices)
    if plan is not None:
        refused = [verdict for verdict in plan.intents if not verdict.feasible]
        details.append(plan_pb2.Plan(topology=plan.topology, intents=_that_fit(map(_shortened, refused))))
        info.metadata[COUNT] = str(len(refused))
    return _status(_CODE_OF[error.reason], error.message, details)


def store_status(message: str) -> Status:
    """What a client is told when the state cannot be written: nothing was lost, try again later."""
    return _status(grpc.StatusCode.UNAVAILABLE, message, [ErrorInfo(reason=STATE_UNAVAILABLE, domain=DOMAIN)])


def stopping_status() -> Status:
    """What a watcher is told when the server stops: it may resume from the last revision that it saw."""
    return _status(
        grpc.StatusCode.UNAVAILABLE,
        "the server stops; watch again from the last revision seen",
        [ErrorInfo(reason=SERVER_STOPPING, domain=DOMAIN)],
    )


def remote_error(error: grpc.RpcError) -> RemoteError:
    """Read what ``status_of`` wrote; an error of another origin (no connection, deadline) keeps its code."""
    assert isinstance(error, grpc.Call)
    code, message = error.code(), error.details() or ""
    reason, faults, plan, count = code.name, list[Fault](), None, 0
    lines: int | None = None
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info, bad, refused = ErrorInfo(), BadRequest(), plan_pb2.Plan()
        if detail.Unpack(info):
            reason = info.reason
            count = _number(info, COUNT) or 0
            lines = _number(info, LINES)
        elif detail.Unpack(bad):
            faults = list(map(_fault, bad.field_violations))
        elif detail.Unpack(refused):
            plan = refused
    told = len(faults) if plan is None else len(plan.intents)
    return RemoteError(
        code=code,
        reason=reason,
        message=message,
        faults=tuple(faults),
        plan=plan,
        left_out=max(count - told, 0),
        lines=lines,
    )


def _number(info: ErrorInfo, name: str) -> int | None:
    """A number among the details, if it is there and is one."""
    text = info.metadata.get(name, "")
    return int(text) if text.isdecimal() else None


def _status(code: grpc.StatusCode, message: str, details: Iterable[Message]) -> Status:
    packed = []
    for detail in details:
        anything = Any()
        anything.Pack(detail)
        packed.append(anything)
    return Status(code=code.value[0], message=_cut(message, MOST_MESSAGE_BYTES), details=packed)


def _violation(fault: Fault) -> BadRequest.FieldViolation:
    return BadRequest.FieldViolation(
        field=fault.field, description=_cut(fault.message, MOST_FAULT_BYTES), reason=fault.reason
    )


def _shortened(verdict: plan_pb2.Verdict) -> plan_pb2.Verdict:
    shortened = plan_pb2.Verdict()
    shortened.CopyFrom(verdict)
    for refusal in shortened.reasons:
        refusal.message = _cut(refusal.message, MOST_FAULT_BYTES)
        del refusal.binding.links[MOST_BINDING_NAMES:]
        del refusal.binding.nodes[MOST_BINDING_NAMES:]
        del refusal.binding.srlgs[MOST_BINDING_NAMES:]
    return shortened


def _that_fit(details: Iterable[Detail]) -> list[Detail]:
    """The first of them, as many as an answer may carry."""
    fitting, room = [], MOST_DETAIL_BYTES
    for detail in details:
        room -= detail.ByteSize()
        if room < 0:
            break
        fitting.append(detail)
    return fitting


def _cut(text: str, most_bytes: int) -> str:
    """As much of a text as fits when it is percent-encoded, as gRPC does with all but printable ASCII."""
    sizes = (1 if " " <= character <= "~" and character != "%" else 3 * len(character.encode()) for character in text)
    for end, total in enumerate(accumulate(sizes)):
        if total > most_bytes:
            return f"{text[: max(end - len('...'), 0)]}..."
    return text


def in_request(error: InvalidInput, kinds: Sequence[str]) -> InvalidInput:
    """The same faults with fields of intents as paths from the request: ``intents[2].private_line.spec.a.site``.
    ``kinds``: which field of each intent is set; empty where none is."""
    return InvalidInput(tuple(_in_request(fault, kinds) for fault in error.faults))


def _in_request(fault: Fault, kinds: Sequence[str]) -> Fault:
    if fault.field and not fault.field.startswith(("metadata", "spec")):
        return fault
    kind = kinds[fault.document] if kinds else ""
    parts = (f"intents[{fault.document}]", kind, message_field(fault.field))
    return replace(fault, field=".".join(part for part in parts if part))


def message_field(field: str) -> str:
    """A field of a document as the messages name it."""
    return _translated(field, _FIELD_OF_MESSAGE)


def _translated(field: str, names: Mapping[str, str]) -> str:
    return ".".join(names.get(part, part) for part in field.split("."))


def _fault(violation: BadRequest.FieldViolation) -> Fault:
    found = _INTENT_FIELD.fullmatch(violation.field)
    field, document = (_translated(found[2], _FIELD_OF_DOCUMENT), int(found[1])) if found else (violation.field, 0)
    known = violation.reason in set(Reason)
    return Fault(
        reason=Reason(violation.reason) if known else Reason.INVALID_VALUE,
        message=violation.description,
        field=field,
        document=document,
    )
