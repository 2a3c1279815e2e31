"""A network full of lines, ours with its book of lines, and the same for the peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controller.bench.peers.router import Links
from controller.bench.works.ledger import Demands, Ledger, demands
from controller.bench.works.setting import Setting


@dataclass(frozen=True, slots=True)
class Placed:
    """Lines by the number of their demand; ``riders`` are the lines on each link, in their order."""

    wanted: Demands
    routes: Sequence[Links | None]
    riders: Sequence[Sequence[int]]
    free_bps: Sequence[int]

    @property
    def capacity_bps(self) -> list[int]:
        """Of each link."""
        return self.wanted.free_bps

    def without(self, lines: Sequence[int], links: Sequence[int]) -> Ledger:
        """What is free when these lines have been released and nothing can go over these links."""
        ledger = Ledger(self.wanted.arcs, self.free_bps)
        for line in lines:
            route = self.routes[line]
            for link in () if route is None else route:
                ledger.free_bps[link] += self.wanted.queries[line].there_bps
        for link in links:
            ledger.free_bps[link] = -1
        return ledger


def placed(setting: Setting) -> Placed:
    """All demands of the effort placed, in sequence, as far as there is room."""
    wanted = demands(setting)
    routes = wanted.links(wanted.admit())
    ledger = Ledger(wanted.arcs, wanted.free_bps)
    riders: list[list[int]] = [[] for _ in wanted.free_bps]
    for line, (query, route) in enumerate(zip(wanted.queries, routes, strict=True)):
        ledger.take("trunkline", query, route)
        for link in () if route is None else route:
            riders[link].append(line)
    return Placed(wanted, routes, riders, ledger.free_bps)
