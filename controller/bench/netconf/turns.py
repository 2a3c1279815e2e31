"""Whose turn it is, and for how long: a slow engine is measured less often, and its row tells how often.

Garbage is collected between repetitions, never while something is timed.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence

TURNS = 3
"""Each engine comes so often; all its repetitions are spread over these."""
TURN_MS = 2_000
"""No repetition begins in a turn that has been measured for so long."""
MOST_MS = 8_000
"""Who was measured for so long comes no more."""


def repeated(run: Callable[[], float], times: int, after: Callable[[], object] = lambda: None) -> list[float]:
    """One turn, in milliseconds. ``run`` returns seconds; ``after`` is called behind each, outside the time."""
    figures: list[float] = []
    while len(figures) < times and sum(figures) < TURN_MS:
        gc.collect()
        gc.disable()
        try:
            figures.append(run() * 1e3)
        finally:
            gc.enable()
        after()
    return figures


def takes_part(figures: Sequence[float]) -> bool:
    """Whether an engine with these figures so far has another turn."""
    return sum(figures) < MOST_MS
