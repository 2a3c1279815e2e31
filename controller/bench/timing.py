"""How things are timed: engines take turns, so that a noisy minute is everybody's, and the median is taken.

Garbage is collected between rounds, never while something is timed (as ``timeit`` does); the graphs are no garbage.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Contender:
    """An engine at a piece of work. ``run`` does it once, timed, for the repetition of this number, checks what came
    out, and returns the figure; ``detail`` is asked after the last repetition, and ``most`` is how many it takes part
    in at most."""

    name: str
    run: Callable[[int], float]
    detail: Callable[[], Mapping[str, Any]]
    most: int = 1_000


def timed(call: Callable[[], Result]) -> tuple[float, Result]:
    """(seconds, result)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        begin = perf_counter()
        result = call()
        return perf_counter() - begin, result
    finally:
        if was_on:
            gc.enable()


def interleaved(contenders: Sequence[Contender], repetitions: int) -> dict[str, list[float]]:
    """The figures of each contender by name. Who begins changes from repetition to repetition."""
    figures: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    gc.collect()
    gc.freeze()
    try:
        for repetition in range(repetitions):
            first = repetition % len(contenders)
            for contender in (*contenders[first:], *contenders[:first]):
                if repetition < contender.most:
                    figures[contender.name].append(contender.run(repetition))
            gc.collect()
    finally:
        gc.unfreeze()
    return figures
