"""Egress of a plan in a table: what leaves where, how fast."""

from __future__ import annotations

from rich.console import Console

from controller.cli.output import columns, say
from controller.domain.units import format_delay, format_rate
from controller.wire.gen.trunkline.v1 import plan_pb2

_MOST_LISTED = 40


def show_egress(to: Console, plan: plan_pb2.Plan) -> None:
    """Each policy's traffic by source and gateway; nothing if no policy was planned."""
    rows = [
        (
            f"{verdict.tenant}/{verdict.name}",
            one.traffic_class,
            one.source,
            one.gateway,
            format_rate(one.rate_bps),
            format_delay(one.delay_ns),
            " ".join(one.nodes),
        )
        for verdict in plan.intents
        for one in verdict.assignments
    ]
    if not rows:
        return
    columns(to, ("policy", "class", "from", "gateway", "rate", "delay", "route"), rows[:_MOST_LISTED])
    if len(rows) > _MOST_LISTED:
        say(to, f"and {len(rows) - _MOST_LISTED} more; -o json lists them")
    say(to, "")


def rate_in_all(verdict: plan_pb2.Verdict) -> str:
    """What of a policy's traffic is carried."""
    return format_rate(sum(one.rate_bps for one in verdict.assignments))
