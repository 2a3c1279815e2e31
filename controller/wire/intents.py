"""Intents and what the network carries of them <-> ``trunkline.v1`` messages.

From the wire comes anything: what has no value in the domain (an unknown protection, a missing site) is a fault with
the field's path; what has one is judged by ``domain.validation``, as everything else is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from controller.domain.assurance import Assurance
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.intents import (
    Attachment,
    Avoid,
    Disjointness,
    IntentKey,
    Isolation,
    LayerChoice,
    Objective,
    PrivateLine,
    Protection,
)
from controller.domain.lifecycle import IntentState
from controller.domain.topology import PerDirection
from controller.service.outcomes import Fares, IntentView, Wanted
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.names import intent_name
from controller.wire.plans import path_to_wire

Choice = TypeVar("Choice", bound=StrEnum)

_NS = 10**9


def wanted_from_wire(intents: Sequence[pb.Intent]) -> list[Wanted]:
    """Raises ``InvalidInput`` with every fault of every intent; ``Fault.document`` is the index."""
    faults: list[Fault] = []
    wanted = [_Reader(index, faults).wanted(intent) for index, intent in enumerate(intents)]
    if faults:
        raise InvalidInput(tuple(faults))
    return [one for one in wanted if one is not None]


def line_to_wire(line: PrivateLine, etag: str = "") -> pb.Intent:
    """A line to apply."""
    return pb.Intent(
        private_line=pb.PrivateLine(
            metadata=pb.Metadata(tenant=line.tenant, name=line.name, etag=etag), spec=_spec_to_wire(line)
        )
    )


def view_to_wire(view: IntentView) -> pb.Intent:
    """An intent as it is."""
    record = view.record
    intent = line_to_wire(record.line, record.etag)
    metadata = intent.private_line.metadata
    metadata.generation, metadata.revision = record.generation, record.revision
    metadata.create_time.CopyFrom(timestamp(record.created_at))
    metadata.update_time.CopyFrom(timestamp(record.updated_at))
    intent.private_line.status.CopyFrom(
        pb.PrivateLineStatus(
            state=pb.State.Value(record.state),
            message=record.message,
            reason=record.reason,
            paths=map(path_to_wire, view.paths),
            assurance=_assurance(view.assurance),
        )
    )
    return intent


def fares_to_wire(fares: Fares) -> pb.AssuranceChange:
    return pb.AssuranceChange(name=intent_name(fares.key), assurance=_assurance(fares.assurance))


def _assurance(assurance: Assurance | None) -> pb.Assurance.ValueType:
    return pb.ASSURANCE_UNSPECIFIED if assurance is None else pb.Assurance.Value(assurance)


def gone_to_wire(key: IntentKey, revision: int) -> pb.Intent:
    """The last word on an intent that was deleted."""
    return pb.Intent(
        private_line=pb.PrivateLine(
            metadata=pb.Metadata(tenant=key.tenant, name=key.name, revision=revision),
            status=pb.PrivateLineStatus(state=pb.State.Value(IntentState.DELETED)),
        )
    )


@dataclass(slots=True)
class SpecReader:
    """Reads the ``index``-th specification of a request, collecting faults."""

    index: int
    faults: list[Fault]

    def delay_ns(self, field: str, delay: Duration) -> int | None:
        if not 0 <= delay.nanos < _NS:
            self.fault(Reason.INVALID_VALUE, field, "is not a duration: nanos must be 0 to 999,999,999")
            return None
        return delay.seconds * _NS + delay.nanos

    def choice(self, field: str, text: str, choices: type[Choice], default: Choice) -> Choice:
        if not text:
            return default
        if text not in set(choices):
            self.fault(Reason.INVALID_VALUE, field, f"{text[:40]!r} is none of: {', '.join(choices)}")
            return default
        return choices(text)

    def require(self, field: str, text: str) -> None:
        if not text:
            self.fault(Reason.MISSING_PROPERTY, field, "is missing")

    def fault(self, reason: Reason, field: str, message: str) -> None:
        self.faults.append(Fault(reason=reason, field=field, message=message, document=self.index))


class _Reader(SpecReader):
    """Reads an intent."""

    def wanted(self, intent: pb.Intent) -> Wanted | None:
        if intent.WhichOneof("kind") != "private_line":
            self.fault(Reason.MISSING_PROPERTY, "", "is empty: set private_line")
            return None
        before = len(self.faults)
        message = intent.private_line
        self.require("metadata.tenant", message.metadata.tenant)
        self.require("metadata.name", message.metadata.name)
        spec = message.spec
        line = PrivateLine(
            tenant=message.metadata.tenant,
            name=message.metadata.name,
            a=self._attachment("spec.a", spec.a),
            z=self._attachment("spec.z", spec.z),
            cir_bps=self._bandwidth(spec),
            max_delay_ns=self.delay_ns("spec.maxDelay", spec.max_delay) if spec.HasField("max_delay") else None,
            mtu_bytes=spec.mtu if spec.HasField("mtu") else 1500,
            protection=self.choice("spec.protection", spec.protection, Protection, Protection.NONE),
            disjoint=self.choice("spec.disjoint", spec.disjoint, Disjointness, Disjointness.LINK),
            avoid=Avoid(
                nodes=tuple(spec.avoid.nodes),
                links=tuple(spec.avoid.links),
                srlgs=tuple(spec.avoid.srlgs),
                regions=tuple(spec.avoid.regions),
            ),
            via=tuple(spec.via.nodes),
            objective=self.choice("spec.objective", spec.objective, Objective, Objective.DELAY),
            priority=spec.priority if spec.HasField("priority") else 4,
            layer=self.choice("spec.layer", spec.layer, LayerChoice, LayerChoice.PACKET),
            isolation=self.choice("spec.isolation", spec.isolation, Isolation, Isolation.SHARED),
        )
        return Wanted(line=line, etag=message.metadata.etag) if len(self.faults) == before else None

    def _attachment(self, field: str, attachment: pb.Attachment) -> Attachment:
        self.require(f"{field}.site", attachment.site)
        return Attachment(site=attachment.site, vlan=attachment.vlan if attachment.HasField("vlan") else None)

    def _bandwidth(self, spec: pb.PrivateLineSpec) -> PerDirection[int]:
        if not spec.HasField("bandwidth"):
            self.fault(Reason.MISSING_PROPERTY, "spec.bandwidth", "is missing: set both rates, in bits per second")
        return PerDirection(spec.bandwidth.a_to_z_bps, spec.bandwidth.z_to_a_bps)


def line_from_wire(intent: pb.Intent) -> PrivateLine:
    """The line in an intent that the server sent."""
    return wanted_from_wire([intent])[0].line


def _spec_to_wire(line: PrivateLine) -> pb.PrivateLineSpec:
    spec = pb.PrivateLineSpec(
        a=pb.Attachment(site=line.a.site, vlan=line.a.vlan),
        z=pb.Attachment(site=line.z.site, vlan=line.z.vlan),
        bandwidth=pb.Bandwidth(a_to_z_bps=line.cir_bps.a_to_z, z_to_a_bps=line.cir_bps.z_to_a),
        mtu=line.mtu_bytes,
        protection=line.protection,
        disjoint=line.disjoint,
        avoid=pb.Avoid(
            nodes=line.avoid.nodes, links=line.avoid.links, srlgs=line.avoid.srlgs, regions=line.avoid.regions
        ),
        via=pb.Via(nodes=line.via),
        objective=line.objective,
        priority=line.priority,
        layer=line.layer,
        isolation=line.isolation,
    )
    if line.max_delay_ns is not None:
        spec.max_delay.CopyFrom(Duration(seconds=line.max_delay_ns // _NS, nanos=line.max_delay_ns % _NS))
    return spec


def duration_s(duration: Duration) -> float:
    return duration.seconds + duration.nanos / _NS


def timestamp(seconds: float) -> Timestamp:
    return Timestamp(seconds=int(seconds), nanos=int(seconds % 1 * _NS))
