"""How long something lasts, as people write it on the command line: 90s, 10m, 2h."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS_S = {"s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(\d{1,6})([smh])")


class DurationType(click.ParamType[int]):
    """Seconds, as an integer."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = _DURATION.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is not a duration: write a number and one of s, m, h, as in 10m", param, ctx)
        return int(found[1]) * _UNITS_S[found[2]]
