"""A network once for each part of a route by way of given nodes: a route in it passes them in their order.

Layer s is the network for the part of the route before the s-th given node. That node is one and the same in layers s
and s + 1, and the only way from one to the other. So a search for one route, whatever it respects (bounds, rates,
ties), respects the order too. Ends and given nodes are closed in all layers where they are not due. What a route in
the layers may still do is pass a node twice, in two layers; that is for ``paths.via`` to exclude.

The arrays are those of ``kernels.layout``, without trees. Node v of layer s is v + s * N, link l is l + s * L.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from controller.paths.asking import Arrays
from controller.paths.kernels.layout import FREE_BACK, FREE_THERE, NODE_BITS, NODES, NOTE, SPAN_BITS, STEP, TWIN_MASK
from controller.paths.mirror import Int64s, Mirror
from controller.paths.workspace import Workspace

Bools = npt.NDArray[np.bool_]


class Layers:
    """The layers for routes from node ``a`` by way of ``via`` to ``z``, all different, as numbers in the mirror."""

    def __init__(self, mirror: Mirror, a: int, via: Sequence[int], z: int) -> None:
        self._nodes, self._links = len(mirror.nodes), len(mirror.links)
        self.count = len(via) + 1
        self.a, self.z = a, z + len(via) * self._nodes
        self._build(mirror, (a, *via, z))
        self.arrays: Arrays = (self._graph, _no_trees(self.count * self._nodes), self._work.arrays)

    def _build(self, mirror: Mirror, stops: tuple[int, ...]) -> None:
        nodes, count = self._nodes, self.count
        heads = mirror.heads.astype(np.int64)
        twins = mirror.arcs[:, NOTE] & TWIN_MASK
        tails = heads[twins]
        arcs_each = len(heads)
        layer_tails = np.concatenate([self._in_layer(tails, layer, stops) for layer in range(count)])
        layer_heads = np.concatenate([self._in_layer(heads, layer, stops) for layer in range(count)])
        order = np.argsort(
            layer_tails, kind="stable"
        )  # within a node, arcs of one layer stay in the order of the links
        self.arcs = np.tile(np.arange(arcs_each), count)[order]
        """The arc of the mirror that an arc here stands for."""
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        layer_twins = place[np.concatenate([twins + layer * arcs_each for layer in range(count)])][order]
        scale = mirror.scale.copy()
        scale[NODES] = nodes * count
        scale[NODE_BITS] = (nodes * count).bit_length()
        scale[SPAN_BITS] = min(50, 62 - int(scale[NODE_BITS]))
        arcs = mirror.arcs[self.arcs]
        lengths = arcs[:, STEP] >> mirror.node_bits
        self.heads = layer_heads[order]
        arcs[:, STEP] = np.minimum(lengths, 1 << scale[SPAN_BITS]) << scale[NODE_BITS] | self.heads
        arcs[:, NOTE] = arcs[:, NOTE] & ~TWIN_MASK | layer_twins
        closed = np.concatenate([_closed(tails, heads, layer, stops) for layer in range(count)])[order]
        arcs[closed, FREE_THERE] = arcs[closed, FREE_BACK] = -1
        first = np.zeros(nodes * count + 1, np.int32)
        np.cumsum(np.bincount(layer_tails, minlength=nodes * count), out=first[1:])
        links = np.concatenate([mirror.arc_links + layer * self._links for layer in range(count)])[order]
        self._graph = (
            first,
            arcs,
            links.astype(np.int32),
            mirror.delays[self.arcs],
            mirror.costs[self.arcs],
            mirror.floors[self.arcs],
            mirror.free[self.arcs],
            np.tile(mirror.graph[7], count),
            scale,
        )
        self._work = Workspace(nodes * count, self._links * count)

    def _in_layer(self, nodes: Int64s, layer: int, stops: tuple[int, ...]) -> Int64s:
        """The numbers of nodes in a layer: the stop at its end belongs to the next one, unless there is none."""
        shared = (nodes == stops[layer + 1]) & (layer + 1 < self.count)
        numbers: Int64s = nodes + (layer + shared) * self._nodes
        return numbers

    def node(self, arc: int) -> int:
        """The node of the mirror that an arc leads to."""
        return int(self.heads[arc]) % self._nodes

    def layer(self, arc: int) -> int:
        """The layer of an arc."""
        return int(self._graph[2][arc]) // self._links

    def link_in_layer(self, link: int, layer: int) -> int:
        return link + layer * self._links

    def links(self, links: Iterable[int]) -> set[int]:
        """Links of the mirror in every layer."""
        return {link + layer * self._links for link in links for layer in range(self.count)}


def _closed(tails: Int64s, heads: Int64s, layer: int, stops: tuple[int, ...]) -> Bools:
    """Whether an arc is at a stop that is not due in a layer."""
    others = [stop for stop in stops if stop not in stops[layer : layer + 2]]
    closed: Bools = np.isin(tails, others) | np.isin(heads, others)
    return closed


def _no_trees(nodes: int) -> tuple[Any, ...]:
    """The group ``trees`` with neither trees nor landmarks."""
    return (
        np.full(nodes, -1, np.int32),
        np.empty((0, nodes), np.uint16),
        np.empty((0, nodes), np.int64),
        np.zeros(0, np.int32),
        np.zeros(nodes, np.int32),
        np.array([0, 0, 1], np.int64),
        np.zeros(0, np.int32),
        np.zeros((nodes, 0), np.int64),
    )
