"""Configurations as trees of plain values (RFC 7951 JSON in canonical form), and entries of lists within. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controller.southbound.netconf.pattern import Value

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class EntryId:
    """Where an entry is: the path of its list, the key leaf and its value."""

    path: tuple[str, ...]
    key: str
    value: str | int

    def __str__(self) -> str:
        return f"/{'/'.join(self.path)}[{self.key}='{self.value}']"


def entries(tree: Mapping[str, Any], path: tuple[str, ...]) -> list[Tree]:
    """The entries of a list; none when it, or what it is in, is not there."""
    inner: Any = tree
    for name in path:
        inner = inner.get(name)
        if inner is None:
            return []
    return list(inner)


def with_entry(tree: Tree, where: EntryId, entry: Tree | None) -> Tree:
    """The tree with one entry set, or taken away. Shares what it did not change with the one given."""
    return _replaced(tree, where.path, where, entry)


def _replaced(tree: Tree, path: tuple[str, ...], where: EntryId, entry: Tree | None) -> Tree:
    name, *rest = path
    if rest:
        inner = _replaced(tree.get(name, {}), tuple(rest), where, entry)
        return {**tree, name: inner} if inner else {key: value for key, value in tree.items() if key != name}
    there = tree.get(name, [])
    others = [one for one in there if one.get(where.key) != where.value]
    listed = others if entry is None else [*others, entry]
    return {**tree, name: listed} if listed else {key: value for key, value in tree.items() if key != name}


def with_leaf(tree: Tree, path: tuple[str, ...], value: Value) -> Tree:
    """The tree with one leaf set, and the containers it is in."""
    name, *rest = path
    return {**tree, name: with_leaf(tree.get(name, {}), tuple(rest), value) if rest else value}


def leaves(tree: Mapping[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every leaf of an entry with its path, containers walked through."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*at, name))
        else:
            yield (*at, name), value
