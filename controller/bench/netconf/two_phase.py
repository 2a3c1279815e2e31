"""The whole NETCONF side of a transaction over many devices: lock, edit, confirmed commit, read back, confirm, unlock.

Ours has the durable journal in it and checks every payload against the model; ncclient's ways have neither. Engines
take turns, each with sessions of its own that are opened before and closed after its turn, outside the time.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice

from controller.bench.goals import OURS
from controller.bench.machine import machine, versions
from controller.bench.netconf import ncclients, ours
from controller.bench.netconf.exchange import FIRST, change
from controller.bench.netconf.nodes import Nodes, running
from controller.bench.rows import Report, Row, row_of
from controller.bench.works.setting import Effort
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.rules import Change

WORK = "two-phase"
CASES = {"12 devices": 12, "100 devices": 100}
GOALS_MS = {"12 devices": 100, "100 devices": 1_000}
TURNS = 3
"""Each engine is connected so often; all its repetitions are spread over these."""
NOTES = ("one line: request to verified over packet and optical nodes, when a plan spans both",)


def run(*, works: Sequence[str], cases: Sequence[str], effort: Effort, tell: Callable[[str], None]) -> Report:
    """``InvalidInput`` for a name that is not known, and when this machine has no NETCONF servers."""
    _check("--work", works, (WORK,))
    _check("--case", cases, tuple(CASES))
    where = machine()
    rows: list[Row] = []
    for case in cases if cases else CASES:
        tell(f"{WORK} on {case}")
        with running(CASES[case]) as nodes:
            rows += _rows(case, nodes, effort)
    return Report(bench="netconf", machine=where, versions=versions(), rows=tuple(rows), notes=NOTES)


def _rows(case: str, nodes: Nodes, effort: Effort) -> list[Row]:
    figures: dict[str, list[float]] = {OURS: [], **{way.name: [] for way in ncclients.WAYS}}
    numbers = count()
    with ours.connected(nodes) as one:
        one.run(FIRST)
    for _ in range(TURNS):
        with ours.connected(nodes) as one:
            figures[OURS] += _repeated(one.run, numbers, effort.repetitions // TURNS)
        for way in ncclients.WAYS:
            with ncclients.connected(nodes, way) as sessions:
                # In sequence a hundred devices take half a minute as it comes: once a turn is enough to see that.
                times = effort.repetitions // TURNS if way.threads else 1
                figures[way.name] += _repeated(sessions.run, numbers, times)
    devices = len(nodes.devices)
    ours_only = {"goalMs": GOALS_MS[case], "journal": True}
    return [
        row_of(
            work=WORK,
            case=case,
            engine=engine,
            unit="ms",
            figures=found,
            detail={"nodes": devices, **(ours_only if engine == OURS else {})},
        )
        for engine, found in figures.items()
    ]


def _repeated(run: Callable[[Change], float], numbers: Iterator[int], times: int) -> list[float]:
    """Milliseconds of each repetition. Garbage is collected between, never while something is timed."""
    figures = []
    for number in islice(numbers, times):
        gc.collect()
        gc.disable()
        try:
            figures.append(run(change(number)) * 1e3)
        finally:
            gc.enable()
    return figures


def _check(field: str, names: Sequence[str], known: Sequence[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        message = f"bench netconf has no {', '.join(unknown)}: there are {', '.join(known)}"
        raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field=field, message=message),))
