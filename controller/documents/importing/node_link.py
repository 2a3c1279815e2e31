"""JSON in networkx's node-link form, as topohub publishes SNDlib's networks, the Topology Zoo's and CAIDA's.

``nodes`` have ``id``, ``name`` and ``pos`` (longitude, latitude), ``edges`` (or ``links``) ``source``, ``target`` and
``dist`` (km).
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from controller.documents.importing.graph import (
    Graph,
    Place,
    location_of,
    not_readable,
    number_in,
    once_for_both_directions,
    span_of,
)


def read_node_link(data: bytes, source: str, name: str) -> Graph:
    """Return the network of a JSON text; ``InvalidInput`` when it is none. ``name``: if it has none of its own."""
    try:
        found = json.loads(data)
        nodes = found["nodes"]
        edges = found["edges"] if "edges" in found else found["links"]
        about = found.get("graph", {})
        if not isinstance(nodes, list) or not isinstance(edges, list):
            raise ValueError("nodes and edges have to be lists")
        places = tuple(_place(node) for node in nodes)
        spans = tuple(span_of(str(edge["source"]), str(edge["target"]), edge) for edge in edges)
        told = about.get("name", "") if isinstance(about, dict) else ""
        if not places:
            raise ValueError("it has no nodes")
        twice = [key for key, times in Counter(place.key for place in places).items() if times > 1]
        if twice:
            raise ValueError(f"several nodes have the id {twice[0]!r}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"there is no {error}" if isinstance(error, KeyError) else error
        raise not_readable(source, "a node-link graph in JSON (nodes, edges with source and target)", what) from error
    return Graph(
        name=told if isinstance(told, str) and told else name,
        kind="node-link JSON",
        places=places,
        spans=tuple(once_for_both_directions(iter(spans))) if found.get("directed") is True else spans,
        left_out=("the demand matrix",) if isinstance(about, dict) and about.get("demands") else (),
    )


def _place(node: dict[str, Any]) -> Place:
    pos = node.get("pos")
    lon, lat = (
        (number_in({"v": pos[0]}, "v"), number_in({"v": pos[1]}, "v"))
        if isinstance(pos, list) and len(pos) == 2
        else (number_in(node, "lon", "Longitude", "longitude"), number_in(node, "lat", "Latitude", "latitude"))
    )
    key = str(node["id"])
    return Place(key=key, label=str(node.get("name") or node.get("label") or key), location=location_of(lat, lon))
