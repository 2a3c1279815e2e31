"""``whatif``: each link of a network full of lines fails alone: which lines find a route again, at what delay? In ms
for all links together.

Peers try some failures, the same each time, and of the lines that each hits the first ones, as many as they place in
the time they have; by the number of lines hit in all failures this is extrapolated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from controller.bench.checking import Judge
from controller.bench.demands import LINE_RATES_BPS
from controller.bench.peers.router import Links, Router, routers
from controller.bench.timing import Contender, timed
from controller.bench.works.placed import Placed, placed
from controller.bench.works.setting import Setting
from controller.bench.works.shares import give_shares
from controller.bench.works.threads import Threads, threads_by_default
from controller.paths.whatif import Element, Failure, Fate, Impact, what_if

TRIED = 24
"""Failures that peers try."""
LEAST_LINES = 3
"""Of each failure."""
WARMING = 200
OURS_MOST = 3
MOST = 5
"""Repetitions: each is long."""


def contenders(setting: Setting) -> Sequence[Contender]:
    situation = placed(setting)
    judge = Judge(situation.wanted.arcs)
    ours = [OurWhatIf(situation, judge, on) for on in threads_by_default()]
    ours[0].warm_up()
    hitting = [link for link, lines in enumerate(situation.riders) if lines]
    tried = Random(f"{setting.seed} failures").sample(hitting, min(TRIED, len(hitting)))
    repetitions = min(setting.effort.repetitions, MOST)
    peers = [
        RouterWhatIf(router, situation, tried, repetitions, judge)
        for router in routers(situation.wanted.arcs, LINE_RATES_BPS)
    ]
    give_shares(
        peers, replace(setting.effort, repetitions=repetitions), sum(len(situation.riders[link]) for link in tried)
    )
    return [
        *(Contender(one.on.engine, one.run, one.detail, OURS_MOST) for one in ours),
        *(Contender(peer.router.name, peer.run, peer.detail, peer.most) for peer in peers),
    ]


class OurWhatIf:
    """Ours: all link failures; it also finds out, for a line without bandwidth, where it would overload what."""

    def __init__(self, situation: Placed, judge: Judge, on: Threads) -> None:
        self.on = on
        self._situation = situation
        self._judge = judge
        self._network = situation.wanted.engine.network
        names = [link.name for link in self._network.topology.links]
        self._failures = [Failure(element=Element.LINK, name=name) for name in names]
        self._hit = 0

    def warm_up(self) -> None:
        """Compile, and let trees grow."""
        list(what_if(self._network, self._failures[:WARMING]))

    def run(self, repetition: int) -> float:
        on = self.on
        seconds, impacts = timed(lambda: list(what_if(self._network, self._failures, on.apply, on.workers)))
        self._hit = 0
        for link, impact in enumerate(impacts):
            self._hit += len(impact)
            self._compare(link, impact)
        return seconds * 1e3

    def _compare(self, link: int, impact: Impact) -> None:
        for outcome in impact.outcomes:
            again = outcome.fate is Fate.REPLACED and outcome.delay_ns is not None
            delay_ns = sum(outcome.delay_ns) if again and outcome.delay_ns is not None else None
            self._judge.compare(self.on.engine, (link, outcome.owner), delay_ns)

    def detail(self) -> Mapping[str, Any]:
        lines = len(self._situation.routes) - self._situation.routes.count(None)
        return {"lines": lines, "failures": len(self._failures), "hit": self._hit, "threads": self.on.workers}


class RouterWhatIf:
    """A peer's way: release, place again, and put everything back, failure by failure."""

    def __init__(self, router: Router, situation: Placed, tried: Sequence[int], repetitions: int, judge: Judge) -> None:
        self.router = router
        self.share = sum(len(situation.riders[link]) for link in tried)
        self.most = repetitions
        self._placed_again = 0
        self._situation = situation
        self._tried = tried
        self._judge = judge

    @property
    def library(self) -> str:
        return self.router.name.partition("/")[0]

    def seconds_each(self, count: int) -> float:
        self.router.load(self._situation.free_bps)
        link = self._tried[0]
        count = min(count, len(self._situation.riders[link]))
        return self._fail(link, count)[1] / count

    def run(self, repetition: int) -> float:
        self.router.load(self._situation.free_bps)
        riders = self._situation.riders
        hit = sum(len(riders[link]) for link in self._tried)
        seconds = 0.0
        for link in self._tried:
            count = min(len(riders[link]), max(LEAST_LINES, round(len(riders[link]) * self.share / hit)))
            self._placed_again += count
            aside, placing = self._fail(link, count)
            seconds += aside + placing * len(riders[link]) / count
        return seconds * sum(map(len, riders)) / hit * 1e3

    def _fail(self, link: int, count: int) -> tuple[float, float]:
        """Seconds for releasing all lines that a failure hits and putting everything back in the end, and for placing
        the first ``count`` of these lines again."""
        router, situation, queries = self.router, self._situation, self._situation.wanted.queries
        hit = situation.riders[link]
        spare = situation.capacity_bps[link] + 1
        routes: list[Links | None] = []

        def release() -> None:
            for line in hit:
                router.take(situation.routes[line] or [], -queries[line].there_bps)
            router.take([link], spare)

        def place() -> None:
            for line in hit[:count]:
                a, z, bps, _ = queries[line]
                route = router.find(a, z, bps)
                if route is not None:
                    router.take(route, bps)
                routes.append(route)

        def put_back() -> None:
            for line, route in zip(hit, routes, strict=False):
                router.take(route or [], -queries[line].there_bps)
            router.take([link], -spare)
            for line in hit:
                router.take(situation.routes[line] or [], queries[line].there_bps)

        (releasing, _), (placing, _), (restoring, _) = timed(release), timed(place), timed(put_back)
        ledger = situation.without(hit, [link])
        for line, route in zip(hit, routes, strict=False):
            self._judge.compare(router.name, (link, line), ledger.take(router.name, queries[line], route))
        return releasing + restoring, placing

    def detail(self) -> Mapping[str, Any]:
        return {
            "failuresTried": len(self._tried),
            "linesPlacedAgain": self._placed_again,
            "hit": sum(map(len, self._situation.riders)),
            "extrapolated": True,
        }
