"""What goes into and comes out of the use cases, as values."""

from __future__ import annotations

from dataclasses import dataclass

from controller.compiler.description import Description
from controller.compiler.plan import EgressAssignment, Plan
from controller.domain.assurance import Assurance
from controller.domain.errors import Infeasible
from controller.domain.intents import IntentKey
from controller.domain.kinds import Intent
from controller.domain.placement import PlacedPath
from controller.service.watching import Progress
from controller.store.records import HistoryEntry, IntentRecord, SavedPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An intent to apply. With an ``etag``, it must still be the intent's."""

    intent: Intent
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """By which gateways a policy's traffic leaves: as devices are told if ``steered``, else as it is planned, with the
    reason in words. Of one that is not in force: nothing."""

    assignments: tuple[EgressAssignment, ...] = ()
    steered: bool = False
    why_not_steered: str = ""


NOT_LEAVING = Leaving()


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentView:
    """An intent, what the network carries of it now, and how that fares (``None``: nothing is carried, or it is not
    known of its kind). ``paths`` are those of a line, ``leaving`` is of an egress policy."""

    record: IntentRecord
    paths: tuple[PlacedPath, ...] = ()
    assurance: Assurance | None = None
    leaving: Leaving = NOT_LEAVING


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """``description`` is ``None`` while the network carries nothing of the intent."""

    view: IntentView
    description: Description | None
    history: tuple[HistoryEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan, and what is kept of it when that was asked for and it is feasible."""

    plan: Plan
    saved: SavedPlan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The outcome of an apply or a delete. ``plan`` is ``None`` when an earlier, equal request did the work."""

    intents: tuple[IntentView, ...]
    plan: Plan | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """An intent that was deleted."""

    key: IntentKey
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """An intent that is new or has changed."""

    view: IntentView


@dataclass(frozen=True, slots=True, kw_only=True)
class Fares:
    """A line fares otherwise than before: drift on its way was found, or is over. Not stored: it has no revision."""

    key: IntentKey
    assurance: Assurance | None


WatchEvent = Changed | Gone | Progress | Fares


class ApplyRefused(Infeasible):
    """Some of what was to be applied is impossible; the plan says what and why."""

    def __init__(self, plan: Plan) -> None:
        refusals = tuple((str(v.key), refusal) for v in plan.verdicts for refusal in v.refusals)
        names = ", ".join(str(verdict.key) for verdict in plan.verdicts if not verdict.feasible)
        super().__init__(f"nothing was changed: {names} cannot be placed: {refusals[0][1].message}", refusals)
        self.plan = plan
