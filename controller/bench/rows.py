"""Figures: what an engine took for a piece of work in a case; a report of many, and back from JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

Detail = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Median and quartiles of ``n`` repetitions, in ``unit`` (``us`` per question, or ``ms`` per run); ``detail`` tells
    what the figures do not, above all where fewer questions were asked than of other engines."""

    work: str
    case: str
    engine: str
    unit: str
    median: float
    p25: float
    p75: float
    n: int
    detail: Detail = field(default_factory=dict)

    @property
    def library(self) -> str:
        """``networkx`` of ``networkx/dijkstra-weight``."""
        return self.engine.partition("/")[0]

    def as_json(self) -> dict[str, Any]:
        return {
            "work": self.work,
            "case": self.case,
            "engine": self.engine,
            "unit": self.unit,
            "median": self.median,
            "p25": self.p25,
            "p75": self.p75,
            "n": self.n,
            "detail": dict(self.detail),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a bench found, where, and with which versions; ``notes`` say what was left out, and why."""

    bench: str
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        notes = {"notes": list(self.notes)} if self.notes else {}
        return {
            "bench": self.bench,
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            **notes,
            "rows": [row.as_json() for row in self.rows],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """What ``as_json`` gave. ``KeyError`` or ``TypeError`` for anything else."""
        return cls(
            bench=data["bench"],
            machine=data["machine"],
            versions=data["versions"],
            rows=tuple(Row(**row) for row in data["rows"]),
            notes=tuple(data.get("notes", ())),
        )


def row_of(*, work: str, case: str, engine: str, unit: str, figures: Sequence[float], detail: Detail) -> Row:
    """The row of at least one figure. Quartiles are by linear interpolation (type 7 of Hyndman and Fan 1996)."""
    low, _, high = quantiles(figures, n=4, method="inclusive") if len(figures) > 1 else (figures[0],) * 3
    return Row(
        work=work,
        case=case,
        engine=engine,
        unit=unit,
        median=_short(median(figures)),
        p25=_short(low),
        p75=_short(high),
        n=len(figures),
        detail=detail,
    )


def _short(figure: float) -> float:
    """Four significant digits: more are noise."""
    return float(f"{figure:.4g}")
