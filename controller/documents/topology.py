"""A ``Topology`` document to the network as declared."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import BaseModel

from controller.documents.envelope import TOPOLOGY, open_documents
from controller.documents.faults import FaultLog, refuse_if_faulty
from controller.documents.files import read_file
from controller.documents.models import (
    CostShape,
    GatewayShape,
    LinkShape,
    NetconfShape,
    NextHopShape,
    NodeShape,
    OpenFlowShape,
    SiteShape,
    TopologyShape,
)
from controller.documents.shape import Document, read_shape
from controller.documents.topology_checks import Declared, Named, check_declared
from controller.documents.yaml_tree import Mapping, Node, Scalar, Sequence
from controller.domain.errors import Reason
from controller.domain.otn import server_of
from controller.domain.topology import (
    Device,
    Gateway,
    GatewayCost,
    Link,
    Location,
    NetconfDevice,
    NextHop,
    OpenFlowDevice,
    PerDirection,
    Role,
    Site,
    Topology,
)
from controller.domain.topology import Node as NetworkNode

S = TypeVar("S", bound=BaseModel)
V = TypeVar("V", NetworkNode, Link, Site, Gateway)


@dataclass(frozen=True, slots=True)
class _Item:
    """An entry of one of the lists of a topology: where it is written."""

    path: str
    node: Node


def load_topology(path: str | os.PathLike[str]) -> Topology:
    """Read a topology from a file; ``InvalidInput`` when it cannot be read or is not right."""
    log = FaultLog(os.fspath(path))
    data = read_file(path, log)
    refuse_if_faulty((log,))
    return read_topology(data, log.source)


def read_topology(data: str | bytes, source: str) -> Topology:
    """Return the one ``Topology`` in a YAML text; ``InvalidInput`` with every fault in it otherwise.

    ``source`` names the text in faults. Documents of other kinds in it are not looked into.
    """
    log = FaultLog(source)
    documents = open_documents(data, log, TOPOLOGY)
    for further in documents[1:]:
        first = documents[0].root.line
        further.refuse(Reason.INVALID_VALUE, "kind", f"a second Topology: the first begins on line {first}")
    topologies = [_topology(document) for document in documents[:1]]
    refuse_if_faulty((log,))
    assert topologies[0] is not None, "a topology without a fault has been read"
    return topologies[0]


def _topology(document: Document) -> Topology | None:
    """The topology of a document, if its head can be read. Whether it is whole, the document's log knows."""
    head = read_shape(TopologyShape, document.root, "", document)
    nodes = _items(document, "nodes")
    declared = Declared(
        nodes=_each(document, nodes, NodeShape, _node),
        links=_each(document, _items(document, "links"), LinkShape, _link),
        sites=_each(document, _items(document, "sites"), SiteShape, _site),
        gateways=_each(document, _items(document, "gateways"), GatewayShape, _gateway),
        node_names=_written_names(nodes),
    )
    check_declared(declared, document)
    if head is None:
        return None
    optical = {named.value.name for named in declared.nodes if named.value.role is Role.OTN}
    return Topology(
        name=head.metadata.name,
        nodes=tuple(named.value for named in declared.nodes),
        links=tuple(_with_odu(named.value, optical) for named in declared.links),
        sites=tuple(named.value for named in declared.sites),
        gateways=tuple(named.value for named in declared.gateways),
        hop_delay_ns=head.spec.hop_delay,
        otn_node_delay_ns=head.spec.otn_node_delay,
        overhead_factor=head.spec.overhead_factor,
    )


def _items(document: Document, key: str) -> list[_Item]:
    """The entries of a list in the spec; that it is a list, the head's model sees to."""
    _, spec = document.root.entries.get("spec", (0, None))
    _, listed = spec.entries.get(key, (0, None)) if isinstance(spec, Mapping) else (0, None)
    if not isinstance(listed, Sequence):
        return []
    return [_Item(f"spec.{key}[{index}]", node) for index, node in enumerate(listed.items)]


def _each(document: Document, items: list[_Item], shape: type[S], convert: Callable[[S], V]) -> tuple[Named[V], ...]:
    """Those entries of a list that can be read, as values."""
    shapes = ((item.path, read_shape(shape, item.node, item.path, document)) for item in items)
    return tuple(Named(path, convert(read)) for path, read in shapes if read is not None)


def _written_names(items: list[_Item]) -> frozenset[str] | None:
    """The names of all entries, whatever else is wrong with them; ``None`` when that of one cannot be told: a
    reference that seems to dangle could mean that one."""
    names = set()
    for item in items:
        _, name = item.node.entries.get("name", (0, None)) if isinstance(item.node, Mapping) else (0, None)
        if not (isinstance(name, Scalar) and isinstance(name.value, str)):
            return None
        names.add(name.value)
    return frozenset(names) if names else None


def _node(shape: NodeShape) -> NetworkNode:
    device: Device | None = None
    match shape.device:
        case OpenFlowShape() as switch:
            device = OpenFlowDevice(datapath_id=switch.datapath_id)
        case NetconfShape() as box:
            device = NetconfDevice(
                host=box.host,
                port=box.port,
                username=box.username,
                key_file=box.key_file,
                known_hosts=box.known_hosts,
                profile=box.profile,
            )
    return NetworkNode(
        name=shape.name,
        role=shape.role,
        region=shape.region,
        location=None if shape.location is None else Location(lat=shape.location.lat, lon=shape.location.lon),
        device=device,
        enabled=shape.enabled,
    )


def _link(shape: LinkShape) -> Link:
    return Link(
        name=shape.name,
        a=shape.a,
        z=shape.z,
        a_port=shape.a_port,
        z_port=shape.z_port,
        capacity_bps=PerDirection(shape.capacity.a_to_z, shape.capacity.z_to_a),
        delay_ns=PerDirection(shape.delay.a_to_z, shape.delay.z_to_a),
        srlgs=tuple(shape.srlgs),
        cost=shape.cost,
        mtu_bytes=shape.mtu,
        enabled=shape.enabled,
        odu=shape.odu,
    )


def _with_odu(link: Link, optical: Collection[str]) -> Link:
    """Between OTN nodes, what a capacity says of the ODU where the document does not; of another it has no slots."""
    if link.odu is not None or link.a not in optical or link.z not in optical:
        return link
    return replace(link, odu=server_of(min(link.capacity_bps)))


def _site(shape: SiteShape) -> Site:
    return Site(
        name=shape.name,
        node=shape.node,
        port=shape.port,
        service=shape.service,
        prefixes=tuple(shape.prefixes),
        next_hop=_next_hop(shape.next_hop),
        anti_spoofing=shape.anti_spoofing,
    )


def _gateway(shape: GatewayShape) -> Gateway:
    return Gateway(
        name=shape.name,
        node=shape.node,
        port=shape.port,
        capacity_bps=shape.capacity,
        delays_ns=tuple(shape.delays.items()),
        losses_ppm=tuple(shape.losses.items()),
        next_hop=_next_hop(shape.next_hop),
        addresses=tuple(shape.addresses),
        cost=_cost(shape.cost),
        probes=tuple(shape.probes.items()),
    )


def _cost(shape: CostShape | None) -> GatewayCost:
    if shape is None or shape.per_mbps is None:
        return GatewayCost()
    committed_bps = 0 if shape.committed is None else shape.committed
    return GatewayCost(model=shape.model, per_mbps=shape.per_mbps, committed_bps=committed_bps)


def _next_hop(shape: NextHopShape | None) -> NextHop | None:
    return None if shape is None else NextHop(mac=shape.mac, ip=shape.ip, ip6=shape.ip6)
