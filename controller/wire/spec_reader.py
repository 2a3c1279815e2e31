"""Reads specifications off the wire: what has no value in the domain is a fault with the field's path."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration

from controller.domain.errors import Fault, Reason

Choice = TypeVar("Choice", bound=StrEnum)

NS = 10**9


@dataclass(slots=True)
class SpecReader:
    """Reads the ``index``-th specification of a request, collecting faults."""

    index: int
    faults: list[Fault]

    def delay_ns(self, field: str, delay: Duration) -> int | None:
        if not 0 <= delay.nanos < NS:
            self.fault(Reason.INVALID_VALUE, field, "is not a duration: nanos must be 0 to 999,999,999")
            return None
        return delay.seconds * NS + delay.nanos

    def choice(self, field: str, text: str, choices: type[Choice], default: Choice) -> Choice:
        if not text:
            return default
        if text not in set(choices):
            self.fault(Reason.INVALID_VALUE, field, f"{text[:40]!r} is none of: {', '.join(choices)}")
            return default
        return choices(text)

    def require(self, field: str, text: str) -> None:
        if not text:
            self.fault(Reason.MISSING_PROPERTY, field, "is missing")

    def fault(self, reason: Reason, field: str, message: str) -> None:
        self.faults.append(Fault(reason=reason, field=field, message=message, document=self.index))


def duration_to_wire(delay_ns: int) -> Duration:
    return Duration(seconds=delay_ns // NS, nanos=delay_ns % NS)
