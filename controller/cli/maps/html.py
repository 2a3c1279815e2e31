"""A map as a page of its own: the SVG, as wide as the window, and links that light up under the pointer. No script."""

from __future__ import annotations

from html import escape

from controller.cli.maps.sketch import Sketch
from controller.cli.maps.svg import PAPER, to_svg

_STYLE = f"""\
body {{ margin: 0; background: {PAPER}; }}
svg {{ display: block; margin: auto; width: 100vw; height: 100vh; }}
path:hover {{ stroke: #db2777; stroke-opacity: 1; }}
circle:hover {{ fill: #db2777; }}
"""


def to_html(sketch: Sketch) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(sketch.title)}</title>\n'
        f"<style>\n{_STYLE}</style>\n{to_svg(sketch)}</html>\n"
    )
