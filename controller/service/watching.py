"""Who watches: wakes watchers when intents have changed, and hands on the progress of transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# A watcher that is this far behind loses the oldest progress, which is only of the moment; it never loses an intent.
_MOST_PROGRESS = 1_000


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
        self._queues: set[asyncio.Queue[Progress | None]] = set()

    def news(self) -> None:
        """Some intent has changed."""
        self._put(None)

    def progress(self, progress: Progress) -> None:
        self._put(progress)

    @contextmanager
    def listening(self) -> Iterator[AsyncIterator[Progress | None]]:
        """Inside, an iterator over what happens from now on: progress, or ``None`` for news of intents."""
        queue: asyncio.Queue[Progress | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield _heard(queue)
        finally:
            self._queues.discard(queue)

    def _put(self, item: Progress | None) -> None:
        for queue in self._queues:
            if queue.qsize() >= _MOST_PROGRESS:
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(item)


async def _heard(queue: asyncio.Queue[Progress | None]) -> AsyncIterator[Progress | None]:
    while True:
        yield await queue.get()
