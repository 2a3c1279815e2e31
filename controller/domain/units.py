"""Quantities with units, exact: rates are integer bits per second, delays integer nanoseconds, losses integer packets
in a million.

Numbers go through ``Decimal``, so ``12.5ms`` is exactly 12,500,000 ns and nothing drifts between a
reservation and its release. A bare number is never a quantity: ``500`` could be Mbps or bps.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

RATE_UNITS: Final = {"bps": 1, "kbps": 10**3, "Mbps": 10**6, "Gbps": 10**9, "Tbps": 10**12}
DELAY_UNITS: Final = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
LOSS_UNITS: Final = {"ppm": 1, "%": 10**4}
MAX_RATE_BPS: Final = 10**15
MAX_DELAY_NS: Final = 10 * 10**9
ALL_PPM: Final = 10**6
"""Every packet is lost."""

# At most 30 digits: longer numbers are typing errors, and Decimal must stay cheap and exact on them.
_QUANTITY: Final = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s?([A-Za-z]+|%)", re.ASCII)


def parse_rate_bps(text: str) -> int:
    """Return bits per second of a text such as ``500Mbps``; ``ValueError`` says what would be right."""
    return _parse(text, RATE_UNITS, MAX_RATE_BPS, "a rate", "500Mbps")


def parse_delay_ns(text: str) -> int:
    """Return nanoseconds of a text such as ``12.5ms``; ``ValueError`` says what would be right."""
    return _parse(text, DELAY_UNITS, MAX_DELAY_NS, "a delay", "12.5ms")


def parse_loss_ppm(text: str) -> int:
    """Return packets in a million of a text such as ``0.1%``; ``ValueError`` says what would be right."""
    return _parse(text, LOSS_UNITS, ALL_PPM, "a loss", "0.1%")


def format_rate(rate_bps: int) -> str:
    """Write a rate in the largest unit that shows it exactly: 1500000 -> ``1.5Mbps``."""
    return _format(rate_bps, RATE_UNITS)


def format_delay(delay_ns: int) -> str:
    """Write a delay in milliseconds from 1 ms up, in a smaller unit below, exactly: 12500000 -> ``12.5ms``."""
    return _format(delay_ns, {unit: size for unit, size in DELAY_UNITS.items() if unit != "s"})


def format_loss(loss_ppm: int) -> str:
    """Write a loss in percent, exactly: 500 -> ``0.05%``."""
    return f"{(Decimal(loss_ppm) / LOSS_UNITS['%']).normalize():f}%"


def _parse(text: str, units: dict[str, int], most: int, what: str, example: str) -> int:
    found = _QUANTITY.fullmatch(text)
    if found is None or found[2] not in units:
        raise ValueError(f"{text[:40]!r} is not {what}: write a number and one of {', '.join(units)}, as in {example}")
    value = Decimal(found[1]) * units[found[2]]
    if value != value.to_integral_value():
        raise ValueError(f"{text!r} is finer than 1{next(iter(units))}")
    if value > most:
        raise ValueError(f"{text!r} is too large: the most is {_format(most, units)}")
    return int(value)


def _format(value: int, units: dict[str, int]) -> str:
    unit, size = next(iter(units.items()))
    for candidate, candidate_size in units.items():
        if abs(value) >= candidate_size:
            unit, size = candidate, candidate_size
    number = Decimal(value) / size
    return f"{number.normalize():f}{unit}"
