"""By how much two steerings differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from controller.compiler.steering.building import flow_of
from controller.compiler.steering.dividing import parts_of
from controller.compiler.steering.inputs import Flow
from controller.compiler.steering.slices import spread
from controller.domain.steering import SLICES, Entry, Steering

OTHER_RATES: Final = 0.02
"""Rates that differ by less than this share of all traffic are the same: every measurement tells others, and each would
be written to disk."""


def alike(before: Steering, after: Steering) -> bool:
    """Whether they say the same, but for rates that hardly differ."""
    if _without_rates(before) != _without_rates(after):
        return False
    was, will = _rates(before), _rates(after)
    return sum(abs(will[flow] - was[flow]) for flow in will) <= OTHER_RATES * sum(will.values())


def moved_bps(before: Steering, after: Steering) -> int:
    """What leaves by another gateway than before, slice by slice; what is new has not moved."""
    was = {flow_of(entry): spread(entry.gateways) for entry in before.entries}
    return sum(
        bps
        for entry in after.entries
        for old, new, bps in _slices(was.get(flow_of(entry)), entry)
        if old is not None and old != new
    )


def _slices(was: tuple[str, ...] | None, entry: Entry) -> Iterator[tuple[str | None, str, int]]:
    before = (None,) * SLICES if was is None else was
    return zip(before, spread(entry.gateways), parts_of(entry.rate_bps, (1,) * SLICES), strict=True)


def _rates(steering: Steering) -> dict[Flow, int]:
    return {flow_of(entry): entry.rate_bps for entry in steering.entries}


def _without_rates(steering: Steering) -> Steering:
    return replace(steering, entries=tuple(replace(entry, rate_bps=0) for entry in steering.entries))
