"""How many rules of prefixes one change writes, so that it ends soon: what is lost meanwhile waits for its end.

Devices differ: Open vSwitch takes 10,000 rules in a tenth of a second, hardware some hundred a second. So it is learned
from the changes that were made, beginning with few.
"""

from __future__ import annotations

from typing import Final

AIM_S: Final = 1.5
"""A change of so many rules is to take about so long."""
FIRST: Final = 2_000
"""Rules on all devices together, and never fewer: what is done for a change as a whole is more then, and a machine that
is busy for a while must not have a table written by the dozen."""
MOST: Final = 50_000
"""More at a time gains nothing."""
GROWTH: Final = 4
SHRINKING: Final = 2
"""So many times more, or less, than before at most."""


class PortionSize:
    """``rules``: so many may change in the next one."""

    def __init__(self) -> None:
        self.rules = FIRST

    def took(self, rules: int, seconds: float) -> None:
        """A change of so many rules, prefixes or others, has taken so long. Of small ones nothing is learned."""
        if 2 * rules < self.rules or seconds <= 0:
            return
        fitting = int(rules * AIM_S / seconds)
        self.rules = min(max(fitting, self.rules // SHRINKING, FIRST), MOST, GROWTH * self.rules)
