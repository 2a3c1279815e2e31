"""The best simple route by way of given nodes, in their order.

The best route in the layers (``paths.layers``) may pass a node twice, on two parts of the way. Then no simple route
passes that node on both: two searches go on from there, one with the node closed on the one part, one with it closed
on the other (as conflicts of several travellers are resolved by Sharon et al. 2015). Taken best first, by the whole
rank (objective, number of links, names of links), the first simple route is the best one. It is NP-hard to say
that there is none when links differ by direction (Fortune, Hopcroft, Wyllie 1980): hence the budget.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count

from controller.domain.placement import PlacedPath
from controller.domain.topology import PerDirection
from controller.paths.asking import Answer, Asker
from controller.paths.budget import Budget, SearchLimit
from controller.paths.kernels.layout import BACK, THERE, A, Z
from controller.paths.layers import Layers
from controller.paths.network import Network
from controller.paths.questions import pack, path_of
from controller.paths.request import PathRequest, stops

LABELS_EACH = 20
"""What one search takes of the budget."""


class ViaAsker:
    """One request by way of nodes, asked again and again with other links barred, as ``asking.Asker``."""

    def __init__(self, network: Network, request: PathRequest, via: tuple[str, ...], budget: Budget) -> None:
        mirror = network.mirror
        number = mirror.node_number
        questions = pack(network, (request,), budget.labels)
        question = questions.rows[0]
        self.rates = PerDirection(int(question[THERE]), int(question[BACK]))
        self.a = int(question[A])
        self.layers = Layers(mirror, self.a, [number[node] for node in via], int(question[Z]))
        question[A], question[Z] = self.layers.a, self.layers.z
        self.asker = Asker(self.layers.arrays, question, budget)
        self.avoided = frozenset(self.layers.links(questions.bars.tolist()))
        self._mirror = mirror

    def least(self, barred: frozenset[int]) -> Answer | None:
        """The best route in the layers without the links ``barred``; ``None``: there is none."""
        self.asker.budget.labels -= LABELS_EACH
        if self.asker.budget.labels < 0:
            raise SearchLimit
        return self.asker.least(barred)

    def names(self, answer: Answer) -> tuple[int, ...]:
        """The links of a route, as their numbers: the order of these is the order of the names."""
        links = self._mirror.link_list
        return tuple([links[self.layers.arcs[arc]] for arc in answer.arcs])

    def partings(self, answer: Answer) -> Iterator[frozenset[int]]:
        """Sets of links, one of which every simple route does without: none if the route is simple itself."""
        layers = self.layers
        part_of = {self.a: 0}
        for arc in answer.arcs:
            node, part = layers.node(arc), layers.layer(arc)
            if node in part_of:
                for one in (part_of[node], part):
                    yield frozenset(layers.link_in_layer(link, one) for link in self._mirror.links_at(node))
                return
            part_of[node] = part

    def path(self, answer: Answer) -> PlacedPath:
        arcs = [int(self.layers.arcs[arc]) for arc in answer.arcs]
        return path_of(self._mirror, self.a, arcs, PerDirection(answer.there_ns, answer.back_ns), self.rates)


def find_via(network: Network, request: PathRequest, budget: Budget) -> PlacedPath | None:
    """The best simple route for ``request`` that passes its ``via`` in order; ``None``: proved that there is none.

    Ties: fewest links, then the smallest sequence of link names. Raises ``SearchLimit``.
    """
    via = stops(request)
    if via is None:
        return None
    asker = ViaAsker(network, request, via, budget)
    order = count()
    queue: list[tuple[int, tuple[int, ...], int, Answer, frozenset[int]]] = []

    def look(barred: frozenset[int]) -> None:
        answer = asker.least(barred)
        if answer is not None:
            heappush(queue, (answer.length, asker.names(answer), next(order), answer, barred))

    look(asker.avoided)
    while queue:
        _, _, _, answer, barred = heappop(queue)
        partings = tuple(asker.partings(answer))
        if not partings:
            return asker.path(answer)
        for parting in partings:
            look(barred | parting)
    return None
