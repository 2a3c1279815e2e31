"""All works of ``bench apply``: over Open vSwitch where a lab can run, else over simulated switches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from controller.bench.bulk.figures import ORDERS
from controller.bench.bulk.in_lab import RULES, lab_refusal, lab_rows
from controller.bench.bulk.simulated import RESTART, SIMULATED, simulated_rows
from controller.bench.machine import machine, versions
from controller.bench.rows import Report, Row
from controller.domain.errors import Fault, InvalidInput, Reason

WORKS = (*ORDERS, RULES, SIMULATED, RESTART)
CASES = (Path("topologies/lab-backbone.yaml"), Path("topologies/lab-small.yaml"))
"""The first that is there is the network of the lab, unless another is named."""


def run(works: Sequence[str], case: Path | None, *, seed: int, repetitions: int, tell: Callable[[str], None]) -> Report:
    """Raises ``InvalidInput`` for a work that there is not, ``BenchFailed`` when something is not done right."""
    unknown = [work for work in works if work not in WORKS]
    if unknown:
        message = f"apply has no work called {', '.join(unknown)}: there are {', '.join(WORKS)}"
        raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field="--work", message=message),))
    chosen = list(dict.fromkeys(works)) if works else list(WORKS)
    where = machine()
    for_lab = [work for work in chosen if work in (*ORDERS, RULES)]
    notes: list[str] = []
    rows: list[Row] = []
    refusal = lab_refusal() if for_lab else ""
    if for_lab and not refusal:
        topology_file = next((file for file in CASES if file.exists()), None) if case is None else case
        if topology_file is None:
            message = "names no network: give a topology file, or call the command where topologies/ is"
            raise InvalidInput((Fault(reason=Reason.MISSING_PROPERTY, field="--case", message=message),))
        rows += lab_rows(topology_file, for_lab, seed=seed, repetitions=repetitions, tell=tell)
    elif for_lab:
        notes.append(f"over simulated switches, because {refusal}")
        if RULES in for_lab:
            notes.append(f"{RULES} is left out: it needs Open vSwitch")
    simulated = [work for work in chosen if work not in for_lab or (refusal and work != RULES)]
    if simulated:
        rows += simulated_rows(simulated, seed=seed, repetitions=repetitions, tell=tell)
    rows.sort(key=lambda row: chosen.index(row.work))
    return Report(bench="apply", machine=where, versions=versions(), rows=rows, notes=notes)
