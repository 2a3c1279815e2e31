"""The one tree of errors, each with a stable reason.

::

    TrunklineError
    |- InvalidInput        what was written cannot be: every fault with its field      (exit 1, INVALID_ARGUMENT ...)
    |- NotFound            no such intent                                              (NOT_FOUND)
    |- Conflict            somebody was faster: stale etag, stale plan                 (ABORTED)
    |- Infeasible          a proved "no" that an apply meets                           (FAILED_PRECONDITION)
    |- ConfirmationRequired  more would change than is done without asking twice        (FAILED_PRECONDITION)
    |- DeviceError         a device refused, answered wrongly or cannot be reached
       |- DeviceUnreachable                                                            (UNAVAILABLE, retryable)
       |- DeviceRefused    terminal for this change; nothing is gained by a retry
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.domain.topology import PerDirection


class Reason(StrEnum):
    """Why not. Scripts read these words; they do not change."""

    DELAY_BOUND_UNREACHABLE = "DELAY_BOUND_UNREACHABLE"
    LOSS_BOUND_UNREACHABLE = "LOSS_BOUND_UNREACHABLE"
    NO_BANDWIDTH = "NO_BANDWIDTH"
    NOT_DISJOINT = "NOT_DISJOINT"
    NO_PATH = "NO_PATH"
    MTU_TOO_SMALL = "MTU_TOO_SMALL"
    SEARCH_LIMIT = "SEARCH_LIMIT"
    NO_ELIGIBLE_GATEWAY = "NO_ELIGIBLE_GATEWAY"
    GATEWAY_CAPACITY = "GATEWAY_CAPACITY"
    VLAN_IN_USE = "VLAN_IN_USE"
    REFERENCE_NOT_FOUND = "REFERENCE_NOT_FOUND"
    INVALID_VALUE = "INVALID_VALUE"
    INVALID_FORMAT = "INVALID_FORMAT"
    UNEXPECTED_PROPERTY = "UNEXPECTED_PROPERTY"
    MISSING_PROPERTY = "MISSING_PROPERTY"
    NAME_TAKEN = "NAME_TAKEN"
    ETAG_MISMATCH = "ETAG_MISMATCH"
    PLAN_STALE = "PLAN_STALE"
    TENANT_QUOTA = "TENANT_QUOTA"
    TABLE_FULL = "TABLE_FULL"
    DEVICE_UNREACHABLE = "DEVICE_UNREACHABLE"
    DEVICE_REFUSED = "DEVICE_REFUSED"
    INTERRUPTED = "INTERRUPTED"
    CONFIRMATION_REQUIRED = "CONFIRMATION_REQUIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong in an input: its field as a path (``spec.a.vlan``), and where it was read."""

    reason: Reason
    message: str
    field: str = ""
    source: str = ""
    line: int = 0
    document: int = 0
    """Which document (or intent of a request) it is in, counted from 0."""

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}: " if self.line else (f"{self.source}: " if self.source else "")
        return f"{place}{self.field + ': ' if self.field else ''}{self.message} [{self.reason}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """A single change that alone would make an infeasible intent feasible: the nearest value that does."""

    field: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingLink:
    """A link that stands in the way, and what is free on it in each of its directions."""

    link: str
    free_bps: PerDirection[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What makes a "no" a "no": the links of a cut that every route has to cross, or the full ones of the route that
    would do; nodes, links and SRLGs that every route uses; the least one-way delay or loss that can be had."""

    links: tuple[BindingLink, ...] = ()
    nodes: tuple[str, ...] = ()
    srlgs: tuple[str, ...] = ()
    least_delay_ns: int | None = None
    least_loss_ppm: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A proved "no": the reason, what binds in words and by name, and what would do."""

    reason: Reason
    message: str
    relaxations: tuple[Relaxation, ...] = ()
    binding: Binding = Binding()


class TrunklineError(Exception):
    """Root of every error that Trunkline raises on purpose."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class InvalidInput(TrunklineError):
    """What was asked cannot be: ``faults`` holds at least one fault."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults[0].reason, "\n".join(map(str, faults)))
        self.faults = faults


class NotFound(TrunklineError):
    """The intent named does not exist."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.REFERENCE_NOT_FOUND, message)


class Conflict(TrunklineError):
    """The state moved on since the caller looked: read again, then decide again."""


class Infeasible(TrunklineError):
    """An apply asked for what was proved impossible; ``refusals`` are by intent name."""

    def __init__(self, message: str, refusals: tuple[tuple[str, Refusal], ...]) -> None:
        super().__init__(refusals[0][1].reason, message)
        self.refusals = refusals


class ConfirmationRequired(TrunklineError):
    """The change touches this many lines and devices; it was not confirmed, or with another number."""

    def __init__(self, message: str, lines: int, devices: int) -> None:
        super().__init__(Reason.CONFIRMATION_REQUIRED, message)
        self.lines = lines
        self.devices = devices


class DeviceError(TrunklineError):
    """Something went wrong with ``device``."""

    def __init__(self, reason: Reason, device: str, message: str) -> None:
        super().__init__(reason, f"{device}: {message}")
        self.device = device


class DeviceUnreachable(DeviceError):
    """No answer within the time limit, or no connection. Its state is unknown, not empty."""

    def __init__(self, device: str, message: str) -> None:
        super().__init__(Reason.DEVICE_UNREACHABLE, device, message)


class DeviceRefused(DeviceError):
    """The device answered no (or answered yes and did not do it); ``what`` names the change that caused it."""

    def __init__(self, device: str, message: str, *, what: str = "", reason: Reason = Reason.DEVICE_REFUSED) -> None:
        super().__init__(reason, device, f"{message}{' (caused by: ' + what + ')' if what else ''}")
        self.what = what
