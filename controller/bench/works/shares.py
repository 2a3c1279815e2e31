"""How many questions an engine gets: all, or the first ones of each batch, as many as it answers in the time allowed.

A way that will not count, because another way of its library is far better, takes part a few times only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from controller.bench.works.setting import Effort

TRIED = 8
SLOW_S = 0.01
"""Whoever takes longer for one question is judged by one."""
LEAST = 5
VERY_SLOW_S = 0.3
"""Whoever takes longer for one question gets one at a time, and not so often."""
BEHIND = 2.0
"""A way that is so many times slower than the best of its library will not count, and gets a quarter of the time."""
FEW = 3
"""How many repetitions such a way takes part in."""
FEWER = 5
"""The same for one that is very slow."""
STRETCH = 3.0
"""A batch that takes up to so many times the allowance is rather asked as a whole."""


class Sharing(Protocol):
    """A contender that can do with fewer questions."""

    share: int
    most: int

    @property
    def library(self) -> str: ...

    def seconds_each(self, count: int) -> float:
        """How long it takes for each of the first ``count`` questions."""


def give_shares(contenders: Sequence[Sharing], effort: Effort, whole: int) -> None:
    """Let each have all ``whole`` questions or a share. Try each twice
    (the first time may import, compile or fill caches), and set its ``share`` and ``most``."""
    each: list[float] = []
    for contender in contenders:
        first = contender.seconds_each(1)
        each.append(contender.seconds_each(TRIED if first < SLOW_S else 1))
    best: dict[str, float] = {}
    for contender, seconds in zip(contenders, each, strict=True):
        best[contender.library] = min(seconds, best.get(contender.library, seconds))
    for contender, seconds in zip(contenders, each, strict=True):
        behind = seconds > BEHIND * best[contender.library]
        allowed_s = effort.allowance_s / (4 if behind else 1)
        most = FEW if behind else FEWER if seconds > VERY_SLOW_S else effort.repetitions
        contender.most = min(most, effort.repetitions)
        fits = whole * seconds <= STRETCH * allowed_s
        contender.share = (
            whole if fits else min(whole, max(LEAST if seconds < VERY_SLOW_S else 1, int(allowed_s / seconds)))
        )
