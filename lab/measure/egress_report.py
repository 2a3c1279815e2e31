"""What was found of traffic abroad, planned beside measured: a table for people, JSON for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from controller.domain.units import format_rate
from lab.measure.egress import EgressReport


def egress_text(reports: Sequence[EgressReport]) -> RenderableType:
    """One row for each gateway that a policy's traffic from a source is planned to leave by, or was found to."""
    table = Table(
        box=box.SIMPLE, caption="One-way delays to the far end. Probes come from addresses that end in all ways."
    )
    for heading in ("policy", "class", "from", "gateway"):
        table.add_column(heading, overflow="fold")
    for heading in ("rate\nplanned", "one way\nplanned", "one way\nmeasured", "probes"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for report in reports:
        for row in _rows(report):
            table.add_row(*row)
    passed = sum(report.passed for report in reports)
    verdict = Text(
        f"{passed} of {len(reports)} sources' traffic abroad as planned",
        style="green" if passed == len(reports) else "bold red",
    )
    return Group(table, *(Text(f"FAILED {each}", style="red") for each in egress_failures(reports)), verdict)


def egress_failures(reports: Sequence[EgressReport]) -> list[str]:
    return [
        f"{report.traffic.policy} from {report.traffic.source}: {check.name}: {check.message} "
        f"(measured {check.measured}, expected {check.expected})"
        for report in reports
        for check in report.checks
        if not check.passed
    ]


def egress_json(reports: Sequence[EgressReport]) -> list[dict[str, Any]]:
    """Plain values: delays are microseconds as numbers, rates bits per second as integers."""
    return [_json(report) for report in reports]


def _rows(report: EgressReport) -> list[list[str | Text]]:
    traffic = report.traffic
    planned = traffic.by_gateway
    rows: list[list[str | Text]] = []
    for number, gateway in enumerate(sorted({*planned, *report.arrived})):
        exit_ = planned.get(gateway)
        found = report.delay_ns.get(gateway)
        rows.append(
            [
                *((traffic.policy, traffic.traffic_class.value, traffic.source) if not number else ("", "", "")),
                gateway,
                "-" if exit_ is None else format_rate(exit_.rate_bps),
                "-" if exit_ is None else _ms(exit_.delay_ns),
                "-" if found is None else _ms(found),
                f"{report.arrived.get(gateway, 0)} of {report.sent}",
                Text("ok", style="green") if report.passed else Text("FAILED", style="bold red"),
            ]
        )
    return rows


def _json(report: EgressReport) -> dict[str, Any]:
    traffic = report.traffic
    return {
        "policy": traffic.policy,
        "from": traffic.source,
        "site": traffic.site,
        "region": traffic.region,
        "class": traffic.traffic_class.value,
        "passed": report.passed,
        "planned": [
            {"gateway": one.gateway, "rateBps": one.rate_bps, "delayUs": one.delay_ns / 1e3, "nodes": list(one.nodes)}
            for one in traffic.exits
        ],
        "sent": report.sent,
        "measured": [
            {"gateway": gateway, "probes": count, "delayUs": report.delay_ns[gateway] / 1e3}
            for gateway, count in report.arrived.items()
        ],
        "checks": [
            {
                "check": check.name,
                "passed": check.passed,
                "measured": check.measured,
                "expected": check.expected,
                "message": check.message,
            }
            for check in report.checks
        ],
    }


def _ms(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.2f} ms"
