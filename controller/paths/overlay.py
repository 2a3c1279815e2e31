"""A network as it would be with other links and nodes in service: only to be searched.

To put links in and out of service one by one, on trial, and back again, takes as long as a thousand searches. Here the
arrays that searches read are written as a whole: what is free, and -1 where nothing is served.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from controller.domain.topology import Link
from controller.paths.kernels.layout import FREE_BACK, FREE_THERE, GRAPH_ARCS
from controller.paths.workspace import Workspace

if TYPE_CHECKING:
    from controller.paths.network import Network

GRAPH_ALIVE = 7


class Overlay:
    """One for each network; what was shown before is gone when something else is."""

    def __init__(self, network: Network) -> None:
        self._network = network
        mirror = network.mirror
        self._arcs, self._alive = mirror.arcs.copy(), mirror.alive.copy()
        graph = list(mirror.graph)
        graph[GRAPH_ARCS], graph[GRAPH_ALIVE] = self._arcs, self._alive
        work = Workspace(len(mirror.nodes), len(mirror.links))
        self._seen = network.seen_in(mirror.redrawn(tuple(graph), mirror.potentials.arrays, work))

    def show(self, links: Collection[Link], nodes: Collection[str]) -> Network:
        """The network with these links in service and no other, and these nodes beside those that are. Searches alone
        are right on it (``finding.find_paths``): what explains them reads the graph."""
        mirror = self._network.mirror
        np.copyto(self._arcs, mirror.arcs)
        np.copyto(self._alive, mirror.alive)
        self._alive[[mirror.node_number[node] for node in nodes]] = 1
        serving = np.zeros(len(mirror.links), np.bool_)
        serving[[mirror.link_number[link.name] for link in links]] = True
        served = serving[mirror.arc_links]
        free = np.where(served, mirror.free, -1)
        self._arcs[:, FREE_THERE] = free
        self._arcs[:, FREE_BACK] = free[mirror.twins]
        return self._seen
