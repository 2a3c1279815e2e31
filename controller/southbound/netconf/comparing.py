"""Where what a device holds differs from what it should, value by value. Pure.

Both sides are canonical (the YANG library has seen to prefixes of identities and to the digits of decimals), so that
values are compared and never their spelling. The order of a leaf-list's values means nothing, unless its model says
so; none here does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.southbound.netconf.tree import EntryId, Tree, leaves


@dataclass(frozen=True, slots=True)
class Difference:
    """``None``: not there."""

    path: str
    wanted: Any
    found: Any

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.path} is not there"
        if self.wanted is None:
            return f"{self.path} is {_words(self.found)}, which is not ours"
        return f"{self.path} is {_words(self.found)} instead of {_words(self.wanted)}"


def differences(wanted: Mapping[EntryId, Tree | None], found: Mapping[EntryId, Tree]) -> list[Difference]:
    """Entry by entry and leaf by leaf, in the order wanted; ``None`` wants an entry gone."""
    unlike: list[Difference] = []
    for where in dict.fromkeys((*wanted, *found)):
        should, there = wanted.get(where), found.get(where)
        if should == there:
            continue
        if should is None or there is None:
            unlike.append(Difference(str(where), _presence(should), _presence(there)))
            continue
        should_be, are = dict(leaves(should)), dict(leaves(there))
        for path in dict.fromkeys((*should_be, *are)):
            one, other = should_be.get(path), are.get(path)
            if _unordered(one) != _unordered(other):
                unlike.append(Difference(f"{where}/{'/'.join(path)}", one, other))
    return unlike


def _presence(tree: Tree | None) -> str | None:
    return None if tree is None else "there"


def _unordered(value: Any) -> Any:
    return sorted(value, key=str) if isinstance(value, list) else value


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
