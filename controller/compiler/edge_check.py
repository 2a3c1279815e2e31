"""What is wrong with where IP packets enter and leave a network, although its document is right.

A gateway without a next hop is right as long as nobody steers: lines do not need it, and plans of egress count with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from controller.compiler.findings import Finding, Kind, error, warning
from controller.compiler.steering.edges import EdgePlace, edges_of
from controller.domain.steering import EdgeKind
from controller.domain.topology import SiteService, Topology


def check_edges(topology: Topology, parts: Sequence[Collection[str]]) -> Iterator[Finding]:
    """Return what is found; ``parts``: the names of nodes in service that links in service join, for packets."""
    edges = edges_of(topology)
    gateways = [edge for edge in edges if edge.kind is EdgeKind.GATEWAY]
    sites = [edge for edge in edges if edge.kind is EdgeKind.SITE]
    yield from _unreached(gateways, sites, parts)
    yield from _unused(topology, gateways)
    yield from _without_address(gateways)
    yield from _without_prefix(topology)
    yield from _without_next_hop(sites)
    yield from _same_name(gateways, sites)


def _unreached(
    gateways: Sequence[EdgePlace], sites: Sequence[EdgePlace], parts: Sequence[Collection[str]]
) -> Iterator[Finding]:
    """Gateways that the network keeps apart from all sites. One whose node is out of service is told as that."""
    part_of = {name: number for number, part in enumerate(parts) for name in part}
    of_sites = {part_of[site.node] for site in sites if site.node in part_of}
    for gateway in gateways:
        if of_sites and gateway.node in part_of and part_of[gateway.node] not in of_sites:
            message = f"no internet site can reach gateway {gateway.name}: no links in service lead to {gateway.node}"
            yield error(Kind.GATEWAY_UNREACHED, (gateway.name, gateway.node), message)


def _unused(topology: Topology, usable: Sequence[EdgePlace]) -> Iterator[Finding]:
    """Gateways without a next hop, where there is something to steer."""
    steered = bool(usable) or any(site.service is SiteService.INTERNET for site in topology.sites)
    for gateway in topology.gateways:
        if steered and gateway.next_hop is None:
            message = f"gateway {gateway.name} has no nextHop: no traffic is steered there"
            yield warning(Kind.GATEWAY_UNUSED, (gateway.name,), message)


def _without_address(gateways: Sequence[EdgePlace]) -> Iterator[Finding]:
    for gateway in gateways:
        if not gateway.addresses:
            message = (
                f"gateway {gateway.name} has no addresses: the router there finds nobody to send to, "
                "unless it is told the MAC address"
            )
            yield warning(Kind.GATEWAY_WITHOUT_ADDRESS, (gateway.name,), message)


def _without_prefix(topology: Topology) -> Iterator[Finding]:
    for site in topology.sites:
        if site.service is SiteService.INTERNET and not site.prefixes:
            message = f"internet site {site.name} has no prefixes: nothing is steered from there or sent there"
            yield warning(Kind.SITE_WITHOUT_PREFIX, (site.name,), message)


def _without_next_hop(sites: Sequence[EdgePlace]) -> Iterator[Finding]:
    for site in sites:
        if site.next_hop is None:
            message = f"internet site {site.name} has no nextHop: nothing can be sent to it"
            yield warning(Kind.SITE_WITHOUT_NEXT_HOP, (site.name,), message)


def _same_name(gateways: Sequence[EdgePlace], sites: Sequence[EdgePlace]) -> Iterator[Finding]:
    """Rules are told apart by label; whoever reads their names at a node is not."""
    there = {(site.node, site.name) for site in sites}
    for gateway in gateways:
        if (gateway.node, gateway.name) in there:
            message = f"a site and a gateway at {gateway.node} are both called {gateway.name}: who is meant?"
            yield warning(Kind.EDGES_SHARE_NAME, (gateway.name, gateway.node), message)
