"""A map as PNG, drawn by matplotlib (the extra ``bench`` has it)."""

from __future__ import annotations

from pathlib import Path

from controller.cli.maps.sketch import FONT, Layer, Sketch
from controller.cli.maps.svg import GATEWAY, INK, LAYERS, PAPER, ROLES
from controller.domain.topology import Role

_DOTS_PER_INCH = 100
_POINTS = 72 / _DOTS_PER_INCH
"""Of a printer, in a unit of the sheet."""


def draw_png(sketch: Sketch, target: Path) -> None:
    """Write the picture; ``ImportError`` without matplotlib."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Curve

    figure = Figure(
        figsize=(sketch.width / _DOTS_PER_INCH, sketch.height / _DOTS_PER_INCH), dpi=_DOTS_PER_INCH, facecolor=PAPER
    )
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, sketch.width), ylim=(sketch.height, 0))
    axes.axis("off")
    for line in sketch.lines:
        curve = Curve(
            [(point.x, point.y) for point in (line.start, line.bend, line.end)],
            [Curve.MOVETO, Curve.CURVE3, Curve.CURVE3],
        )
        style = "solid" if line.enabled else "dotted"
        alpha = 0.75 if line.layer is Layer.CORE else 0.8
        width = line.width * _POINTS
        axes.add_patch(
            PathPatch(curve, fill=False, edgecolor=LAYERS[line.layer], linewidth=width, alpha=alpha, linestyle=style)
        )
    for dot in sketch.dots:
        edge = GATEWAY if dot.gateway else PAPER
        size = 2 * dot.radius * _POINTS
        axes.plot(
            dot.at.x, dot.at.y, "o", markersize=size, color=ROLES[dot.role], markeredgecolor=edge,
            markeredgewidth=(3 if dot.gateway else 1.5) * _POINTS,
        )  # fmt: skip
        if dot.label_at is not None:
            weight = "bold" if dot.role is Role.P else "normal"
            axes.text(dot.label_at.x, dot.label_at.y, dot.label, fontsize=FONT * _POINTS, color=INK, weight=weight)
    axes.text(24, 34, sketch.title, fontsize=20 * _POINTS, weight="bold", color=INK)
    axes.text(24, 54, sketch.subtitle, fontsize=FONT * _POINTS, color="#64748b")
    figure.savefig(target, dpi=_DOTS_PER_INCH, facecolor=PAPER)
