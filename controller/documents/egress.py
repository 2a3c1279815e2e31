"""``EgressPolicy`` documents to policies, each with the place where it is written."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainValidator

from controller.documents.fields import Delay, Integer, Loss, Prefix, Text, one_of, rate_bps
from controller.documents.models import LineMetadata, Shape
from controller.documents.shape import Document, read_shape
from controller.domain.egress import EgressPolicy, GatewayChoice, Sources, TrafficClass

MEASURED = "measured"


def _demand(value: Any) -> int | None:
    """A rate, or ``None`` for what is measured."""
    if value == MEASURED:
        return None
    try:
        return rate_bps(value)
    except ValueError as error:
        raise ValueError(f"{error} (or write: measured)") from None


class FromShape(Shape):
    regions: list[Text] = Field(default_factory=list)
    nodes: list[Text] = Field(default_factory=list)


class ToShape(Shape):
    region: Text
    prefixes: list[Prefix] = Field(default_factory=list)


class GatewaysShape(Shape):
    allow: list[Text] = Field(default_factory=list)
    deny: list[Text] = Field(default_factory=list)
    prefer: list[Text] = Field(default_factory=list)
    at_most: Integer | None = None


class EgressPolicySpec(Shape):
    """Values out of range are left to ``domain.egress_validation``."""

    from_: FromShape = Field(alias="from")
    to: ToShape
    demand: Annotated[int | None, PlainValidator(_demand)]
    gateways: GatewaysShape = Field(default_factory=GatewaysShape)
    max_delay: Delay | None = None
    max_loss: Loss | None = None
    class_: Annotated[TrafficClass, PlainValidator(one_of(TrafficClass))] = Field(TrafficClass.BULK, alias="class")


class EgressPolicyShape(Shape):
    api_version: Any
    kind: Any
    metadata: LineMetadata
    spec: EgressPolicySpec


def read_policy(document: Document) -> EgressPolicy | None:
    """The policy of a document; ``None``, and every fault told to it, when it does not fit the shape."""
    shape = read_shape(EgressPolicyShape, document.root, "", document)
    if shape is None:
        return None
    spec = shape.spec
    return EgressPolicy(
        tenant=shape.metadata.tenant,
        name=shape.metadata.name,
        sources=Sources(regions=tuple(spec.from_.regions), nodes=tuple(spec.from_.nodes)),
        to_region=spec.to.region,
        prefixes=tuple(spec.to.prefixes),
        demand_bps=spec.demand,
        gateways=GatewayChoice(
            allow=tuple(spec.gateways.allow),
            deny=tuple(spec.gateways.deny),
            prefer=tuple(spec.gateways.prefer),
            at_most=spec.gateways.at_most,
        ),
        max_delay_ns=spec.max_delay,
        max_loss_ppm=spec.max_loss,
        traffic_class=spec.class_,
    )
