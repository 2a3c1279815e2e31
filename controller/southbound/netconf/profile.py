"""How a kind of device says a cross-connect: a file in ``profiles/``, no code.

A profile names the YANG modules and, for each list that a cross-connect has entries in, the leaves of an entry as
patterns. The names in them are values of the rule: ``number``, ``owner`` (whose it is, in text), ``odu.name`` and
``odu.rate`` (from the profile's table), and of each end ``a.port``, ``a.tributary-port``, ``a.slots``, ``z.port`` ...
In an entry of which there is one ``each = "end"``, ``end`` stands for ``a`` and then ``z``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from controller.southbound.netconf.pattern import Pattern

ENDS = ("a", "z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a list: where the list is (``module:container/list``), its key leaf, the leaves by path."""

    path: tuple[str, ...]
    key: str
    leaves: Mapping[tuple[str, ...], Pattern]

    @property
    def key_pattern(self) -> Pattern:
        return self.leaves[(self.key,)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OduWords:
    """An ODU's name and rate (Gbit/s, canonical decimal) in the words of the device."""

    name: str
    rate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    name: str
    modules: tuple[str, ...]
    odu: Mapping[str, OduWords]
    entries: tuple[Entry, ...]
    referred: tuple[str, ...]
    """Top-level containers that entries refer to (ports), with the module's name."""

    @property
    def roots(self) -> tuple[str, ...]:
        """The top-level containers that are read, each once."""
        return tuple(dict.fromkeys((*self.referred, *(entry.path[0] for entry in self.entries))))


@cache
def profile(name: str) -> Profile:
    """A profile by name. ``ValueError`` when there is none, naming those there are."""
    directory = resources.files(__package__) / "profiles"
    known = sorted(file.name.removesuffix(".toml") for file in directory.iterdir() if file.name.endswith(".toml"))
    if name not in known:
        raise ValueError(f"there is no NETCONF device profile {name!r}: there are {', '.join(known)}")
    return read_profile(name, (directory / f"{name}.toml").read_text(encoding="utf-8"))


def read_profile(name: str, text: str) -> Profile:
    """A profile from TOML. ``KeyError`` or ``ValueError`` when it is none."""
    data = tomllib.loads(text)
    return Profile(
        name=name,
        modules=tuple(data["modules"]),
        odu={odu: OduWords(name=words["name"], rate=words["rate"]) for odu, words in data["odu"].items()},
        referred=tuple(data.get("referred", ())),
        entries=tuple(entry for written in data["entry"] for entry in _entries(written)),
    )


def _entries(written: Mapping[str, Any]) -> list[Entry]:
    each = written.get("each", "rule")
    if each == "rule":
        return [_entry(written, {})]
    if each != "end":
        raise ValueError(f"an entry is there once each 'rule' or each 'end', not each {each!r}")
    return [_entry(written, {"{end}": end, "{end.": f"{{{end}."}) for end in ENDS]


def _entry(written: Mapping[str, Any], named: Mapping[str, str]) -> Entry:
    leaves: dict[tuple[str, ...], Pattern] = {}
    for leaf, text in written["leaves"].items():
        for name, meant in named.items():
            text = text.replace(name, meant)
        leaves[tuple(leaf.split("/"))] = Pattern(text)
    entry = Entry(path=tuple(written["list"].split("/")), key=written["key"], leaves=leaves)
    if entry.key_pattern.names != ("number",):
        raise ValueError(f"{written['list']}: the key {entry.key} must tell the number of the cross-connect, only that")
    return entry
