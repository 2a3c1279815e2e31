"""A map as SVG, self-contained: no script, no font, nothing to load. Hovering tells about nodes and links."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from controller.cli.maps.layout import Point
from controller.cli.maps.sketch import FONT, Dot, Layer, Line, Sketch
from controller.domain.topology import Role
from controller.domain.units import format_rate

INK: Final = "#1f2a37"
PAPER: Final = "#fbfcfe"
GATEWAY: Final = "#c2410c"
LAYERS: Final = {Layer.CORE: "#1d4ed8", Layer.ACCESS: "#94a3b8"}
ROLES: Final = {Role.P: "#1e3a8a", Role.PE: "#0f766e", Role.OTN: "#a16207"}
ROLE_WORDS: Final = {Role.P: "transit (p)", Role.PE: "edge (pe)", Role.OTN: "optical (otn)"}
LAYER_WORDS: Final = {Layer.CORE: "core link", Layer.ACCESS: "access link"}


def to_svg(sketch: Sketch) -> str:
    return "\n".join(_elements(sketch)) + "\n"


def _elements(sketch: Sketch) -> Iterator[str]:
    width, height = f"{sketch.width:.0f}", f"{sketch.height:.0f}"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="{FONT:.0f}" fill="{INK}" role="img">'
    )
    yield f"<title>{escape(sketch.title)}</title>"
    yield f'<rect width="{width}" height="{height}" fill="{PAPER}"/>'
    yield f'<text x="24" y="34" font-size="20" font-weight="bold">{escape(sketch.title)}</text>'
    yield f'<text x="24" y="54" fill="#64748b">{escape(sketch.subtitle)}</text>'
    yield '<g fill="none" stroke-linecap="round">'
    yield from map(_line, sketch.lines)
    yield "</g>"
    yield f'<g stroke="{PAPER}" stroke-width="1.5">'
    yield from map(_dot, sketch.dots)
    yield "</g>"
    yield f'<g paint-order="stroke" stroke="{PAPER}" stroke-width="3" stroke-linejoin="round">'
    for dot in sketch.dots:
        if dot.label_at is not None:
            weight = ' font-weight="bold"' if dot.role is Role.P else ""
            yield f"<text {_xy(dot.label_at)}{weight}>{escape(dot.label)}</text>"
    yield "</g>"
    yield from _legend(sketch)
    yield "</svg>"


def _line(line: Line) -> str:
    dashes = "" if line.enabled else ' stroke-dasharray="4 5"'
    opacity = "0.75" if line.layer is Layer.CORE else "0.8"
    return (
        f'<path d="M{_pair(line.start)} Q{_pair(line.bend)} {_pair(line.end)}" stroke="{LAYERS[line.layer]}" '
        f'stroke-width="{line.width:g}" stroke-opacity="{opacity}"{dashes}><title>{escape(line.about)}</title></path>'
    )


def _dot(dot: Dot) -> str:
    fill = ROLES[dot.role] if dot.enabled else "#cbd5e1"
    ring = f' stroke="{GATEWAY}" stroke-width="3"' if dot.gateway else ""
    circle = f'<circle cx="{dot.at.x:.1f}" cy="{dot.at.y:.1f}" r="{dot.radius:g}" fill="{fill}"{ring}>'
    return f"{circle}<title>{escape(dot.about)}</title></circle>"


def _legend(sketch: Sketch) -> Iterator[str]:
    roles = [role for role in Role if any(dot.role is role for dot in sketch.dots)]
    layers = [layer for layer in Layer if any(line.layer is layer for line in sketch.lines)]
    gateways = any(dot.gateway for dot in sketch.dots)
    rows = len(roles) + len(layers) + gateways + len(sketch.capacities)
    x, y = 34.0, sketch.height - 18.0 * rows - 4
    yield '<g class="legend">'
    for role in roles:
        yield f'<circle cx="{x:.1f}" cy="{y - 4:.1f}" r="{8.0 if role is Role.P else 5.5:g}" fill="{ROLES[role]}"/>'
        yield _words(x, y, ROLE_WORDS[role])
        y += 18
    if gateways:
        yield f'<circle cx="{x:.1f}" cy="{y - 4:.1f}" r="6" fill="{PAPER}" stroke="{GATEWAY}" stroke-width="3"/>'
        yield _words(x, y, "with a gateway abroad")
        y += 18
    for layer in layers:
        yield _stroke(x, y, 3, LAYERS[layer])
        yield _words(x, y, LAYER_WORDS[layer] if Layer.CORE in layers else "link")
        y += 18
    for bps, width in sketch.capacities:
        yield _stroke(x, y, width, "#64748b")
        yield _words(x, y, format_rate(bps))
        y += 18
    yield "</g>"


def _stroke(x: float, y: float, width: float, colour: str) -> str:
    ends = f'x1="{x - 12:.1f}" y1="{y - 4:.1f}" x2="{x + 12:.1f}" y2="{y - 4:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width:g}"/>'


def _words(x: float, y: float, text: str) -> str:
    return f'<text x="{x + 20:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _pair(point: Point) -> str:
    return f"{point.x:.1f},{point.y:.1f}"


def _xy(point: Point) -> str:
    return f'x="{point.x:.1f}" y="{point.y:.1f}"'
