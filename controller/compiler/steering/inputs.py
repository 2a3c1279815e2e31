"""What a decision about the steering starts from beyond the planner's own state, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from controller.compiler.plan import Plan
from controller.domain.egress import TrafficClass
from controller.domain.egress_demand import DemandRow
from controller.domain.gateway_quality import Quality, Way
from controller.egress.billing import Month

if TYPE_CHECKING:
    from controller.compiler.egress import EgressPlan

Flow = tuple[str, int, TrafficClass]
"""A source node, a destination group by number, a class: what has one ``Entry`` of the steering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeringInputs:
    """``rows``: how much each source sends to each region in each class, measured or from a matrix; what no row tells
    of is as policies declare. ``measured``: the same by destination group, bps in each of the ``SLICES`` of source
    addresses, where devices counted it; empty: nothing is measured.

    ``gateways_away``: down, or drained. ``nodes_away``: devices that cannot be reached, whose entries stay as they are.
    ``urgent``: something was lost, so that what must move does so past hysteresis and bounds. ``scheduled``: it is time
    for moves that gain delay; between, only what is needed moves, or a bound on a cycle would be none. ``memory``: what
    came out of the decision before this one, for the damping; ``None`` for the first. ``months``: by gateway, what is
    billed so far where the 95th percentile is. ``quality``: delay and loss from gateways to regions, where what is
    measured counts in place of what is declared.

    ``most_route_rules``: of the rules that tell a prefix's group so many may change on all devices together (``None``:
    any number); ``routes_wait``: none, if not all that are to change are so few.
    """

    rows: tuple[DemandRow, ...] = ()
    measured: Mapping[Flow, tuple[int, ...]] = field(default_factory=dict)
    links_down: frozenset[str] = frozenset()
    gateways_away: frozenset[str] = frozenset()
    nodes_away: frozenset[str] = frozenset()
    urgent: bool = False
    scheduled: bool = True
    memory: object | None = None
    months: Mapping[str, Month] = field(default_factory=dict)
    quality: Mapping[Way, Quality] = field(default_factory=dict)
    most_route_rules: int | None = None
    routes_wait: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeringPlan:
    """``plan`` has ``Movement.steering_in`` and rounds, none of either if nothing changes. ``egress`` is what was
    decided and why; ``moved_bps`` what of the traffic takes another gateway than before; ``held``: in words, what would
    be better and is not done now. ``memory`` is for the next decision. ``nodes_away``: devices that could not be
    reached when it was made. Nothing new rests on them; what changes on them can be made up for when they are back.
    ``prefixes_left``: so many are still to change their group after it."""

    plan: Plan
    egress: EgressPlan
    moved_bps: int = 0
    held: tuple[str, ...] = ()
    memory: object | None = None
    nodes_away: frozenset[str] = frozenset()
    prefixes_left: int = 0
