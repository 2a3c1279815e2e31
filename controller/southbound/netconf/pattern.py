"""A leaf's value with named values in it, to write and to read: ``trunkline-{number}-a``. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

Scalar = str | int | bool
Value = Scalar | list[Scalar]
"""A leaf or leaf-list in RFC 7951 JSON, in the canonical form."""

_NAMED = re.compile(r"\{([a-z.-]+)\}")


@dataclass(frozen=True)
class Pattern:
    """``{name}`` alone stands for the value as it is, whatever its type; within a longer text, for its decimal digits.
    A pattern without names is a constant."""

    text: str

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(_NAMED.findall(self.text))

    def write(self, values: Mapping[str, Value]) -> Value | None:
        """The leaf's value; ``None`` when one of the names has none."""
        if any(name not in values for name in self.names):
            return None
        if self._alone:
            return values[self.names[0]]
        return _NAMED.sub(lambda found: str(values[found[1]]), self.text)

    def read(self, value: Value) -> dict[str, Value] | None:
        """The values of the names in what ``write`` gave; ``None`` when it cannot have given that."""
        if self._alone:
            return {self.names[0]: value}
        found = self._reading.fullmatch(value) if isinstance(value, str) else None
        return None if found is None else dict(zip(self.names, map(int, found.groups()), strict=True))

    @cached_property
    def _alone(self) -> bool:
        return _NAMED.fullmatch(self.text) is not None

    @cached_property
    def _reading(self) -> re.Pattern[str]:
        # No leading zeros and a bounded length: each number has one text only.
        constants = _NAMED.split(self.text)[::2]
        return re.compile("(0|[1-9][0-9]{0,11})".join(map(re.escape, constants)), re.ASCII)
