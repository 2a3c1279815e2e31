"""All of ``bench egress``: each work on each instance, and the notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec

from controller.bench.egress.highs import METHODS
from controller.bench.egress.instances import BACKBONE, CAPPED, FULL, LIMITED, OVERLOADED
from controller.bench.egress.setting import Setting
from controller.bench.egress.works import ASSIGN, FAILURE, WORKS, assign, churn, damped_churn, failure
from controller.bench.machine import machine, versions
from controller.bench.rows import Report, Row
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.egress.warm import warm

DEFAULT_CASES = (BACKBONE, FULL, LIMITED, OVERLOADED, CAPPED)
QUICK_CASES = (BACKBONE, LIMITED)
QUICK_AGGREGATES = 5_000
REPETITIONS, QUICK_REPETITIONS = 5, 2
LP_SECONDS, QUICK_LP_SECONDS = 300.0, 30.0
"""After which a method of HiGHS is given up: then the figure is at least that."""


def run(
    works: Sequence[str],
    cases: Sequence[str],
    *,
    seed: int,
    quick: bool,
    tell: Callable[[str], None],
    lp_seconds: float | None = None,
) -> Report:
    """``lp_seconds``: after which each method of HiGHS is given up, if not after what is usual.

    ``InvalidInput`` for a name that is not known; ``Wrong`` if HiGHS finds what the certificate rules out.
    """
    unknown = [work for work in works if work not in WORKS]
    if unknown:
        message = f"egress has no work called {', '.join(unknown)}: there are {', '.join(WORKS)}"
        raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field="--work", message=message),))
    chosen = [work for work in WORKS if work in works or not works]
    with_lp = find_spec("highspy") is not None
    where = machine()
    warm()
    rows: list[Row] = []
    for case in cases if cases else (QUICK_CASES if quick else DEFAULT_CASES):
        tell(f"making {case}")
        setting = Setting.of(case, seed, QUICK_AGGREGATES if quick else None)
        for work in chosen:
            tell(f"{work} on {case}")
            rows += _rows(work, setting, quick, with_lp, lp_seconds)
    notes = () if with_lp else ("highspy is not installed: pip install 'trunkline[bench]'",)
    return Report(bench="egress", machine=where, versions=versions(), rows=rows, notes=notes)


def _rows(work: str, setting: Setting, quick: bool, with_lp: bool, lp_seconds: float | None) -> Iterator[Row]:
    repetitions = QUICK_REPETITIONS if quick else REPETITIONS
    if work == ASSIGN:
        usual = QUICK_LP_SECONDS if quick else LP_SECONDS
        seconds = usual if lp_seconds is None else lp_seconds
        yield from assign(setting, repetitions, METHODS if with_lp else (), seconds)
    elif work == FAILURE:
        yield from failure(setting, repetitions)
    else:
        yield from churn(setting)
        yield damped_churn(setting)
