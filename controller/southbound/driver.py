"""The verbs that every device understands, whatever it speaks.

A transaction runs in rounds. For each round, on every device it touches: ``stage`` (hand over the changes; nothing
happens on the device yet), then ``commit`` (make them so, and know it: barrier). ``verify`` reads back all that the
transaction committed, ``confirm`` makes it final, ``undo`` takes back every round staged so far, in reverse order.

Every verb is idempotent and valid after a restart: a controller that knows only its journal stages the
same rounds again and goes on with ``commit`` or ``undo``, whether or not the device had carried them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from controller.domain.foreign import ForeignRule
from controller.domain.rules import Change, Rule, RuleKey, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a device holds: flows and cross-connects of ours, all meters and groups (they bear no mark), and
    everybody else's flows and cross-connects."""

    rules: tuple[Rule, ...]
    foreign: tuple[ForeignRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowCount:
    """What a flow has carried in the ``seconds`` since it came into being; one that is replaced begins anew. What a
    switch tells may lag by a second or so."""

    bytes: int
    packets: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSent:
    """A frame was handed to the device at ``at_ns`` (``time.monotonic_ns``). ``control_ns``: what a question that went
    with it, to the device's controlling part and back, took."""

    at_ns: int
    control_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTold:
    """A device told of a frame that came in by a port (or of the first ``TOLD_BYTES`` of it), because of the rule with
    this cookie; we read that at ``at_ns`` (``time.monotonic_ns``)."""

    port: int
    cookie: int
    frame: bytes
    at_ns: int


class FrameSender(Protocol):
    """A device that can send a frame of ours out of a port."""

    async def send_frame(self, port: int, frame: bytes) -> FrameSent:
        """Errors as of ``Driver``. Returns when the device has taken it; whether it went out is not known."""
        ...


class Driver(Protocol):
    """One device. Errors: ``DeviceUnreachable`` (no connection or no answer in time; what
    the device holds is unknown), ``DeviceRefused`` (it said no, naming the change that caused it,
    or said yes and the read-back differs)."""

    @property
    def device(self) -> str: ...

    @property
    def connected(self) -> bool: ...

    @property
    def why_not(self) -> str:
        """Why there is no connection, as far as that is known; empty when there is one, or nothing to tell."""
        ...

    def hurry(self) -> None:
        """Somebody waits for the device: where it is we who connect, try at once."""
        ...

    async def read(self) -> Observed: ...

    async def counts(self, table: Table) -> Mapping[RuleKey, FlowCount]:
        """What each of our flows in one table has carried; nothing from a device that has no such tables."""
        ...

    async def stage(self, txn: str, round_number: int, changes: tuple[Change, ...]) -> None: ...

    async def commit(self, txn: str, round_number: int) -> None: ...

    async def verify(self, txn: str) -> None: ...

    async def confirm(self, txn: str) -> None: ...

    async def undo(self, txn: str) -> None: ...
