"""The shape of the documents: which keys there are, what they hold, what may be left out. References come later."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, model_validator
from pydantic.alias_generators import to_camel

from controller.documents.fields import (
    Address,
    Boolean,
    Capacity,
    DatapathId,
    Delay,
    Factor,
    Integer,
    Latitude,
    Longitude,
    Loss,
    Name,
    PlainText,
    Prefix,
    Price,
    Rate,
    Text,
    UnicastMac,
    delay_ns,
    one_of,
    within,
)
from controller.domain.intents import Disjointness, Isolation, LayerChoice, Objective, Protection
from controller.domain.otn import OduType
from controller.domain.topology import CostModel, Role, SiteService

# OpenFlow 1.3, section A.2.1: OFPP_MAX; what is above are reserved ports.
LAST_PORT: Final = 0xFFFFFF00
# RFC 5305, section 3: a traffic engineering metric has 24 bits.
LAST_COST: Final = 2**24 - 1
LINK_MTUS: Final = (64, 10_000)

Port = Annotated[int, PlainValidator(within(1, LAST_PORT, "a port"))]
TcpPort = Annotated[int, PlainValidator(within(1, 65535, "a TCP port"))]
LinkMtu = Annotated[int, PlainValidator(within(*LINK_MTUS, "an MTU in bytes"))]
Cost = Annotated[int, PlainValidator(within(0, LAST_COST, "a cost"))]


def _even(value: Any) -> int:
    """Half of it counts on either side of a node."""
    found = delay_ns(value)
    if found % 2:
        raise ValueError("is an odd number of nanoseconds: half of it counts on either side of a node")
    return found


EvenDelay = Annotated[int, PlainValidator(_even)]


class Shape(BaseModel):
    """A mapping in which every key is known; keys are camelCase in documents."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class EitherWay(Shape):
    """One value for both directions, or ``{aToZ: , zToA: }``."""

    @model_validator(mode="before")
    @classmethod
    def _both_directions(cls, data: Any) -> Any:
        return data if isinstance(data, dict | list) else {"aToZ": data, "zToA": data}


class RateEitherWay(EitherWay):
    a_to_z: Rate
    z_to_a: Rate


class CapacityEitherWay(EitherWay):
    a_to_z: Capacity
    z_to_a: Capacity


class DelayEitherWay(EitherWay):
    a_to_z: Delay
    z_to_a: Delay


class LocationShape(Shape):
    lat: Latitude
    lon: Longitude


class OpenFlowShape(Shape):
    driver: Literal["openflow"]
    datapath_id: DatapathId


class NetconfShape(Shape):
    driver: Literal["netconf"]
    host: PlainText
    port: TcpPort
    username: PlainText
    key_file: PlainText
    known_hosts: PlainText = "~/.ssh/known_hosts"
    profile: Name = "otn-node"


class NodeShape(Shape):
    name: Name
    role: Annotated[Role, PlainValidator(one_of(Role))]
    region: Name | None = None
    location: LocationShape | None = None
    device: Annotated[OpenFlowShape | NetconfShape, Field(discriminator="driver")] | None = None
    enabled: Boolean = True


class LinkShape(Shape):
    name: Name
    a: Text
    z: Text
    a_port: Port
    z_port: Port
    capacity: CapacityEitherWay
    delay: DelayEitherWay
    srlgs: list[Name] = Field(default_factory=list)
    cost: Cost = 1
    mtu: LinkMtu = 1600
    odu: Annotated[OduType, PlainValidator(one_of(OduType))] | None = None
    enabled: Boolean = True


class NextHopShape(Shape):
    mac: UnicastMac
    ip: Address
    ip6: Address | None = None

    @model_validator(mode="after")
    def _one_of_each_version(self) -> Self:
        if self.ip6 is not None and (":" in self.ip or ":" not in self.ip6):
            raise ValueError("ip6 is the IPv6 address of a router whose IPv4 address is ip: write one of each")
        return self


class SiteShape(Shape):
    name: Name
    node: Text
    port: Port
    service: Annotated[SiteService, PlainValidator(one_of(SiteService))] = SiteService.L2
    prefixes: list[Prefix] = Field(default_factory=list)
    next_hop: NextHopShape | None = None
    anti_spoofing: Boolean = False


class CostShape(Shape):
    model: Annotated[CostModel, PlainValidator(one_of(CostModel))]
    per_mbps: Price | None = None
    committed: Rate | None = None

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if self.model is CostModel.NONE and self.per_mbps is not None:
            raise ValueError("perMbps has no meaning with model none: leave it out, or write flat or percentile95")
        if self.model is not CostModel.NONE and self.per_mbps is None:
            raise ValueError(f"perMbps is missing: what a Mbit/s costs by model {self.model}")
        if self.model is not CostModel.PERCENTILE_95 and self.committed is not None:
            raise ValueError(f"committed has no meaning with model {self.model}: leave it out, or write percentile95")
        return self


class GatewayShape(Shape):
    name: Name
    node: Text
    port: Port
    capacity: Capacity
    delays: dict[Name, Delay] = Field(default_factory=dict)
    losses: dict[Name, Loss] = Field(default_factory=dict)
    next_hop: NextHopShape | None = None
    addresses: list[Address] = Field(default_factory=list)
    cost: CostShape | None = None
    probes: dict[Name, Address] = Field(default_factory=dict)


class TopologyMetadata(Shape):
    name: Name


class TopologySpec(Shape):
    """What is in the lists is looked at one by one, so that a fault in one does not hide those in others."""

    hop_delay: Delay = 0
    otn_node_delay: EvenDelay = 0
    overhead_factor: Factor = Fraction(1)
    nodes: list[Any] = Field(min_length=1)
    links: list[Any] = Field(default_factory=list)
    sites: list[Any] = Field(default_factory=list)
    gateways: list[Any] = Field(default_factory=list)


class TopologyShape(Shape):
    api_version: Any
    kind: Any
    metadata: TopologyMetadata
    spec: TopologySpec


class LineMetadata(Shape):
    tenant: Text
    name: Text


class EndShape(Shape):
    site: Text
    vlan: Integer | None = None


class AvoidShape(Shape):
    nodes: list[Text] = Field(default_factory=list)
    links: list[Text] = Field(default_factory=list)
    srlgs: list[Text] = Field(default_factory=list)
    regions: list[Text] = Field(default_factory=list)


class ViaShape(Shape):
    nodes: list[Text] = Field(default_factory=list)


class PrivateLineSpec(Shape):
    """Values out of range are left to ``domain.validation``, which the wire shares."""

    a: EndShape
    z: EndShape
    bandwidth: RateEitherWay
    max_delay: Delay | None = None
    mtu: Integer = 1500
    protection: Annotated[Protection, PlainValidator(one_of(Protection))] = Protection.NONE
    disjoint: Annotated[Disjointness, PlainValidator(one_of(Disjointness))] = Disjointness.LINK
    avoid: AvoidShape = Field(default_factory=AvoidShape)
    via: ViaShape = Field(default_factory=ViaShape)
    objective: Annotated[Objective, PlainValidator(one_of(Objective))] = Objective.DELAY
    priority: Integer = 4
    layer: Annotated[LayerChoice, PlainValidator(one_of(LayerChoice))] = LayerChoice.PACKET
    isolation: Annotated[Isolation, PlainValidator(one_of(Isolation))] = Isolation.SHARED


class PrivateLineShape(Shape):
    api_version: Any
    kind: Any
    metadata: LineMetadata
    spec: PrivateLineSpec
