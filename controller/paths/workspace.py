"""What one thread scribbles on while it searches: made once, never cleared."""

from __future__ import annotations

import numpy as np

from controller.paths.kernels.layout import ANSWER, BAR, QUESTION, UNREACHED


class Workspace:
    """The group of arrays ``work`` of ``kernels.layout``. Not for two threads at once."""

    def __init__(self, nodes: int, links: int) -> None:
        self.best = np.full(nodes, UNREACHED, np.int64)
        self.onward = np.full(nodes, -1, np.int32)
        self.heap = np.zeros(2 * links + 2, np.int64)
        self.barred = np.full(links, -1, np.int64)
        self.counters = np.zeros(5, np.int64)
        self.counters[BAR] = -1
        self.trail = np.zeros(nodes, np.int32)
        self.seen = np.zeros(nodes, np.int64)
        self.arrays = (self.best, self.onward, self.heap, self.barred, self.counters, self.trail, self.seen)
        self.question = np.zeros(QUESTION, np.int64)
        self.answer = np.zeros(ANSWER, np.int64)
        # Read as plain integers, which is four times as fast as through the arrays.
        self.trail_cells = self.trail.data
        self.answer_cells = self.answer.data
