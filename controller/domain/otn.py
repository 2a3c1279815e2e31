"""Optical transport by ITU-T G.709/Y.1331 (06/2020): which ODUs there are, what each carries, what takes how much room.

Rates are from clause 7.3. A *server* ODU's payload (OPU) is divided into tributary slots of 1.25 Gbit/s (clause 19); an
ODU that rides in it takes so many that they hold it. ODUflex is left out: no device here offers it.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction


class OduType(StrEnum):
    """An optical data unit by its rate, in ascending order."""

    ODU0 = "ODU0"
    ODU1 = "ODU1"
    ODU2 = "ODU2"
    ODU2E = "ODU2e"
    ODU3 = "ODU3"
    ODU4 = "ODU4"

    @property
    def rate_bps(self) -> int:
        """Nominal bit rate, rounded down."""
        return int(_ODU_KBPS[self] * 1000)

    @property
    def payload_bps(self) -> int:
        """Nominal bit rate of its OPU's payload, rounded down: what a client can have of it."""
        return int(_PAYLOAD_KBPS[self] * 1000)

    @property
    def tributary_slots(self) -> int:
        """How many slots of 1.25 Gbit/s its OPU has as a server; 0 for one that is never a server."""
        return _TRIBUTARY_SLOTS.get(self, 0)


_ODU_KBPS = {
    OduType.ODU0: Fraction(1_244_160),
    OduType.ODU1: Fraction(239, 238) * 2_488_320,
    OduType.ODU2: Fraction(239, 237) * 9_953_280,
    OduType.ODU2E: Fraction(239, 237) * 10_312_500,
    OduType.ODU3: Fraction(239, 236) * 39_813_120,
    OduType.ODU4: Fraction(239, 227) * 99_532_800,
}
_PAYLOAD_KBPS = {
    OduType.ODU0: Fraction(238, 239) * 1_244_160,
    OduType.ODU1: Fraction(2_488_320),
    OduType.ODU2: Fraction(238, 237) * 9_953_280,
    OduType.ODU2E: Fraction(238, 237) * 10_312_500,
    OduType.ODU3: Fraction(238, 236) * 39_813_120,
    OduType.ODU4: Fraction(238, 227) * 99_532_800,
}
_TRIBUTARY_SLOTS = {OduType.ODU1: 2, OduType.ODU2: 8, OduType.ODU3: 32, OduType.ODU4: 80}
_CLIENT_BPS = {
    2_500_000_000: OduType.ODU1,
    10_000_000_000: OduType.ODU2,
    40_000_000_000: OduType.ODU3,
    100_000_000_000: OduType.ODU4,
}
_TAKEN = {
    OduType.ODU1: {OduType.ODU0: 1},
    OduType.ODU2: {OduType.ODU0: 1, OduType.ODU1: 2},
    OduType.ODU3: {OduType.ODU0: 1, OduType.ODU1: 2, OduType.ODU2: 8, OduType.ODU2E: 9},
    OduType.ODU4: {OduType.ODU0: 1, OduType.ODU1: 2, OduType.ODU2: 8, OduType.ODU2E: 8, OduType.ODU3: 31},
}
"""By server, then by what rides in it. A slot of an OPU4 is a little larger than one of an OPU3 (1.302 and 1.255
Gbit/s): so an ODU2e takes 8 there and 9 here, and an ODU3, which has 32 slots of its own, takes 31."""


def server_of(capacity_bps: int) -> OduType | None:
    """The ODU that a line of 2.5, 10, 40 or 100 Gbit/s is; ``None`` for any other: that would be a guess."""
    return _CLIENT_BPS.get(capacity_bps)


def slots_taken(odu: OduType, server: OduType) -> int | None:
    """How many tributary slots of ``server`` an ODU takes; ``None`` when it does not ride in one."""
    return _TAKEN.get(server, {}).get(odu)


def smallest_odu(rate_bps: int) -> OduType | None:
    """The least ODU whose payload holds a client of this rate; ``None`` when none does.

    ``rate_bps`` is all that goes into the payload. A CIR counts the bytes of layer 2 alone: where frames are wrapped
    one by one (GFP-F, ITU-T G.7041), 8 bytes a frame come to that; a client mapped bit for bit brings its line rate.
    """
    return next((odu for odu in OduType if odu.payload_bps >= rate_bps), None)
