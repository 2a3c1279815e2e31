"""What of a capacity may be planned for; without the optimiser, which is loaded by those who choose gateways."""

from __future__ import annotations

from typing import Final

USABLE_PER_MILLE: Final = 950
"""As the optimiser has it (``controller.egress.instance.FULL_ENOUGH``): what bursts within a cycle need is left."""


def usable_bps(capacity_bps: int) -> int:
    """Rounded down."""
    return capacity_bps // 1000 * USABLE_PER_MILLE + capacity_bps % 1000 * USABLE_PER_MILLE // 1000
