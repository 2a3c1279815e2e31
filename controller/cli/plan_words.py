"""What a plan takes and in which order it is carried out, in tables for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from controller.cli.output import columns, say
from controller.domain.units import format_rate
from controller.wire.gen.trunkline.v1 import plan_pb2

# More is for -o json.
_MOST_LINKS_LISTED = 60
_MOST_DEVICES_NAMED = 12


def show_reservations(to: Console, plan: plan_pb2.Plan) -> None:
    """The links that the plan's intents ride: what they have there, and what is then reserved in all."""
    rows = [
        (
            use.link,
            use.direction,
            format_rate(use.plan_bps),
            f"{format_rate(use.reserved_bps)} of {format_rate(use.capacity_bps)}{_slots(use)}",
        )
        for use in plan.links
        if use.plan_bps
    ]
    if not rows:
        return
    columns(to, ("link", "direction", "these", "reserved in all"), rows[:_MOST_LINKS_LISTED])
    if len(rows) > _MOST_LINKS_LISTED:
        say(to, f"and {len(rows) - _MOST_LINKS_LISTED} more; -o json lists them")
    say(to, "")


def show_rounds(to: Console, plan: plan_pb2.Plan) -> None:
    """The rounds with the devices in each."""
    if not plan.rounds:
        return
    rows = [(part.kind, str(part.changes), " ".join(_few(list(part.devices)))) for part in plan.rounds]
    columns(to, ("round", "rules", "devices"), rows)
    say(to, "")


def kept_words(plan: plan_pb2.Plan) -> Iterator[str]:
    """Under which id the plan is kept, and what to do with it."""
    if not plan.plan_id:
        return
    if plan.HasField("hold_expire_time"):
        until = plan.hold_expire_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%SZ")
        yield f"plan {plan.plan_id} holds what it takes until {until}"
    else:
        yield f"plan {plan.plan_id} is kept; it reserves nothing"
    yield f"carry it out: trunkline apply --plan {plan.plan_id}; forget it: trunkline delete plan {plan.plan_id}"


def _slots(use: plan_pb2.LinkUse) -> str:
    return f", {use.slots_used} of {use.slots} slots" if use.slots else ""


def _few(devices: list[str]) -> list[str]:
    more = len(devices) - _MOST_DEVICES_NAMED
    return [*devices[:_MOST_DEVICES_NAMED], *([f"and {more} more"] if more > 0 else [])]
