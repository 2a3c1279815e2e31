"""What devices hold otherwise than they should, where that is left so for now; and how patient repairs are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from controller.compiler.plan import Plan
from controller.compiler.riders import NOBODY, Riders
from controller.domain.intents import IntentKey
from controller.domain.rule_words import rule_words
from controller.domain.rules import Change, Op
from controller.service.planning import PlannerThread

log = logging.getLogger(__name__)

MOST_RULES_LOGGED = 10
PAUSES_S = (0.0, 0.0, 5.0, 15.0, 60.0, 300.0)
"""Before a repair of drift, by how many went before it in a row. Two mistakes of one person are put right at once; who
undoes what we do gets an answer every five minutes in the end."""
CALM_S = 600.0
"""After a device has held what it should for so long, a repair begins a new row."""


class DriftPolicy(StrEnum):
    """What to do about a device that holds something else than it should, without a change of ours being the reason."""

    REPAIR = "repair"
    REPORT = "report"


class Standing(StrEnum):
    """Why drift is left as it is."""

    REPORTED = "reported"
    FROZEN = "frozen"
    BACKING_OFF = "backing off"


DIFFERENCES = {Op.ADD: "missing", Op.MODIFY: "modified", Op.DELETE: "extra"}
"""How a rule differs, by what would put it right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """``changes`` lead from what is to what should be. ``since``: when the device was first found to differ."""

    changes: tuple[Change, ...]
    standing: Standing
    since: float


class Drifts:
    """The drift there is, by device, and the lines that it touches. Devices that cannot be read have none: what they
    hold is unknown. ``news`` is told whenever other lines are touched than before."""

    def __init__(
        self, policy: DriftPolicy, planner: PlannerThread, now: Callable[[], float], news: Callable[[], None]
    ) -> None:
        self.policy = policy
        self._planner = planner
        self._now = now
        self._news = news
        self._reread: Callable[[str], None] | None = None
        self._of: dict[str, Drift] = {}
        self._touched: Mapping[str, frozenset[IntentKey]] = {}
        self._lines: frozenset[IntentKey] = NOBODY

    def get(self, device: str) -> Drift | None:
        return self._of.get(device)

    @property
    def lines(self) -> frozenset[IntentKey]:
        """Every line that depends on a rule that differs."""
        return self._lines

    async def stands(self, device: str, changes: Sequence[Change], standing: Standing) -> None:
        """The device was read, differs by this, and is left so."""
        before = self._of.get(device)
        since = self._now() if before is None else before.since
        drift = Drift(changes=tuple(changes), standing=standing, since=since)
        if drift == before:
            return
        self._of[device] = drift
        if before is None or before.changes != drift.changes:
            tell(device, drift.changes, f"left so ({standing})")
        await self.look_again()

    def on_stale(self, reread: Callable[[str], None]) -> None:
        """``reread`` is told of a device whose drift may be another one by now."""
        self._reread = reread

    async def carried_out(self, plan: Plan) -> None:
        """A transaction is past its commit point. Lines may touch drift now that did not before; and where the
        transaction has written, what it wrote is right."""
        await self.look_again()
        for device, _ in plan.changes():
            if device in self._of and self._reread is not None:
                self._reread(device)

    def gone(self, device: str, why: str) -> None:
        """The device holds what it should, or what it holds is not known any more; ``why`` says which."""
        if self._of.pop(device, None) is not None:
            log.info("device %s: no drift is known any more: %s", device, why, extra={"device": device})
            self._tell({name: keys for name, keys in self._touched.items() if name != device})

    async def look_again(self) -> None:
        """Find the lines that the drift touches, as lines are placed now."""
        if not self._of and not self._touched:
            return
        known = dict(self._of)
        touched = await self._planner.run(
            lambda planner: {device: Riders(planner, device).of(drift.changes) for device, drift in known.items()}
        )
        # Meanwhile a device may have been lost, or put right.
        self._tell({device: keys for device, keys in touched.items() if device in self._of})

    def _tell(self, touched: Mapping[str, frozenset[IntentKey]]) -> None:
        self._touched = touched
        before, self._lines = self._lines, NOBODY.union(*touched.values())
        if self._lines != before:
            self._news()


def tell(device: str, changes: Sequence[Change], outcome: str) -> None:
    """Say in the log which rules differ."""
    log.warning(
        "device %s differs from what it should hold by %d rules, %s: %s",
        device,
        len(changes),
        outcome,
        "; ".join(map(drift_words, changes[:MOST_RULES_LOGGED]))
        + ("; ..." if len(changes) > MOST_RULES_LOGGED else ""),
        extra={"device": device, "changes": len(changes)},
    )


def drift_words(change: Change) -> str:
    """``missing line 3: port 11 -> ...``; of a modified rule both sides."""
    words = f"{DIFFERENCES[change.op]} {rule_words(change.rule)}"
    if change.before is not None and change.after is not None:
        words += f" (found: {rule_words(change.before)})"
    return words


class Patience:
    """How long the next repair of one device has to wait. Somebody, or something, may change back what we put right;
    then neither it nor we should keep the device busy. Times are seconds of any clock that does not jump."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._last: float | None = None

    def repaired(self, now: float) -> None:
        self._forget_if_calm(now)
        self._in_a_row += 1
        self._last = now

    def due_in_s(self, now: float) -> float:
        """0 when it may be now."""
        self._forget_if_calm(now)
        if self._last is None:
            return 0.0
        return max(0.0, self._last + PAUSES_S[min(self._in_a_row, len(PAUSES_S) - 1)] - now)

    def _forget_if_calm(self, now: float) -> None:
        if self._last is not None and now - self._last > CALM_S:
            self._in_a_row, self._last = 0, None
