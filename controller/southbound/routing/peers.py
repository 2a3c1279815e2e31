"""Which peers of routers are gateways: those at the address of a gateway's next hop."""

from __future__ import annotations

from ipaddress import ip_address

from controller.domain.topology import Topology


def gateways_by_address(topology: Topology) -> dict[str, str]:
    """The names of gateways by the addresses of their next hops, in the shortest form."""
    return {
        str(ip_address(address)): gateway.name
        for gateway in topology.gateways
        if gateway.next_hop is not None
        for address in gateway.next_hop.addresses
    }
