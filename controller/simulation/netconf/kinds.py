"""What a node of each device profile leaves the factory with, and which cross-connects it makes of what it holds.

The latter is the device's own reading of its model, whoever configured it and under whatever name: it shares nothing
with the profile by which the controller writes and reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controller.domain.otn import OduType
from controller.domain.rules import ClientEnd, CrossConnect, CrossConnectEnd, LineEnd
from controller.domain.topology import Topology
from controller.southbound.netconf.tree import Tree

_Joined = tuple[str, CrossConnectEnd, CrossConnectEnd]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """``line`` maps a port to the number of tributary slots of its OPU."""

    client: tuple[int, ...]
    line: Mapping[int, int]


def ports_of(topology: Topology, node: str) -> Ports:
    """The ports that a node needs for its links and for the customers at it."""
    client, line = [site.port for site in topology.sites if site.node == node], {}
    for link in topology.links:
        for end, port in ((link.a, link.a_port), (link.z, link.z_port)):
            if end == node and link.odu is None:
                client.append(port)
            elif end == node:
                line[port] = link.slots
    return Ports(client=tuple(sorted(client)), line=line)


def factory(profile: str, ports: Ports) -> Tree:
    """The configuration that a node begins with. ``ValueError`` when no such node can be simulated."""
    return _kind(profile).factory(ports)


def cross_connects(profile: str, config: Tree) -> list[CrossConnect]:
    """What the node does, numbered from 1; their cookies say nothing. What leads nowhere is left out."""
    return [
        CrossConnect(cookie=0, number=number, odu=OduType(odu), a=a, z=z)
        for number, (odu, a, z) in enumerate(_kind(profile).joined(config), start=1)
    ]


def _otn_node(ports: Ports) -> Tree:
    clients = [{"number": port, "usage": "client"} for port in ports.client]
    lines = [{"number": port, "usage": "line", "tributary-slots": slots} for port, slots in ports.line.items()]
    return {"trunkline-otn-node:otn-node": {"port": [*clients, *lines]}}


def _otn_node_joined(config: Tree) -> Iterator[_Joined]:
    node = config.get("trunkline-otn-node:otn-node", {})
    interfaces = {entry["name"]: entry for entry in node.get("interface", ())}
    for connection in node.get("odu-connection", ()):
        a, z = interfaces[connection["source"]["src-if"]], interfaces[connection["destination"]["dst-if"]]
        in_service = all(end["administrative-state"] == "inService" for end in (a, z))
        if in_service and connection["direction"] == "bidirectional" and a["odu"]["rate"] == z["odu"]["rate"]:
            yield a["odu"]["rate"], _end(a["supporting-port"], a["odu"]), _end(z["supporting-port"], z["odu"])


def _slot_matrix(ports: Ports) -> Tree:
    kinds = {**dict.fromkeys(ports.client, "otuClient"), **dict.fromkeys(ports.line, "otuLine")}
    interfaces = [{"name": f"odu-1/0/{port}", "type": kind} for port, kind in kinds.items()]
    return {"trunkline-slot-matrix:interfaces": {"interface": interfaces}}


def _slot_matrix_joined(config: Tree) -> Iterator[_Joined]:
    interfaces = config.get("trunkline-slot-matrix:interfaces", {}).get("interface", ())
    disabled = {entry["name"] for entry in interfaces if entry.get("enabled") is False}
    by_signal = {odu.lower(): odu for odu in OduType}
    for entry in config.get("trunkline-slot-matrix:matrix", {}).get("cross-connect", ()):
        ends = [entry["west"], entry["east"]]
        if not disabled & {end["interface"] for end in ends}:
            a, z = (_end(int(end["interface"].rpartition("/")[2]), end, "slot") for end in ends)
            yield by_signal[entry["signal"]], a, z


def _end(port: int, has: Mapping[str, Any], slots: str = "tributary-slot") -> CrossConnectEnd:
    if slots not in has:
        return ClientEnd(port=port)
    # 0 is no tributary port number: an end without one meets no other.
    return LineEnd(port=port, tributary_port=has.get("tributary-port", 0), slots=tuple(sorted(has[slots])))


@dataclass(frozen=True, slots=True)
class _Kind:
    factory: Callable[[Ports], Tree]
    joined: Callable[[Tree], Iterable[_Joined]]


_KINDS = {
    "otn-node": _Kind(_otn_node, _otn_node_joined),
    "slot-matrix": _Kind(_slot_matrix, _slot_matrix_joined),
}


def _kind(profile: str) -> _Kind:
    if profile not in _KINDS:
        raise ValueError(f"no device of the profile {profile!r} can be simulated, only {', '.join(_KINDS)}")
    return _KINDS[profile]
