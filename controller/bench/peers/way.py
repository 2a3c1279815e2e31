"""What all ways have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Nodes = list[int]
"""A route as its nodes, by number; every library can give that."""

Find = Callable[[int, int], Nodes | None]
FindAll = Callable[[Sequence[tuple[int, int]]], list[Nodes | None]]


@dataclass(frozen=True, slots=True)
class Finder:
    """A network that has been filtered for two rates: ``find`` one route, ``None`` if there is none, or ``find_all``
    at once, for libraries and ways that share work between them."""

    find: Find
    find_all: FindAll

    @classmethod
    def one_by_one(cls, find: Find) -> Finder:
        return cls(find, lambda pairs: [find(a, z) for a, z in pairs])


@dataclass(frozen=True, slots=True)
class Way:
    """``name`` is library/way. ``filtered(there_bps, back_bps)`` is timed as well as what it returns; the graph that it
    works on was built before. ``calls``: whether it makes sense for one route at a time, too."""

    name: str
    filtered: Callable[[int, int], Finder]
    calls: bool = True
