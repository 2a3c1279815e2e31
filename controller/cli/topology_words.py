"""Networks and what was found about them: as data for scripts, in tables for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console

from controller.cli.output import columns, say
from controller.cli.views import Json
from controller.compiler.findings import Finding, Severity
from controller.domain.errors import Fault
from controller.domain.topology import Direction, Gateway, NetconfDevice, Node, OpenFlowDevice, PerDirection, Topology
from controller.domain.units import format_delay, format_loss, format_rate

_MAP_COLUMNS = 110
_NARROWEST_MAP = 60
_MOST_ON_A_MAP = 150
"""A map of letters of more nodes is a heap of letters."""


def topology_json(topology: Topology) -> Json:
    """Delays are microseconds, rates bits per second."""
    return {
        "topology": topology.name,
        "hopDelayUs": topology.hop_delay_ns / 1000,
        "overheadFactor": float(topology.overhead_factor),
        "totals": {
            "nodes": len(topology.nodes),
            "links": len(topology.links),
            "sites": len(topology.sites),
            "gateways": len(topology.gateways),
            "linkCapacityBps": _total_bps(topology),
            "gatewayCapacityBps": sum(gateway.capacity_bps for gateway in topology.gateways),
        },
        "nodes": [_node_json(node) for node in topology.nodes],
        "links": [
            {
                "name": link.name,
                "a": link.a,
                "z": link.z,
                "aPort": link.a_port,
                "zPort": link.z_port,
                "capacityBps": {way.value: link.capacity_bps[way] for way in Direction},
                "delayUs": {way.value: link.delay_ns[way] / 1000 for way in Direction},
                "srlgs": list(link.srlgs),
                "cost": link.cost,
                "mtu": link.mtu_bytes,
                "enabled": link.enabled,
            }
            for link in topology.links
        ],
        "sites": [
            {
                "name": site.name,
                "node": site.node,
                "port": site.port,
                "service": site.service.value,
                "prefixes": list(site.prefixes),
                "antiSpoofing": site.anti_spoofing,
            }
            for site in topology.sites
        ],
        "gateways": [
            {
                "name": gateway.name,
                "node": gateway.node,
                "port": gateway.port,
                "capacityBps": gateway.capacity_bps,
                "delaysUs": {region: delay_ns / 1000 for region, delay_ns in gateway.delays_ns},
                **({"lossesPpm": dict(gateway.losses_ppm)} if gateway.losses_ppm else {}),
            }
            for gateway in topology.gateways
        ],
    }


def topology_tables(topology: Topology) -> Callable[[Console], None]:
    """Totals and the map first, then one table for each kind of thing."""

    def show(to: Console) -> None:
        _show_totals(to, topology)
        _show_map(to, topology)
        _show_nodes(to, topology)
        _show_links(to, topology)
        if topology.sites:
            say(to, "")
            rows = [
                (one.name, one.node, str(one.port), one.service.value, " ".join(one.prefixes)) for one in topology.sites
            ]
            columns(to, ("site", "node", "port", "service", "prefixes"), rows)
        if topology.gateways:
            say(to, "")
            reach = [
                (
                    one.name,
                    one.node,
                    format_rate(one.capacity_bps),
                    ", ".join(_reach(one)),
                )
                for one in topology.gateways
            ]
            columns(to, ("gateway", "node", "capacity", "reaches"), reach)

    return show


def _reach(gateway: Gateway) -> Iterator[str]:
    """The regions that a gateway serves, as they are declared."""
    losses_ppm = dict(gateway.losses_ppm)
    for region, delay_ns in gateway.delays_ns:
        lost = f" ({format_loss(losses_ppm[region])} lost)" if region in losses_ppm else ""
        yield f"{region} {format_delay(delay_ns)}{lost}"


def findings_json(topology: str, findings: Sequence[Finding], faults: Sequence[Fault] = ()) -> Json:
    """``faults``: of a document that could not be read; they count as errors."""
    listed: list[Json] = [
        {
            "severity": Severity.ERROR.value,
            "kind": fault.reason.value,
            "objects": [fault.field] if fault.field else [],
            "message": fault.message,
            "file": fault.source,
            "line": fault.line,
        }
        for fault in faults
    ]
    listed += [
        {
            "severity": finding.severity.value,
            "kind": finding.kind.value,
            "objects": list(finding.objects),
            "message": finding.message,
        }
        for finding in findings
    ]
    counts = Counter(one["severity"] for one in listed)
    return {
        "topology": topology,
        "errors": counts[Severity.ERROR.value],
        "warnings": counts[Severity.WARNING.value],
        "findings": listed,
    }


def findings_table(topology: Topology, findings: Sequence[Finding]) -> Callable[[Console], None]:
    def show(to: Console) -> None:
        if findings:
            rows = [(finding.severity.value, finding.kind.value, finding.message) for finding in findings]
            columns(to, ("severity", "finding", "what"), rows)
            say(to, "")
        errors = sum(finding.severity is Severity.ERROR for finding in findings)
        found = (
            f"{_counted(errors, 'error')}, {_counted(len(findings) - errors, 'warning')}" if findings else "no findings"
        )
        counts = f"{_counted(len(topology.nodes), 'node')}, {_counted(len(topology.links), 'link')}"
        say(to, f"{topology.name}: {counts}: {found}")

    return show


def _show_totals(to: Console, topology: Topology) -> None:
    counts = [
        _counted(len(topology.nodes), "node"),
        _counted(len(topology.links), "link"),
        _counted(len(topology.sites), "site"),
        _counted(len(topology.gateways), "gateway"),
    ]
    say(to, f"{topology.name}: {', '.join(counts)}")
    say(to, f"{format_rate(_total_bps(topology))} over all links, each counted in one direction")
    if topology.gateways:
        abroad = sum(gateway.capacity_bps for gateway in topology.gateways)
        say(to, f"{format_rate(abroad)} abroad")


def _show_map(to: Console, topology: Topology) -> None:
    if len(topology.nodes) > _MOST_ON_A_MAP or to.width < _NARROWEST_MAP:
        return
    from controller.cli.maps.text import to_text

    say(to, "")
    for line in to_text(topology, min(to.width - 1, _MAP_COLUMNS)):
        say(to, line)


def _show_nodes(to: Console, topology: Topology) -> None:
    links, sites = (
        Counter(end for link in topology.links for end in (link.a, link.z)),
        Counter(site.node for site in topology.sites),
    )
    rows = []
    for node in topology.nodes:
        place = "" if node.location is None else f"{node.location.lat:.2f}, {node.location.lon:.2f}"
        region = "" if node.region is None else node.region
        state = "" if node.enabled else "out of service"
        rows.append(
            (
                node.name,
                node.role.value,
                region,
                str(links[node.name]),
                str(sites[node.name]),
                place,
                _device(node),
                state,
            )
        )
    say(to, "")
    columns(to, ("node", "role", "region", "links", "sites", "lat, lon", "device", ""), rows)


def _show_links(to: Console, topology: Topology) -> None:
    rows = [
        (
            link.name,
            f"{link.a}:{link.a_port}",
            f"{link.z}:{link.z_port}",
            _both(PerDirection(*map(format_rate, link.capacity_bps))),
            _both(PerDirection(*map(format_delay, link.delay_ns))),
            str(link.cost),
            str(link.mtu_bytes),
            "" if link.enabled else "out of service",
            " ".join(link.srlgs),
        )
        for link in topology.links
    ]
    if rows:
        say(to, "")
        columns(to, ("link", "a", "z", "capacity", "delay", "cost", "mtu", "", "srlgs"), rows)


def _node_json(node: Node) -> Json:
    shown: Json = {"name": node.name, "role": node.role.value, "region": node.region, "enabled": node.enabled}
    shown["location"] = None if node.location is None else {"lat": node.location.lat, "lon": node.location.lon}
    match node.device:
        case OpenFlowDevice(datapath_id=datapath_id):
            shown["device"] = {"driver": "openflow", "datapathId": f"{datapath_id:016x}"}
        case NetconfDevice(host=host, port=port):
            shown["device"] = {"driver": "netconf", "host": host, "port": port}
        case None:
            shown["device"] = None
    return shown


def _device(node: Node) -> str:
    match node.device:
        case OpenFlowDevice(datapath_id=datapath_id):
            return f"openflow {datapath_id:x}"
        case NetconfDevice(host=host, port=port):
            return f"netconf {host}:{port}"
        case None:
            return ""


def _total_bps(topology: Topology) -> int:
    return sum(link.capacity_bps.a_to_z for link in topology.links)


def _both(values: PerDirection[str]) -> str:
    return values.a_to_z if values.a_to_z == values.z_to_a else f"{values.a_to_z} / {values.z_to_a}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
