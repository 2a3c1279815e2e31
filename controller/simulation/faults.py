"""What a switch is told to do wrong, for tests of those who must cope with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.simulation.refusal import NamedError


class FaultKind(StrEnum):
    REFUSE = "refuse"
    """Answer the change with an error."""
    IGNORE = "ignore"
    """Say nothing and change nothing; barriers are answered as if all were well."""
    HANG_UP = "hang-up"
    """Close the connection instead of making the change, then connect again as usual."""
    LEAVE = "leave"
    """Close the connection instead of making the change, and stay away until told to connect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Befalls ``count`` changes (flow-, group- and meter-mods), when ``after`` more of them have gone well."""

    kind: FaultKind
    after: int = 0
    count: int = 1
    error: NamedError = NamedError.UNKNOWN


class FaultPlan:
    """Faults that are ordered and have not happened yet, one after the other."""

    def __init__(self) -> None:
        self._ordered: list[Fault] = []
        self._passed = 0

    def order(self, fault: Fault) -> None:
        self._ordered.append(fault)

    def clear(self) -> None:
        self._ordered.clear()
        self._passed = 0

    def next_change(self) -> Fault | None:
        """The fault that befalls the change at hand, if one does."""
        if not self._ordered:
            return None
        fault = self._ordered[0]
        self._passed += 1
        if self._passed <= fault.after:
            return None
        if self._passed >= fault.after + fault.count:
            del self._ordered[0]
            self._passed = 0
        return fault
