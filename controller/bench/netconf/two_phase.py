"""The whole NETCONF side of a transaction over many devices: lock, edit, confirmed commit, read back, confirm, unlock.

Ours has the durable journal in it and checks every payload against the model; ncclient's ways have neither. Engines
take turns, each with sessions of its own that are opened before and closed after its turn, outside the time. ``cpuMs``
is what this process computed for one repetition, its preparation and check included, the devices not: a busy machine
changes that little.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from statistics import median

from controller.bench.goals import OURS
from controller.bench.netconf import ncclients, ours
from controller.bench.netconf.exchange import FIRST, change
from controller.bench.netconf.nodes import Nodes
from controller.bench.netconf.turns import TURNS, repeated, takes_part
from controller.bench.rows import Row, row_of
from controller.domain.rules import Change

WORK = "two-phase"
CASES = {"12 devices": 12, "100 devices": 100}
GOALS_MS = {"12 devices": 100, "100 devices": 1_000}


def two_phase_rows(case: str, nodes: Nodes, *, repetitions: int) -> list[Row]:
    """A row for each engine, with as many repetitions as it had time for. Raises ``Disagreement``."""
    figures: dict[str, list[float]] = {OURS: [], **{way.name: [] for way in ncclients.WAYS}}
    computed: dict[str, list[float]] = {engine: [] for engine in figures}
    numbers = count()
    each = max(1, repetitions // TURNS)
    for turn in range(TURNS):
        with ours.connected(nodes) as one:
            if turn == 0:
                one.run(FIRST)
            figures[OURS] += repeated(_next(one.run, numbers, computed[OURS]), each)
        for way in (way for way in ncclients.WAYS if takes_part(figures[way.name])):
            with ncclients.connected(nodes, way) as sessions:
                figures[way.name] += repeated(_next(sessions.run, numbers, computed[way.name]), each)
    devices = len(nodes.devices)
    ours_only = {"goalMs": GOALS_MS[case], "journal": True}
    return [
        row_of(
            work=WORK,
            case=case,
            engine=engine,
            unit="ms",
            figures=found,
            detail={
                "nodes": devices,
                "cpuMs": round(median(computed[engine])),
                **(ours_only if engine == OURS else {}),
            },
        )
        for engine, found in figures.items()
    ]


def _next(run: Callable[[Change], float], numbers: Iterator[int], computed: list[float]) -> Callable[[], float]:
    def one() -> float:
        begin = time.process_time()
        seconds = run(change(next(numbers)))
        computed.append((time.process_time() - begin) * 1e3)
        return seconds

    return one
