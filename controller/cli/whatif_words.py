"""What failures would do, in words and tables, for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console

from controller.cli.output import columns, say
from controller.cli.words import both_ways, counted, refusal_words
from controller.domain.units import format_delay, format_rate
from controller.wire.gen.trunkline.v1 import path_pb2 as pb
from controller.wire.gen.trunkline.v1 import plan_pb2

# Longer lists help nobody who reads; -o json has everything.
_MOST_OVERLOADS = 3
_MOST_AT_RISK = 40

# What a fate is called as the head of a column. The fates of lines that survive have none: they are one column.
_HEADS = {
    "NO_BANDWIDTH": "no bandwidth",
    "DELAY_BOUND_UNREACHABLE": "too slow",
    "NO_PATH": "cut off",
    "SEARCH_LIMIT": "unproved",
    "END_FAILED": "end fails",
}


def whatif_table(
    header: pb.WhatIfHeader,
    impacts: Sequence[pb.FailureImpact],
    at_risk: Sequence[pb.LineAtRisk],
    plan: plan_pb2.Plan | None,
    *,
    lines: bool,
) -> Callable[[Console], None]:
    """The failures that hit somebody, in the order given; then the lines at risk; ``lines``: then each line hit."""
    hitting = [impact for impact in impacts if impact.hit]

    def show(to: Console) -> None:
        if plan is not None and not plan.feasible:
            say(to, "left out, as there is no place for them even without a failure:")
            for line in refusal_words(plan):
                say(to, line)
            say(to, "")
        if hitting:
            _show_failures(to, hitting)
            say(to, "")
        for impact in hitting if lines else ():
            _show_lines(to, impact)
        if at_risk:
            _show_at_risk(to, at_risk)
            say(to, "")
        say(to, _summary(header, impacts, at_risk))

    return show


def _show_failures(to: Console, impacts: Sequence[pb.FailureImpact]) -> None:
    fates = [fate for fate in _HEADS if any(impact.fates[fate] for impact in impacts)]
    heads = ("failure", "hit", "survive", "worst delay", "longer by", *(_HEADS[fate] for fate in fates), "overloads")
    rows = [
        (
            _name(impact),
            str(impact.hit),
            str(impact.survive),
            format_delay(impact.worst_delay_ns) if impact.HasField("worst_delay_ns") else "-",
            format_delay(impact.worst_extra_delay_ns) if impact.HasField("worst_extra_delay_ns") else "-",
            *(str(impact.fates[fate]) for fate in fates),
            _overloads(impact),
        )
        for impact in impacts
    ]
    columns(to, heads, rows)


def _show_lines(to: Console, impact: pb.FailureImpact) -> None:
    say(to, f"{_name(impact)}:")
    rows = [
        (
            f"{line.tenant}/{line.name}",
            line.fate,
            _delay(line.before_ns),
            _delay(line.after_ns) if line.HasField("after_ns") else "-",
        )
        for line in impact.lines
    ]
    columns(to, ("line", "fate", "delay now", "delay then"), rows)
    say(to, "")


def _show_at_risk(to: Console, at_risk: Sequence[pb.LineAtRisk]) -> None:
    rows = [
        (
            f"{line.tenant}/{line.name}",
            str(line.hit_by),
            str(line.lost_by),
            " ".join(line.lost_to) + (" ..." if line.lost_by > len(line.lost_to) else ""),
        )
        for line in at_risk[:_MOST_AT_RISK]
    ]
    columns(to, ("line at risk", "hit by", "lost by", "lost to"), rows)
    if len(at_risk) > _MOST_AT_RISK:
        say(to, f"and {len(at_risk) - _MOST_AT_RISK} more; -o json lists them")


def _summary(header: pb.WhatIfHeader, impacts: Sequence[pb.FailureImpact], at_risk: Sequence[pb.LineAtRisk]) -> str:
    tried = f"{counted(len(impacts), 'failure')} tried on {counted(header.lines, 'line')}"
    hitting = sum(impact.hit > 0 for impact in impacts)
    losing = sum(impact.lost > 0 for impact in impacts)
    if not losing:
        return f"{tried}: lines are hit by {hitting}; none is lost while both its ends stand"
    return f"{tried}: lines are hit by {hitting}, lost by {losing}; {counted(len(at_risk), 'line')} at risk"


def _name(impact: pb.FailureImpact) -> str:
    return "+".join(f"{part.element}/{part.name}" for part in impact.failure)


def _overloads(impact: pb.FailureImpact) -> str:
    worst = sorted(impact.overloads, key=lambda over: (-over.excess_bps, over.link, over.direction))
    shown = [f"{over.link} {over.direction} by {format_rate(over.excess_bps)}" for over in worst[:_MOST_OVERLOADS]]
    more = [f"and {len(worst) - _MOST_OVERLOADS} more"] if len(worst) > _MOST_OVERLOADS else []
    return ", ".join(shown + more)


def _delay(delay_ns: plan_pb2.DelayNs) -> str:
    return both_ways(format_delay, delay_ns.a_to_z, delay_ns.z_to_a)
