"""How much a search may do before it gives up without a proof: counted in labels, never in seconds, so that every
machine answers the same. Only a search with a bound for each direction, where delays differ, expands labels."""

from __future__ import annotations

from dataclasses import dataclass

LABEL_BUDGET = 200_000
"""Labels that one search may expand: less than a second."""


class SearchLimit(Exception):
    """The budget is spent: neither a route nor its absence is proved."""


@dataclass(slots=True)
class Budget:
    """How many labels may still be expanded; several searches may share one."""

    labels: int = LABEL_BUDGET
