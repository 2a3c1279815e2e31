"""Where nodes lie on a sheet: by their locations as far as they have some, else by who is next to whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import cos, hypot, pi, radians, sin
from typing import Final

import networkx as nx

from controller.domain.topology import Location, Role, Topology

_ROUNDS: Final = 80
_MOST_SPREAD: Final = 400
"""With more nodes a sheet is too full for it to matter, and it would take long."""


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """Points are in units of the sheet, (0, 0) at the upper left."""

    width: float
    height: float
    points: dict[str, Point]


def lay_out(topology: Topology, width: float, *, margin: float, apart: float, tall: tuple[float, float]) -> Sheet:
    """Place all nodes on a sheet of this width, at least ``apart`` from one another where there is room.

    ``tall``: least and greatest height, as shares of the width.
    """
    plane = _plane(topology)
    left, right = _span(point.x for point in plane.values())
    top, bottom = _span(point.y for point in plane.values())
    inner = width - 2 * margin
    scale = min(inner / (right - left), (tall[1] * width - 2 * margin) / (bottom - top))
    height = max(tall[0] * width, (bottom - top) * scale + 2 * margin)
    dx, dy = (width - (right - left) * scale) / 2, (height - (bottom - top) * scale) / 2
    points = {name: Point((point.x - left) * scale + dx, (point.y - top) * scale + dy) for name, point in plane.items()}
    heavy = {node.name for node in topology.nodes if node.role is Role.P}
    return Sheet(width, height, points if len(points) > _MOST_SPREAD else _spread(points, heavy, apart))


def _plane(topology: Topology) -> dict[str, Point]:
    known = {node.name: node.location for node in topology.nodes if node.location is not None}
    if not known:
        return _by_neighbours(topology)
    placed = _projected(known)
    # Who has no location lies between its neighbours that have one, or in the middle of the map.
    graph = nx.Graph((link.a, link.z) for link in topology.links)
    for node in topology.nodes:
        if node.name not in placed:
            near = [placed[name] for name in graph.neighbors(node.name) if name in known] if node.name in graph else []
            placed[node.name] = _middle(near if near else [placed[name] for name in known])
    return {node.name: placed[node.name] for node in topology.nodes}


def _projected(known: Mapping[str, Location]) -> dict[str, Point]:
    """Equirectangular, true to scale in the middle latitude: north is up, and nobody needs to navigate by it."""
    south, north = _span(place.lat for place in known.values())
    across = max(0.2, cos(radians((south + north) / 2)))
    return {name: Point(place.lon * across, -place.lat) for name, place in known.items()}


def _by_neighbours(topology: Topology) -> dict[str, Point]:
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(node.name for node in topology.nodes)
    graph.add_edges_from((link.a, link.z) for link in topology.links)
    return {name: Point(float(x), float(y)) for name, (x, y) in nx.spring_layout(graph, seed=1).items()}


def _middle(points: list[Point]) -> Point:
    return Point(sum(point.x for point in points) / len(points), sum(point.y for point in points) / len(points))


def _span(values: Iterable[float]) -> tuple[float, float]:
    found = list(values)
    least, most = min(found), max(found)
    return (least, most) if most > least else (least - 0.5, most + 0.5)


def _spread(points: dict[str, Point], heavy: set[str], apart: float) -> dict[str, Point]:
    """Push nodes that lie on one another apart; who is heavy stays where it is, if the other is not."""
    xy = {name: [point.x, point.y] for name, point in points.items()}
    names = list(xy)
    for _ in range(_ROUNDS):
        moved = False
        for index, one in enumerate(names):
            for step, other in enumerate(names[index + 1 :], start=1):
                dx, dy = xy[other][0] - xy[one][0], xy[other][1] - xy[one][1]
                distance = hypot(dx, dy)
                if distance >= apart - 0.01:
                    continue
                if distance < 0.01:  # on one another: each pair in a direction of its own
                    angle = 2 * pi * ((index + step) * 0.382 % 1)
                    dx, dy, distance = cos(angle), sin(angle), 1.0
                    push = apart
                else:
                    push = apart - distance
                share = 0.5 if (one in heavy) == (other in heavy) else 1.0 if one in heavy else 0.0
                for name, part in ((other, share), (one, share - 1.0)):
                    xy[name][0] += dx / distance * push * part
                    xy[name][1] += dy / distance * push * part
                moved = True
        if not moved:
            break
    return {name: Point(x, y) for name, (x, y) in xy.items()}
