"""What gateways and links are like when egress is planned, beyond what the topology declares and lines reserve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.domain.gateway_quality import Quality, Way
from controller.domain.topology import Direction
from controller.egress.billing import Month

Arc = tuple[str, Direction]
"""A direction of a link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Bits a second of gateways and of directions of links that are not there to be planned with, beside what lines
    reserve; what is not named has none."""

    gateways: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[Arc, int] = field(default_factory=dict)


NOTHING_TAKEN = Taken()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """``closed``: gateways that nothing may leave by. ``months``: by gateway that bills by the 95th percentile, what is
    billed so far; where that is not known, every bit counts that is not paid anyway. ``quality``: delay and loss beyond
    gateways, where what is measured counts in place of what is declared. ``taken``: what is not there to be planned
    with."""

    closed: frozenset[str] = frozenset()
    months: Mapping[str, Month] = field(default_factory=dict)
    quality: Mapping[Way, Quality] = field(default_factory=dict)
    taken: Taken = NOTHING_TAKEN


AS_DECLARED = Conditions()
