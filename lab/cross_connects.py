"""Cross-connects as JSON, for those who ask a lab what its OTN nodes hold."""

from __future__ import annotations

from typing import Any

from controller.domain.rules import ClientEnd, CrossConnect, CrossConnectEnd, LineEnd, Opaque, owner_of


def described(rule: CrossConnect) -> dict[str, Any]:
    """``owner`` is [kind, number]; an end has ``port``, and ``tributaryPort`` and ``slots`` on a line port."""
    owner = owner_of(rule.cookie)
    return {
        "number": rule.number,
        "owner": None if owner is None else [owner[0].name.lower(), owner[1]],
        "odu": rule.odu.words if isinstance(rule.odu, Opaque) else rule.odu.value,
        "a": _end(rule.a),
        "z": _end(rule.z),
        "extra": list(rule.extra),
    }


def _end(end: CrossConnectEnd) -> dict[str, Any]:
    match end:
        case ClientEnd(port=port):
            return {"port": port}
        case LineEnd(port=port, tributary_port=tributary_port, slots=slots):
            return {"port": port, "tributaryPort": tributary_port, "slots": list(slots)}
        case Opaque(words=words):
            return {"unknown": words}
