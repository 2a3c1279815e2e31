"""Reports for people: a table on the terminal, and one for documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table

from controller.bench.goals import GOALS, Goal, standings
from controller.bench.rows import Report, Row

HEADINGS = ("work", "case", "trunkline", "best of networkx", "ratio", "goal", "best other", "ratio", "goal")


def show(report: Report, to: Console) -> None:
    """How we stand, then every row."""
    standing = Table(*HEADINGS, title=_title(report))
    for cells in _standing_rows(report):
        standing.add_row(*cells)
    to.print(standing)
    rows = Table("work", "case", "engine", "median", "p25", "p75", "n", "detail")
    for row in report.rows:
        detail = ", ".join(f"{name} {value}" for name, value in row.detail.items() if name not in ("nodes", "links"))
        figures = (f"{row.median:g} {row.unit}", f"{row.p25:g}", f"{row.p75:g}", str(row.n))
        rows.add_row(row.work, row.case, row.engine, *figures, detail)
    to.print(rows)
    for note in report.notes:
        to.print(note)


def markdown(report: Report) -> str:
    """How we stand, as a table in Markdown, with the machine and the versions below."""
    lines = [_cells(HEADINGS), _cells("---" for _ in HEADINGS)]
    lines += map(_cells, _standing_rows(report))
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in report.versions.items())
    weighed = [row for row in report.rows if "networkMb" in row.detail]
    if weighed:
        memory = ", ".join(f"{row.case} {row.detail['networkMb']} MB" for row in weighed)
        lines += ["", f"Memory of a network, its networkx graph and trees to all sites included: {memory}."]
    lines += ["", f"Machine: {machine}.", "", f"Versions: {versions}."]
    lines += [f"\nLeft out: {note}." for note in report.notes]
    return "\n".join(lines) + "\n"


def _title(report: Report) -> str:
    machine = report.machine
    return f"bench {report.bench}: {machine['processor']}, {machine['cores']} cores, {machine['date']}"


def _standing_rows(report: Report) -> Iterator[tuple[str, ...]]:
    for standing in standings(report.rows):
        ours = standing.ours
        goal = GOALS.get(ours.work, Goal())
        yield (
            ours.work,
            f"{ours.case} ({ours.detail['nodes']})",
            _figure(ours),
            *_against(standing.networkx, standing.over_networkx, goal.networkx),
            *_against(standing.peer, standing.over_peer, goal.peer),
        )


def _against(row: Row | None, ratio: float | None, goal: float | None) -> tuple[str, str, str]:
    """(the other's figure and name, how many times ours it is, the goal)."""
    asked = "" if goal is None else f"{goal:.3g}"
    if row is None or ratio is None:
        return "", "", asked
    extrapolated = " extrapolated" if row.detail.get("extrapolated") else ""
    return f"{_figure(row)} {row.engine}{extrapolated}", f"{ratio:.3g}", asked


def _figure(row: Row) -> str:
    return f"{row.median:g} {row.unit}"


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
