"""What of a capacity internet traffic may be planned for."""

from __future__ import annotations

from typing import Final

USABLE_PER_MILLE: Final = 950
"""The rest is left for what bursts within a cycle."""


def usable_bps(capacity_bps: int) -> int:
    """Rounded down."""
    return capacity_bps // 1000 * USABLE_PER_MILLE + capacity_bps % 1000 * USABLE_PER_MILLE // 1000
