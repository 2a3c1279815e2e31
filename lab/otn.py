"""OTN nodes of the lab: which ports one has, and the configuration that it leaves the factory with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lxml import etree

from controller.domain.topology import NetconfDevice, Topology
from controller.southbound.netconf.model import Model
from controller.southbound.netconf.profile import profile
from lab.places import YANG


@dataclass(frozen=True, slots=True, kw_only=True)
class OtnNode:
    """``line_ports`` maps a port to the number of tributary slots of its OPU; ``profile`` says what it speaks."""

    name: str
    client_ports: tuple[int, ...]
    line_ports: Mapping[int, int] = field(default_factory=dict)
    profile: str = "otn-node"
    device: NetconfDevice | None = None
    """Where it is to be reached and with which keys; without it, wherever there is room."""

    @property
    def modules(self) -> tuple[str, ...]:
        return profile(self.profile).modules

    def startup(self) -> str:
        """The factory configuration as XML. ``NotValid`` when such a node cannot be."""
        tree = _FACTORY[self.profile](self)
        model = _model(self.modules)
        model.check(tree)
        config = etree.Element("config")
        config.extend(model.to_xml(tree))
        return str(etree.tostring(config, encoding="unicode"))


def otn_nodes(topology: Topology) -> tuple[OtnNode, ...]:
    """Those of a topology, each with the ports that links end at."""
    return tuple(
        _of_topology(topology, node.name, node.device)
        for node in topology.nodes
        if isinstance(node.device, NetconfDevice)
    )


def _of_topology(topology: Topology, name: str, device: NetconfDevice) -> OtnNode:
    clients: list[int] = []
    lines: dict[int, int] = {}
    for link in topology.links:
        for end, port in ((link.a, link.a_port), (link.z, link.z_port)):
            if end == name and topology.is_client_link(link):
                clients.append(port)
            elif end == name:
                lines[port] = link.slots
    return OtnNode(
        name=name, client_ports=tuple(sorted(clients)), line_ports=lines, profile=device.profile, device=device
    )


@cache
def _model(modules: tuple[str, ...]) -> Model:
    return Model(modules, YANG)


def _otn_node(node: OtnNode) -> dict[str, Any]:
    clients = [{"number": port, "usage": "client"} for port in node.client_ports]
    lines = [{"number": port, "usage": "line", "tributary-slots": slots} for port, slots in node.line_ports.items()]
    return {"trunkline-otn-node:otn-node": {"port": [*clients, *lines]}}


def _slot_matrix(node: OtnNode) -> dict[str, Any]:
    kinds = {**dict.fromkeys(node.client_ports, "otuClient"), **dict.fromkeys(node.line_ports, "otuLine")}
    interfaces = [{"name": f"odu-1/0/{port}", "type": kind} for port, kind in kinds.items()]
    return {"trunkline-slot-matrix:interfaces": {"interface": interfaces}}


_FACTORY = {"otn-node": _otn_node, "slot-matrix": _slot_matrix}
PROFILES = tuple(_FACTORY)
"""The kinds of devices that the lab has."""
