"""The network as arrays of integers, for the kernels: written by ``Network``'s setter, and by kernels that reserve.

``kernels.layout`` says what is in which array. Importing this module imports numpy; ``kernels`` import numba.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from controller.domain.topology import Direction, Link
from controller.paths.kernels.layout import (
    CLIPPED,
    FREE_BACK,
    FREE_THERE,
    GRAPH_ARCS,
    GRAPH_FREE,
    MTU_SHIFT,
    NOTE,
    SKEWED,
    STEP,
)
from controller.paths.pair_workspace import PairWorkspace
from controller.paths.potentials import Potentials
from controller.paths.rank_workspace import RankWorkspace
from controller.paths.workspace import Workspace

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

DRIFTED_LINKS = 1 / 32
"""The share of links that may be slower than their floor before the floors are lifted: the more there are, the more
walks end at one of them, while every lifting lets all trees grow again."""


def neighbours_together(nodes: Iterable[str], links: Iterable[Link]) -> Iterator[str]:
    """The nodes in an order in which neighbours are near each other (breadth first, after Cuthill and McKee 1969).

    Which order it is does not change any answer. A search then touches fewer cache lines: a third of the time in a
    network of 20,000 nodes.
    """
    neighbours: dict[str, list[str]] = {node: [] for node in nodes}
    for link in links:
        neighbours[link.a].append(link.z)
        neighbours[link.z].append(link.a)
    waiting = dict.fromkeys(sorted(neighbours, key=lambda node: (len(neighbours[node]), node)))
    while waiting:
        start = next(iter(waiting))
        del waiting[start]
        queue = deque([start])
        while queue:
            node = queue.popleft()
            yield node
            for other in sorted(neighbours[node], key=lambda other: (len(neighbours[other]), other)):
                if other in waiting:
                    del waiting[other]
                    queue.append(other)


class Mirror:
    """All arrays of a network. Nodes are numbered as by ``neighbours_together``, links as they are given: by name."""

    def __init__(self, nodes: Iterable[str], links: Iterable[Link], hop_delay_ns: int) -> None:
        """With the declared delays, nothing reserved, everything in service; ``Network`` writes what differs."""
        self.links = tuple(links)
        self.nodes = tuple(neighbours_together(nodes, self.links))
        self.node_number = {name: number for number, name in enumerate(self.nodes)}
        self.link_number = {link.name: number for number, link in enumerate(self.links)}
        self._build_structure(hop_delay_ns)
        self._lost_floor = False
        self._drifted = 0
        self.potentials = Potentials(self)
        self.work = Workspace(len(self.nodes), len(self.links))

    @cached_property
    def pair_work(self) -> PairWorkspace:
        return PairWorkspace(len(self.nodes), len(self.links))

    @cached_property
    def rank_work(self) -> RankWorkspace:
        return RankWorkspace(len(self.nodes))

    def _build_structure(self, hop_delay_ns: int) -> None:
        count = len(self.links)
        # A length is value << hop_bits | links, a key of a heap length << node_bits | node, below 2^62.
        self.node_bits = max(1, len(self.nodes).bit_length())
        self.hop_bits = self.node_bits + 1  # two routes together may have twice as many links as there are nodes
        self.span_bits = min(50, 62 - self.node_bits)
        ends = np.array(
            [(self.node_number[link.a], self.node_number[link.z]) for link in self.links], np.int64
        ).reshape(count, 2)
        tails, heads = ends.reshape(-1), ends[:, ::-1].reshape(-1)
        order = np.argsort(tails, kind="stable")  # within a node in the order of the links
        self.arc_numbers = np.empty(2 * count, np.int32)
        self.arc_numbers[order] = np.arange(2 * count, dtype=np.int32)
        self.first = np.zeros(len(self.nodes) + 1, np.int32)
        np.cumsum(np.bincount(tails, minlength=len(self.nodes)), out=self.first[1:])
        self.arc_links = (order // 2).astype(np.int32)
        self.heads = heads[order]
        self.twins = twins = self.arc_numbers[order ^ 1]
        mtus = np.repeat(np.array([link.mtu_bytes for link in self.links], np.int64), 2)[order]
        delays = np.array([tuple(link.delay_ns) for link in self.links], np.int64).reshape(-1) + hop_delay_ns
        self.delays = delays[order]
        self.free = np.array([tuple(link.capacity_bps) for link in self.links], np.int64).reshape(-1)[order]
        self.costs = np.repeat(np.array([self._length(link.cost) for link in self.links], np.int64), 2)[order]
        lengths = [self._length(sum(link.delay_ns) + 2 * hop_delay_ns) for link in self.links]
        self.floors = np.repeat(np.array(lengths, np.int64), 2)[order]
        self.arcs = np.empty((2 * count, 4), np.int64)
        self.arcs[:, FREE_THERE] = self.free
        self.arcs[:, FREE_BACK] = self.free[twins]
        self.arcs[:, STEP] = self.floors << self.node_bits | self.heads
        self.arcs[:, NOTE] = mtus << MTU_SHIFT | twins
        self.alive = np.ones(len(self.nodes), np.uint8)
        self.scale = np.array([len(self.nodes), self.node_bits, self.hop_bits, self.span_bits, 0, 0], np.int64)
        self.scale[SKEWED] = np.count_nonzero(self.delays != self.delays[twins]) // 2
        self.graph = (
            self.first,
            self.arcs,
            self.arc_links,
            self.delays,
            self.costs,
            self.floors,
            self.free,
            self.alive,
            self.scale,
        )
        # Single elements are written four times as fast through a memoryview as through the array.
        self._arc_cells = self.arcs.reshape(-1).data
        self._delay_cells = self.delays.data
        self._free_cells = self.free.data
        self._arc_list: list[int] = self.arc_numbers.tolist()
        self.head_list: list[int] = self.heads.tolist()
        self._twin_list: list[int] = twins.tolist()
        self.link_list: list[int] = self.arc_links.tolist()
        self._serving = [True] * count
        self._sides: list[int] = order.tolist()
        self.arc_names = [self.links[link].name for link in self.link_list]

    def _length(self, value: int) -> int:
        """What one link adds to a length; cut off where it is not followed anyway."""
        return min(value << self.hop_bits | 1, 1 << self.span_bits)

    @cached_property
    def ask(self) -> Callable[..., int]:
        """``kernels.addressed.answer_addressed`` for this network: the links not to be used, then a question cell by
        cell. The answer is in the workspace."""
        from controller.paths.kernels.addressed import answer_addressed, table_of

        work = self.work
        table = table_of(self.graph, self.potentials.arrays, work.arrays, work.question, work.answer)
        return partial(answer_addressed, table)

    def redrawn(self, graph: tuple[Any, ...], trees: tuple[Any, ...], work: Workspace) -> Mirror:
        """A mirror of another state of the same network: ``graph`` and ``trees`` with some other arrays. Only for
        searching; each thread with one of its own."""
        other = copy(self)
        for kept in ("ask", "pair_work", "rank_work"):
            other.__dict__.pop(kept, None)
        other.graph, other.work = graph, work
        other.potentials = copy(self.potentials)
        other.potentials.arrays = trees
        other.arcs, other.free = graph[GRAPH_ARCS], graph[GRAPH_FREE]
        return other

    def links_at(self, node: int) -> list[int]:
        """The links of a node, by number."""
        return self.link_list[self.first[node] : self.first[node + 1]]

    def arc(self, link: str, direction: Direction) -> int:
        """The arc that leaves the link's ``a`` for ``aToZ``, its ``z`` for ``zToA``."""
        return self._arc_list[2 * self.link_number[link] + (direction is Direction.Z_TO_A)]

    def place_of(self, arc: int) -> tuple[str, Direction]:
        """The link of an arc and the direction in which the arc leads."""
        return self.arc_names[arc], Direction.Z_TO_A if self._sides[arc] & 1 else Direction.A_TO_Z

    def set_free(self, arc: int, bps: int) -> None:
        """Write what is free of one direction of a link."""
        self._free_cells[arc] = bps
        if self._serving[self.link_list[arc]]:
            self._show(arc, bps)

    def set_delay(self, arc: int, delay_ns: int) -> None:
        """Write the delay in effect, hop delay included, of one direction of a link."""
        delays, arcs, twin = self._delay_cells, self._arc_cells, self._twin_list[arc]
        back_ns = delays[twin]
        self.scale[SKEWED] += int(delay_ns != back_ns) - int(delays[arc] != back_ns)
        delays[arc] = delay_ns
        length, floor = self._length(delay_ns + back_ns), int(self.floors[arc])
        self._lost_floor |= length < floor
        self._drifted += int(length > floor) - int(arcs[4 * arc + STEP] >> self.node_bits > floor)
        for one in (arc, twin):
            arcs[4 * one + STEP] = length << self.node_bits | self.head_list[one]

    def set_serving(self, link: int, serving: bool) -> None:
        """Write whether a link and both its ends are in service; out of service it shows -1 bps free."""
        self._serving[link] = serving
        for arc in self._arc_list[2 * link : 2 * link + 2]:
            self._show(arc, self._free_cells[arc] if serving else -1)

    def set_alive(self, node: int, alive: bool) -> None:
        """Write whether a node is in service; what that means to its links is written apart."""
        self.alive[node] = alive

    def _show(self, arc: int, bps: int) -> None:
        self._arc_cells[4 * arc + FREE_THERE] = bps
        self._arc_cells[4 * self._twin_list[arc] + FREE_BACK] = bps

    def settle(self) -> None:
        """Make searches exact, and fast, after delays have changed: no link may be below its floor, few above it.

        To be called before a search; it costs nothing unless the floors have to move.
        """
        if self._lost_floor or self._drifted > 1 + DRIFTED_LINKS * len(self.links):
            self.floors[:] = self.arcs[:, STEP] >> self.node_bits
            self._lost_floor = False
            self._drifted = 0
            self.scale[CLIPPED] = 0
            self.potentials.forget()
