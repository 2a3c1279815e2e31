"""What each device was last seen to hold: numbers for status and metrics; nothing is decided by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from controller.compiler.plan import Plan
from controller.domain.rules import Op


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Rules of ours and of others when the device was last read, ours with what was changed since; and how many changes
    it would take to put it right, where the controller is frozen. ``taken``: when, in seconds since the epoch."""

    ours: int
    foreign: int
    taken: float
    waiting: int = 0


class Readings:
    """Devices that were never read have none."""

    def __init__(self) -> None:
        self._of: dict[str, Reading] = {}

    def get(self, device: str) -> Reading | None:
        return self._of.get(device)

    def read(self, device: str, reading: Reading) -> None:
        self._of[device] = reading

    def waiting(self) -> Iterable[str]:
        """The devices with changes that wait."""
        return [device for device, reading in self._of.items() if reading.waiting]

    def carried_out(self, plan: Plan) -> None:
        """A transaction is past its commit point, and makes all that the plan says."""
        for device, changes in plan.changes():
            reading = self._of.get(device)
            if reading is not None:
                more = sum((change.op is Op.ADD) - (change.op is Op.DELETE) for change in changes)
                self._of[device] = replace(reading, ours=reading.ours + more)
