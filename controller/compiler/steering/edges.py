"""Where IP packets enter and leave the network: gateways with a next hop, and internet sites with prefixes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from controller.domain.prefixes import ADDRESS_BITS, Prefix, parse_prefix
from controller.domain.steering import EdgeKind
from controller.domain.topology import Gateway, Site, SiteService, Topology

EdgeId = tuple[EdgeKind, str]
"""Names are unique within a kind only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgePlace:
    """``addresses``: ours at this edge, IPv4 and IPv6, in their shortest form; whoever is attached finds us there.
    ``next_hop``: the MAC address of the router that packets are handed to; ``None`` (a site only): nobody is, so
    nothing is ever sent there. ``prefixes``: those behind a site; a gateway has none, what it leads to changes.
    ``sources``: the prefixes that packets may come from; empty: any."""

    kind: EdgeKind
    name: str
    node: str
    port: int
    addresses: tuple[str, ...]
    next_hop: str | None
    prefixes: tuple[Prefix, ...] = ()
    sources: tuple[Prefix, ...] = ()

    @property
    def id(self) -> EdgeId:
        return self.kind, self.name


def edges_of(topology: Topology) -> tuple[EdgePlace, ...]:
    """By kind and name. A gateway without a next hop, and an internet site without prefixes, are no edges."""
    return tuple(sorted((*_gateways(topology), *_sites(topology)), key=lambda edge: edge.id))


def without_next_hop(topology: Topology) -> frozenset[str]:
    """Gateways that no packet can be handed to: plans on paper may count with them, whoever steers may not."""
    return frozenset(gateway.name for gateway in topology.gateways if gateway.next_hop is None)


def first_address(prefix: Prefix) -> str:
    """The first address that a host can have: ours, of a site's prefix. The one after the network's own, save where
    there is no room for such a difference (RFC 3021 for /31, RFC 6164 for /127)."""
    width = ADDRESS_BITS[prefix.version]
    number = prefix.bits + (1 if width - prefix.length > 1 else 0)
    return str(IPv4Address(number) if prefix.version == 4 else IPv6Address(number))


def _gateways(topology: Topology) -> Iterator[EdgePlace]:
    for gateway in topology.gateways:
        if gateway.next_hop is not None:
            yield _gateway(gateway, gateway.next_hop.mac)


def _gateway(gateway: Gateway, next_hop: str) -> EdgePlace:
    return EdgePlace(
        kind=EdgeKind.GATEWAY,
        name=gateway.name,
        node=gateway.node,
        port=gateway.port,
        addresses=tuple(str(ip_address(address)) for address in gateway.addresses),
        next_hop=next_hop,
    )


def _sites(topology: Topology) -> Iterator[EdgePlace]:
    for site in topology.sites:
        if site.service is SiteService.INTERNET and site.prefixes:
            yield _site(site)


def _site(site: Site) -> EdgePlace:
    prefixes = tuple(sorted(parse_prefix(prefix) for prefix in site.prefixes))
    return EdgePlace(
        kind=EdgeKind.SITE,
        name=site.name,
        node=site.node,
        port=site.port,
        addresses=tuple(dict.fromkeys(first_address(prefix) for prefix in prefixes)),
        next_hop=None if site.next_hop is None else site.next_hop.mac,
        prefixes=prefixes,
        sources=tuple(_widest(prefixes)) if site.anti_spoofing else (),
    )


def _widest(prefixes: Iterable[Prefix]) -> Iterator[Prefix]:
    """Of sorted ones, those that no other holds."""
    last: Prefix | None = None
    for prefix in prefixes:
        if last is None or not last.covers(prefix):
            yield prefix
            last = prefix
