"""Egress of a plan in a table: what leaves where, how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console

from controller.cli.output import columns, say
from controller.domain.units import format_delay, format_rate
from controller.wire.gen.trunkline.v1 import plan_pb2

if TYPE_CHECKING:
    from controller.compiler.egress import EgressPlan

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


def unpoliced_json(egress: EgressPlan) -> dict[str, Any]:
    """What a plan's JSON has under ``egress``: the traffic of the matrix that no policy is for, flow by flow."""
    return {
        "unpoliced": [
            {
                "from": one.aggregate.source,
                "to": one.aggregate.to_region,
                "class": str(one.aggregate.traffic_class),
                "demandBps": one.aggregate.rate_bps,
                "carriedBps": one.carried_bps,
                "assignments": [
                    {
                        "gateway": share.gateway,
                        "rateBps": share.rate_bps,
                        "delayUs": share.delay_ns / 1000,
                        "nodes": list(share.nodes),
                        "links": list(share.links),
                    }
                    for share in one.assignments
                ],
                "reasons": []
                if one.refusal is None
                else [{"reason": str(one.refusal.reason), "message": one.refusal.message}],
            }
            for one in egress.unpoliced
        ]
    }


def show_unpoliced(to: Console, egress: EgressPlan) -> None:
    """The same as a table, what is not carried behind; nothing if policies are for all."""
    if not egress.unpoliced:
        return
    rows = [
        (
            one.aggregate.source,
            one.aggregate.to_region,
            str(one.aggregate.traffic_class),
            format_rate(one.aggregate.rate_bps),
            format_rate(one.carried_bps),
            " ".join(f"{share.gateway}:{format_rate(share.rate_bps)}" for share in one.assignments),
        )
        for one in egress.unpoliced
    ]
    say(to, "")
    say(to, "in the matrix, without a policy:")
    columns(to, ("from", "to", "class", "rate", "carried", "gateways"), rows[:_MOST_LISTED])
    if len(rows) > _MOST_LISTED:
        say(to, f"and {len(rows) - _MOST_LISTED} more; -o json lists them")
    short = [one for one in egress.unpoliced if one.refusal is not None]
    for one in short[:_MOST_LISTED]:
        flow = f"{one.aggregate.traffic_class} from {one.aggregate.source} to {one.aggregate.to_region}"
        assert one.refusal is not None
        say(to, f"{flow}: {one.refusal.message} [{one.refusal.reason}]")
