"""One way to make an infeasible request feasible, and the bisection that finds the nearest value of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from controller.domain.errors import Relaxation

QUANTITIES = ("spec.bandwidth", "spec.bandwidth.aToZ", "spec.bandwidth.zToA", "spec.maxDelay", "spec.mtu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A relaxation, and how far it is from what was asked: 1 for a constraint that is given up or doubled."""

    relaxation: Relaxation
    change: Fraction
    dropped: str = ""
    """Of ``spec.avoid``: the entry that is taken out."""


def lowered(field: str, value: str, *, asked: int, best: int) -> Option:
    """``field`` goes down from ``asked`` to ``best``, which is written as ``value``."""
    return Option(relaxation=Relaxation(field=field, value=value), change=Fraction(asked - best, asked))


def greatest(candidates: Iterable[int], works: Callable[[int], bool]) -> int | None:
    """The greatest candidate that works, ``None`` if none does; what works, works for every smaller one as well."""
    ordered = sorted(set(candidates))
    low, high = 0, len(ordered)
    while low < high:  # all below low work, none from high on does
        middle = (low + high) // 2
        if works(ordered[middle]):
            low = middle + 1
        else:
            high = middle
    return ordered[low - 1] if low else None


def nearest(found: Iterable[Option]) -> list[Option]:
    """The options by how far they are, each once; of several values for one quantity the nearest."""
    kept: dict[object, Option] = {}
    for option in sorted(found, key=lambda option: option.change):
        relaxation = option.relaxation
        kept.setdefault(relaxation.field if relaxation.field in QUANTITIES else relaxation, option)
    return list(kept.values())
