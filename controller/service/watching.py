"""Who watches: wakes watchers when intents have changed, and hands on the progress of transactions."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# A watcher that is this far behind loses progress, which is only of the moment; it never loses an intent.
_MOST_WAITING = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a transaction is."""

    request_id: str
    phase: str
    devices_done: int
    devices_total: int


class Watchers:
    """Watchers read intents from the store, from the revision they know; here they only learn that there is news."""

    def __init__(self) -> None:
        self._ears: set[_Ear] = set()
        self._ended = False

    def news(self) -> None:
        """Some intent has changed."""
        for ear in self._ears:
            ear.hear(None)

    def progress(self, progress: Progress) -> None:
        for ear in self._ears:
            ear.hear(progress)

    def end(self) -> None:
        """Nobody will hear anything any more, and whoever comes hears nothing: the server stops."""
        self._ended = True
        for ear in self._ears:
            ear.close()

    @contextmanager
    def listening(self) -> Iterator[AsyncIterator[Progress | None]]:
        """Inside, an iterator over what happens from now on: progress, or ``None`` for news of intents."""
        ear = _Ear()
        if self._ended:
            ear.close()
        self._ears.add(ear)
        try:
            yield ear.heard()
        finally:
            self._ears.discard(ear)


class _Ear:
    """What one watcher has still to hear. News twice in a row are one: they tell to look, not what there is."""

    def __init__(self) -> None:
        self._waiting: deque[Progress | None] = deque()
        self._something = asyncio.Event()
        self._closed = False

    def hear(self, item: Progress | None) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.clear()
            self._waiting.append(None)
        if item is not None or not self._waiting or self._waiting[-1] is not None:
            self._waiting.append(item)
        self._something.set()

    def close(self) -> None:
        self._closed = True
        self._something.set()

    async def heard(self) -> AsyncIterator[Progress | None]:
        """What comes, until ``close``; what was there before that is still heard."""
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._closed:
                return
            self._something.clear()
            await self._something.wait()
