"""Reading a JSON object that somebody else wrote: every value is of the type asked for, or the request is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class BadRequest(Exception):
    """What the request asks for cannot be, in words."""


class Fields:
    """The members of a JSON object; ``what`` names it in messages. All methods raise ``BadRequest``."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise BadRequest(f"{what} is not an object")
        self._members: dict[str, Any] = value
        self._what = what

    def has(self, name: str) -> bool:
        return name in self._members

    def text(self, name: str, default: str | None = None) -> str:
        return _typed(self._get(name, default), str, f"{self._what}: {name}", "text")

    def number(self, name: str, default: int | None = None) -> int:
        """An integer that is not negative."""
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise BadRequest(f"{self._what}: {name} is {str(value)[:40]!r}, not an integer of at least 0")
        return value

    def share(self, name: str) -> float | None:
        """A number from 0 to 1; ``None`` when it is not given."""
        value = self._members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise BadRequest(f"{self._what}: {name} is {str(value)[:40]!r}, not a number from 0 to 1")
        return value

    def switch(self, name: str) -> bool | None:
        """True or false; ``None`` when it is not given."""
        value = self._members.get(name)
        return None if value is None else _typed(value, bool, f"{self._what}: {name}", "true or false")

    def frame(self, name: str) -> bytes:
        """An Ethernet frame in hexadecimal."""
        try:
            return bytes.fromhex(self.text(name))
        except ValueError:
            raise BadRequest(f"{self._what}: {name} is not hexadecimal") from None

    def part(self, name: str) -> Fields | None:
        """The object within; ``None`` when it is not given."""
        value = self._members.get(name)
        return None if value is None else Fields(value, f"{self._what}: {name}")

    def entries(self, name: str) -> Iterator[Fields]:
        """The objects of a list."""
        values: list[Any] = _typed(self._get(name, None), list, f"{self._what}: {name}", "a list")
        for number, value in enumerate(values):
            yield Fields(value, f"{name}[{number}]")

    def _get(self, name: str, default: Any) -> Any:
        value = self._members.get(name, default)
        if value is None:
            raise BadRequest(f"{self._what}: {name} is missing")
        return value


def _typed(value: Any, kind: type[T], what: str, wanted: str) -> T:
    if not isinstance(value, kind):
        raise BadRequest(f"{what} is {str(value)[:40]!r}, not {wanted}")
    return value
