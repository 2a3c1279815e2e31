"""The world behind the gateways, as a lab has it: one host for each region, with prefixes of the region's own.

Region number N (by name, from 1) has ``100.(63+N).0.0/16`` of the shared address space (RFC 6598) and ``fd64:N::/32``
of the unique local addresses (RFC 4193). Its host answers for every address in them, so policies and routing tables may
name any part. It has an interface for each gateway that serves the region, where it looks like the gateway's next hop;
what it sends to a province leaves by the nearest of those that have a carrier.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from controller.domain.topology import Gateway, Site, SiteService, Topology

MAX_REGIONS = 64
"""As many as 100.64.0.0/10 has room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """``prefixes``: one of either IP version; ``gateways``: those that serve it, the nearest first, with the one-way
    delay from each."""

    name: str
    prefixes: tuple[str, ...]
    gateways: tuple[tuple[Gateway, int], ...]

    @property
    def host(self) -> str:
        """What its host is called in the lab."""
        return f"abroad-{self.name}"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its host's own, by which it speaks: the first of each prefix."""
        return tuple(first_address(prefix) for prefix in self.prefixes)


def regions_abroad(topology: Topology) -> tuple[Region, ...]:
    """All regions that gateways serve, by name."""
    names = sorted({region for gateway in topology.gateways for region, _ in gateway.delays_ns})
    return tuple(
        Region(
            name=name,
            prefixes=(f"100.{63 + number}.0.0/16", f"fd64:{number:x}::/32"),
            gateways=tuple(
                sorted(
                    (
                        (gateway, dict(gateway.delays_ns)[name])
                        for gateway in topology.gateways
                        if _serves(gateway, name)
                    ),
                    key=lambda served: (served[1], served[0].name),
                )
            ),
        )
        for number, name in enumerate(names, start=1)
    )


def interface_abroad(topology: Topology, gateway: str) -> str:
    """Of a region's host towards a gateway: names of gateways do not fit in what Linux has for an interface."""
    return f"gw{[each.name for each in topology.gateways].index(gateway) + 1}"


def provinces(topology: Topology) -> tuple[Site, ...]:
    """The sites that packets come from and go to."""
    return tuple(site for site in topology.sites if site.service is SiteService.INTERNET)


def first_address(prefix: str) -> str:
    """At a site, where the network answers as a router; abroad, the host's own."""
    return str(ip_network(prefix).network_address + 1)


def is_in(address: str, prefix: str) -> bool:
    return ip_address(address) in ip_network(prefix)


def _serves(gateway: Gateway, region: str) -> bool:
    return any(served == region for served, _ in gateway.delays_ns)
