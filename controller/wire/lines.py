"""Specifications of private lines <-> ``trunkline.v1`` messages."""

from __future__ import annotations

from controller.domain.errors import Reason
from controller.domain.intents import (
    Attachment,
    Avoid,
    Disjointness,
    Isolation,
    LayerChoice,
    Objective,
    PrivateLine,
    Protection,
)
from controller.domain.topology import PerDirection
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.spec_reader import SpecReader, duration_to_wire


def read_line(reader: SpecReader, message: pb.PrivateLine) -> PrivateLine:
    """The line; what it cannot be is told to ``reader``."""
    spec = message.spec
    return PrivateLine(
        tenant=message.metadata.tenant,
        name=message.metadata.name,
        a=_attachment(reader, "spec.a", spec.a),
        z=_attachment(reader, "spec.z", spec.z),
        cir_bps=_bandwidth(reader, spec),
        max_delay_ns=reader.delay_ns("spec.maxDelay", spec.max_delay) if spec.HasField("max_delay") else None,
        mtu_bytes=spec.mtu if spec.HasField("mtu") else 1500,
        protection=reader.choice("spec.protection", spec.protection, Protection, Protection.NONE),
        disjoint=reader.choice("spec.disjoint", spec.disjoint, Disjointness, Disjointness.LINK),
        avoid=Avoid(
            nodes=tuple(spec.avoid.nodes),
            links=tuple(spec.avoid.links),
            srlgs=tuple(spec.avoid.srlgs),
            regions=tuple(spec.avoid.regions),
        ),
        via=tuple(spec.via.nodes),
        objective=reader.choice("spec.objective", spec.objective, Objective, Objective.DELAY),
        priority=spec.priority if spec.HasField("priority") else 4,
        layer=reader.choice("spec.layer", spec.layer, LayerChoice, LayerChoice.PACKET),
        isolation=reader.choice("spec.isolation", spec.isolation, Isolation, Isolation.SHARED),
    )


def line_spec_to_wire(line: PrivateLine) -> pb.PrivateLineSpec:
    return pb.PrivateLineSpec(
        a=pb.Attachment(site=line.a.site, vlan=line.a.vlan),
        z=pb.Attachment(site=line.z.site, vlan=line.z.vlan),
        bandwidth=pb.Bandwidth(a_to_z_bps=line.cir_bps.a_to_z, z_to_a_bps=line.cir_bps.z_to_a),
        max_delay=None if line.max_delay_ns is None else duration_to_wire(line.max_delay_ns),
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


def _attachment(reader: SpecReader, field: str, attachment: pb.Attachment) -> Attachment:
    reader.require(f"{field}.site", attachment.site)
    return Attachment(site=attachment.site, vlan=attachment.vlan if attachment.HasField("vlan") else None)


def _bandwidth(reader: SpecReader, spec: pb.PrivateLineSpec) -> PerDirection[int]:
    if not spec.HasField("bandwidth"):
        reader.fault(Reason.MISSING_PROPERTY, "spec.bandwidth", "is missing: set both rates, in bits per second")
    return PerDirection(spec.bandwidth.a_to_z_bps, spec.bandwidth.z_to_a_bps)
