"""Peers that keep a ledger: routes on links with room, which are then taken, one after the other.

Demands here are the same both ways, and so is what is free of a link: one number for each link, and graphs without
direction. That is as easy for the peers as it gets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from math import inf
from typing import Protocol

from controller.bench.arcs import Arcs
from controller.bench.peers.roster import LIBRARIES, missing
from controller.bench.peers.way import Nodes

Links = list[int]
"""A route as its links, by number: arc 2i and arc 2i + 1 are those of link i."""


class Router(Protocol):
    """``name`` is library/way; ``load`` is not timed, the others are."""

    name: str

    def load(self, free_bps: Sequence[int]) -> None:
        """From now on so much is free of each link."""

    def find(self, a: int, z: int, bps: int) -> Links | None:
        """The route of least delay whose links have ``bps`` free."""

    def take(self, links: Sequence[int], bps: int) -> None:
        """Reserve; a negative amount gives back."""


class WeightRows:
    """For each rate that is ever asked, the weight of every link: its delay, or infinite where there is no room.

    Reserving touches a few links, so the rows are kept up rather than made anew for each route.
    """

    def __init__(self, arcs: Arcs, rates_bps: Sequence[int]) -> None:
        self._delays: list[float] = arcs.delays_ns[::2].astype(float).tolist()
        self._rates = rates_bps
        self.free_bps: list[int] = []
        self.rows: Mapping[int, list[float]] = {}

    def load(self, free_bps: Sequence[int]) -> None:
        self.free_bps = list(free_bps)
        pairs = list(zip(self._delays, free_bps, strict=True))
        self.rows = {rate: [delay if free >= rate else inf for delay, free in pairs] for rate in self._rates}

    def take(self, links: Sequence[int], bps: int) -> None:
        free_bps, delays = self.free_bps, self._delays
        for link in links:
            free = free_bps[link] = free_bps[link] - bps
            for rate, row in self.rows.items():
                row[link] = delays[link] if free >= rate else inf


class LinksBetween:
    """From a route's nodes, which is all that some libraries tell, to its links: the fastest with room."""

    def __init__(self, arcs: Arcs) -> None:
        found: dict[tuple[int, int], Links] = {}
        for arc in sorted(range(len(arcs.tails)), key=arcs.delays_ns.tolist().__getitem__):
            found.setdefault((int(arcs.tails[arc]), int(arcs.heads[arc])), []).append(arc >> 1)
        self._between = found

    def along(self, nodes: Nodes, row: Sequence[float]) -> Links | None:
        """``None`` if a hop has no link of a finite weight in ``row``: what the library found is no route."""
        route = []
        for hop in pairwise(nodes):
            link = next((link for link in self._between[hop] if row[link] < inf), None)
            if link is None:
                return None
            route.append(link)
        return route


def routers(arcs: Arcs, rates_bps: Sequence[int]) -> Iterator[Router]:
    """Every way of every library that is installed."""
    for library in LIBRARIES:
        if library not in missing():
            yield from import_module(f"controller.bench.peers.{library}_routers").routers(arcs, rates_bps)
