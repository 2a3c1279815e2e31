"""What one thread scribbles on while it ranks routes: made once, larger when a question needs it."""

from __future__ import annotations

import numpy as np

from controller.paths.kernels.layout import UNREACHED
from controller.paths.kernels.rank_layout import SET

ROOM = 64
"""Room for this many of the longest routes to begin with."""


class RankWorkspace:
    """The group of arrays ``fan`` of ``kernels.rank_layout``. Not for two threads at once."""

    def __init__(self, nodes: int) -> None:
        self._nodes = nodes
        self._room = ROOM
        self._seen = np.zeros((nodes, 2), np.int64)
        self._rest = np.full(nodes, UNREACHED, np.int64)
        self.count = np.zeros(4, np.int64)
        self.found = np.zeros((0, 2), np.int64)
        self._furnish()

    def _furnish(self) -> None:
        size = self._room * max(self._nodes, 8)
        self.store = np.zeros(size, np.int32)
        self._sets = np.zeros((size, SET), np.int64)
        self._heap = np.zeros(size, np.int64)
        self._gather()

    def _gather(self) -> None:
        self.arrays = (self.store, self._sets, self._heap, self._seen, self._rest, self.found, self.count)

    def prepare(self, k: int) -> None:
        """Make room for ``k`` routes."""
        if len(self.found) < k:
            self.found = np.zeros((k, 2), np.int64)
            self._gather()

    def grow(self) -> None:
        self._room *= 2
        self._furnish()
