"""A report for people (one table, planned beside measured) and for scripts (JSON)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from controller.domain.topology import Direction
from controller.domain.units import format_rate
from lab.measure.checks import CARRIED, Check
from lab.measure.expectation import ExpectedLine
from lab.measure.verify import LineReport, Report


def to_text(report: Report) -> RenderableType:
    """The report as rich shows it: which data plane, the table, what failed, and the verdict."""
    parts: list[RenderableType] = [Text(f"data plane: {report.data_plane}"), _table(report)]
    parts += [Text(f"FAILED {failure}", style="red") for failure in failures(report)]
    parts += [Text(f"note: {note}", style="dim") for note in _notes(report)]
    wrong = sum(not line.passed for line in report.lines)
    total = len(report.lines)
    verdict = f"{total - wrong} of {total} lines as planned, measured in {report.seconds:.0f} s"
    if report.idle_sites:
        closed = sum(check.passed for _, check in report.idle_sites)
        verdict += f"; {closed} of {len(report.idle_sites)} sites without a line are closed"
    parts.append(Text(verdict, style="green" if report.passed else "bold red"))
    return Group(*parts)


def failures(report: Report) -> tuple[str, ...]:
    """One line of text for every failed check: which line (or idle site), which check, what was found, and why."""
    told = [f"{line.line}: {_failure(check)}" for line in report.lines for check in line.checks if not check.passed]
    told += [f"site {site}: {_failure(check)}" for site, check in report.idle_sites if not check.passed]
    return tuple(told)


def exit_code(report: Report) -> int:
    """0 when everything is as planned, 1 otherwise."""
    return 0 if report.passed else 1


def to_json(report: Report) -> dict[str, Any]:
    """Plain values: delays are microseconds as numbers, rates bits per second as integers."""
    return {
        "dataPlane": report.data_plane,
        "passed": report.passed,
        "seconds": round(report.seconds, 3),
        "lines": [_line_json(line) for line in report.lines],
        "idleSites": [{"site": site, **_check_json(check)} for site, check in report.idle_sites],
        "failures": list(failures(report)),
    }


def _table(report: Report) -> Table:
    table = Table(
        box=box.SIMPLE,
        caption="Upper row of a line: a to z, lower row: z to a. The first burst of a meter counts as delivered, once.",
    )
    table.add_column("line and route", overflow="fold")
    for heading in ("one way\nplanned", "round trip\nplanned", "round trip\nmeasured", "CIR\n", "delivered\nof 150 %"):
        table.add_column(heading, justify="right")
    for heading in ("frames", "blocked", "isolated"):
        table.add_column(heading)
    changed_over = any(check.name == "change-over" for line in report.lines for check in line.checks)
    if changed_over:
        table.add_column("round trip\nprotected", justify="right")
    table.add_column("")
    for line in report.lines:
        table.add_row(*_row(line, changed_over=changed_over))
    return table


def _row(found: LineReport, *, changed_over: bool) -> list[str | Text]:
    line = found.line
    by_name = {check.name: check for check in found.checks}
    round_trip = "-" if found.round_trip_ns is None else _ms(found.round_trip_ns)
    frames = [by_name[f"frames {direction}"] for direction in Direction]
    rates = [by_name[f"rate {direction}"] for direction in Direction]
    return [
        f"{line} ({line.service_type}, {line.hops} {'hop' if line.hops == 1 else 'hops'})\n{' '.join(line.route)}",
        "\n".join(_ms(line.delay_ns[direction]) for direction in Direction),
        _ms(line.round_trip_ns),
        _marked(round_trip, [by_name["round trip"]]),
        "\n".join(format_rate(line.cir_bps[direction]) for direction in Direction),
        _marked("\n".join(check.measured for check in rates), rates),
        _marked("\n".join(check.measured.split()[0] for check in frames), frames),
        _marked(by_name["blocked"].measured.split()[0], [by_name["blocked"]]) if "blocked" in by_name else "-",
        _marked("yes" if by_name["isolation"].passed else "no", [by_name["isolation"]]),
        *([_protected(by_name.get("change-over"))] if changed_over else []),
        Text("ok", style="green") if found.passed else Text("FAILED", style="bold red"),
    ]


def _protected(check: Check | None) -> Text:
    return Text("-") if check is None else _marked(check.measured, [check])


def _notes(report: Report) -> tuple[str, ...]:
    """What was observed and not judged, summed up over all lines."""
    sent: Counter[str] = Counter()
    carried: Counter[str] = Counter()
    for line in report.lines:
        for seen in line.observations:
            kind = f"{line.line.service_type}, {seen.kind}"
            sent[kind] += 1
            carried[kind] += seen.outcome == CARRIED
    return tuple(f"{kind}: {carried[kind]} of {total} carried unchanged" for kind, total in sorted(sent.items()))


def _marked(text: str, checks: list[Check]) -> Text:
    return Text(text, style="" if all(check.passed for check in checks) else "bold red")


def _failure(check: Check) -> str:
    return f"{check.name}: {check.message} (measured {check.measured}, expected {check.expected})"


def _ms(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.2f} ms"


def _line_json(found: LineReport) -> dict[str, Any]:
    line = found.line
    return {
        "tenant": line.tenant,
        "name": line.name,
        "service": line.service_type,
        "passed": found.passed,
        "route": list(line.route),
        "planned": {
            "delayUs": {way.value: line.delay_ns[way] / 1e3 for way in Direction},
            "roundTripUs": line.round_trip_ns / 1e3,
            "cirBps": {way.value: line.cir_bps[way] for way in Direction},
            "burstBits": {way.value: line.burst_bits[way] for way in Direction},
        }
        | _protect_json(line),
        "measured": {
            "delayUs": None
            if found.one_way_ns is None
            else {way.value: found.one_way_ns[way] / 1e3 for way in Direction},
            "roundTripUs": None if found.round_trip_ns is None else found.round_trip_ns / 1e3,
            "deliveredBps": {way.value: round(found.delivered_bps[way]) for way in Direction},
        },
        "checks": [_check_json(check) for check in found.checks],
        "observations": [
            {"frame": seen.kind, "direction": seen.direction.value, "outcome": seen.outcome}
            for seen in found.observations
        ],
    }


def _protect_json(line: ExpectedLine) -> dict[str, Any]:
    if line.protect is None:
        return {}
    delay_us = {way.value: line.protect.delay_ns[way] / 1e3 for way in Direction}
    return {"protect": {"route": list(line.protect.route), "delayUs": delay_us}}


def _check_json(check: Check) -> dict[str, Any]:
    return {
        "check": check.name,
        "passed": check.passed,
        "measured": check.measured,
        "expected": check.expected,
        "message": check.message,
    }
