"""A picture of a series played through: what moves in each cycle, and how fast traffic is. Needs matplotlib (the extra
``bench`` has it)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from controller.cli.egress_plot import COLOURS
from controller.compiler.egress_comparison import OURS
from controller.compiler.egress_replay import RULES, Step

_OPTIMUM = "#222222"


def draw(topology: str, steps: Sequence[Step], every_s: int, target: Path) -> None:
    """Write the picture, SVG or PNG by the ending of the name; ``ImportError`` without matplotlib."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7), layout="constrained")
    FigureCanvasAgg(figure)
    moved, delay, carried = figure.subplots(3, 1, sharex=True)
    at = list(range(1, len(steps) + 1))
    _draw_moved(moved, at, steps)
    _draw_delay(delay, at, steps)
    _draw_carried(carried, at, steps)
    for number, step in zip(at, steps, strict=True):
        if step.urgent:
            for panel in (moved, delay, carried):
                panel.axvline(number, color=COLOURS[OURS], linewidth=0.8, linestyle=":")
            moved.annotate(
                f" {', '.join(step.closed)} away", (number, 0.9), xycoords=("data", "axes fraction"), fontsize=8
            )
    carried.set_xlabel(f"cycle, {every_s} s each")
    for panel in (moved, delay, carried):
        panel.grid(visible=True, alpha=0.25)
        panel.set_axisbelow(True)
        panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    figure.suptitle(f"{topology}: {len(steps)} cycles", fontsize=9)
    # The same picture whenever it is drawn.
    with matplotlib.rc_context({"svg.hashsalt": "trunkline"}):
        figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else {})


def _draw_moved(panel: Any, at: Sequence[int], steps: Sequence[Step]) -> None:
    width = 0.4
    needed = [_percent(step.needed_bps, step.demand_bps) for step in steps]
    wanted = [_percent(step.moved_bps - step.needed_bps, step.demand_bps) for step in steps]
    free = [_percent(step.optimum_moved_bps, step.demand_bps) for step in steps]
    places = [one - width / 2 for one in at]
    panel.bar(places, needed, width, color=COLOURS["least-delay"], label="moved, as needed")
    panel.bar(places, wanted, width, bottom=needed, color=COLOURS[OURS], label="moved, as faster")
    panel.bar([one + width / 2 for one in at], free, width, color="#bbbbbb", label="the optimum would move")
    panel.set_ylabel("% of demand moved")


def _draw_delay(panel: Any, at: Sequence[int], steps: Sequence[Step]) -> None:
    panel.plot(at, [_ms(step.mean_ns) for step in steps], color=COLOURS[OURS], linewidth=2.2, label=OURS)
    panel.plot(at, [_ms(step.optimum_mean_ns) for step in steps], color=_OPTIMUM, linestyle="--", label="optimum")
    for rule in RULES:
        means = [_ms(step.rules[rule][1]) if rule in step.rules else _ms(None) for step in steps]
        panel.plot(at, means, color=COLOURS[rule], linewidth=0.9, label=rule)
    panel.set_ylabel("mean delay, ms")


def _draw_carried(panel: Any, at: Sequence[int], steps: Sequence[Step]) -> None:
    shares = [_percent(step.carried_bps, step.demand_bps) for step in steps]
    panel.plot(at, shares, color=COLOURS[OURS], linewidth=2.2, label=OURS)
    for rule in RULES:
        shares = [100 * step.rules[rule][0] if rule in step.rules else 0.0 for step in steps]
        panel.plot(at, shares, color=COLOURS[rule], linewidth=0.9, label=rule)
    panel.set_ylabel("% of demand carried")


def _percent(part_bps: int, demand_bps: int) -> float:
    return 100 * part_bps / demand_bps if demand_bps else 0.0


def _ms(value_ns: float | None) -> float:
    """Nothing is drawn where there is none."""
    return float("nan") if value_ns is None else value_ns / 1e6
