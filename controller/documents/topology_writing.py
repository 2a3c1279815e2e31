"""A topology to the YAML that reads back as the same topology: one node, link, site or gateway a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from controller.documents.envelope import API_VERSION, TOPOLOGY
from controller.documents.scalars import plain_value
from controller.domain.topology import (
    CostModel,
    Device,
    Gateway,
    Link,
    NetconfDevice,
    NextHop,
    Node,
    OpenFlowDevice,
    PerDirection,
    Site,
    SiteService,
    Topology,
)
from controller.domain.units import format_delay, format_loss, format_rate

# What needs no quotes inside a flow collection and is text to every YAML reader: words, quantities, IPv4 prefixes.
_PLAIN: Final = re.compile(
    r"[A-Za-z](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?|[1-9][0-9]*(?:\.[0-9]+)?[A-Za-z]+|[1-9][0-9]*(?:\.[0-9]+){3}/[0-9]+",
    re.ASCII,
)


def write_topology(topology: Topology, *, header: Iterable[str] = ()) -> str:
    """Return the document of a topology. What has its default is left out.

    ``header``: lines of a comment that stand before it.
    """
    return "".join(f"{line}\n" for line in _lines(topology, header))


def _lines(topology: Topology, header: Iterable[str]) -> Iterator[str]:
    for comment in header:
        # The name of a file, which may be in it, can hold line breaks.
        yield " ".join(["#", *comment.splitlines()]).rstrip()
    yield f"apiVersion: {API_VERSION}"
    yield f"kind: {TOPOLOGY}"
    yield f"metadata: {_flow({'name': topology.name})}"
    yield "spec:"
    if topology.hop_delay_ns:
        yield f"  hopDelay: {format_delay(topology.hop_delay_ns)}"
    if topology.otn_node_delay_ns:
        yield f"  otnNodeDelay: {format_delay(topology.otn_node_delay_ns)}"
    if topology.overhead_factor != 1:
        yield f"  overheadFactor: {_decimal(topology.overhead_factor)}"
    lists: tuple[tuple[str, list[dict[str, Any]]], ...] = (
        ("nodes", [_node(node) for node in topology.nodes]),
        ("links", [_link(link) for link in topology.links]),
        ("sites", [_site(site) for site in topology.sites]),
        ("gateways", [_gateway(gateway) for gateway in topology.gateways]),
    )
    for key, entries in lists:
        if entries:
            yield f"  {key}:"
        for entry in entries:
            yield f"    - {_flow(entry)}"


def _node(node: Node) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": node.name, "role": node.role.value}
    if node.region is not None:
        entry["region"] = node.region
    if node.location is not None:
        entry["location"] = {"lat": node.location.lat, "lon": node.location.lon}
    if node.device is not None:
        entry["device"] = _device(node.device)
    return entry | _enabled(node.enabled)


def _device(device: Device) -> dict[str, Any]:
    match device:
        case OpenFlowDevice(datapath_id=datapath_id):
            return {"driver": "openflow", "datapathId": f"{datapath_id:016x}"}
        case NetconfDevice():
            return {
                "driver": "netconf",
                "host": device.host,
                "port": device.port,
                "username": device.username,
                "keyFile": device.key_file,
                "knownHosts": device.known_hosts,
                "profile": device.profile,
            }


def _link(link: Link) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": link.name, "a": link.a, "z": link.z, "aPort": link.a_port, "zPort": link.z_port}
    entry["capacity"] = _either_way(PerDirection(*map(format_rate, link.capacity_bps)))
    entry["delay"] = _either_way(PerDirection(*map(format_delay, link.delay_ns)))
    if link.srlgs:
        entry["srlgs"] = list(link.srlgs)
    if link.cost != 1:
        entry["cost"] = link.cost
    if link.mtu_bytes != 1600:
        entry["mtu"] = link.mtu_bytes
    if link.odu is not None:
        entry["odu"] = link.odu.value
    return entry | _enabled(link.enabled)


def _site(site: Site) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": site.name, "node": site.node, "port": site.port}
    if site.service is not SiteService.L2:
        entry["service"] = site.service.value
    if site.prefixes:
        entry["prefixes"] = list(site.prefixes)
    entry |= _next_hop(site.next_hop)
    return entry | {"antiSpoofing": True} if site.anti_spoofing else entry


def _gateway(gateway: Gateway) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": gateway.name, "node": gateway.node, "port": gateway.port}
    entry["capacity"] = format_rate(gateway.capacity_bps)
    if gateway.delays_ns:
        entry["delays"] = {region: format_delay(delay_ns) for region, delay_ns in gateway.delays_ns}
    if gateway.losses_ppm:
        entry["losses"] = {region: format_loss(loss_ppm) for region, loss_ppm in gateway.losses_ppm}
    entry |= _next_hop(gateway.next_hop)
    if gateway.addresses:
        entry["addresses"] = list(gateway.addresses)
    if gateway.cost.model is not CostModel.NONE:
        entry["cost"] = {"model": gateway.cost.model.value, "perMbps": gateway.cost.per_mbps}
        if gateway.cost.committed_bps:
            entry["cost"]["committed"] = format_rate(gateway.cost.committed_bps)
    if gateway.probes:
        entry["probes"] = dict(gateway.probes)
    return entry


def _next_hop(hop: NextHop | None) -> dict[str, Any]:
    if hop is None:
        return {}
    return {"nextHop": {"mac": hop.mac, "ip": hop.ip} | ({} if hop.ip6 is None else {"ip6": hop.ip6})}


def _enabled(enabled: bool) -> dict[str, Any]:
    return {} if enabled else {"enabled": False}


def _either_way(values: PerDirection[str]) -> Any:
    return values.a_to_z if values.a_to_z == values.z_to_a else {"aToZ": values.a_to_z, "zToA": values.z_to_a}


def _flow(value: Any) -> str:
    match value:
        case Mapping():
            return "{" + ", ".join(f"{_text(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case bool():
            return str(value).lower()
        case float():
            return _decimal(Fraction(repr(value)))
        case Fraction():
            return _decimal(value)
        case int():
            return str(value)
        case _:
            return _text(str(value))


def _text(text: str) -> str:
    """Quoted, if our own reader or another would take it for something else. What JSON writes, YAML reads."""
    plain = _PLAIN.fullmatch(text) is not None and plain_value(text) == text
    return text if plain else json.dumps(text, ensure_ascii=False)


def _decimal(value: Fraction) -> str:
    """The decimal number that the document had: no other fraction comes from one."""
    number = Decimal(value.numerator) / Decimal(value.denominator)
    return f"{number.normalize():f}"
