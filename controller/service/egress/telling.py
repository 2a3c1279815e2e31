"""What a cycle has to say in words: reasons in its report, and its line in the log."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from controller.compiler.egress import EgressPlan
from controller.compiler.egress_conditions import Taken
from controller.compiler.egress_elsewhere import much
from controller.compiler.egress_use import ClassUse, class_uses, nowhere_bps
from controller.compiler.steering.resources import Exceeded
from controller.domain.egress import EgressPolicy
from controller.domain.steering import Steering
from controller.domain.topology import Topology
from controller.domain.units import format_rate
from controller.service.egress.measuring import Measured
from controller.service.egress.report import CycleReport, Ending

log = logging.getLogger(__name__)

MOST_REASONS: Final = 10
_MOST_TOLD: Final = 3
NEARLY_NOTHING: Final = 1e-3
"""Of a class: less than this share is not worth a word."""


def first(reasons: Sequence[str]) -> Iterator[str]:
    """There may be one for each of thousands of aggregates."""
    yield from reasons[:MOST_REASONS]
    if len(reasons) > MOST_REASONS:
        yield f"and {len(reasons) - MOST_REASONS} more like these"


def unknown_regions(steering: Steering, policies: Iterable[EgressPolicy]) -> Iterator[str]:
    """A region that nobody knows a prefix of cannot be told from elsewhere by any rule."""
    known = {group.region for group in steering.groups}
    unknown = sorted({policy.to_region for policy in policies} - known)
    if unknown:
        yield (
            f"no prefix is known to be in {', '.join(unknown)} (no routes, no prefixes in policies): what is sent "
            "there leaves as all that is for elsewhere"
        )


def not_carried(egress: EgressPlan) -> Iterator[str]:
    """What is not carried as it should be is sent all the same, for as long as any gateway leads there."""
    if egress.solved is None:
        return
    short = {use: use.demand_bps - use.carried_bps for use in class_uses(egress.solved)}
    if not any(short.values()):
        return
    nowhere = nowhere_bps(egress.solved)
    forbidden = [(use, nowhere[use.traffic_class]) for use in short]
    without_room = [(use, bps - nowhere[use.traffic_class]) for use, bps in short.items()]
    if told := _by_class(forbidden):
        yield (
            f"no gateway may carry {told} (bounds and gateways of policies, what leads there): it leaves by the "
            "nearest that its policy does not deny, if there is one"
        )
    if told := _by_class(without_room):
        yield f"no room is found for {told}: gateways and links drop what they cannot carry, bulk first"


def _by_class(missing: Iterable[tuple[ClassUse, int]]) -> str:
    """In words; empty if it is not worth any."""
    return ", ".join(
        f"{format_rate(bps)} of {use.traffic_class}" for use, bps in missing if bps > NEARLY_NOTHING * use.demand_bps
    )


def prefixes_left(count: int, waited_for: Collection[str]) -> Iterator[str]:
    """``waited_for``: devices to be put right before any more are written."""
    if count and waited_for:
        names = ", ".join(sorted(waited_for)[:_MOST_TOLD])
        more = f" and {len(waited_for) - _MOST_TOLD} more" if len(waited_for) > _MOST_TOLD else ""
        yield f"{count} prefixes are still to be led elsewhere, after {names}{more} hold what they should"
    elif count:
        yield f"{count} prefixes are still to be led elsewhere, portion by portion"


def much_elsewhere(taken: Taken, topology: Topology) -> Iterator[str]:
    """Gateways that are filled by what nobody plans for."""
    for gateway, bps in much(taken, topology):
        yield (
            f"{format_rate(bps)} leave by {gateway.name} ({bps / gateway.capacity_bps:.0%} of it) for addresses that "
            "no prefix is known for: routes, a region map or prefixes in policies would let them be steered"
        )


def doubts(measured: Measured) -> tuple[str, ...]:
    """Of each source that is held, why, in words."""
    return tuple(
        f"{one.source}: {one.why}; its last good rates count{', which are stale' if one.stale else ''}"
        for one in measured.held
    )


def overload_words(overloads: Iterable[Exceeded]) -> Iterator[str]:
    """What gets more than its room while traffic moves, since there is no order of moves in which nothing does."""
    for one in overloads:
        name, direction = one.resource
        what = f"gateway {name}" if direction is None else f"link {name} ({direction})"
        yield (
            f"{what} gets up to {format_rate(one.most_bps)} by it, {format_rate(one.before_bps)} before, and has room "
            f"for {format_rate(one.room_bps)}"
        )


def log_cycle(report: CycleReport) -> None:
    """One line a cycle; louder when it needs somebody."""
    figures = report.figures
    told: dict[str, object] = {
        "cycle": report.number,
        "ending": str(report.ending),
        "urgent": report.urgent,
        "causes": _abridged(report.causes, ", "),
        "carried_bps": None if figures is None else figures.carried_bps,
        "demand_bps": None if figures is None else figures.demand_bps,
        "moved_bps": report.moved_bps,
        "rounds": report.rounds,
        "rules": report.rules,
        "seconds": round(report.deciding_s + report.carrying_out_s, 6),
        "overloads": _abridged(tuple(overload_words(report.overloads)), "; "),
        "reasons": _abridged(report.reasons, "; "),
    }
    loud = report.ending in (Ending.FAILED, Ending.HELD) or report.overloads
    why = "; ".join(str(told[what]) for what in ("overloads", "reasons") if told[what])
    log.log(
        logging.WARNING if loud else logging.INFO,
        "egress cycle %(cycle)d (%(causes)s): %(ending)s, %(moved_bps)d bps moved by %(rules)d rules in %(rounds)d "
        "rounds, %(seconds).3f s%(why)s",
        {**told, "why": f": {why}" if why else ""},
        extra=told,
    )


def _abridged(words: Sequence[str], between: str) -> str:
    """The first few; whoever wants all has them from the report."""
    more = len(words) - _MOST_TOLD
    return between.join((*words[:_MOST_TOLD], *((f"and {more} more",) if more > 0 else ())))
