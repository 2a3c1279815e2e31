"""Time for one path against the size of the network, all engines, both axes logarithmic. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from controller.bench.goals import OURS
from controller.bench.rows import Report, Row

PLOTTED = ("single-batch", "single-batch-corouted", "single-call")
COLOURS = {OURS: "#c1121f", "networkx": "#457b9d", "rustworkx": "#e09f3e", "igraph": "#588157", "scipy": "#7b2cbf"}
MARKERS = "osv^<>DPX*"


def draw(report: Report, path: Path) -> None:
    """Write one picture with a panel for each kind of query that the report has rows of."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    works = [work for work in PLOTTED if any(row.work == work for row in report.rows)]
    engines = list(dict.fromkeys(row.engine for row in report.rows if row.work in works))
    markers = dict(zip(engines, cycle(MARKERS), strict=False))
    figure, panels = pyplot.subplots(
        1, len(works), figsize=(5.5 * len(works) + 2.5, 6), sharey=True, squeeze=False, layout="constrained"
    )
    for panel, work in zip(panels[0], works, strict=True):
        for engine in engines:
            line = sorted((row for row in report.rows if (row.work, row.engine) == (work, engine)), key=_nodes)
            library = engine.partition("/")[0]
            panel.plot(
                [_nodes(row) for row in line],
                [row.median for row in line],
                label=engine,
                color=COLOURS.get(library, "#555555"),
                linewidth=2.5 if engine == OURS else 0.9,
                marker=markers[engine],
                markersize=6 if engine == OURS else 4,
            )
        panel.set(xscale="log", yscale="log", title=work, xlabel="nodes")
        panel.grid(visible=True, which="both", alpha=0.25)
    panels[0][0].set_ylabel("microseconds for one path")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    machine = report.machine
    figure.suptitle(f"{machine['processor']}, {machine['date']}", fontsize=9)
    figure.savefig(path)
    pyplot.close(figure)


def drawable(rows: Sequence[Row]) -> bool:
    """Whether there is anything to draw."""
    return any(row.work in PLOTTED for row in rows)


def _nodes(row: Row) -> int:
    return int(row.detail["nodes"])
