"""What a simulated OTN node is told to do wrong with an RPC, for tests of those who must cope with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CONFIRM = "confirm"
"""A ``commit`` with the name of one that waits; ``commit`` is any other."""


class RpcFaultKind(StrEnum):
    REFUSE = "refuse"
    """Answer with an error and do nothing."""
    IGNORE = "ignore"
    """Answer ok and do nothing: of an edit, drop it."""
    HANG = "hang"
    """Never answer, and do nothing."""
    HANG_UP = "hang-up"
    """End the session instead."""
    LATE = "do-and-hang-up"
    """Do it, and end the session instead of answering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcFault:
    """Befalls ``count`` RPCs of one name, when ``after`` more of them have gone well. ``tag``: of the error, with
    ``REFUSE``."""

    kind: RpcFaultKind
    rpc: str
    after: int = 0
    count: int = 1
    tag: str = "operation-failed"


class RpcFaultPlan:
    """Faults that are ordered and have not happened yet; those of one RPC come one after the other."""

    def __init__(self) -> None:
        self._ordered: dict[str, list[RpcFault]] = {}
        self._passed: dict[str, int] = {}

    def order(self, fault: RpcFault) -> None:
        self._ordered.setdefault(fault.rpc, []).append(fault)

    def clear(self) -> None:
        self._ordered.clear()
        self._passed.clear()

    def befalls(self, rpc: str) -> RpcFault | None:
        """The fault that befalls this RPC, if one does."""
        waiting = self._ordered.get(rpc)
        if not waiting:
            return None
        fault, passed = waiting[0], self._passed.get(rpc, 0) + 1
        self._passed[rpc] = passed
        if passed <= fault.after:
            return None
        if passed >= fault.after + fault.count:
            del waiting[0]
            self._passed[rpc] = 0
        return fault
