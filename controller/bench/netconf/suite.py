"""All cases of ``bench netconf``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from controller.bench.bulk.server import BenchFailed
from controller.bench.machine import machine, versions
from controller.bench.netconf import in_lab, one_line, two_phase
from controller.bench.netconf.nodes import running
from controller.bench.rows import Report, Row
from controller.bench.works.setting import QUICK, Effort
from controller.domain.errors import Fault, InvalidInput, Reason

NOT_QUICK = ("100 devices",)
"""Unless it is named: ncclient as it comes takes the better part of a minute over a hundred devices."""


def run(*, works: Sequence[str], cases: Sequence[str], effort: Effort, tell: Callable[[str], None]) -> Report:
    """``InvalidInput`` for a name that is not known, and when this machine has no NETCONF servers; ``BenchFailed`` and
    ``Disagreement`` when something is not done right. Without root there is no ``one line``, and a note says so."""
    known = {**dict.fromkeys(two_phase.CASES, two_phase.WORK), one_line.CASE: one_line.WORK}
    _check("--work", works, tuple(dict.fromkeys(known.values())))
    _check("--case", cases, tuple(known))
    where = machine()
    rows: list[Row] = []
    notes: list[str] = []
    every = [case for case in known if effort is not QUICK or case not in NOT_QUICK]
    for case in cases if cases else every:
        if works and known[case] not in works:
            continue
        tell(f"{known[case]} on {case}")
        if case != one_line.CASE:
            with running(two_phase.CASES[case]) as nodes:
                rows += two_phase.two_phase_rows(case, nodes, repetitions=effort.repetitions)
            continue
        refusal = in_lab.refusal()
        if refusal:
            notes.append(f"{case}: {refusal}")
        else:
            rows += in_lab.rows(repetitions=effort.repetitions, tell=tell)
    if not rows:
        raise BenchFailed(notes[0] if notes else "no case has the works that are named")
    return Report(bench="netconf", machine=where, versions=versions(), rows=tuple(rows), notes=tuple(notes))


def _check(field: str, names: Sequence[str], known: Sequence[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        message = f"bench netconf has no {', '.join(unknown)}: there are {', '.join(known)}"
        raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field=field, message=message),))
