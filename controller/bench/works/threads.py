"""On how many threads we run: on one, like every peer, and beside that on all cores.

The row called ``trunkline`` is always what a user gets without asking for anything else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from controller.paths.batch import Apply


@dataclass(frozen=True, slots=True)
class Threads:
    """``apply`` spreads jobs over ``workers`` threads (``paths.batch``); ``engine``: the name of our row."""

    workers: int
    apply: Apply
    engine: str = "trunkline"


ONE = Threads(1, map)


@cache
def threads() -> Sequence[Threads]:
    """One thread, and where there are more cores, as many threads as cores."""
    cores = _cores()
    return (ONE,) if cores == 1 else (ONE, Threads(cores, _pool(cores).map, f"trunkline/{cores}-threads"))


@cache
def threads_by_default() -> Sequence[Threads]:
    """All cores, as a command that has nothing else to do takes them; and one thread alone, as the peers have."""
    cores = _cores()
    return (ONE,) if cores == 1 else (Threads(cores, _pool(cores).map), Threads(1, map, "trunkline/1-thread"))


def _cores() -> int:
    return len(os.sched_getaffinity(0))


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers)
