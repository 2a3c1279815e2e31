"""On how many threads we run: on one, like every peer, and beside that on all cores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from controller.paths.batch import Apply


@dataclass(frozen=True, slots=True)
class Threads:
    """``apply`` spreads jobs over ``workers`` threads (``paths.batch``)."""

    workers: int
    apply: Apply

    @property
    def engine(self) -> str:
        """The name of our row."""
        return "trunkline" if self.workers == 1 else f"trunkline/{self.workers}-threads"


ONE = Threads(1, map)


@cache
def threads() -> Sequence[Threads]:
    """One thread, and where there are more cores, as many threads as cores."""
    cores = len(os.sched_getaffinity(0))
    return (ONE,) if cores == 1 else (ONE, Threads(cores, ThreadPoolExecutor(cores).map))
