"""Numbers that things hold while they live: labels, meters, groups, lines.

A pool hands out the next number after the last one given, round and round. So a number that was released rests
while the whole pool passes by before it names something else (the quarantine of labels), and a late packet
or a forgotten rule that still bears it meets nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from controller.compiler.undo import UndoLog

# Labels below 16 are reserved (RFC 3032). The two ranges are apart so that a person sees in a dump which is which.
TRUNK_LABELS = (1_024, 524_287)
SERVICE_LABELS = (524_288, 1_048_575)
SERVICE_LABEL_STEP = 2
"""Service labels are even; the label after each is its shim label."""
LINE_NUMBERS = (1, (1 << 40) - 1)
CIRCUIT_NUMBERS = (1, (1 << 24) - 1)
# What a device numbers itself. Open vSwitch's user-space datapath has 65,536 meters; room is left for others' own, but
# for the first numbers above ours where gateways ping.
METER_IDS = (1, 60_000)
GROUP_IDS = (1, 60_000)
PROBE_METER_IDS = (60_001, 65_000)
"""Not from a pool: each follows from the topology, so that it is kept clear of no meter that is adopted."""


def shim_label(service_label: int) -> int:
    """The label by which the far end knows the frames of a line's direction that were wrapped with a shim."""
    return service_label + 1


class PoolExhausted(Exception):
    """Every number is in use."""


class Pool:
    """The numbers from ``first`` to ``last``, or every ``step``-th of them: then each comes with those up to the next,
    its share, and ``last`` ends one. ``ValueError`` when a number inside a share is to be held."""

    def __init__(self, first: int, last: int, log: UndoLog, *, step: int = 1) -> None:
        self._first = first
        self._last = last
        self._step = step
        self._size = (last - first + 1) // step
        self._next = first
        self._used: set[int] = set()
        self._aside: frozenset[int] = frozenset()
        self._log = log

    def __contains__(self, number: int) -> bool:
        """Whether the number is held."""
        return number in self._used

    def is_free(self, number: int) -> bool:
        """Whether nobody holds it and it is not set aside."""
        return number not in self._used and number not in self._aside

    def take(self, wish: int | None = None) -> int:
        """Return a free number and hold it: ``wish`` if that is free. Raises ``PoolExhausted``."""
        if wish is not None and self.is_free(wish):
            self.hold((wish,))
            return wish
        # Cheap bound first: of the numbers set aside some may be in use, and are then counted twice.
        if len(self._used) + len(self._aside) >= self._size and len(self._used | self._aside) >= self._size:
            raise PoolExhausted(f"all numbers from {self._first} to {self._last} are in use")
        number = self._next
        while number in self._used or number in self._aside:
            number = self._after(number)
        self.hold((number,))
        return number

    def hold(self, numbers: Iterable[int]) -> None:
        """Use these numbers from now on; those that are in use already stay so. The next to try lies behind all that
        were given; one that seen the short way round lies behind us does not turn the pool back."""
        for number in numbers:
            if number in self._used:
                continue
            if (number - self._first) % self._step:
                raise ValueError(f"{number} is inside the share of another number: from {self._first}, by {self._step}")
            following = self._next
            self._used.add(number)
            if (number - self._next) // self._step % self._size < self._size // 2:
                self._next = self._after(number)
            self._log.record(partial(self._forget, number, following))

    def set_aside(self, numbers: Iterable[int]) -> None:
        """Give none of these from now on, and those that were set aside before again; whoever holds one keeps it. Of
        numbers with a share, one inside the share keeps the whole of it back. Others' numbers are not our concern."""
        within = (number for number in numbers if self._first <= number <= self._last)
        self._aside = frozenset(number - (number - self._first) % self._step for number in within)

    def release(self, number: int) -> None:
        """Give a number back."""
        self._used.remove(number)
        self._log.record(lambda: self._used.add(number))

    def _after(self, number: int) -> int:
        following = number + self._step
        return self._first if following + self._step - 1 > self._last else following

    def _forget(self, number: int, following: int) -> None:
        self._used.discard(number)
        self._next = following
