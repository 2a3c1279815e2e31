"""How many rules of prefixes one change writes, so that it ends soon: what is lost meanwhile waits for its end.

Devices differ: Open vSwitch takes 10,000 rules in a tenth of a second, hardware some hundred a second. So it is learned
from the changes that were made, beginning with few. A change takes some time whatever its size, and the more the longer
the table is that it changes: of two changes of different size that part is learned, too, and no portion is so small
that it takes the greater part of the time.
"""

from __future__ import annotations

from typing import Final

AIM_S: Final = 1.5
"""A change of so many rules is to take about so long."""
FIRST: Final = 2_000
"""Rules on all devices together, and never fewer: a machine that is busy for a while must not have a table written by
the dozen."""
MOST: Final = 50_000
"""More at a time gains nothing."""
GROWTH: Final = 4
SHRINKING: Final = 2
"""So many times more, or less, than before at most."""
MOST_FIXED_S: Final = 4 * AIM_S
"""More than this is no change's fixed part: something else has kept it."""
_OTHER: Final = 1.2
"""Sizes that differ by less tell nothing of what a change takes whatever its size."""


class PortionSize:
    """``rules``: so many may change in the next one."""

    def __init__(self) -> None:
        self.rules = FIRST
        self._fixed_s: float | None = None
        self._before: tuple[int, float] | None = None

    def took(self, rules: int, seconds: float) -> None:
        """A change of so many rules, prefixes or others, has taken so long. Of small ones nothing is learned."""
        if 2 * rules < self.rules or seconds <= 0:
            return
        self._learn(rules, seconds)
        if self._fixed_s is None and seconds > AIM_S:
            self.rules = min(SHRINKING * rules, MOST)  # another size, to learn what a change takes anyway
            return
        fixed_s = 0.0 if self._fixed_s is None else self._fixed_s
        each_s = max(seconds - fixed_s, seconds / 10) / rules
        fitting = int(max(AIM_S - fixed_s, fixed_s) / each_s)
        self.rules = min(max(fitting, self.rules // SHRINKING, FIRST), MOST, GROWTH * self.rules)

    def _learn(self, rules: int, seconds: float) -> None:
        if self._before is not None and not 1 / _OTHER < rules / self._before[0] < _OTHER:
            each_s = (seconds - self._before[1]) / (rules - self._before[0])
            self._fixed_s = min(max(seconds - max(each_s, 0.0) * rules, 0.0), MOST_FIXED_S)
        self._before = (rules, seconds)
