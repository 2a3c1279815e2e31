"""Room for shortest-path trees towards nodes, grown by the kernels as nodes are asked for.

Below a few thousand nodes every node can have its tree. In larger networks the trees share a budget of memory:
a node gets one when it is asked for again (in practice most lines end at few sites), and gives it up for one that is
asked for more often. Nodes without a tree are searched with landmarks (ALT: Goldberg and Harrelson 2005): the
distances from a node to 16 landmarks differ from those of another node by at most their distance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from controller.paths.kernels.layout import FROZEN, NO_SLOT, ROWS_USED, UNREACHED

if TYPE_CHECKING:
    from controller.paths.mirror import Mirror

MEMORY_BYTES = 448 * 2**20
"""For all trees of one network: every node of one of 6,800 nodes, or 2,300 nodes of one of 20,000."""
ROW_BYTES_PER_NODE = 8 + 2
LANDMARKS = 16


class Potentials:
    """The group of arrays ``trees`` of ``kernels.layout``. Rows are grown on demand, by ``kernels.trees``."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        nodes = len(mirror.nodes)
        rows = min(nodes, MEMORY_BYTES // (ROW_BYTES_PER_NODE * max(nodes, 1)))
        self.row_of = np.full(nodes, -1, np.int32)
        # Memory that no tree has grown into costs nothing: the system gives it page by page.
        self.slots = np.empty((rows, nodes), np.uint16)
        self.reach = np.empty((rows, nodes), np.int64)
        self.owners = np.zeros(rows, np.int32)
        self.asked = np.zeros(nodes, np.int32)
        self.state = np.zeros(3, np.int64)
        landmarks = LANDMARKS if rows < nodes else 0
        self.landmarks = np.zeros(landmarks, np.int32)
        self.far = np.zeros((nodes, landmarks), np.int64)
        self.arrays = (
            self.row_of,
            self.slots,
            self.reach,
            self.owners,
            self.asked,
            self.state,
            self.landmarks,
            self.far,
        )
        self._spread_landmarks()

    def forget(self) -> None:
        """The floors have changed: no tree is right any more."""
        self.row_of[:] = -1
        self.state[ROWS_USED] = 0
        self._spread_landmarks()

    def freeze(self, frozen: bool) -> None:
        """Whether searches must do with the trees there are: several threads share them while they are frozen."""
        self.state[FROZEN] = int(frozen)

    def frozen(self) -> tuple[Any, ...]:
        """The same group of arrays, for one of several threads: no search that is handed this one grows a tree."""
        state = self.state.copy()
        state[FROZEN] = 1
        return tuple([state if array is self.state else array for array in self.arrays])

    def _spread_landmarks(self) -> None:
        """Choose landmarks far from each other: each is the node farthest from those before it."""
        if not len(self.landmarks):
            return
        from controller.paths.kernels.trees import grow

        nodes = len(self._mirror.nodes)
        slots = np.full(nodes, NO_SLOT, np.uint16)
        reach = np.empty(nodes, np.int64)
        heap = np.empty(len(self._mirror.arcs) + 2, np.int64)
        nearest = np.full(nodes, UNREACHED, np.int64)
        landmark = 0
        for number in range(len(self.landmarks)):
            grow(self._mirror.graph, heap, landmark, slots, reach)
            if number == 0:  # begin at the rim, wherever the first look was from
                landmark = int(np.where(reach < UNREACHED, reach, -1).argmax())
                grow(self._mirror.graph, heap, landmark, slots, reach)
            self.landmarks[number] = landmark
            self.far[:, number] = reach
            np.minimum(nearest, reach, out=nearest)
            landmark = int(nearest.argmax())
