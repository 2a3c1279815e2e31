"""When the next cycle begins, and why: a schedule, events that may come in bursts, and another try after a failure.

No clock is read here: whoever calls says what time it is, in seconds by a clock that does not jump.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SETTLE_S: Final = 0.02
"""A cut cable takes several ports down: what comes within so long of the first is one event."""
GAP_S: Final = 1.0
"""At least so long from the end of a cycle to the next, unless something was lost: a port that flaps, or thirty devices
that come one after the other, must not keep the planner busy."""
RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Why a cycle begins: in words, each once, in the order in which they came. ``scheduled``: it is its time, and
    there are new rates."""

    causes: tuple[str, ...]
    scheduled: bool = False
    urgent: bool = False

    def and_then(self, later: Occasion) -> Occasion:
        """Both as one."""
        return Occasion(
            causes=tuple(dict.fromkeys((*self.causes, *later.causes))),
            scheduled=self.scheduled or later.scheduled,
            urgent=self.urgent or later.urgent,
        )


class Agenda:
    """What is to be looked at by the next cycle. One cycle at a time: ``take`` it when it is due, then ``ended``."""

    def __init__(self, settle_s: float = SETTLE_S, gap_s: float = GAP_S) -> None:
        self._settle_s = settle_s
        self._gap_s = gap_s
        self._causes: list[str] = []
        self._scheduled = False
        self._urgent = False
        self._due_s: float | None = None
        self._not_before_s = float("-inf")
        self._failures = 0

    @property
    def due_s(self) -> float | None:
        """When the next cycle is to begin; ``None``: there is no reason for one."""
        return self._due_s

    def tell(self, now_s: float, cause: str, *, urgent: bool = False, scheduled: bool = False) -> None:
        """A reason for a cycle. Something urgent waits for neither the gap nor the end of a back-off."""
        self._note((cause,), urgent=urgent, scheduled=scheduled)
        due_s = now_s + self._settle_s
        self._be_due(due_s if urgent else max(due_s, self._not_before_s))

    def go_on(self, now_s: float, cause: str) -> None:
        """The cycle that has ended was a part of something: the next one begins at once."""
        self._note((cause,), urgent=False, scheduled=False)
        self._be_due(now_s)

    def take(self) -> Occasion:
        """All the reasons that have come up, for the cycle that begins now."""
        occasion = Occasion(causes=tuple(self._causes), scheduled=self._scheduled, urgent=self._urgent)
        self._causes, self._scheduled, self._urgent, self._due_s = [], False, False, None
        return occasion

    def ended(self, now_s: float, occasion: Occasion, *, failed: bool) -> None:
        """The cycle has come to its end. One that failed is tried again for the same reasons, later and later."""
        self._not_before_s = now_s + self._gap_s
        if self._due_s is not None and not self._urgent:
            self._due_s = max(self._due_s, self._not_before_s)
        if not failed:
            self._failures = 0
            return
        wait_s = RETRY_S[min(self._failures, len(RETRY_S) - 1)]
        self._failures += 1
        since, self._causes = self._causes, []
        self._note((*occasion.causes, *since), urgent=occasion.urgent, scheduled=occasion.scheduled)
        self._be_due(now_s + wait_s)

    def _note(self, causes: tuple[str, ...], *, urgent: bool, scheduled: bool) -> None:
        self._causes += [cause for cause in dict.fromkeys(causes) if cause not in self._causes]
        self._urgent |= urgent
        self._scheduled |= scheduled

    def _be_due(self, at_s: float) -> None:
        self._due_s = at_s if self._due_s is None else min(self._due_s, at_s)
