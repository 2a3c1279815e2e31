"""What the parts of a topology owe each other: unique names, ports and datapaths, references that lead somewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from controller.documents.probe_checks import check_probes
from controller.documents.scalars import shown
from controller.documents.shape import Document
from controller.domain.errors import Reason
from controller.domain.otn import OduType
from controller.domain.spelling import did_you_mean
from controller.domain.topology import Gateway, Link, Node, OpenFlowDevice, Role, Site, SiteService

Part = Node | Link | Site | Gateway
T = TypeVar("T", bound=Part, covariant=True)

_SERVERS = tuple(odu.value for odu in OduType if odu.tributary_slots)


@dataclass(frozen=True, slots=True)
class Named(Generic[T]):
    """A part of the topology and the field where it is written (``spec.links[3]``)."""

    path: str
    value: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The parts that could be read. ``node_names`` are those of all nodes, also of those that could
    not be read otherwise; ``None`` when not even their names could."""

    nodes: tuple[Named[Node], ...]
    links: tuple[Named[Link], ...]
    sites: tuple[Named[Site], ...]
    gateways: tuple[Named[Gateway], ...]
    node_names: frozenset[str] | None


def check_declared(declared: Declared, document: Document) -> None:
    """Tell the document what does not fit together."""
    for parts in (declared.nodes, declared.links, declared.sites, declared.gateways):
        _names_are_unique(parts, document)
    _nodes_exist(declared, document)
    _links_join_two_nodes(declared.links, document)
    _ports_are_used_once(declared, document)
    _datapaths_are_unique(declared.nodes, document)
    _sites_fit(declared, document)
    _losses_are_of_regions_served(declared.gateways, document)
    _optical_links_fit(declared, document)
    for gateway in declared.gateways:
        check_probes(gateway.value, gateway.path, document)


def _losses_are_of_regions_served(gateways: Iterable[Named[Gateway]], document: Document) -> None:
    for gateway in gateways:
        served = [region for region, _ in gateway.value.delays_ns]
        for region, _ in gateway.value.losses_ppm:
            if region not in served:
                hint = did_you_mean(region, served)
                message = (
                    f"{gateway.value.name} serves no region {shown(region)}: delays have those that it serves{hint}"
                )
                document.refuse(Reason.REFERENCE_NOT_FOUND, f"{gateway.path}.losses.{region}", message)


def _names_are_unique(parts: Iterable[Named[Part]], document: Document) -> None:
    first: dict[str, str] = {}
    for part in parts:
        name = part.value.name
        if name in first:
            what = type(part.value).__name__.lower()
            message = f"there is a {what} '{name}' on line {document.line(first[name] + '.name')} already"
            document.refuse(Reason.NAME_TAKEN, f"{part.path}.name", message)
        else:
            first[name] = part.path


def _nodes_exist(declared: Declared, document: Document) -> None:
    if declared.node_names is None:
        return
    for path, node in _node_references(declared):
        if node not in declared.node_names:
            hint = did_you_mean(node, declared.node_names)
            document.refuse(Reason.REFERENCE_NOT_FOUND, path, f"there is no node {shown(node)}{hint}")


def _node_references(declared: Declared) -> Iterator[tuple[str, str]]:
    for link in declared.links:
        yield f"{link.path}.a", link.value.a
        yield f"{link.path}.z", link.value.z
    for site in declared.sites:
        yield f"{site.path}.node", site.value.node
    for gateway in declared.gateways:
        yield f"{gateway.path}.node", gateway.value.node


def _links_join_two_nodes(links: Iterable[Named[Link]], document: Document) -> None:
    for link in links:
        if link.value.a == link.value.z:
            message = f"both ends are {shown(link.value.z)}: a link joins two nodes"
            document.refuse(Reason.INVALID_VALUE, f"{link.path}.z", message)


def _ports_are_used_once(declared: Declared, document: Document) -> None:
    first: dict[tuple[str, int], str] = {}
    for path, node, port in _ports(declared):
        if (node, port) in first:
            message = f"port {port} of {shown(node)} is used on line {document.line(first[node, port])} already"
            document.refuse(Reason.INVALID_VALUE, path, message)
        else:
            first[node, port] = path


def _ports(declared: Declared) -> Iterator[tuple[str, str, int]]:
    """(field, node, port) of everything that is plugged in."""
    for link in declared.links:
        yield f"{link.path}.aPort", link.value.a, link.value.a_port
        yield f"{link.path}.zPort", link.value.z, link.value.z_port
    for site in declared.sites:
        yield f"{site.path}.port", site.value.node, site.value.port
    for gateway in declared.gateways:
        yield f"{gateway.path}.port", gateway.value.node, gateway.value.port


def _datapaths_are_unique(nodes: Iterable[Named[Node]], document: Document) -> None:
    first: dict[int, str] = {}
    for node in nodes:
        if not isinstance(node.value.device, OpenFlowDevice):
            continue
        datapath_id, path = node.value.device.datapath_id, f"{node.path}.device.datapathId"
        if datapath_id in first:
            message = f"{datapath_id:016x} is the switch on line {document.line(first[datapath_id])} already"
            document.refuse(Reason.INVALID_VALUE, path, message)
        else:
            first[datapath_id] = path


def _sites_fit(declared: Declared, document: Document) -> None:
    """Customers attach to provider edges, never to a transit node or an OTN node: lines reach those as light."""
    role = {node.value.name: node.value.role for node in reversed(declared.nodes)}  # of one name the first
    for site in declared.sites:
        if role.get(site.value.node) is Role.P:
            message = f"{shown(site.value.node)} is a transit node (role p): a site attaches to a PE"
            document.refuse(Reason.INVALID_VALUE, f"{site.path}.node", message)
        if role.get(site.value.node) is Role.OTN:
            message = f"{shown(site.value.node)} is an OTN node: a site attaches to a PE, and a client link leads there"
            document.refuse(Reason.INVALID_VALUE, f"{site.path}.node", message)
        if site.value.prefixes and site.value.service is not SiteService.INTERNET:
            message = "only a site with 'service: internet' has prefixes"
            document.refuse(Reason.INVALID_VALUE, f"{site.path}.prefixes", message)
        if site.value.anti_spoofing and not site.value.prefixes:
            message = "only a site with prefixes can tell which sources are its own"
            document.refuse(Reason.INVALID_VALUE, f"{site.path}.antiSpoofing", message)


def _optical_links_fit(declared: Declared, document: Document) -> None:
    """Only a link between two OTN nodes is an ODU, and one that has slots."""
    role = {node.value.name: node.value.role for node in reversed(declared.nodes)}  # of one name the first
    for link in declared.links:
        odu, ends = link.value.odu, [role.get(end) for end in (link.value.a, link.value.z)]
        if None in ends:
            continue  # refused as a node that is not there
        optical = ends.count(Role.OTN)
        if optical == 2 and odu is not None and not odu.tributary_slots:
            message = f"{odu} has no tributary slots: write one of {', '.join(_SERVERS)}"
            document.refuse(Reason.INVALID_VALUE, f"{link.path}.odu", message)
        elif optical < 2 and odu is not None:
            message = "only a link between two OTN nodes is an ODU with slots"
            document.refuse(Reason.INVALID_VALUE, f"{link.path}.odu", message)
