"""What is asked of international egress: who sends how much where, by which gateways it may leave, and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.domain.intents import IntentKey
from controller.domain.topology import Role, Topology


class TrafficClass(StrEnum):
    """In the order in which traffic is carried when there is not room for all."""

    GOLD = "gold"
    SILVER = "silver"
    BULK = "bulk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where traffic comes from: the PEs of regions, and nodes by name."""

    regions: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()

    def resolved(self, topology: Topology) -> tuple[str, ...]:
        """The nodes meant, each once, by name."""
        by_region = (node.name for node in topology.nodes if node.role is Role.PE and node.region in self.regions)
        return tuple(sorted({*self.nodes, *by_region}))


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayChoice:
    """By which gateways traffic may leave: those allowed (all, if none is named) that are not denied, and rather by
    those preferred. ``at_most``: by so many at a time, for each source; ``None``: any number."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    at_most: int | None = None

    def admits(self, gateway: str) -> bool:
        return gateway not in self.deny and (not self.allow or gateway in self.allow)


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPolicy:
    """Traffic that leaves the network: all that its sources send to a region abroad, or to prefixes there.

    ``demand_bps`` is what all its sources send together, in equal parts; ``None``: as measured. ``max_delay_ns``: one
    way, from the source to the far end.
    """

    tenant: str
    name: str
    sources: Sources
    to_region: str
    prefixes: tuple[str, ...] = ()
    demand_bps: int | None = None
    gateways: GatewayChoice = GatewayChoice()
    max_delay_ns: int | None = None
    max_loss_ppm: int | None = None
    traffic_class: TrafficClass = TrafficClass.BULK

    @property
    def key(self) -> IntentKey:
        return IntentKey(kind="EgressPolicy", tenant=self.tenant, name=self.name)


ROUNDING_BPS = 1_000
"""Shares of traffic are rounded to bits. Where there is not room for all as well, less than this may be left by it."""


def is_carried(demand_bps: int, carried_bps: int) -> bool:
    """All of it, but for what rounding can leave: a millionth at most."""
    return demand_bps - carried_bps <= min(demand_bps // 1_000_000, ROUNDING_BPS)
