"""Specifications of egress policies <-> ``trunkline.v1`` messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from controller.documents.fields import prefix
from controller.domain.egress import EgressPolicy, GatewayChoice, Sources, TrafficClass
from controller.domain.errors import Reason
from controller.wire.gen.trunkline.v1 import egress_policy_pb2 as pb
from controller.wire.spec_reader import SpecReader, duration_to_wire


def read_policy(reader: SpecReader, message: pb.EgressPolicy) -> EgressPolicy:
    """The policy; what it cannot be is told to ``reader``."""
    spec = message.spec
    reader.require("spec.to.region", spec.destination.region)
    return EgressPolicy(
        tenant=message.metadata.tenant,
        name=message.metadata.name,
        sources=Sources(regions=tuple(spec.sources.regions), nodes=tuple(spec.sources.nodes)),
        to_region=spec.destination.region,
        prefixes=tuple(_prefixes(reader, spec.destination.prefixes)),
        demand_bps=_demand(reader, spec),
        gateways=GatewayChoice(
            allow=tuple(spec.gateways.allow),
            deny=tuple(spec.gateways.deny),
            prefer=tuple(spec.gateways.prefer),
            at_most=spec.gateways.at_most if spec.gateways.HasField("at_most") else None,
        ),
        max_delay_ns=reader.delay_ns("spec.maxDelay", spec.max_delay) if spec.HasField("max_delay") else None,
        max_loss_ppm=spec.max_loss_ppm if spec.HasField("max_loss_ppm") else None,
        traffic_class=reader.choice("spec.class", spec.traffic_class, TrafficClass, TrafficClass.BULK),
    )


def policy_spec_to_wire(policy: EgressPolicy) -> pb.EgressPolicySpec:
    choice = policy.gateways
    spec = pb.EgressPolicySpec(
        sources=pb.EgressSources(regions=policy.sources.regions, nodes=policy.sources.nodes),
        destination=pb.EgressDestination(region=policy.to_region, prefixes=policy.prefixes),
        gateways=pb.GatewayChoice(allow=choice.allow, deny=choice.deny, prefer=choice.prefer, at_most=choice.at_most),
        max_delay=None if policy.max_delay_ns is None else duration_to_wire(policy.max_delay_ns),
        max_loss_ppm=policy.max_loss_ppm,
        traffic_class=policy.traffic_class,
    )
    if policy.demand_bps is None:
        spec.measured = True
    else:
        spec.demand_bps = policy.demand_bps
    return spec


def _demand(reader: SpecReader, spec: pb.EgressPolicySpec) -> int | None:
    """``None``: to be measured, which has to be said: a rate that was forgotten is no wish to have it measured."""
    if spec.WhichOneof("demand") == "demand_bps":
        return spec.demand_bps
    if not spec.measured:
        message = "is missing: set demand_bps, in bits per second, or measured to true"
        reader.fault(Reason.MISSING_PROPERTY, "spec.demand", message)
    return None


def _prefixes(reader: SpecReader, prefixes: Sequence[str]) -> Iterator[str]:
    """As documents have them: with their length, and no host bits."""
    for index, text in enumerate(prefixes):
        try:
            yield prefix(text)
        except ValueError as error:
            reader.fault(Reason.INVALID_VALUE, f"spec.to.prefixes[{index}]", str(error))
