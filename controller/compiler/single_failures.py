"""Which single link, node or SRLG, when it fails, cuts a part of the network off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import networkx as nx

from controller.domain.topology import Link, Topology

Ends = tuple[str, str]
"""Two nodes with a link between them, sorted."""

Risk = tuple[str, tuple[str, ...]]
"""What fails, and the nodes that are then cut off from the largest part that is left of theirs, sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleFailures:
    """All sorted by name; ``parts`` are the connected parts as they are, the largest first.

    A node that fails cuts itself off: that is not told. An SRLG of one link is told as that link.
    """

    parts: tuple[tuple[str, ...], ...]
    bridges: tuple[Risk, ...]
    cut_nodes: tuple[Risk, ...]
    cut_srlgs: tuple[Risk, ...]


def single_failures(topology: Topology, links: Collection[Link]) -> SingleFailures:
    """Judge the network of these links (those in service) and the nodes in service."""
    by_ends: defaultdict[Ends, list[Link]] = defaultdict(list)
    for link in links:
        by_ends[_ends(link.a, link.z)].append(link)
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(node.name for node in topology.nodes if node.enabled)
    graph.add_edges_from(by_ends)
    mesh = _Mesh(graph)
    bridges = [(by_ends[ends][0].name, ends) for ends in (_ends(*pair) for pair in nx.bridges(graph))]
    return SingleFailures(
        parts=tuple(mesh.parts),
        bridges=tuple(sorted((name, mesh.lost_without([ends])) for name, ends in bridges if len(by_ends[ends]) == 1)),
        cut_nodes=tuple(sorted((name, mesh.lost_without_node(name)) for name in nx.articulation_points(graph))),
        cut_srlgs=tuple(sorted(_cut_srlgs(mesh, by_ends, links))),
    )


def _cut_srlgs(mesh: _Mesh, by_ends: dict[Ends, list[Link]], links: Iterable[Link]) -> Iterator[Risk]:
    by_srlg: defaultdict[str, set[str]] = defaultdict(set)
    ends_of: defaultdict[str, set[Ends]] = defaultdict(set)
    for link in links:
        for srlg in link.srlgs:
            by_srlg[srlg].add(link.name)
            ends_of[srlg].add(_ends(link.a, link.z))
    for srlg, names in by_srlg.items():
        gone = [ends for ends in ends_of[srlg] if all(link.name in names for link in by_ends[ends])]
        lost = mesh.lost_without(gone) if len(names) > 1 else ()
        if lost:
            yield srlg, lost


class _Mesh:
    """Who is next to whom, and what hangs together."""

    def __init__(self, graph: nx.Graph[str]) -> None:
        self._neighbours = {name: set(graph[name]) for name in graph}
        self.parts = _largest_first(nx.connected_components(graph))
        self._part_of = {name: number for number, part in enumerate(self.parts) for name in part}

    def lost_without(self, gone: Collection[Ends]) -> tuple[str, ...]:
        for a, z in gone:
            self._neighbours[a].discard(z)
            self._neighbours[z].discard(a)
        lost = self._lost({name for ends in gone for name in ends}, set())
        for a, z in gone:
            self._neighbours[a].add(z)
            self._neighbours[z].add(a)
        return lost

    def lost_without_node(self, name: str) -> tuple[str, ...]:
        return self._lost(self._neighbours[name], {name})

    def _lost(self, touched: Collection[str], seen: set[str]) -> tuple[str, ...]:
        """All that was with the touched nodes, without the largest part left of each part that there was."""
        left: defaultdict[int, list[set[str]]] = defaultdict(list)
        for start in sorted(touched):
            if start not in seen:
                reached = self._reach(start, seen)
                seen = seen | reached
                left[self._part_of[start]].append(reached)
        return tuple(sorted(name for parts in left.values() for part in _largest_first(parts)[1:] for name in part))

    def _reach(self, start: str, closed: Collection[str]) -> set[str]:
        reached, edge = {start}, [start]
        while edge:
            fresh = self._neighbours[edge.pop()] - reached
            fresh.difference_update(closed)
            reached |= fresh
            edge += fresh
        return reached


def _largest_first(parts: Iterable[set[str]]) -> list[tuple[str, ...]]:
    return sorted((tuple(sorted(part)) for part in parts), key=lambda part: (-len(part), part))


def _ends(a: str, z: str) -> Ends:
    return (a, z) if a <= z else (z, a)
