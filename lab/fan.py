"""Where a gateway's port leads to: which of the regions abroad a frame goes to. Pure; ``lab.relay`` moves the frames.

Behind a gateway there is one router in truth, and one region's host after the other in the lab, all of them under that
router's MAC address and IP address. So a packet goes by its destination, and what is for the router itself (its answers
to ARP and neighbour discovery, broadcasts) goes to all of them, who each had asked for it or will ignore it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network

_ETHERNET_BYTES = 14
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_DESTINATION = {_IPV4: slice(30, 34), _IPV6: slice(38, 54)}
"""Of a packet in an untagged frame."""

_FOR_ROUTERS = ("224.0.0.0/4", "255.255.255.255/32", "169.254.0.0/16", "ff00::/8", "fe80::/10")
"""What no router forwards: multicast, broadcast, addresses of the link."""


class Fan:
    """``regions`` are the prefixes (as text, IPv4 and IPv6) of each region, ``shared`` the addresses that all their
    hosts have in common on this link. The longest prefix counts."""

    def __init__(self, regions: Mapping[str, Sequence[str]], shared: Sequence[str] = ()) -> None:
        self._everyone = tuple(regions)
        named: list[tuple[str, tuple[str, ...]]]
        named = [(prefix, (region,)) for region, prefixes in regions.items() for prefix in prefixes]
        named += [(str(ip_address(address)), self._everyone) for address in shared]
        named += [(prefix, self._everyone) for prefix in _FOR_ROUTERS]
        self._routes: dict[bytes, list[tuple[int, int, tuple[str, ...]]]] = {_IPV4: [], _IPV6: []}
        for network, where in sorted(
            ((ip_network(prefix), where) for prefix, where in named), key=lambda route: -route[0].prefixlen
        ):
            routes = self._routes[_IPV4 if network.version == 4 else _IPV6]
            routes.append((int(network.netmask), int(network.network_address), where))

    def regions(self, frame: bytes) -> tuple[str, ...]:
        """Those that a frame from the gateway goes to; none when it is for an address that nobody here has."""
        ethertype = frame[12:_ETHERNET_BYTES]
        routes = self._routes.get(ethertype)
        if routes is None:
            return self._everyone
        address = int.from_bytes(frame[_DESTINATION[ethertype]], "big")
        for mask, bits, where in routes:
            if address & mask == bits:
                return where
        return ()
