"""``admission``: lines in sequence, each routed over what those before it left, and reserved, both ways.

A peer that is too slow for all of them gets a stretch of the sequence, in every repetition another one, from the state
that the lines before it leave, which is the same for all engines, as no two routes are equally long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controller.bench.checking import Judge
from controller.bench.demands import LINE_RATES_BPS
from controller.bench.peers.router import Links, Router, routers
from controller.bench.timing import Contender, timed
from controller.bench.works.ledger import Demands, Ledger, demands
from controller.bench.works.setting import Setting
from controller.bench.works.shares import give_shares
from controller.bench.works.threads import Threads, threads


def contenders(setting: Setting) -> Sequence[Contender]:
    wanted = demands(setting)
    judge = Judge(wanted.arcs)
    ours = [OurAdmission(wanted, judge, on) for on in threads()]
    repetitions = setting.effort.repetitions
    places = ours[0].warm_up([len(wanted.queries) * number // repetitions for number in range(repetitions)])
    peers = [RouterAdmission(router, wanted, places, judge) for router in routers(wanted.arcs, LINE_RATES_BPS)]
    give_shares(peers, setting.effort, len(wanted.queries))
    return [
        *(Contender(one.on.engine, one.run, one.detail) for one in ours),
        *(Contender(peer.router.name, peer.run, peer.detail, peer.most) for peer in peers),
    ]


class OurAdmission:
    """Ours: requests in, lines kept and reserved in the network's truth; each time in a trial that is then undone."""

    def __init__(self, wanted: Demands, judge: Judge, on: Threads) -> None:
        self.on = on
        self._wanted = wanted
        self._judge = judge
        self._placed = 0

    def warm_up(self, places: Sequence[int]) -> dict[int, list[int]]:
        """What is free of each link before the demands at these ``places`` of the sequence."""
        network = self._wanted.engine.network
        with network.trial():
            routes = self._wanted.links(self._wanted.admit())
        ledger = Ledger(self._wanted.arcs, self._wanted.free_bps)
        free = {}
        for number, (query, route) in enumerate(zip(self._wanted.queries, routes, strict=True)):
            if number in places:
                free[number] = list(ledger.free_bps)
            self._judge.compare("trunkline", number, ledger.take("trunkline", query, route))
        return free

    def run(self, repetition: int) -> float:
        with self._wanted.engine.network.trial():
            seconds, answers = timed(lambda: self._wanted.admit(self.on))
        routes = self._wanted.links(answers)
        self._placed = len(routes) - routes.count(None)
        ledger = Ledger(self._wanted.arcs, self._wanted.free_bps)
        for number, (query, route) in enumerate(zip(self._wanted.queries, routes, strict=True)):
            self._judge.compare("trunkline", number, ledger.take("trunkline", query, route))
        return seconds / len(self._wanted.queries) * 1e6

    def detail(self) -> Mapping[str, Any]:
        count = len(self._wanted.queries)
        return {"demands": count, "placed": self._placed, "threads": self.on.workers}


class RouterAdmission:
    """A peer's way: find and take, one after the other."""

    def __init__(self, router: Router, wanted: Demands, free: Mapping[int, list[int]], judge: Judge) -> None:
        self.router = router
        self.share = len(wanted.queries)
        self.most = len(free)
        self._wanted = wanted
        self._free = free
        self._judge = judge
        self._stretches = 0

    @property
    def library(self) -> str:
        return self.router.name.partition("/")[0]

    def seconds_each(self, count: int) -> float:
        return self._admit(0, count) / count

    def run(self, repetition: int) -> float:
        if self.share == len(self._wanted.queries):
            return self._admit(0, self.share) / self.share * 1e6
        begin = list(self._free)[repetition]
        count = min(self.share, len(self._wanted.queries) - begin)
        self._stretches += count
        return self._admit(begin, count) / count * 1e6

    def _admit(self, begin: int, count: int) -> float:
        """Seconds for the demands from ``begin`` on."""
        router, queries = self.router, self._wanted.queries[begin : begin + count]
        router.load(self._free[begin])

        def admit() -> list[Links | None]:
            routes = []
            for a, z, bps, _ in queries:
                route = router.find(a, z, bps)
                if route is not None:
                    router.take(route, bps)
                routes.append(route)
            return routes

        seconds, routes = timed(admit)
        ledger = Ledger(self._wanted.arcs, self._free[begin])
        for number, (query, route) in enumerate(zip(queries, routes, strict=True), start=begin):
            self._judge.compare(router.name, number, ledger.take(router.name, query, route))
        return seconds

    def detail(self) -> Mapping[str, Any]:
        count = len(self._wanted.queries)
        whole = self.share == count
        return {"demands": count if whole else self._stretches, "of": count, "extrapolated": not whole}
