"""The best pair within the bound, or without a risk in common, or the first among equals: best first, exactly.

A label is a beginning of the working route. It is worth the least total that a pair can have whose working route
begins so, as far as that can be told cheaply:

* the least total of two routes without a link (or node) in common, one of which goes on from there (``kernels.pairs``);
* its length, the least rest, and the best protect route that has nothing in common with the beginning (with the bound);
* twice its length and the least rest, as the protect route is not the shorter one.

Labels are taken in the order of (that total, names of the links). So the first working route that is complete, with
the best protect route for it, is the answer: least total, fewest links, then smallest sequence of link names, of
the working route first. A label is dropped when it is worth nothing: what remains of the links joins the ends no more,
or the bound is lost. All labels dropped is the proof that there is no pair.

Two such routes are NP-hard to find when each has a bound (Itai, Perl, Shiloach 1982), or when they must not share a
risk (Hu 2003): hence the budget.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush

import numpy as np

from controller.domain.intents import Disjointness
from controller.paths.asking import Answer, Asker
from controller.paths.budget import SearchLimit
from controller.paths.kernels.layout import (
    BACK,
    BY,
    BY_DELAY,
    FREE_BACK,
    FREE_THERE,
    LIMIT,
    NEEDED_MTU,
    NODE_BITS,
    NONE,
    NOTE,
    STEP,
    THERE,
    TWIN_MASK,
    UNBOUNDED,
    UNREACHED,
)
from controller.paths.kernels.pairing import joined_total
from controller.paths.mirror import Mirror
from controller.paths.questions import Int64s
from controller.paths.risks import Risks

LABELS_EACH = 5
"""What one label takes of the budget: it costs several searches, while the budget counts nodes of one."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The working route so far; ``partner`` is the best protect route for it once it is complete."""

    arcs: tuple[int, ...]
    node: int
    visited: frozenset[int]
    length: int
    there_ns: int
    back_ns: int
    weighed: bool = False
    partner: Answer | None = None


class PairSearch:
    """One search for two routes. ``asker`` asks for single routes; ``avoided`` are the links that neither may use."""

    def __init__(self, mirror: Mirror, asker: Asker, risks: Risks, avoided: frozenset[int]) -> None:
        self._asker = asker
        self._risks = risks
        self._room = mirror.pair_work.arrays
        self._links_at = mirror.links_at
        self._bounded = asker.bound_ns < UNBOUNDED
        self._by_delay = asker.question.copy()
        self._by_delay[BY] = BY_DELAY
        self._barred = avoided
        asker.bar(avoided)
        self._rest: list[int] = asker.lengths_to_end().tolist()
        self._rest_there = self._rest_back = self._rest
        if self._bounded:
            rest_there, rest_back = asker.delays_to_end()
            self._barred |= _too_far(asker, rest_there, rest_back)
            self._rest_there, self._rest_back = rest_there.tolist(), rest_back.tolist()
        first, arcs, links, delays = asker.graph[:4]
        there, back, mtu = (asker.question[column] for column in (THERE, BACK, NEEDED_MTU))
        qualifies = (arcs[:, FREE_THERE] >= there) & (arcs[:, FREE_BACK] >= back) & (arcs[:, NOTE] >= mtu)
        self._first: list[int] = first.tolist()
        self._heads = mirror.head_list
        self._links = mirror.link_list
        self._usable: list[bool] = (qualifies & ~np.isin(links, list(self._barred))).tolist()
        self._delays: list[int] = delays.tolist()
        self._delays_back: list[int] = delays[arcs[:, NOTE] & TWIN_MASK].tolist()

    def best(self) -> tuple[Answer, Answer] | None:
        """(working, protect); ``None``: proved that there is no such pair. Raises ``SearchLimit``."""
        start = Beginning((), self._asker.a, frozenset((self._asker.a,)), 0, 0, 0)
        # Two labels never have the same arcs, unless one of them is the other, weighed: so labels are not compared.
        queue = [(0, start.arcs, 0, start)]
        while queue:
            worth, arcs, _, label = heappop(queue)
            if label.partner is not None:
                working = Answer(list(arcs), label.length, label.there_ns, label.back_ns)
                return working, label.partner
            if label.weighed:
                for worth_then, longer in self._extensions(label, worth):
                    heappush(queue, (worth_then, longer.arcs, int(longer.partner is not None), longer))
                continue
            weight = self._weigh(label)
            if weight is not None:
                heappush(queue, (max(worth, weight), arcs, 1, replace(label, weighed=True)))
        return None

    def _weigh(self, label: Beginning) -> int | None:
        """The least total that a pair of such a beginning can have; ``None``: there is no such pair."""
        asker = self._asker
        asker.budget.labels -= LABELS_EACH
        if asker.budget.labels < 0:
            raise SearchLimit
        links = {self._links[arc] for arc in label.arcs}
        inner = label.visited - {asker.a, label.node}
        both = links.union(*map(self._links_at, inner)) if self._risks.nodes_apart else links
        asker.bar(self._barred | both)
        total = self._two_routes(label, asker.question)
        if total is None:
            return None
        if self._bounded:
            # Within the bound, both directions of both routes come to no more than four times the bound.
            delay = total if asker.by == BY_DELAY else self._two_routes(label, self._by_delay)
            if delay is None or delay >> asker.hop_bits > 4 * asker.bound_ns - label.there_ns - label.back_ns:
                return None
        total += label.length
        if self._bounded or self._risks.kind is Disjointness.SRLG:
            partner = asker.least(self._barred | self._taken(label))
            if partner is None:
                return None
            total = max(total, label.length + self._rest[label.node] + partner.length)
        return total

    def _two_routes(self, label: Beginning, question: Int64s) -> int | None:
        """The least total length of the rest of the working route and a protect route, apart but for SRLGs."""
        asker = self._asker
        status, total = joined_total(
            asker.graph, asker.trees, asker.work, self._room, question, label.node, self._risks.nodes_apart
        )
        if status == LIMIT:
            raise SearchLimit
        return None if status == NONE else int(total)

    def _taken(self, label: Beginning) -> set[int]:
        """What the protect route must not use."""
        inner = label.visited - {self._asker.a, self._asker.z}
        return self._risks.barred((self._links[arc] for arc in label.arcs), inner)

    def _extensions(self, label: Beginning, worth: int) -> Iterator[tuple[int, Beginning]]:
        """All beginnings that are one link longer and may still be completed, each with what it is worth at least."""
        asker = self._asker
        for arc in range(self._first[label.node], self._first[label.node + 1]):
            node = self._heads[arc]
            if not self._usable[arc] or node in label.visited or self._rest[node] >= UNREACHED:
                continue
            longer = Beginning(
                arcs=(*label.arcs, arc),
                node=node,
                visited=label.visited | {node},
                length=label.length + asker.lengths[arc],
                there_ns=label.there_ns + self._delays[arc],
                back_ns=label.back_ns + self._delays_back[arc],
            )
            if self._bounded and (
                longer.there_ns + self._rest_there[node] > asker.bound_ns
                or longer.back_ns + self._rest_back[node] > asker.bound_ns
            ):
                continue
            least = max(worth, 2 * (longer.length + self._rest[node]))
            if node != asker.z:
                yield least, longer
                continue
            partner = asker.least(self._barred | self._taken(longer))
            # A protect route that is shorter is the working one of another label.
            if partner is not None and partner.length >= longer.length:
                yield longer.length + partner.length, replace(longer, partner=partner)


def _too_far(asker: Asker, rest_there: Int64s, rest_back: Int64s) -> frozenset[int]:
    """Links that no route within the bound can cross, in either direction."""
    from_there, from_back = asker.delays_from_start()
    _, arcs, links, delays = asker.graph[:4]
    twins = arcs[:, NOTE] & TWIN_MASK
    heads = arcs[:, STEP] & ((1 << int(asker.graph[8][NODE_BITS])) - 1)
    tails = heads[twins]
    # UNREACHED twice, and a delay, is still no overflow.
    there = from_there[tails] + delays + rest_there[heads]
    back = from_back[tails] + delays[twins] + rest_back[heads]
    possible = (there <= asker.bound_ns) & (back <= asker.bound_ns)
    return frozenset(links[~(possible | possible[twins])].tolist())
