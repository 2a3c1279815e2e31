"""How a service that is ordered and activated fares in the network: another thing than the state of its order."""

from __future__ import annotations

from enum import StrEnum


class Assurance(StrEnum):
    """``UP``: every device on its way holds what it should, as last read. ``DRIFTED``: one is known not to, and is left
    so for now. ``UNKNOWN``: one cannot be read now, and what it holds is not known: not "all is missing", and not
    "all is well". ``DEGRADED`` and ``DOWN`` are what measurement tells."""

    UP = "UP"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"
    DRIFTED = "DRIFTED"
    UNKNOWN = "UNKNOWN"
