"""What admission, failure and what-if begin with: a network that demands nearly fill, and what each leaves of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller.bench.arcs import Arcs
from controller.bench.cases import Case, with_free
from controller.bench.checking import Disagreement
from controller.bench.demands import LINE_RATES_BPS, Query, lines
from controller.bench.engine import Engine
from controller.bench.peers.router import Links
from controller.bench.works.setting import Setting
from controller.bench.works.threads import ONE, Threads
from controller.domain.topology import PerDirection
from controller.paths.batch import Answers, admit, answer
from controller.paths.questions import Questions
from controller.paths.request import PathRequest

FILLED = 0.03
"""The share of links that would be asked for more than they have, took every line its least-delay route."""
PLENTY_BPS = 10**15


@dataclass(frozen=True, slots=True)
class Demands:
    """Lines wanted, in sequence, of a network of ours that is still empty: as queries, as requests, and packed."""

    engine: Engine
    arcs: Arcs
    queries: Sequence[Query]
    requests: Sequence[PathRequest]
    asked: Questions

    @property
    def free_bps(self) -> list[int]:
        """Of each link, in the beginning; the same both ways."""
        free: list[int] = self.arcs.free_bps[::2].tolist()
        return free

    def admit(self, on: Threads = ONE) -> Answers:
        """Place them all in our network, lines numbered from 0."""
        owners = range(len(self.requests))
        return admit(self.engine.network, owners, self.requests, asked=self.asked, apply=on.apply, workers=on.workers)

    def links(self, answers: Answers) -> list[Links | None]:
        """The links of each route, as the peers give them."""
        found = answers.found
        return [self.engine.links(answers.links(index)) if found(index) else None for index in range(len(self.queries))]


def demands(setting: Setting) -> Demands:
    """As many lines as the effort says, and links of one capacity that is scarce: see FILLED."""
    queries = lines(setting.case, setting.seed, setting.effort.demands)
    case = _dimensioned(setting.case, queries)
    engine = Engine(case)
    requests = [engine.request(query) for query in queries]
    return Demands(engine, Arcs.of(case), queries, requests, engine.pack(queries))


def _dimensioned(case: Case, queries: Sequence[Query]) -> Case:
    links = len(case.topology.links)
    plenty = Engine(with_free(case, [PerDirection.both(PLENTY_BPS)] * links))
    answers = answer(plenty.network, plenty.pack(queries))
    load = np.zeros(links, np.int64)
    for index, query in enumerate(queries):
        load[plenty.links(answers.links(index))] += query.there_bps
    capacity_bps = max(int(np.quantile(load, 1 - FILLED)), LINE_RATES_BPS[-1])
    return with_free(case, [PerDirection.both(capacity_bps)] * links)


class Ledger:
    """What is free of each link as lines come, one after the other; tells delays, and whether routes fit."""

    def __init__(self, arcs: Arcs, free_bps: Sequence[int]) -> None:
        self.free_bps = list(free_bps)
        self._delays: list[int] = arcs.delays_ns[::2].tolist()
        self._ends = np.stack([arcs.tails[::2], arcs.heads[::2]], axis=1).tolist()

    def take(self, engine: str, query: Query, links: Links | None) -> int | None:
        """Reserve the route that an engine found; its delay in ns. ``Disagreement`` if it is none, or has no room."""
        if links is None:
            return None
        bps = query.there_bps
        node = query.a
        for link in links:
            if node not in self._ends[link] or self.free_bps[link] < bps:
                raise Disagreement(f"{query}: {engine} took link {link}, which is not there or has no room")
            node = sum(self._ends[link]) - node
            self.free_bps[link] -= bps
        if node != query.z:
            raise Disagreement(f"{query}: {engine} gave a route that ends elsewhere")
        return sum(map(self._delays.__getitem__, links))
