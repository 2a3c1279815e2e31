"""The protect route of a line, measured: the working route loses its first link at either end, so both head ends change
over; frames must take the protect route, and the working one again when all is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, Protocol

from lab.measure import checks
from lab.measure.checks import Check
from lab.measure.dataplane import DataPlane
from lab.measure.expectation import ExpectedLab, ExpectedLine
from lab.measure.probes import Marks
from lab.measure.round_trips import round_trips

# Each is a round trip, or the wait for one that is lost: a head end sees within milliseconds that a signal is gone.
_ATTEMPTS: Final = 10


class Wires(Protocol):
    """The links of a data plane, by name. Cutting one that is cut changes nothing, nor does restoring one that is
    not."""

    def cut(self, link: str) -> None: ...

    def restore(self, link: str) -> None: ...


def change_over(
    data_plane: DataPlane,
    wires: Wires,
    lab: ExpectedLab,
    line: ExpectedLine,
    marks: Marks,
    rounds: int,
    timeout_ns: int,
) -> Check:
    """Round trips over the protect route of a protected ``line``, both ways; in the end the line is as it was.

    What other lines ride on the links that are cut is cut, too. ``ValueError`` without a protect route.
    """
    if line.protect is None:
        raise ValueError(f"{line} has no protect route")
    protected = replace(line, delay_ns=line.protect.delay_ns, route=line.protect.route)

    def judge(expected: ExpectedLine, count: int) -> Check:
        return checks.round_trip(expected, round_trips(data_plane, lab, [line], marks, count, timeout_ns)[str(line)])

    with _without(wires, {line.links[0], line.links[-1]}):
        _passes(lambda: judge(protected, 1))
        found = judge(protected, rounds)
    back = _passes(lambda: judge(line, 1))
    message = found.message if back or not found.passed else "does not return to the working route"
    return replace(found, name="change-over", passed=found.passed and back, message=message)


@contextmanager
def _without(wires: Wires, links: set[str]) -> Iterator[None]:
    try:
        for link in sorted(links):
            wires.cut(link)
        yield
    finally:
        for link in sorted(links):
            wires.restore(link)


def _passes(judge: Callable[[], Check]) -> bool:
    """Whether one of several attempts passes."""
    return any(judge().passed for _ in range(_ATTEMPTS))
