"""What those who bring routes say, and in which order; who listens is not theirs to know."""

from __future__ import annotations

from typing import Protocol

from controller.domain.prefixes import Prefix
from controller.domain.routes import Feed, Path


class Door(Protocol):
    """``begin``, then routes; ``complete`` once all that there are were told; then changes as they happen; ``lost``
    when nothing more can be heard. ``settle`` after each batch: only then anything counts."""

    def begin(self, feed: Feed, source: str) -> None:
        """All routes of a feed are told from now on. ``source`` says by whom, for people."""

    def announce(self, prefix: Prefix, path: Path) -> None:
        """The path's gateway reaches the prefix by it."""

    def withdraw(self, prefix: Prefix, gateway: str) -> None:
        """The gateway no longer reaches the prefix."""

    def complete(self, feed: Feed) -> None:
        """All of its routes have been told."""

    def lost(self, feed: Feed, reason: str) -> None:
        """Nothing is heard of it any more, and why."""

    def settle(self) -> None:
        """What was told counts."""
