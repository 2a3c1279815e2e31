"""An intent and where it is written, so that whoever finds a fault in it can say where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from controller.documents.faults import FaultLog
from controller.documents.yaml_tree import line_of
from controller.domain.errors import Fault

T = TypeVar("T", covariant=True)


@dataclass(frozen=True, slots=True)
class Located(Generic[T]):
    """An intent and where it is written: ``document`` counts from 0 within ``source``, ``lines`` gives the line of
    every field that is written by its path (``spec.a.vlan``)."""

    intent: T
    source: str
    document: int
    lines: Mapping[str, int] = field(repr=False)

    def locate(self, fault: Fault) -> Fault:
        """Return a fault of this intent, found by whomever, with its place: the line of the field, or of the
        nearest thing around it that is written."""
        line = line_of(self.lines, fault.field)
        return replace(fault, source=self.source, line=line, document=self.document)


def tell(faults: Iterable[Fault], located: Sequence[Located[object]], log_of: Mapping[str, FaultLog]) -> None:
    """Put faults, whose ``document`` is an index in ``located``, into the logs of their files."""
    for fault in faults:
        placed = located[fault.document].locate(fault)
        log_of[placed.source].add(
            placed.reason, placed.field, placed.message, line=placed.line, document=placed.document
        )


def places(located: Sequence[Located[object]]) -> Callable[[int], str]:
    """Where the intent of an index has its name."""
    return lambda index: f"{located[index].source}:{line_of(located[index].lines, 'metadata.name')}"
