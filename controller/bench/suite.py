"""All works in all their cases, one after the other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

from controller.bench.cases import DEFAULT_CASES, case_named
from controller.bench.cpp.reference import COMPILER, compiler_found
from controller.bench.machine import machine, versions
from controller.bench.peers.roster import missing
from controller.bench.rows import Report, Row, row_of
from controller.bench.timing import interleaved
from controller.bench.works import admission, batch, bounded, call, disjoint, failure, ranked, reference, whatif
from controller.bench.works.setting import Effort, Setting, Work
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.paths.warm import warm

LARGE = ("caida/AS7018", "backbone/world")
WORKS = (
    Work(name="single-batch", unit="us", contenders=batch.one_direction, cases=DEFAULT_CASES),
    Work(name="single-batch-corouted", unit="us", contenders=batch.corouted, cases=DEFAULT_CASES),
    Work(name="single-call", unit="us", contenders=call.contenders, cases=DEFAULT_CASES),
    Work(name="cost-bounded", unit="us", contenders=bounded.contenders, cases=DEFAULT_CASES[:5]),
    Work(name="admission", unit="us", contenders=admission.contenders, cases=DEFAULT_CASES),
    Work(name="disjoint", unit="us", contenders=disjoint.contenders, cases=DEFAULT_CASES),
    Work(name="k8", unit="us", contenders=ranked.contenders, cases=DEFAULT_CASES[:5]),
    Work(name="failure", unit="ms", contenders=failure.contenders, cases=DEFAULT_CASES),
    Work(name="whatif", unit="ms", contenders=whatif.contenders, cases=LARGE),
    Work(name="cpp", unit="us", contenders=reference.contenders, cases=DEFAULT_CASES),
)
BENCHES = {"paths": WORKS}


def run(
    bench: str, *, works: Sequence[str], cases: Sequence[str], seed: int, effort: Effort, tell: Callable[[str], None]
) -> Report:
    """Run a bench: the ``works`` and ``cases`` named, or by default all that belong to it, as far as ``effort`` goes.
    ``tell`` hears of progress.

    ``InvalidInput`` for a name that is not known, before anything is timed; ``Disagreement`` when engines differ.
    """
    chosen = _chosen(bench, works)
    named = {name: case_named(name, seed) for name in cases}
    where = machine()
    warm()  # before anything is timed or weighed
    rows: list[Row] = []
    for work in chosen:
        for name in cases or work.cases[: effort.cases]:
            tell(f"{work.name} on {name}")
            case = named[name] if name in named else case_named(name, seed)
            setting = Setting(case=case, seed=seed, effort=effort)
            rows += _rows(work, setting)
    return Report(bench=bench, machine=where, versions=versions(), rows=tuple(rows), notes=_left_out())


def _rows(work: Work, setting: Setting) -> list[Row]:
    with warnings.catch_warnings():
        # igraph warns of every pair that has no route; the answers tell.
        warnings.filterwarnings("ignore", message="Couldn't reach", category=RuntimeWarning)
        contenders = work.contenders(setting)
        figures = interleaved(contenders, setting.effort.repetitions)
    topology = setting.case.topology
    size = {"nodes": len(topology.nodes), "links": len(topology.links)}
    return [
        row_of(
            work=work.name,
            case=setting.case.name,
            engine=contender.name,
            unit=work.unit,
            figures=figures[contender.name],
            detail={**size, **contender.detail()},
        )
        for contender in contenders
    ]


def _left_out() -> list[str]:
    """Who cannot take part on this machine."""
    notes = [f"{library} is not installed: pip install 'trunkline[bench]'" for library in missing()]
    if not compiler_found():
        notes.append(f"{COMPILER} is not installed: no reference in C++")
    return notes


def _chosen(bench: str, works: Sequence[str]) -> list[Work]:
    known = {work.name: work for work in BENCHES[bench]}
    unknown = [name for name in works if name not in known]
    if unknown:
        message = f"{bench} has no work called {', '.join(unknown)}: there are {', '.join(known)}"
        raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field="--work", message=message),))
    return [known[name] for name in works] if works else list(known.values())
