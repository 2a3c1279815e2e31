"""YAML text to a tree that remembers its lines. A deliberately small YAML: no anchors, aliases, merge keys or tags.

libyaml (through PyYAML) scans and parses; the tree is composed from its events here, because only so the depth is
bounded *before* anything recurses, an alias is never followed, and a fault knows its field.
"""

from __future__ import annotations

import re
from collections import abc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from controller.documents.faults import FaultLog
from controller.documents.scalars import TOLD, Value, plain_value, shown
from controller.domain.errors import Reason

MAX_DEPTH: Final = 20
"""Our deepest field lies seven levels down."""

MAX_VALUES: Final = 1_000_000
"""A document of the greatest size holds fewer, unless it is made to fill the memory."""

_LONGEST_KEY: Final = 128

# Characters that YAML 1.2 (production 1, c-printable) does not allow in a text.
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Scalar:
    line: int
    value: Value


@dataclass(slots=True)
class Sequence:
    line: int
    items: list[Node]


@dataclass(slots=True)
class Mapping:
    """``entries``: key -> (line of the key, value)."""

    line: int
    entries: dict[str, tuple[int, Node]]


Node = Scalar | Sequence | Mapping


def parse_documents(text: str, log: FaultLog) -> list[Node]:
    """Return the documents of a text as far as it is YAML; what is not is told to ``log``."""
    unprintable = _UNPRINTABLE.search(text)
    if unprintable is not None:
        line = text.count("\n", 0, unprintable.start()) + 1
        message = f"character U+{ord(unprintable[0]):04X} is not allowed in YAML"
        log.add(Reason.INVALID_FORMAT, "", message, line=line)
        return []
    return _Composer(text, log).documents()


def lines_of(root: Node) -> dict[str, int]:
    """Return the line of every field of a document, by its path (``spec.links[3].delay``)."""
    lines = {"": root.line}
    _note_lines(root, "", lines)
    return lines


def line_of(lines: abc.Mapping[str, int], field: str) -> int:
    """Return the line of a field, or of the nearest thing around it that is written."""
    while field not in lines:
        field = field[: max(field.rfind("."), field.rfind("["), 0)]
    return lines[field]


def python_value(node: Node) -> Any:
    """Return a node as dict, list and scalar values, the lines forgotten."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [python_value(item) for item in node.items]
        case Mapping():
            return {key: python_value(value) for key, (_, value) in node.entries.items()}


def _note_lines(node: Node, path: str, lines: dict[str, int]) -> None:
    match node:
        case Sequence():
            for index, item in enumerate(node.items):
                lines[f"{path}[{index}]"] = item.line
                _note_lines(item, f"{path}[{index}]", lines)
        case Mapping():
            for key, (line, value) in node.entries.items():
                inner = f"{path}.{key}" if path else key
                lines[inner] = line
                _note_lines(value, inner, lines)


class _TooMuch(Exception):
    """Ends the reading of a file."""


class _Composer:
    """Composes nodes from the parser's events, by recursive descent of bounded depth."""

    def __init__(self, text: str, log: FaultLog) -> None:
        self._text = text
        self._log = log
        self._document = 0
        self._values = 0
        self._events: Iterator[Any] = iter(())

    def documents(self) -> list[Node]:
        documents: list[Node] = []
        try:
            self._events = iter(yaml.parse(self._text, Loader=_LOADER))
            for event in self._events:
                if isinstance(event, yaml.DocumentStartEvent):
                    documents.append(self._node(next(self._events), "", 0))
                    self._document += 1
        except _TooMuch:
            pass
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark is not None else 0
            told = ", ".join(part for part in (error.context, error.problem) if part)
            self._refuse("", f"not YAML: {told}{self._hint(line)}", line)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            # Without libyaml, PyYAML lets errors of int() and chr() through (a version or an escape out of range).
            self._refuse("", f"not YAML: {error}", 0)
        return documents

    def _node(self, event: Any, path: str, depth: int) -> Node:
        line = event.start_mark.line + 1
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            deep, many = f"nested more than {MAX_DEPTH} levels deep", f"more than {MAX_VALUES:,} values: split the file"
            self._refuse(path, deep if depth > MAX_DEPTH else many, line)
            raise _TooMuch
        if isinstance(event, yaml.AliasEvent):
            self._refuse(path, f"aliases ({shown(f'*{event.anchor}')}) are not supported: write the value again", line)
            return Scalar(line, TOLD)
        if event.anchor is not None:
            self._refuse(path, f"anchors ({shown(f'&{event.anchor}')}) are not supported: leave it out", line)
        if event.tag is not None:
            self._refuse(path, f"tags ({shown(event.tag)}) are not supported: leave it out", line)
        if isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0] and not event.style
            tagged = event.tag is not None
            return Scalar(line, TOLD if tagged else plain_value(event.value) if plain else event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(line, path, depth)
        return self._mapping(line, path, depth)

    def _sequence(self, line: int, path: str, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, f"{path}[{len(items)}]", depth + 1))
        return Sequence(line, items)

    def _mapping(self, line: int, path: str, depth: int) -> Mapping:
        entries: dict[str, tuple[int, Node]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key_line = event.start_mark.line + 1
            key = self._key(event, path, depth)
            inner = path if key is None else f"{path}.{key}" if path else key
            value = self._node(next(self._events), inner, depth + 1)
            if key is None:
                continue
            if key in entries:
                first = entries[key][0]
                self._refuse(inner, f"written twice: it is on line {first} already", key_line)
            else:
                entries[key] = (key_line, value)
        return Mapping(line, entries)

    def _key(self, event: Any, path: str, depth: int) -> str | None:
        """A key is its text, quoted or not: no key of ours could be taken for anything else. ``None``: refused."""
        line = event.start_mark.line + 1
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(path, "a key must be a word, not a list, a mapping or an alias", line)
            self._node(event, path, depth + 1)
            return None
        key = str(event.value)
        if key == "<<" and not event.style:
            self._refuse(path, "merge keys (<<) are not supported: write the values again", line)
            return None
        if len(key) > _LONGEST_KEY or not key.isprintable():
            self._refuse(path, f"{shown(key)} is not a key: write a word", line)
            return None
        if event.anchor is not None or event.tag is not None:
            self._refuse(path, f"key {shown(key)} has an anchor or a tag: leave it out", line)
        return key

    def _hint(self, line: int) -> str:
        """Tabs are the usual reason why what looks right is not YAML."""
        written = self._text.split("\n", line)[line - 1 : line]
        return " (indent with spaces: there is a tab in this line)" if "\t" in "".join(written) else ""

    def _refuse(self, field: str, message: str, line: int) -> None:
        self._log.add(Reason.INVALID_FORMAT, field, message, line=line, document=self._document)
