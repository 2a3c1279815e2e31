"""Collects all that is wrong with a file, so that one run tells everything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from controller.domain.errors import Fault, InvalidInput, Reason

SHOWN: Final = 50
"""So many faults are told in full; of the others only the number."""

_KEPT: Final = 1_000


class FaultLog:
    """The faults of one file. Beyond a thousand they are counted and no longer kept: a large file may be wrong
    everywhere, and nobody reads that far."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.count = 0
        self._kept: dict[Fault, None] = {}

    @property
    def full(self) -> bool:
        """Whether a further fault would only be counted: its message need not be worked out."""
        return len(self._kept) >= _KEPT

    def add(self, reason: Reason, field: str, message: str, *, line: int, document: int = 0) -> None:
        """Note a fault; one that is there already (one value, refused for both directions) is the same fault."""
        fault = Fault(reason=reason, message=message, field=field, source=self.source, line=line, document=document)
        if fault in self._kept:
            return
        self.count += 1
        if not self.full:
            self._kept[fault] = None

    def in_line_order(self) -> list[Fault]:
        return sorted(self._kept, key=lambda fault: fault.line)


def refuse_if_faulty(logs: Iterable[FaultLog]) -> None:
    """Raise ``InvalidInput`` with the faults of all files, each file's in line order, if there is any."""
    faults: list[Fault] = []
    count = 0
    for log in logs:
        faults += log.in_line_order()
        count += log.count
    if not faults:
        return
    if count > SHOWN:
        rest = faults[SHOWN]
        message = f"and {count - SHOWN} more faults; the first {SHOWN} are shown"
        faults[SHOWN:] = [Fault(reason=rest.reason, message=message, source=rest.source, document=rest.document)]
    raise InvalidInput(tuple(faults))
