"""What a plain (unquoted) YAML scalar means: the core schema of YAML 1.2 (section 10.3.2), without its traps.

Numbers become ``int`` or ``Decimal``, never ``float``: what was written is what is calculated with. Whatever YAML 1.1
and 1.2 readers disagree about (``yes``, ``0777``, ``1_000``) is ``Unusable``: no field takes it, quoted it is text.
``1:1`` and ``12:30`` are text, as in YAML 1.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True)
class Unusable:
    """A value that no field takes; ``why`` says what to write instead."""

    text: str
    why: str


Value = str | int | Decimal | bool | Unusable

TOLD: Final = Unusable("", "")
"""Stands for what a fault has been told about already."""

_EMPTY: Final = Unusable("", "is empty: give it a value or leave it out")
_WORDS: Final[dict[str, Value]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), _EMPTY),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{
        spelling: Unusable(
            spelling,
            f"'{spelling}' is true or false to some YAML readers: write true or false, or quote it if it is text",
        )
        for word in ("yes", "no", "on", "off")
        for spelling in (word, word.capitalize(), word.upper())
    },
}
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,29})")
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,29})\.[0-9]{1,30}")
_OTHER_NUMBER: Final = re.compile(
    r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|\.(?:inf|Inf|INF)|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?)"
    r"|\.(?:nan|NaN|NAN)"
)


def plain_value(text: str) -> Value:
    """Return what an unquoted scalar stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    if _OTHER_NUMBER.fullmatch(text):
        return Unusable(
            text, f"{shown(text)} is not a plain decimal number: write it as 100 or 1.5, or quote it if it is text"
        )
    return text


def shown(text: str) -> str:
    """Quote a text for a message, on one line and not too long."""
    return f"{text[:40]!r}..." if len(text) > 40 else repr(text)
