"""What a work is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controller.bench.cases import Case
from controller.bench.timing import Contender


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is done: ``repetitions`` of ``queries`` questions each; a slow engine gets as many of them as it answers
    within ``allowance_s``."""

    repetitions: int
    queries: int
    demands: int
    allowance_s: float
    cases: int
    """How many of a work's networks, the smallest first."""


FULL = Effort(repetitions=9, queries=1_000, demands=10_000, allowance_s=0.15, cases=6)
QUICK = Effort(repetitions=3, queries=1_000, demands=1_000, allowance_s=0.015, cases=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    case: Case
    seed: int
    effort: Effort


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """``contenders`` compete for the least figure in ``unit``; ``cases`` are those that are measured by default."""

    name: str
    unit: str
    contenders: Callable[[Setting], Sequence[Contender]]
    cases: tuple[str, ...]
