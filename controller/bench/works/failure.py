"""``failure``: the busiest link of a network full of lines is cut: find the lines on it, release all, place them again
in their order over what is left, reserving; in ms for the whole of it.

A peer that is too slow for all of them releases all, places the first ones again, and is extrapolated by their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controller.bench.checking import Judge
from controller.bench.demands import LINE_RATES_BPS
from controller.bench.peers.router import Links, Router, routers
from controller.bench.timing import Contender, timed
from controller.bench.works.placed import Placed, placed
from controller.bench.works.setting import Setting
from controller.bench.works.shares import give_shares
from controller.paths.failure import fail


def contenders(setting: Setting) -> Sequence[Contender]:
    situation = placed(setting)
    link = max(range(len(situation.riders)), key=lambda link: len(situation.riders[link]))
    judge = Judge(situation.wanted.arcs)
    ours = OurRestoration(situation, link, judge)
    ours.run(0)
    repetitions = setting.effort.repetitions
    peers = [
        RouterRestoration(router, situation, link, repetitions, judge)
        for router in routers(situation.wanted.arcs, LINE_RATES_BPS)
    ]
    give_shares(peers, setting.effort, len(situation.riders[link]))
    return [
        Contender("trunkline", ours.run, ours.detail),
        *(Contender(peer.router.name, peer.run, peer.detail, peer.most) for peer in peers),
    ]


class OurRestoration:
    """Ours: one call, in a trial that is then undone."""

    def __init__(self, situation: Placed, link: int, judge: Judge) -> None:
        self._situation = situation
        self._link = link
        self._judge = judge
        self._restored = 0

    def run(self, repetition: int) -> float:
        network = self._situation.wanted.engine.network
        name = network.topology.links[self._link].name
        with network.trial():
            # That it will be undone is our wish, no part of the work: what is copied for that is copied before.
            network.lines.remember()
            seconds, done = timed(lambda: fail(network, links=[name]))
            self._restored = 0
            for index, owner in enumerate(done.owners):
                path = done.new_path(index)
                self._restored += path is not None
                self._judge.compare("trunkline", owner, None if path is None else sum(path.delay_ns))
        return seconds * 1e3

    def detail(self) -> Mapping[str, Any]:
        lines = len(self._situation.routes) - self._situation.routes.count(None)
        hit = len(self._situation.riders[self._link])
        return {"lines": lines, "hit": hit, "restored": self._restored}


class RouterRestoration:
    """A peer's way, with an index of the lines on each link, as we have one."""

    def __init__(self, router: Router, situation: Placed, link: int, repetitions: int, judge: Judge) -> None:
        self.router = router
        self.share = len(situation.riders[link])
        self.most = repetitions
        self._situation = situation
        self._link = link
        self._judge = judge

    @property
    def library(self) -> str:
        return self.router.name.partition("/")[0]

    def seconds_each(self, count: int) -> float:
        return self._restore(count)[1] / count

    def run(self, repetition: int) -> float:
        releasing, placing = self._restore(self.share)
        return (releasing + placing * len(self._situation.riders[self._link]) / self.share) * 1e3

    def _restore(self, count: int) -> tuple[float, float]:
        """Seconds for releasing all, and for placing the first ones again."""
        router, situation, queries = self.router, self._situation, self._situation.wanted.queries
        router.load(situation.free_bps)
        hit = situation.riders[self._link]

        def release() -> None:
            for line in hit:
                route = situation.routes[line]
                assert route is not None, "a line that rides on a link has a route"
                router.take(route, -queries[line].there_bps)
            router.take([self._link], situation.capacity_bps[self._link] + 1)

        def place() -> list[Links | None]:
            routes = []
            for line in hit[:count]:
                a, z, bps, _ = queries[line]
                route = router.find(a, z, bps)
                if route is not None:
                    router.take(route, bps)
                routes.append(route)
            return routes

        releasing, _ = timed(release)
        placing, routes = timed(place)
        ledger = situation.without(hit, [self._link])
        for line, route in zip(hit, routes, strict=False):
            self._judge.compare(router.name, line, ledger.take(router.name, queries[line], route))
        return releasing, placing

    def detail(self) -> Mapping[str, Any]:
        hit = len(self._situation.riders[self._link])
        return {"hit": hit, "placedAgain": self.share, "extrapolated": self.share < hit}
