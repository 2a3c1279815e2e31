"""Rates, delays, prices and bars as people read them."""

from __future__ import annotations

from controller.domain.units import MAX_DELAY_NS, format_rate

_BAR = 24
_DIGITS = 5


def rough_rate(rate_bps: int) -> str:
    """With five digits: nobody compares bits by eye."""
    return format_rate(round(rate_bps, min(_DIGITS - len(str(abs(rate_bps))), 0)))


def bar(share: float, first: float = 0.0) -> str:
    """``#`` for what is used; of it, ``+`` for the ``first`` part."""
    filled = min(round(share * _BAR), _BAR)
    before = min(round(first * _BAR), filled)
    return "+" * before + "#" * (filled - before) + "." * (_BAR - filled)


def price(price_ns: float) -> str:
    """Where what must stay whole does not fit, a price may have in it what carrying a bit is worth, more than any
    delay."""
    return "full" if price_ns > MAX_DELAY_NS else in_ms(price_ns)


def in_percent(loss_ppm: float) -> str:
    return f"{loss_ppm / 10_000:.4f}%"


def in_ms(value_ns: float | None) -> str:
    return "" if value_ns is None else f"{value_ns / 1e6:.2f}ms"
