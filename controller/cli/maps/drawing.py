"""A map into a file; the end of its name says in which form."""

from __future__ import annotations

from pathlib import Path

from controller.cli.maps.html import to_html
from controller.cli.maps.png import draw_png
from controller.cli.maps.sketch import sketch
from controller.cli.maps.svg import to_svg
from controller.domain.topology import Topology


def draw(topology: Topology, target: Path) -> None:
    """Write the map; ``OSError`` when the file cannot be written, ``ImportError`` when a PNG cannot be drawn."""
    drawn = sketch(topology)
    match target.suffix:
        case ".svg":
            target.write_text(to_svg(drawn), encoding="utf-8")
        case ".html":
            target.write_text(to_html(drawn), encoding="utf-8")
        case _:
            draw_png(drawn, target)
