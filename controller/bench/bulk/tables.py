"""The reports of ``bench apply`` and ``bench netconf`` for people: a table on the terminal, and one for documents."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from controller.bench.rows import Report, Row

GOALS_S = {"batch-300": 2.0, "single-300": 10.0, "batch-1000": 5.0, "restart-10000": 5.0}
"""The most that a work should take."""
RULES_SHARE = 0.8
"""Of what encoded bytes reach in the same run, the least that our driver should."""

_HEADINGS = ("work", "case", "engine", "median", "p25", "p75", "n", "goal", "detail")
_HIDDEN = ("nodes", "links", "goalMs")


def show(report: Report, to: Console) -> None:
    machine = report.machine
    table = Table(
        *_HEADINGS, title=f"bench {report.bench}: {machine['processor']}, {machine['cores']} cores, {machine['date']}"
    )
    for cells in _rows(report):
        table.add_row(*cells)
    to.print(table)
    for note in report.notes:
        to.print(note)


def markdown(report: Report) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (_HEADINGS, ["---"] * len(_HEADINGS), *_rows(report))]
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    lines += ["", f"Machine: {machine}."]
    lines += [f"\nNote: {note}." for note in report.notes]
    return "\n".join(lines) + "\n"


def _rows(report: Report) -> Iterator[tuple[str, ...]]:
    for row in report.rows:
        detail = ", ".join(f"{name} {value}" for name, value in row.detail.items() if name not in _HIDDEN)
        switches = report.bench == "apply" and "nodes" in row.detail
        case = f"{row.case} ({row.detail['nodes']} switches)" if switches else row.case
        figures = (f"{row.median:g} {row.unit}", f"{row.p25:g}", f"{row.p75:g}", str(row.n))
        yield (row.work, case, row.engine, *figures, _goal(report, row), detail)


def _goal(report: Report, row: Row) -> str:
    if row.engine != "trunkline":
        return ""
    if "goalMs" in row.detail:
        return f"{row.detail['goalMs']} ms"
    if row.work in GOALS_S:
        return f"{GOALS_S[row.work]:g} s"
    encoded = next((one for one in report.rows if (one.work, one.engine) == (row.work, "bytes")), None)
    if encoded is None:
        return ""
    return f"{RULES_SHARE:g} of bytes, is {encoded.median / row.median:.2f}"
