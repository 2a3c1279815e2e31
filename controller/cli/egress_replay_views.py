"""A series played through, for people and as plain data. Delays are microseconds there, rates integer bits a second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console

from controller.cli.egress_figures import in_ms, rough_rate
from controller.cli.output import columns, say
from controller.cli.words import counted
from controller.compiler.egress_replay import Step
from controller.egress.damping import Why

Json = dict[str, Any]
_HEADERS = (
    "cycle", "at", "demand", "carried", "moved", "needed", "held", "mean", "optimum", "p95", "fullest", "gap", "",
)  # fmt: skip

WHY_WORDS = {
    Why.SMALL: "gain too small a share of the delay",
    Why.EARLY: "not worth it for long enough yet",
    Why.BOUND: "beyond what may move in a cycle",
    Why.NO_ROOM: "no room where they would go",
    Why.URGENT: "only what is needed moved then",
}


def replay_json(topology: str, every_s: int, steps: Sequence[Step]) -> Json:
    """``overBps``: sent to gateways beyond what they may carry, as no more may move yet, and lost there."""
    return {
        "topology": topology,
        "everySeconds": every_s,
        "cycles": [
            {
                "cycle": step.name,
                "atSeconds": number * every_s,
                "urgent": step.urgent,
                "away": list(step.closed),
                "demandBps": step.demand_bps,
                "carriedBps": step.carried_bps,
                "movedBps": step.moved_bps,
                "neededBps": step.needed_bps,
                "heldBps": {why.name: bps for why, bps in sorted(step.held_bps.items())},
                "overBps": dict(step.over_bps),
                "delayUs": {"mean": _us(step.mean_ns), "p95": _us(step.p95_ns)},
                "fullest": {"gateway": step.fullest[0], "share": round(step.fullest[1], 6)},
                "gap": step.gap,
                "optimum": {
                    "meanDelayUs": _us(step.optimum_mean_ns),
                    "carriedBps": step.optimum_carried_bps,
                    "movedBps": step.optimum_moved_bps,
                },
                "rules": {
                    name: {"carriedShare": round(carried, 6), "meanDelayUs": _us(mean_ns)}
                    for name, (carried, mean_ns) in step.rules.items()
                },
            }
            for number, step in enumerate(steps)
        ],
    }


def replay_table(every_s: int, steps: Sequence[Step]) -> Callable[[Console], None]:
    """A line a cycle, and what all of it comes to."""

    def show(to: Console) -> None:
        columns(to, _HEADERS, [_row(step, number * every_s) for number, step in enumerate(steps)])
        say(to, "")
        for line in _sums(steps):
            say(to, line)

    return show


def _row(step: Step, at_s: int) -> tuple[str, ...]:
    name, share = step.fullest
    notes = ["urgent"] if step.urgent else []
    notes += [f"{gateway} away" for gateway in step.closed]
    notes += [f"{gateway} {rough_rate(bps)} above its cap" for gateway, bps in step.over_bps.items()]
    return (
        step.name,
        f"{at_s}s",
        rough_rate(step.demand_bps),
        f"{step.carried_bps / step.demand_bps:.2%}" if step.demand_bps else "",
        rough_rate(step.moved_bps) if step.moved_bps else "",
        rough_rate(step.needed_bps) if step.needed_bps else "",
        rough_rate(sum(step.held_bps.values())) if step.held_bps else "",
        in_ms(step.mean_ns),
        in_ms(step.optimum_mean_ns),
        in_ms(step.p95_ns),
        f"{name} {share:.1%}",
        f"{step.gap:.3%}",
        ", ".join(notes),
    )


def _sums(steps: Sequence[Step]) -> list[str]:
    demand = sum(step.demand_bps for step in steps)
    if not demand:
        return ["there is no traffic to carry"]
    moved = sum(step.moved_bps for step in steps)
    free = sum(step.optimum_moved_bps for step in steps)
    carried = sum(step.carried_bps for step in steps)
    best = sum(step.optimum_carried_bps for step in steps)
    found = [
        f"{counted(len(steps), 'cycle')}: {carried / demand:.3%} carried (the optimum: {best / demand:.3%}), "
        f"{moved / demand:.3%} moved a cycle (the optimum, each cycle from nothing: {free / demand:.3%})"
    ]
    both = [step for step in steps if step.mean_ns is not None and step.optimum_mean_ns is not None]
    if both:
        weight = sum(step.carried_bps for step in both)
        later = sum(((step.mean_ns or 0) - (step.optimum_mean_ns or 0)) * step.carried_bps for step in both)
        found.append(f"mean delay: {in_ms(later / weight if weight else 0.0)} more than the optimum's")
    held: Counter[Why] = Counter()
    for step in steps:
        held.update(step.held_bps)
    found += [f"held back, all cycles added up: {rough_rate(held[why])} {WHY_WORDS[why]}" for why in sorted(held)]
    return found


def _us(value_ns: float | None) -> float | None:
    return None if value_ns is None else value_ns / 1000
