"""What one thread scribbles on while it looks for pairs of routes: made once, cleared by what was written."""

from __future__ import annotations

import numpy as np

from controller.paths.kernels.layout import UNREACHED


class PairWorkspace:
    """The group of arrays ``room`` of ``kernels.pairs``. Not for two threads at once."""

    def __init__(self, nodes: int, links: int) -> None:
        self.trails = np.zeros((2, nodes), np.int32)
        self.arrays = (
            np.full(nodes, UNREACHED, np.int64),
            np.full(2 * nodes, UNREACHED, np.int64),
            np.zeros(2 * nodes, np.int32),
            np.zeros(2 * nodes, np.int32),
            np.zeros(2 * links, np.int8),
            np.full(nodes, -1, np.int32),
            np.zeros(4 * links + 3 * nodes + 8, np.int64),
            np.zeros(2 * nodes, np.int8),
            np.zeros(2 * nodes, np.int32),
            np.zeros(2 * nodes, np.int32),
            np.zeros(4 * nodes, np.int32),
            np.zeros(3, np.int64),
            np.zeros(4 * nodes, np.int32),
            self.trails,
        )
