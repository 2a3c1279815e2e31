"""The values that fields hold, as pydantic types: each checks what was written and says what would be right.

Nothing is coerced: text is not a number, a number is no quantity, 1 is not true.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Final, TypeVar

from pydantic import PlainValidator

from controller.documents.scalars import Unusable, shown
from controller.domain.spelling import did_you_mean
from controller.domain.units import parse_delay_ns, parse_loss_ppm, parse_rate_bps
from controller.domain.validation import name_problem

E = TypeVar("E", bound=StrEnum)

_DATAPATH_ID: Final = re.compile(r"[0-9a-fA-F]{16}")
_MAC: Final = re.compile(r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}")


def described(value: Any) -> str:
    """Name what was found in place of what was expected."""
    match value:
        case bool():
            return str(value).lower()
        case int() | Decimal():
            return f"the number {value}"
        case str():
            return f"the text {shown(value)}"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case Unusable(text=written) if written:
            return written[:40]
        case _:
            return "nothing"


def text(value: Any) -> str:
    if not isinstance(value, str):
        quote = ' (in quotes, if it is meant as text: "...")' if isinstance(value, bool | int | Decimal) else ""
        raise _expected("a text", value, quote)
    return value


def name(value: Any) -> str:
    written = text(value)
    problem = name_problem(written)
    if problem is not None:
        raise ValueError(problem)
    return written


def plain_text(value: Any) -> str:
    """A host, a user, a path: not empty, and nothing in it that a terminal or a system call would choke on."""
    written = text(value)
    if not written or len(written) > 255 or not written.isprintable():
        raise ValueError(f"{shown(written)} is not usable: write 1 to 255 printable characters")
    return written


def integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _expected("a whole number", value)
    return value


def number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _expected("a number", value)
    return Decimal(value)


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _expected("true or false", value)
    return value


def rate_bps(value: Any) -> int:
    return _quantity(value, "rate", "Mbps", "500Mbps", parse_rate_bps)


def positive_rate_bps(value: Any) -> int:
    rate = rate_bps(value)
    if rate == 0:
        raise ValueError(f"{value} is no capacity: it must be more than 0bps")
    return rate


def delay_ns(value: Any) -> int:
    return _quantity(value, "delay", "ms", "12.5ms", parse_delay_ns)


def loss_ppm(value: Any) -> int:
    return _quantity(value, "loss", "%", "0.1%", parse_loss_ppm)


def factor(value: Any) -> Fraction:
    """1 to 100, exactly as written."""
    written = number(value)
    if not 1 <= written <= 100:
        raise ValueError(f"{written} is not a factor: write 1 to 100")
    return Fraction(written)


def price(value: Any) -> Fraction:
    """More than 0, at most 100,000, exactly as written."""
    written = number(value)
    if not 0 < written <= 100_000:
        raise ValueError(f"{written} is no price: it must be more than 0, and at most 100000")
    return Fraction(written)


def datapath_id(value: Any) -> int:
    if not isinstance(value, str) or not _DATAPATH_ID.fullmatch(value):
        raise ValueError(f'expected 16 hexadecimal digits in quotes, as in "0000000000000001", not {described(value)}')
    return int(value, 16)


def prefix(value: Any) -> str:
    written = text(value)
    if "/" not in written:
        raise ValueError(f"{shown(written)} has no prefix length: write it as 10.44.0.0/16")
    try:
        return str(ip_network(written, strict=True))
    except ValueError as error:
        raise ValueError(f"{shown(written)} is not an IP prefix: {_short(error)}") from None


def address(value: Any) -> str:
    written = text(value)
    try:
        return str(ip_address(written))
    except ValueError:
        raise ValueError(f"{shown(written)} is not an IP address") from None


def unicast_mac(value: Any) -> str:
    written = text(value)
    if not _MAC.fullmatch(written) or int(written[:2], 16) & 1 or set(written) == {"0", ":"}:
        raise ValueError(f'{shown(written)} is not a unicast MAC address: write it as "02:00:00:00:00:01"')
    return written.lower()


def within(first: int, last: int, what: str) -> Callable[[Any], int]:
    """A whole number from ``first`` to ``last``."""

    def check(value: Any) -> int:
        written = integer(value)
        if not first <= written <= last:
            raise ValueError(f"{written} is not {what}: write {first} to {last}")
        return written

    return check


def degrees(most: int) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        written = number(value)
        if not -most <= written <= most:
            raise ValueError(f"{written} is out of range: write {-most} to {most} degrees")
        return float(written)

    return check


def one_of(choices: type[E]) -> Callable[[Any], E]:
    def check(value: Any) -> E:
        known = {choice.value: choice for choice in choices}
        if not isinstance(value, str) or value not in known:
            hint = did_you_mean(value, known) if isinstance(value, str) else ""
            raise _expected(f"one of {', '.join(known)}", value, hint)
        return known[value]

    return check


Text = Annotated[str, PlainValidator(text)]
Name = Annotated[str, PlainValidator(name)]
PlainText = Annotated[str, PlainValidator(plain_text)]
Integer = Annotated[int, PlainValidator(integer)]
Boolean = Annotated[bool, PlainValidator(boolean)]
Rate = Annotated[int, PlainValidator(rate_bps)]
Capacity = Annotated[int, PlainValidator(positive_rate_bps)]
Delay = Annotated[int, PlainValidator(delay_ns)]
Loss = Annotated[int, PlainValidator(loss_ppm)]
Factor = Annotated[Fraction, PlainValidator(factor)]
Price = Annotated[Fraction, PlainValidator(price)]
DatapathId = Annotated[int, PlainValidator(datapath_id)]
Prefix = Annotated[str, PlainValidator(prefix)]
Address = Annotated[str, PlainValidator(address)]
UnicastMac = Annotated[str, PlainValidator(unicast_mac)]
Latitude = Annotated[float, PlainValidator(degrees(90))]
Longitude = Annotated[float, PlainValidator(degrees(180))]


def _quantity(value: Any, what: str, unit: str, example: str, parse: Callable[[str], int]) -> int:
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit; a {what} needs one: {value}{unit}?")
    raise _expected(f"a {what} such as {example}", value)


def _expected(what: str, value: Any, hint: str = "") -> ValueError:
    if isinstance(value, Unusable):
        return ValueError(value.why)
    return ValueError(f"expected {what}, not {described(value)}{hint}")


def _short(error: ValueError) -> str:
    """ipaddress repeats what was written, whatever its length."""
    return str(error)[:120]
