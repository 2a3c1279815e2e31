"""Whose a rule is, as text for a leaf of its device: ``trunkline/line/7``. The cookie of NETCONF. Pure."""

from __future__ import annotations

import re

from controller.domain.rules import Owner, cookie, owner_of

_WORDS = re.compile(r"trunkline/([a-z]+)/(0|[1-9][0-9]{0,12})", re.ASCII)
_KINDS = {owner.name.lower(): owner for owner in Owner}


def owner_text(value: int) -> str:
    """``ValueError`` for a cookie that is not of ours."""
    owner = owner_of(value)
    if owner is None:
        raise ValueError(f"cookie {value:#x} names no owner")
    kind, number = owner
    return f"trunkline/{kind.name.lower()}/{number}"


def read_owner(text: object) -> int | None:
    """The cookie; ``None`` when the text names no owner of ours."""
    found = _WORDS.fullmatch(text) if isinstance(text, str) else None
    if found is None or found[1] not in _KINDS or int(found[2]) >= 1 << 40:
        return None
    return cookie(_KINDS[found[1]], int(found[2]))
