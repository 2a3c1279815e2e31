"""Nodes, links, sites and gateways: a multigraph in which parallel links are normal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import Generic, TypeVar

from controller.domain.otn import OduType

T = TypeVar("T")


class Direction(StrEnum):
    """A direction of a link (from its ``a`` to its ``z``) or of a line (from its ``a`` site to its ``z`` site)."""

    A_TO_Z = "aToZ"
    Z_TO_A = "zToA"

    @property
    def reverse(self) -> Direction:
        return Direction.Z_TO_A if self is Direction.A_TO_Z else Direction.A_TO_Z


@dataclass(frozen=True, slots=True)
class PerDirection(Generic[T]):
    """Two values, one for each direction."""

    a_to_z: T
    z_to_a: T

    def __getitem__(self, direction: Direction) -> T:
        return self.a_to_z if direction is Direction.A_TO_Z else self.z_to_a

    def __iter__(self) -> Iterator[T]:
        return iter((self.a_to_z, self.z_to_a))

    @property
    def swapped(self) -> PerDirection[T]:
        """The same two values seen from the other end."""
        return PerDirection(self.z_to_a, self.a_to_z)

    @classmethod
    def both(cls, value: T) -> PerDirection[T]:
        return cls(value, value)


class Role(StrEnum):
    PE = "pe"
    P = "p"
    OTN = "otn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    lat: float
    lon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFlowDevice:
    """A switch that connects to us; ``datapath_id`` is how it introduces itself."""

    datapath_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NetconfDevice:
    """A device that we connect to over NETCONF on SSH.

    ``key_file`` is our private key and ``known_hosts`` the file (OpenSSH) with the device's public one: paths, relative
    to the topology's file; ``profile`` names the kind of device (``southbound/netconf/profiles``).
    """

    host: str
    port: int
    username: str
    key_file: str
    known_hosts: str = "~/.ssh/known_hosts"
    profile: str = "otn-node"


Device = OpenFlowDevice | NetconfDevice


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    name: str
    role: Role
    region: str | None = None
    location: Location | None = None
    device: Device | None = None
    enabled: bool = True


class Layer(StrEnum):
    """Of the network: switches that forward packets, or the optical transport network below them."""

    PACKET = "packet"
    OTN = "otn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link between two nodes. ``capacity_bps`` and ``delay_ns`` are per direction; ``mtu_bytes`` is
    the largest payload of an Ethernet frame on it. ``odu`` is that of a link between two OTN nodes, whose tributary
    slots ODUs of lines take; ``None`` on all others."""

    name: str
    a: str
    z: str
    a_port: int
    z_port: int
    capacity_bps: PerDirection[int]
    delay_ns: PerDirection[int]
    srlgs: tuple[str, ...] = ()
    cost: int = 1
    mtu_bytes: int = 1600
    enabled: bool = True
    odu: OduType | None = None

    @property
    def slots(self) -> int:
        """How many tributary slots it has: 0 if it is no link between OTN nodes."""
        return 0 if self.odu is None else self.odu.tributary_slots

    def ends(self, direction: Direction) -> tuple[str, str]:
        """(from, to) when the link is crossed in ``direction``."""
        return (self.a, self.z) if direction is Direction.A_TO_Z else (self.z, self.a)

    def ports(self, direction: Direction) -> tuple[int, int]:
        """(port left, port entered) when the link is crossed in ``direction``."""
        return (self.a_port, self.z_port) if direction is Direction.A_TO_Z else (self.z_port, self.a_port)

    def direction_from(self, node: str) -> Direction:
        """The direction in which the link leaves ``node``."""
        return Direction.A_TO_Z if node == self.a else Direction.Z_TO_A


class SiteService(StrEnum):
    L2 = "l2"
    INTERNET = "internet"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextHop:
    """The router that packets are handed to, by its MAC address; feeds of routes know it by its ``addresses``. ``ip6``:
    where ``ip`` is its IPv4 address."""

    mac: str
    ip: str
    ip6: str | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.ip,) if self.ip6 is None else (self.ip, self.ip6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a customer attaches: a port (UNI) of a PE. An internet site has the ``prefixes`` of those behind it, and,
    if these are to be reached, the customer's router. Its own router is the network: it answers at the first address of
    each prefix. With ``anti_spoofing`` no packet from there gets in whose source is not in one of these prefixes
    (BCP 38)."""

    name: str
    node: str
    port: int
    service: SiteService = SiteService.L2
    prefixes: tuple[str, ...] = ()
    next_hop: NextHop | None = None
    anti_spoofing: bool = False


class CostModel(StrEnum):
    """How a gateway is paid for: not by what it carries, by all of it, or by the 95th percentile of a month's slots."""

    NONE = "none"
    FLAT = "flat"
    PERCENTILE_95 = "percentile95"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCost:
    """``per_mbps``: the price of a Mbit/s, in a money of which 1 is worth 1 ms of delay to whoever writes it.
    ``committed_bps``: the level that is paid whatever is sent, by the 95th percentile."""

    model: CostModel = CostModel.NONE
    per_mbps: Fraction = Fraction(0)
    committed_bps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """An international exit; ``delays_ns`` is by destination region. ``losses_ppm``, of the same regions: how many
    packets in a million do not arrive there; where a region is missing, nobody has said. ``addresses``: ours on the way
    to the next hop, at which it finds us. ``probes``, of the same regions: an address there that answers pings."""

    name: str
    node: str
    port: int
    capacity_bps: int
    delays_ns: tuple[tuple[str, int], ...] = ()
    losses_ppm: tuple[tuple[str, int], ...] = ()
    next_hop: NextHop | None = None
    addresses: tuple[str, ...] = ()
    cost: GatewayCost = GatewayCost()
    probes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The network as declared. Names are unique within a kind; every reference has been checked."""

    name: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    sites: tuple[Site, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    hop_delay_ns: int = 0
    otn_node_delay_ns: int = 0
    """What each OTN node that a route crosses adds to its delay; even, since half of it counts at either side."""
    overhead_factor: Fraction = Fraction(1)

    @cached_property
    def node(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def link(self) -> dict[str, Link]:
        return {link.name: link for link in self.links}

    @cached_property
    def site(self) -> dict[str, Site]:
        return {site.name: site for site in self.sites}

    @cached_property
    def gateway(self) -> dict[str, Gateway]:
        return {gateway.name: gateway for gateway in self.gateways}

    @cached_property
    def srlgs(self) -> frozenset[str]:
        """Those that links are in."""
        return frozenset(srlg for link in self.links for srlg in link.srlgs)

    @cached_property
    def regions(self) -> frozenset[str]:
        """Those that nodes are in."""
        return frozenset(node.region for node in self.nodes if node.region is not None)

    def layer(self, link: Link) -> Layer:
        """A link belongs to the optical layer if it ends at an OTN node: one between two, or the client's that joins
        one to a PE."""
        return Layer.OTN if self._otn_ends(link) else Layer.PACKET

    def is_client_link(self, link: Link) -> bool:
        """Whether it joins a PE to a client port of an OTN node."""
        return self._otn_ends(link) == 1

    def crossing_ns(self, link: Link) -> int:
        """What crossing the link adds to a route beside the link's own delay: that of a hop, and of each OTN node at
        its ends one half, of which a route through the node gets the other from the next link."""
        return self.hop_delay_ns + self.otn_node_delay_ns // 2 * self._otn_ends(link)

    def _otn_ends(self, link: Link) -> int:
        return (link.a in self._otn_nodes) + (link.z in self._otn_nodes)

    @cached_property
    def _otn_nodes(self) -> frozenset[str]:
        return frozenset(node.name for node in self.nodes if node.role is Role.OTN)

    def reservation_bps(self, cir_bps: int) -> int:
        """What a line of this CIR takes of a link, rounded up."""
        return ceil(cir_bps * self.overhead_factor)
