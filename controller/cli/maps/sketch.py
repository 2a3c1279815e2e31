"""What is drawn on a map, whoever draws it, in units of the sheet: lines, dots, labels that hide nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from math import hypot, log10
from typing import Final

from controller.cli.maps.layout import Point, lay_out
from controller.domain.topology import Link, Role, Topology
from controller.domain.units import format_delay, format_rate

WIDTH: Final = 1200.0
FONT: Final = 12.0
LETTER: Final = 0.58 * FONT
"""How wide a letter is on average, in common sans-serif fonts."""
_PARALLEL: Final = 16.0
_BOW: Final = 0.05
"""How far a core link bows out, as a share of its length: else those to far cities hide those to the ones between."""


class Layer(StrEnum):
    CORE = "core"
    """Between two transit nodes."""
    ACCESS = "access"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A quadratic curve from ``start`` by ``bend`` to ``end``."""

    start: Point
    bend: Point
    end: Point
    width: float
    layer: Layer
    enabled: bool
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """``label_at`` is where the label begins, on its base line; ``None``: there is no room for it."""

    at: Point
    radius: float
    role: Role
    gateway: bool
    enabled: bool
    label: str
    label_at: Point | None
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    title: str
    subtitle: str
    width: float
    height: float
    lines: tuple[Line, ...]
    dots: tuple[Dot, ...]
    capacities: tuple[tuple[int, float], ...]
    """(bits per second, width) of some links, for the legend."""


def sketch(topology: Topology) -> Sketch:
    sheet = lay_out(topology, WIDTH, margin=70, apart=24 if len(topology.nodes) <= 150 else 8, tall=(0.45, 1.0))
    head = 52.0
    points = {name: Point(point.x, point.y + head) for name, point in sheet.points.items()}
    rates = sorted({max(link.capacity_bps) for link in topology.links})
    counts = (f"{len(getattr(topology, kind))} {kind}" for kind in ("nodes", "links", "sites", "gateways"))
    total = sum(link.capacity_bps.a_to_z for link in topology.links)
    return Sketch(
        title=topology.name,
        subtitle=f"{', '.join(counts)}; {_rounded_rate(total)} of capacity over all links",
        width=sheet.width,
        height=sheet.height + head,
        lines=tuple(_lines(topology, points, rates)),
        dots=tuple(_dots(topology, points, Point(sheet.width, sheet.height + head))),
        capacities=tuple((bps, _line_width(bps, rates)) for bps in _some(rates)),
    )


def _lines(topology: Topology, points: dict[str, Point], rates: list[int]) -> list[Line]:
    between: defaultdict[tuple[str, ...], list[Link]] = defaultdict(list)
    for link in topology.links:
        between[tuple(sorted((link.a, link.z)))].append(link)
    lines = []
    for (a, z), links in between.items():
        for number, link in enumerate(links):
            core = all(topology.node[name].role is Role.P for name in (a, z))
            lines.append(
                Line(
                    start=points[a],
                    bend=_bend(
                        points[a], points[z], _BOW if core else 0.0, (number - (len(links) - 1) / 2) * _PARALLEL
                    ),
                    end=points[z],
                    width=_line_width(max(link.capacity_bps), rates),
                    layer=Layer.CORE if core else Layer.ACCESS,
                    enabled=link.enabled and topology.node[a].enabled and topology.node[z].enabled,
                    about=_about_link(link),
                )
            )
    # What is important lies on top.
    return sorted(lines, key=lambda line: (line.layer is Layer.CORE, line.width))


def _dots(topology: Topology, points: dict[str, Point], corner: Point) -> list[Dot]:
    sites = Counter(site.node for site in topology.sites)
    gateways: dict[str, list[str]] = {}
    for gateway in topology.gateways:
        gateways.setdefault(gateway.node, []).append(f"{gateway.name} {format_rate(gateway.capacity_bps)}")
    small = 0.5 if len(topology.nodes) > 150 else 1.0
    labels = _Labels(corner, [(points[node.name], 9.0 * small) for node in topology.nodes])
    dots = {}
    # Labels of the core and of gateways first: where there is little room, these have it.
    for node in sorted(topology.nodes, key=lambda node: (node.role is not Role.P, node.name not in gateways)):
        about = [f"{node.name} ({node.role}{', ' + node.region if node.region is not None else ''})"]
        if sites[node.name]:
            about.append(f"{sites[node.name]} sites")
        about += gateways.get(node.name, [])
        dots[node.name] = Dot(
            at=points[node.name],
            radius=(8.0 if node.role is Role.P else 5.5) * small,
            role=node.role,
            gateway=node.name in gateways,
            enabled=node.enabled,
            label=node.name,
            label_at=labels.place(points[node.name], node.name),
            about="\n".join(about),
        )
    return [dots[node.name] for node in topology.nodes]


class _Labels:
    """Finds room for labels: beside their node, and not over another node or label."""

    def __init__(self, corner: Point, dots: list[tuple[Point, float]]) -> None:
        self._corner = corner
        self._taken = [(at.x - radius, at.y - radius, at.x + radius, at.y + radius) for at, radius in dots]

    def place(self, at: Point, text: str) -> Point | None:
        width, height = LETTER * len(text), FONT
        for away in (10.0, 14.0, 20.0):
            for x, base in (
                (at.x + away, at.y + 4),
                (at.x - away - width, at.y + 4),
                (at.x - width / 2, at.y - away),
                (at.x - width / 2, at.y + away + height - 3),
                (at.x + away * 0.7, at.y - away * 0.7),
                (at.x + away * 0.7, at.y + away * 0.7 + 8),
                (at.x - away * 0.7 - width, at.y - away * 0.7),
                (at.x - away * 0.7 - width, at.y + away * 0.7 + 8),
            ):
                box = (x, base - height + 2, x + width, base + 3)
                if self._free(box):
                    self._taken.append(box)
                    return Point(x, base)
        return None

    def _free(self, box: tuple[float, float, float, float]) -> bool:
        left, top, right, bottom = box
        inside = left >= 0 and top >= 0 and right <= self._corner.x and bottom <= self._corner.y
        return inside and not any(
            left < other[2] and other[0] < right and top < other[3] and other[1] < bottom for other in self._taken
        )


def _bend(a: Point, z: Point, bow: float, aside: float) -> Point:
    length = hypot(z.x - a.x, z.y - a.y)
    away = bow + aside / length if length else 0.0
    return Point((a.x + z.x) / 2 - (z.y - a.y) * away, (a.y + z.y) / 2 + (z.x - a.x) * away)


def _line_width(bps: int, rates: list[int]) -> float:
    """1 to 6, by the logarithm: capacities differ by factors."""
    least, most = log10(rates[0]), log10(rates[-1])
    return 2.5 if most == least else round(1 + 5 * (log10(bps) - least) / (most - least), 2)


def _some(rates: list[int]) -> list[int]:
    return rates if len(rates) <= 4 else [rates[0], rates[len(rates) // 2], rates[-1]]


def _about_link(link: Link) -> str:
    rates = " / ".join(dict.fromkeys(map(format_rate, link.capacity_bps)))
    delays = " / ".join(dict.fromkeys(map(format_delay, link.delay_ns)))
    shares = f"\n{', '.join(link.srlgs)}" if link.srlgs else ""
    return f"{link.name}: {link.a} - {link.z}\n{rates}, {delays}{shares}"


def _rounded_rate(bps: int) -> str:
    """To three digits: sums are for people."""
    digits = max(0, len(str(bps)) - 3)
    return format_rate(round(bps, -digits))
