"""The report of ``bench egress`` for people and for documents."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from controller.bench.rows import Report, Row

HEADINGS = (
    "work", "case", "method", "ms", "CPU ms", "carried %", "mean delay ms", "fullest %", "certified gap", "more",
)  # fmt: skip
MORE = (
    "method",
    "finished",
    "oursOverLp",
    "movedShare",
    "laterUs",
    "split",
    "gatewayFailed",
    "ipmCpuMs",
    "simplexCpuMs",
    "chooseCpuMs",
)


def show(report: Report, to: Console) -> None:
    machine = report.machine
    table = Table(*HEADINGS, title=f"bench egress: {machine['processor']}, {machine['cores']} cores, {machine['date']}")
    for cells in _rows(report):
        table.add_row(*cells)
    to.print(table)
    for note in report.notes:
        to.print(note)


def markdown(report: Report) -> str:
    lines = [_line(HEADINGS), _line("---" for _ in HEADINGS)]
    lines += [_line(cells) for cells in _rows(report)]
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    lines += ["", f"Machine: {machine}."]
    lines += [f"\nLeft out: {note}." for note in report.notes]
    return "\n".join(lines) + "\n"


def _rows(report: Report) -> Iterator[tuple[str, ...]]:
    for row in report.rows:
        size = f"{row.case} ({row.detail['aggregates']} x {row.detail['gateways']})"
        yield (
            row.work,
            size,
            row.engine,
            f"{row.median:g}",
            str(row.detail["cpuMs"]),
            _share(row),
            f"{float(row.detail['meanDelayUs']) / 1e3:.3f}" if "meanDelayUs" in row.detail else "",
            f"{float(row.detail['maxUtilisation']):.1%}"[:-1] if "maxUtilisation" in row.detail else "",
            str(row.detail.get("certifiedGap", "")),
            ", ".join(f"{name} {row.detail[name]}" for name in MORE if name in row.detail),
        )


def _share(row: Row) -> str:
    demand = int(row.detail["demandBps"])
    return f"{100 * int(row.detail['carriedBps']) / demand:.3f}" if demand else ""


def _line(cells: Iterator[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
