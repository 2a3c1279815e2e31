"""Which way internet traffic takes through the network, as values; what stands on devices follows from them.

A packet that enters by an internet site has a *destination group* by its destination (prefixes that are steered alike)
and a class by its DSCP. For each source node, group and class an *entry* says by which gateway it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from controller.domain.egress import TrafficClass
from controller.domain.intents import IntentKey
from controller.domain.prefixes import Prefix

SOURCE_BITS: Final = 4
SLICES: Final = 1 << SOURCE_BITS
"""Into so many parts an entry can be split, by the last bits of source addresses."""
ELSEWHERE: Final = 0
"""The destination group of all addresses that no prefix is known for."""


class PacketClass(IntEnum):
    """What devices note of a packet: its traffic class, or that it came in from abroad. Not noted: 0."""

    GOLD = 1
    SILVER = 2
    BULK = 3
    FROM_ABROAD = 4

    @classmethod
    def of(cls, traffic_class: TrafficClass) -> PacketClass:
        return cls[traffic_class.name]


class EdgeKind(StrEnum):
    GATEWAY = "gateway"
    SITE = "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Where IP packets enter and leave the network. ``label`` is the service label by which its node hands packets to
    it, ``group`` the destination group of a site's prefixes (0 for a gateway)."""

    kind: EdgeKind
    name: str
    label: int
    group: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationGroup:
    """Prefixes abroad that are steered alike: those of a region (or that a policy names) that the same gateways have a
    route to; of these one of several parts, so that traffic can be divided by prefix. ``number`` is unique among groups
    and sites. ``gateways`` are those that lead there, by name. ``policy`` is the one whose prefixes they are, and
    ``behind`` those that have them, too (the same, or shorter ones, these later): they count for the sources and
    classes that the ones before them are not for, and the policies for the whole region behind all."""

    number: int
    region: str
    gateways: tuple[str, ...]
    policy: IntentKey | None = None
    part: int = 0
    behind: tuple[IntentKey, ...] = ()

    @property
    def policies(self) -> tuple[IntentKey, ...]:
        """All whose prefixes these are: for the traffic of a source in a class the first one counts that is for it."""
        return () if self.policy is None else (self.policy, *self.behind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """The trunk that leads from a node to an edge; label 0: the edge is at the node itself."""

    source: str
    edge: str
    trunk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """By which gateway the traffic of a source node to a destination group in a class leaves: ``gateways`` has one
    name, or ``SLICES`` of them, one for each value of the last bits of source addresses. ``rate_bps``: how much it is
    taken to be, all slices together."""

    source: str
    group: int
    traffic_class: TrafficClass
    gateways: tuple[str, ...]
    rate_bps: int = 0

    def bps(self) -> dict[str, int]:
        """What of it leaves by each gateway, slices taken as equal; rounded down but for the last."""
        parts: dict[str, int] = {}
        for position, gateway in enumerate(self.gateways):
            share = self.rate_bps * (position + 1) // len(self.gateways)
            parts[gateway] = parts.get(gateway, 0) + share - self.rate_bps * position // len(self.gateways)
        return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """All of it. Edges by kind and name, groups by number, legs by source and edge, entries by source, group, class."""

    edges: tuple[Edge, ...] = ()
    groups: tuple[DestinationGroup, ...] = ()
    legs: tuple[Leg, ...] = ()
    entries: tuple[Entry, ...] = ()

    @property
    def trunks(self) -> frozenset[int]:
        """The labels of the trunks that it rides."""
        return frozenset(leg.trunk for leg in self.legs) - {0}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixTable:
    """The destination group of each prefix abroad, sorted; the longest that holds an address counts. A prefix of group
    ``ELSEWHERE`` is an exception within a longer one's."""

    routes: tuple[tuple[Prefix, int], ...] = ()
