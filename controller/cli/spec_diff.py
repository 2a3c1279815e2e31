"""Two specifications of an intent beside each other, field by field, in the words of the YAML that people write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from controller.documents import write_intent
from controller.domain.intents import IntentKey
from controller.domain.kinds import Intent

_NEW, _CHANGED, _UNCHANGED, _NOT_CARRIED = "new", "changed", "unchanged", "not carried"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """``name`` as in ``spec.bandwidth``. ``None``: the field is not there."""

    name: str
    stored: Any
    wanted: Any

    @property
    def stored_words(self) -> str:
        return _words(self.stored)

    @property
    def wanted_words(self) -> str:
        return _words(self.wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentDifference:
    """``standing``: new, changed, unchanged, or not carried: stored as it is in the file, but the network carries
    nothing of it (its last change failed), so that an apply would try anew. ``fields`` only of those that changed."""

    key: IntentKey
    standing: str
    fields: tuple[FieldDifference, ...]

    @property
    def differs(self) -> bool:
        return self.standing != _UNCHANGED


def compared_with_stored(wanted: Intent, stored: Intent | None, *, carried: bool) -> IntentDifference:
    """What applying ``wanted`` would change. A default that is left out and one that is written are the same."""
    if stored is None:
        return IntentDifference(key=wanted.key, standing=_NEW, fields=())
    if wanted == stored:
        return IntentDifference(key=wanted.key, standing=_UNCHANGED if carried else _NOT_CARRIED, fields=())
    was, will = dict(_fields(stored)), dict(_fields(wanted))
    fields = tuple(
        FieldDifference(name=name, stored=was.get(name), wanted=will.get(name))
        for name in dict.fromkeys((*was, *will))
        if was.get(name) != will.get(name)
    )
    return IntentDifference(key=wanted.key, standing=_CHANGED, fields=fields)


def _fields(intent: Intent) -> Iterator[tuple[str, Any]]:
    yield from _flattened("spec", yaml.safe_load(write_intent(intent))["spec"])


def _flattened(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flattened(f"{name}.{key}", inner)
    else:
        yield name, value


def _words(value: Any) -> str:
    if value is None:
        return "(none)"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
