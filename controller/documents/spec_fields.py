"""A specification field by field, to be compared with another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controller.documents.writing import written_spec
from controller.domain.kinds import Intent


def spec_fields(intent: Intent) -> dict[str, str]:
    """Each field by its path with its value in the words of documents: ``spec.a.vlan`` -> ``100``."""
    return dict(_fields("spec", written_spec(intent)))


def _fields(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _fields(f"{path}.{name}", part)
    elif isinstance(value, list):
        yield path, ", ".join(map(str, value))
    else:
        yield path, str(value)
