"""A picture of egress: how full gateways are and how fast traffic is, beside simple rules. Needs matplotlib (the
extra ``bench`` has it)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from controller.compiler.egress_comparison import OURS, Outcome

COLOURS = {
    OURS: "#c1121f",
    "nearest": "#457b9d",
    "equal-split": "#e09f3e",
    "least-delay": "#588157",
    "greedy": "#7b2cbf",
}
_OF_A_GROUP = 0.8
"""The width that the bars of a gateway take together."""
_STEPS = 400


def draw_outcomes(outcomes: Sequence[Outcome], gateways: Sequence[tuple[str, int]], title: str, target: Path) -> None:
    """Write the picture, SVG or PNG by the ending of the name; ``ImportError`` without matplotlib. ``gateways``: names
    and capacities in bit/s, in the order of ``Outcome.offered``."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    use, spread = figure.subplots(1, 2)
    width = _OF_A_GROUP / len(outcomes)
    for number, outcome in enumerate(outcomes):
        places = [at - _OF_A_GROUP / 2 + (number + 0.5) * width for at in range(len(gateways))]
        shares = [
            100 * offered / capacity_bps if capacity_bps else 0.0
            for offered, (_, capacity_bps) in zip(outcome.offered.tolist(), gateways, strict=True)
        ]
        use.bar(places, shares, width, color=COLOURS[outcome.method])
        delays_ms, within = _few_steps(outcome)
        spread.step(
            delays_ms,
            within,
            where="post",
            color=COLOURS[outcome.method],
            linewidth=2.5 if outcome.method == OURS else 0.9,
            label=f"{outcome.method}: carries {outcome.carried:.1%}",
        )
    use.axhline(100, color="#555555", linewidth=0.9, linestyle="--")
    use.set_xticks(range(len(gateways)), [name for name, _ in gateways], rotation=30)
    use.set(title="use of gateways", ylabel="offered, % of capacity")
    spread.set(title="delay", xlabel="ms from source to far end", ylabel="% of demand carried within", ylim=(0, 101))
    for panel in (use, spread):
        panel.grid(visible=True, alpha=0.25)
        panel.set_axisbelow(True)
    spread.legend(loc="upper left", fontsize=8)
    figure.suptitle(title, fontsize=9)
    # The same picture whenever it is drawn.
    with matplotlib.rc_context({"svg.hashsalt": "trunkline"}):
        figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else {})


def _few_steps(outcome: Outcome) -> tuple[list[float], list[float]]:
    """The distribution in ms and per cent, with at most so many steps as can be told apart."""
    count = len(outcome.delay_ns)
    last = np.unique(
        np.searchsorted(outcome.within, np.linspace(0, outcome.carried, _STEPS)).clip(max=max(count - 1, 0))
    )
    kept = last if count > _STEPS else np.arange(count)
    return (
        [0.0, *(outcome.delay_ns[kept] / 1e6).tolist()],
        [0.0, *(outcome.within[kept] * 100).tolist()],
    )
