"""A cycle under way, and its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from controller.compiler.steering.inputs import SteeringPlan
from controller.domain.egress import EgressPolicy
from controller.service.egress.agenda import Occasion
from controller.service.egress.measuring import Measured
from controller.service.egress.report import CycleReport, Ending, Figures, Losses, Mode


@dataclass(slots=True, kw_only=True)
class Turn:
    """What is known of a cycle so far. ``at``: its beginning, in seconds since 1970; ``decided_s`` by the clock that
    does not jump. ``policies``: those it is decided for. ``carried_out``: what is decided is to be. ``waited_for``:
    devices that no prefixes are written before."""

    number: int
    at: float
    mode: Mode
    occasion: Occasion
    losses: Losses = field(default_factory=Losses)
    measured: Measured = field(default_factory=Measured)
    policies: Sequence[EgressPolicy] = ()
    urgent: bool = False
    plan: SteeringPlan | None = None
    carried_out: bool = False
    waited_for: frozenset[str] = frozenset()
    figures: Figures | None = None
    reasons: list[str] = field(default_factory=list)
    decided_s: float = 0.0
    deciding_s: float = 0.0
    carrying_out_s: float = 0.0

    @property
    def goes_on(self) -> bool:
        """Whether this is a part of what is to be done, so that the next cycle goes on with it if this part is."""
        return self.prefixes_left > 0 and not self.waited_for

    @property
    def prefixes_left(self) -> int:
        return 0 if self.plan is None else self.plan.prefixes_left

    def report(self, ending: Ending) -> CycleReport:
        plan = None if self.plan is None else self.plan.plan
        return CycleReport(
            number=self.number,
            at=self.at,
            causes=self.occasion.causes,
            mode=self.mode,
            ending=ending,
            urgent=self.urgent,
            losses=self.losses,
            age_s=self.measured.age_s,
            held=self.measured.held,
            figures=self.figures,
            moved_bps=0 if self.plan is None else self.plan.moved_bps,
            elsewhere_bps=None if self.plan is None else self.plan.egress.taken.gateways,
            rounds=0 if plan is None else len(plan.rounds),
            rules=0 if plan is None else sum(len(changes) for _, changes in plan.changes()),
            overloads=() if plan is None else tuple(one for one in plan.exceeded if one.by_the_change),
            reasons=tuple(self.reasons),
            deciding_s=self.deciding_s,
            carrying_out_s=self.carrying_out_s,
        )
