"""GraphML, as the Internet Topology Zoo publishes it (http://www.topology-zoo.org; attributes by their names there)."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import ParseError, fromstring

import networkx as nx

from controller.documents.importing.graph import (
    Graph,
    Place,
    location_of,
    not_readable,
    number_in,
    once_for_both_directions,
    span_of,
)


def read_graphml(data: bytes, source: str, name: str) -> Graph:
    """Return the network of a GraphML file; ``InvalidInput`` when it is none. ``name``: if it has none of its own."""
    if b"<!ENTITY" in data:
        raise not_readable(source, "GraphML", "it declares entities, which no GraphML file needs")
    try:
        text = data.decode("utf-8-sig")
        graph = nx.parse_graphml(text, node_type=str)
        # networkx invents the nodes that only edges name.
        listed = {node.get("id") for node in fromstring(text).iterfind(".//{*}node")}
        places = tuple(_place(key, attributes) for key, attributes in graph.nodes(data=True) if key in listed)
        if not places:
            raise ValueError("it has no nodes")
    except (ParseError, nx.NetworkXException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise not_readable(source, "GraphML", error) from error
    spans = (span_of(a, z, attributes) for a, z, attributes in graph.edges(data=True))
    external = sum(attributes.get("Internal") == 0 for _, attributes in graph.nodes(data=True))
    return Graph(
        name=str(graph.graph.get("Network") or graph.graph.get("label") or name),
        kind="GraphML",
        places=places,
        spans=tuple(once_for_both_directions(spans) if graph.is_directed() else spans),
        left_out=(f"which nodes belong to other networks ({external} do)",) if external else (),
    )


def _place(key: str, attributes: dict[str, Any]) -> Place:
    lat, lon = (
        number_in(attributes, "Latitude", "lat", "latitude"),
        number_in(attributes, "Longitude", "lon", "longitude"),
    )
    label = str(attributes.get("label", attributes.get("name", key)))
    return Place(key=key, label=label, location=location_of(lat, lon))
