"""Intents and what the network carries of them <-> ``trunkline.v1`` messages.

From the wire comes anything: what has no value in the domain (an unknown protection, a missing site) is a fault with
the field's path; what has one is judged by ``domain.intent_validation``, as everything else is.
"""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from controller.domain.assurance import Assurance
from controller.domain.egress import EgressPolicy
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.intents import IntentKey, PrivateLine
from controller.domain.kinds import Intent
from controller.domain.lifecycle import IntentState
from controller.service.outcomes import Fares, IntentView, Wanted
from controller.wire.gen.trunkline.v1 import egress_policy_pb2
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.lines import line_spec_to_wire, read_line
from controller.wire.names import intent_name
from controller.wire.plans import assignment_to_wire, path_to_wire
from controller.wire.policies import policy_spec_to_wire, read_policy
from controller.wire.spec_reader import NS, SpecReader


def wanted_from_wire(intents: Sequence[pb.Intent]) -> list[Wanted]:
    """Raises ``InvalidInput`` with every fault of every intent; ``Fault.document`` is the index."""
    faults: list[Fault] = []
    wanted = [_wanted(SpecReader(index, faults), intent) for index, intent in enumerate(intents)]
    if faults:
        raise InvalidInput(tuple(faults))
    return [one for one in wanted if one is not None]


def intent_to_wire(intent: Intent, etag: str = "") -> pb.Intent:
    """An intent to apply."""
    return line_to_wire(intent, etag) if isinstance(intent, PrivateLine) else _policy_to_wire(intent, etag)


def line_to_wire(line: PrivateLine, etag: str = "") -> pb.Intent:
    """A line to apply."""
    metadata = pb.Metadata(tenant=line.tenant, name=line.name, etag=etag)
    return pb.Intent(private_line=pb.PrivateLine(metadata=metadata, spec=line_spec_to_wire(line)))


def _policy_to_wire(policy: EgressPolicy, etag: str) -> pb.Intent:
    metadata = pb.Metadata(tenant=policy.tenant, name=policy.name, etag=etag)
    return pb.Intent(egress_policy=egress_policy_pb2.EgressPolicy(metadata=metadata, spec=policy_spec_to_wire(policy)))


def intent_from_wire(intent: pb.Intent) -> Intent:
    """The intent that the server sent."""
    return wanted_from_wire([intent])[0].intent


def line_from_wire(intent: pb.Intent) -> PrivateLine:
    """The line in an intent that the server sent."""
    line = intent_from_wire(intent)
    assert isinstance(line, PrivateLine), "asked for as a line"
    return line


def body_of(intent: pb.Intent) -> pb.PrivateLine | egress_policy_pb2.EgressPolicy:
    """What is in it: metadata, spec and status, whatever the kind."""
    return intent.egress_policy if intent.HasField("egress_policy") else intent.private_line


def key_of(intent: pb.Intent) -> IntentKey:
    """Which one it is."""
    metadata = body_of(intent).metadata
    kind = "EgressPolicy" if intent.HasField("egress_policy") else "PrivateLine"
    return IntentKey(kind=kind, tenant=metadata.tenant, name=metadata.name)


def view_to_wire(view: IntentView) -> pb.Intent:
    """An intent as it is."""
    record = view.record
    intent = intent_to_wire(record.intent, record.etag)
    metadata = body_of(intent).metadata
    metadata.generation, metadata.revision = record.generation, record.revision
    metadata.create_time.CopyFrom(timestamp(record.created_at))
    metadata.update_time.CopyFrom(timestamp(record.updated_at))
    if intent.HasField("egress_policy"):
        intent.egress_policy.status.CopyFrom(_policy_status(view))
    else:
        intent.private_line.status.CopyFrom(_line_status(view))
    return intent


def fares_to_wire(fares: Fares) -> pb.AssuranceChange:
    return pb.AssuranceChange(name=intent_name(fares.key), assurance=_assurance(fares.assurance))


def gone_to_wire(key: IntentKey, revision: int) -> pb.Intent:
    """The last word on an intent that was deleted."""
    metadata = pb.Metadata(tenant=key.tenant, name=key.name, revision=revision)
    state = pb.State.Value(IntentState.DELETED)
    if key.kind == "EgressPolicy":
        status = egress_policy_pb2.EgressPolicyStatus(state=state)
        return pb.Intent(egress_policy=egress_policy_pb2.EgressPolicy(metadata=metadata, status=status))
    return pb.Intent(private_line=pb.PrivateLine(metadata=metadata, status=pb.PrivateLineStatus(state=state)))


def duration_s(duration: Duration) -> float:
    return duration.seconds + duration.nanos / NS


def timestamp(seconds: float) -> Timestamp:
    return Timestamp(seconds=int(seconds), nanos=int(seconds % 1 * NS))


def _wanted(reader: SpecReader, intent: pb.Intent) -> Wanted | None:
    if intent.WhichOneof("kind") is None:
        reader.fault(Reason.MISSING_PROPERTY, "", "is empty: set private_line or egress_policy")
        return None
    before, metadata = len(reader.faults), body_of(intent).metadata
    reader.require("metadata.tenant", metadata.tenant)
    reader.require("metadata.name", metadata.name)
    read: Intent
    if intent.HasField("egress_policy"):
        read = read_policy(reader, intent.egress_policy)
    else:
        read = read_line(reader, intent.private_line)
    return Wanted(intent=read, etag=metadata.etag) if len(reader.faults) == before else None


def _line_status(view: IntentView) -> pb.PrivateLineStatus:
    record = view.record
    return pb.PrivateLineStatus(
        state=pb.State.Value(record.state),
        message=record.message,
        reason=record.reason,
        paths=map(path_to_wire, view.paths),
        assurance=_assurance(view.assurance),
    )


def _policy_status(view: IntentView) -> egress_policy_pb2.EgressPolicyStatus:
    record = view.record
    return egress_policy_pb2.EgressPolicyStatus(
        state=pb.State.Value(record.state),
        message=record.message,
        reason=record.reason,
        assignments=map(assignment_to_wire, view.leaving.assignments),
        steered=view.leaving.steered,
        why_not_steered=view.leaving.why_not_steered,
    )


def _assurance(assurance: Assurance | None) -> pb.Assurance.ValueType:
    return pb.ASSURANCE_UNSPECIFIED if assurance is None else pb.Assurance.Value(assurance)
