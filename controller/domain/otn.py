"""Optical transport: which ODUs there are. Sources: ITU-T G.709/Y.1331 (06/2020), table 7-2 for the rates."""

from __future__ import annotations

from enum import StrEnum


class OduType(StrEnum):
    """An optical data unit by its rate."""

    ODU0 = "ODU0"
    ODU1 = "ODU1"
    ODU2 = "ODU2"
    ODU2E = "ODU2e"
    ODU3 = "ODU3"
    ODU4 = "ODU4"
