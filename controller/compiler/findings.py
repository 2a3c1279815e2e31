"""What `topology check` finds, as values; scripts read the words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    """It cannot be so, or cannot work."""
    WARNING = "warning"
    """It can be so; whoever runs it should know."""


class Kind(StrEnum):
    """What was found. Scripts read these words; they do not change."""

    DISCONNECTED = "DISCONNECTED"
    FASTER_THAN_LIGHT = "FASTER_THAN_LIGHT"
    SITE_ISOLATED = "SITE_ISOLATED"
    GATEWAY_UNREACHED = "GATEWAY_UNREACHED"
    DELAY_UNLIKELY = "DELAY_UNLIKELY"
    LOCATION_UNKNOWN = "LOCATION_UNKNOWN"
    MTU_TOO_SMALL = "MTU_TOO_SMALL"
    NO_DEVICE = "NO_DEVICE"
    BRIDGE = "BRIDGE"
    CUT_NODE = "CUT_NODE"
    CUT_SRLG = "CUT_SRLG"
    PARALLEL_SHARE_SRLG = "PARALLEL_SHARE_SRLG"
    GATEWAY_OVERSIZED = "GATEWAY_OVERSIZED"
    GATEWAY_UNUSED = "GATEWAY_UNUSED"
    GATEWAY_WITHOUT_ADDRESS = "GATEWAY_WITHOUT_ADDRESS"
    SITE_WITHOUT_PREFIX = "SITE_WITHOUT_PREFIX"
    SITE_WITHOUT_NEXT_HOP = "SITE_WITHOUT_NEXT_HOP"
    EDGES_SHARE_NAME = "EDGES_SHARE_NAME"
    OUT_OF_SERVICE = "OUT_OF_SERVICE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``objects`` are the names of what it is about, the first of them foremost."""

    severity: Severity
    kind: Kind
    objects: tuple[str, ...]
    message: str


def error(kind: Kind, objects: Iterable[str], message: str) -> Finding:
    return Finding(severity=Severity.ERROR, kind=kind, objects=tuple(objects), message=message)


def warning(kind: Kind, objects: Iterable[str], message: str) -> Finding:
    return Finding(severity=Severity.WARNING, kind=kind, objects=tuple(objects), message=message)
