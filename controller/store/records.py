"""What is stored, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from controller.compiler.plan import Movement, RoundKind
from controller.domain.egress import EgressPolicy
from controller.domain.foreign import ForeignRule
from controller.domain.gateway_quality import Series
from controller.domain.intents import IntentKey, PrivateLine
from controller.domain.kinds import Intent
from controller.domain.lifecycle import IntentState
from controller.domain.placement import PlacedLine, Trunk, TrunkPair
from controller.domain.rules import Change, Rule
from controller.domain.steering import PrefixTable, Steering
from controller.egress.slots import MonthBook

POLICY_JSON = TypeAdapter(EgressPolicy)
INTENT_JSON: Mapping[str, TypeAdapter[Any]] = {
    "PrivateLine": TypeAdapter(PrivateLine),
    "EgressPolicy": POLICY_JSON,
}
"""By kind."""


def dump_intent(intent: Intent) -> str:
    return INTENT_JSON[intent.key.kind].dump_json(intent).decode()


PLACED_JSON = TypeAdapter(PlacedLine)
TRUNK_JSON = TypeAdapter(Trunk)
PAIR_JSON = TypeAdapter(TrunkPair)
MOVEMENT_JSON = TypeAdapter(Movement)
FOREIGN_JSON = TypeAdapter(ForeignRule)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRecord:
    """An intent as the store knows it. ``etag`` changes with every specification, and with every new life of a name."""

    intent: Intent
    state: IntentState
    generation: int
    created_revision: int
    revision: int
    created_at: float
    updated_at: float
    reason: str = ""
    message: str = ""

    @property
    def key(self) -> IntentKey:
        return self.intent.key

    @property
    def etag(self) -> str:
        return f"{self.created_revision}.{self.generation}"


class TransactionKind(StrEnum):
    APPLY = "apply"
    DELETE = "delete"
    STEER = "steer"
    """Internet traffic takes another way; no intent changes."""


class Phase(StrEnum):
    """``RUNNING`` until the head ends have flipped, ``COMMITTED`` until the old rules are gone."""

    RUNNING = "RUNNING"
    COMMITTED = "COMMITTED"
    DONE = "DONE"
    UNDONE = "UNDONE"


class Verb(StrEnum):
    STAGE = "stage"
    COMMIT = "commit"
    VERIFY = "verify"
    CONFIRM = "confirm"
    UNDO = "undo"


class Moment(StrEnum):
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of the journal: ``verb`` on ``device`` in round ``number`` (from 0) is about to happen, or did."""

    seq: int
    device: str
    number: int
    kind: RoundKind
    verb: Verb
    moment: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRound:
    """The changes of one round on one device; its inverse is what the journal keeps. ``step`` as in ``Round``; the
    journal does not have it, and of what it gives back each round is a step."""

    number: int
    kind: RoundKind
    device: str
    changes: tuple[Change, ...]
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTransaction:
    """A transaction found in the journal after a restart, with the rounds that were staged and the steps written."""

    txn: str
    kind: TransactionKind
    phase: Phase
    movement: Movement
    rounds: tuple[DeviceRound, ...]
    steps: tuple[Step, ...]
    keys: tuple[IntentKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A client's request id, with a digest of what it asked."""

    request_id: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a request ended. ``reason`` is empty when it succeeded, and ``None`` while it is under way."""

    fingerprint: bytes
    txn: str
    keys: tuple[IntentKey, ...]
    reason: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A rule of ours that a device may still hold, though nothing wants it any more."""

    device: str
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Automatic changes are stopped, for this reason, since this moment (seconds since 1970)."""

    reason: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """A gateway is to carry nothing, for this reason, since this moment (seconds since 1970)."""

    reason: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A plan that is kept: what was asked, what it came to, and until when. Times are seconds since 1970."""

    plan_id: str
    wanted: tuple[Intent, ...]
    unwanted: tuple[IntentKey, ...]
    etags: tuple[tuple[IntentKey, str], ...]
    """The etag that each of its intents bore; empty: there was none."""
    movement: Movement
    caller: str
    created_at: float
    expires_at: float
    held_until: float | None = None
    """The end of its hold; ``None``: it reserves nothing."""
    applied_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Everything a controller knows when it starts."""

    intents: tuple[IntentRecord, ...]
    placed: tuple[PlacedLine, ...]
    trunks: tuple[Trunk, ...]
    pairs: tuple[TrunkPair, ...]
    unfinished: tuple[SavedTransaction, ...]
    leftovers: tuple[Leftover, ...]
    revision: int
    frozen: Frozen | None
    adopted: Mapping[str, tuple[ForeignRule, ...]]
    """Rules of others for whose sake numbers and ports are kept out of use, by device."""
    plans: tuple[SavedPlan, ...] = ()
    policies: tuple[EgressPolicy, ...] = ()
    """Those in force, by key."""
    steering: Steering = field(default_factory=Steering)
    prefixes: PrefixTable = field(default_factory=PrefixTable)
    drained: Mapping[str, Drained] = field(default_factory=dict)
    """Gateways that are to carry nothing, by name."""
    measured_quality: tuple[Series, ...] = ()
    """What was measured last on ways abroad."""
    month_books: Mapping[tuple[str, str], MonthBook] = field(default_factory=dict)
    """What was sent by gateways that bill by the 95th percentile: by gateway and month (as 2026-11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One change of an intent's state."""

    revision: int
    key: IntentKey
    state: IntentState
    reason: str
    message: str
    txn: str
    at: float
    generation: int
    request_id: str = ""
    """The request whose transaction it was, where that is asked for; empty when it bore no id."""
    caller: str = ""
    """Where the request came from."""
    spec: Intent | None = None
    """What was asked for in this generation, where that is asked for and still known."""
