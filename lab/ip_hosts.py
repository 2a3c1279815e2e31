"""Hosts that speak IP: a customer's router at an internet site, and a region abroad. What is set up where, as ``ip``
commands; neighbours are found by ARP and neighbour discovery, nothing is written into their tables.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from itertools import islice
from pathlib import Path

from controller.domain.topology import Site, Topology
from lab.abroad import Region, first_address, interface_abroad, is_in, provinces
from lab.errors import LabError
from lab.tap import inside_netns

SPEAKERS = 16
"""How many addresses a customer has beside the router's: their last four bits are all different, so that traffic can be
split by source."""

_FIRST_SPEAKER = 16

_SETTINGS = (
    ("ipv6", "disable_ipv6", 0),
    # An address serves at once; nobody asks for routers, which are told here.
    ("ipv6", "accept_dad", 0),
    ("ipv6", "dad_transmits", 0),
    ("ipv6", "accept_ra", 0),
    ("ipv6", "router_solicitations", 0),
    # What comes in by one gateway may be answered by another, by the nearest with a carrier.
    ("ipv4", "rp_filter", 0),
    ("ipv4", "ignore_routes_with_linkdown", 1),
    ("ipv6", "ignore_routes_with_linkdown", 1),
    # ARP asks in the name of the interface's own address.
    ("ipv4", "arp_announce", 2),
    ("ipv4", "forwarding", 0),
)


def let_speak(pid: int) -> None:
    """Have the kernel of this namespace speak IP, and no more than it must; for interfaces made later, too."""
    with inside_netns(pid):
        for family, setting, value in _SETTINGS:
            for scope in ("all", "default"):
                file = Path("/proc/sys/net", family, "conf", scope, setting)
                if file.exists():
                    file.write_text(str(value))


def customer_addresses(site: Site) -> dict[str, tuple[str, ...]]:
    """By prefix the addresses of a site's host: its router's first, then others of the prefix, as far as there are."""
    found = {}
    for prefix in site.prefixes:
        network = ip_network(prefix)
        said = () if site.next_hop is None else site.next_hop.addresses
        router = next((address for address in said if is_in(address, prefix)), str(network.network_address + 2))
        others = [network.network_address + _FIRST_SPEAKER + number for number in range(SPEAKERS)]
        fit = [str(other) for other in others if other in network and other != network.broadcast_address]
        found[prefix] = (router, *(other for other in fit if other != router))
    return found


def customer_commands(site: Site, interface: str) -> Iterator[str]:
    """For ``ip -batch`` at the host of an internet site."""
    for prefix, addresses in customer_addresses(site).items():
        length = ip_network(prefix).prefixlen
        for address in addresses:
            yield f"address add {address}/{length} dev {interface}{_nodad(address)}"
    for version, anywhere in ((4, "0.0.0.0/0"), (6, "::/0")):
        for prefix in islice((each for each in site.prefixes if ip_network(each).version == version), 1):
            yield f"route add {anywhere} via {first_address(prefix)} dev {interface}"


def region_commands(region: Region, topology: Topology) -> Iterator[str]:
    """For ``ip -batch`` at the host of a region."""
    own = dict(zip((4, 6), region.addresses, strict=True))
    for prefix, address in zip(region.prefixes, region.addresses, strict=True):
        yield f"address add {address} dev lo{_nodad(address)}"
        yield f"route add local {prefix} dev lo"
    for metric, (gateway, _) in enumerate(region.gateways, start=1):
        interface = interface_abroad(topology, gateway.name)
        if gateway.next_hop is not None:
            for address in gateway.next_hop.addresses:
                yield f"address add {address} dev {interface}{_nodad(address)}"
        routers = {ip_address(address).version: address for address in reversed(gateway.addresses)}
        for version, router in routers.items():
            yield f"route add {router} dev {interface}"
            for prefix in (prefix for site in provinces(topology) for prefix in site.prefixes):
                if ip_network(prefix).version == version:
                    path = f"via {router} dev {interface} src {own[version]} metric {metric}"
                    yield f"route add {prefix} {path}"


def run_ip(pid: int, commands: Iterable[str]) -> None:
    """Run them in the network namespace of a process; ``LabError`` with the first that fails."""
    batch = "".join(f"{command}\n" for command in commands)
    done = subprocess.run(
        ["nsenter", f"--target={pid}", "--net", "ip", "-batch", "-"],
        input=batch,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"a host cannot be set up: {done.stderr.strip()}")


def _nodad(address: str) -> str:
    return " nodad" if ip_address(address).version == 6 else ""
