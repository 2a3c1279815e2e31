"""The life cycle of an intent: a table; what is not in it is illegal."""

from __future__ import annotations

from enum import StrEnum


class IntentState(StrEnum):
    APPLYING = "APPLYING"
    ACTIVE = "ACTIVE"
    DELETING = "DELETING"
    DELETED = "DELETED"
    FAILED = "FAILED"


TRANSITIONS: dict[IntentState | None, frozenset[IntentState]] = {
    None: frozenset({IntentState.APPLYING}),
    # A change that is undone returns to what was there before: ACTIVE (the earlier generation) or FAILED (nothing).
    IntentState.APPLYING: frozenset({IntentState.ACTIVE, IntentState.FAILED}),
    # FAILED: the topology that a controller was started with does not carry it any more.
    IntentState.ACTIVE: frozenset({IntentState.APPLYING, IntentState.DELETING, IntentState.FAILED}),
    # An undone delete leaves the line as it was.
    IntentState.DELETING: frozenset({IntentState.DELETED, IntentState.ACTIVE, IntentState.FAILED}),
    IntentState.FAILED: frozenset({IntentState.APPLYING, IntentState.DELETING}),
    # A name that is used again begins a new life.
    IntentState.DELETED: frozenset(),
}


class IllegalTransition(Exception):
    """A programming error: nothing that a user does may cause it."""


def move(current: IntentState | None, target: IntentState) -> IntentState:
    """Return ``target`` if an intent may go there from ``current`` (``None``: it is new); raise otherwise."""
    if target not in TRANSITIONS[current]:
        raise IllegalTransition(f"{current} -> {target}")
    return target
