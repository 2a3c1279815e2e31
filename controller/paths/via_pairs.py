"""Two routes apart that both pass given nodes in order.

As in ``paths.via``, conflicts are resolved by trying both ways: each route has links that it does without; if the best
two have a link or a shared risk in common, or one passes a node twice, then one of two routes must do without it. The
total of the two best routes only grows on the way, so the first two without a conflict have the least total, and
among those of the same total the first in rank is the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count, pairwise

from controller.domain.intents import Disjointness
from controller.paths.asking import Answer
from controller.paths.budget import Budget
from controller.paths.disjoint import Pair, answer, find_pair
from controller.paths.kernels.layout import NONE
from controller.paths.kernels.pair_layout import PAIR_STATUS
from controller.paths.network import Network
from controller.paths.questions import pack
from controller.paths.request import PathRequest, stops
from controller.paths.risks import Risks
from controller.paths.via import ViaAsker

Rank = tuple[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Traveller:
    """One of the routes: the best one without the links ``barred``."""

    answer: Answer
    names: tuple[int, ...]
    barred: frozenset[int]

    @property
    def rank(self) -> Rank:
        return self.answer.length, self.names


def find_via_pair(network: Network, request: PathRequest, budget: Budget) -> Pair | None:
    """(working, protect) for ``request``, as ``disjoint.find_pair`` would rank them; ``None``: proved to be none.

    Raises ``SearchLimit``.
    """
    via = stops(request)
    if via == ():  # every route passes its own ends
        return find_pair(network, replace(request, via=()), budget)
    # Both routes pass every one of the nodes, so they have these nodes in common.
    if via is None or request.disjoint is Disjointness.NODE or _some_part_alone(network, request, via):
        return None
    if request.disjoint is None:
        raise ValueError("a request for a pair says what the two routes must not have in common")
    search = _Search(ViaAsker(network, request, via, budget), Risks(network, request.disjoint))
    best = search.best()
    if best is None:
        return None
    working, protect = (search.asker.path(traveller.answer) for traveller in best)
    return working, replace(protect, role="protect")


def _some_part_alone(network: Network, request: PathRequest, via: tuple[str, ...]) -> bool:
    """Whether two routes without a common link do not even exist from one of the nodes to the next."""
    parts = [replace(request, a=a, z=z, via=(), max_delay_ns=None) for a, z in pairwise((request.a, *via, request.z))]
    answers = answer(network, pack(network, parts), [False] * len(parts))
    return bool((answers.rows[:, PAIR_STATUS] == NONE).any())


class _Search:
    def __init__(self, asker: ViaAsker, risks: Risks) -> None:
        self.asker = asker
        self._risks = risks

    def best(self) -> tuple[Traveller, Traveller] | None:
        alone = self._traveller(self.asker.avoided)
        if alone is None:
            return None
        order = count()
        queue = [(2 * alone.answer.length, next(order), alone, alone)]
        found: list[tuple[Traveller, Traveller]] = []
        total = None
        while queue and (total is None or queue[0][0] == total):
            total_here, _, one, other = heappop(queue)
            ways = tuple(self._ways(one, other))
            if not ways:
                total = total_here
                found.append((one, other) if one.rank <= other.rank else (other, one))
            for changed, kept in ways:
                if changed is not None:
                    heappush(queue, (changed.answer.length + kept.answer.length, next(order), changed, kept))
        return min(found, key=lambda pair: (pair[0].names, pair[1].names), default=None)

    def _ways(self, one: Traveller, other: Traveller) -> Iterator[tuple[Traveller | None, Traveller]]:
        """What two routes without their first conflict can be; nothing if they have none."""
        for traveller, companion in ((one, other), (other, one)):
            partings = tuple(self.asker.partings(traveller.answer))
            if partings:
                for parting in partings:
                    yield self._traveller(traveller.barred | parting), companion
                return
        common = self._risks.in_common(one.names, other.names)
        if common:
            barred = self.asker.layers.links(common)
            yield self._traveller(one.barred | barred), other
            if one.barred != other.barred:  # else the same two again, the other way round
                yield self._traveller(other.barred | barred), one

    def _traveller(self, barred: frozenset[int]) -> Traveller | None:
        answer = self.asker.least(barred)
        return None if answer is None else Traveller(answer, self.asker.names(answer), barred)
