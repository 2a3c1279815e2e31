"""The stop button: while it is pressed, the controller changes nothing that nobody asked for.

Repairs by the reconciler and moves of internet traffic wait, urgent ones too (and restoration will: whoever acts
unasked asks here first). What is asked for by a person is carried out, and finished or undone after a restart.
Protection in the data plane stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from controller.service.finishing import to_the_end
from controller.store.records import Frozen
from controller.store.store import Store

log = logging.getLogger(__name__)


class Freeze:
    """Durable. ``frozen`` is the state found on disk; who asks by ``on_thaw`` is told when automatic changes may go
    on."""

    def __init__(self, store: Store, frozen: Frozen | None, now: Callable[[], float]) -> None:
        self._store = store
        self._frozen = frozen
        self._now = now
        self._tell_thawed: list[Callable[[], None]] = []
        # Who presses and who releases take turns: what is in force is what is on disk, whoever came last.
        self._turns = asyncio.Lock()

    @property
    def state(self) -> Frozen | None:
        """Why and since when; ``None``: not frozen."""
        return self._frozen

    @property
    def on(self) -> bool:
        return self._frozen is not None

    def on_thaw(self, tell: Callable[[], None]) -> None:
        self._tell_thawed.append(tell)

    async def press(self, reason: str) -> Frozen:
        """Stop automatic changes; on return none begins any more, and it will be so after a restart. When pressed
        already, ``since`` stays, and the reason unless another one is given."""
        before = self._frozen
        since = self._now() if before is None else before.since
        if before is not None and not reason:
            reason = before.reason
        frozen = Frozen(reason=reason, since=since)
        self._frozen = frozen  # at once: a full disk must not keep the button from working
        await to_the_end(self._press(frozen))
        log.warning("frozen: no change is made that nobody asked for%s", f" ({reason})" if reason else "")
        return frozen

    async def release(self) -> None:
        """Automatic changes go on, and begin with what has waited."""
        await to_the_end(self._release())

    async def _press(self, frozen: Frozen) -> None:
        async with self._turns:
            self._frozen = frozen  # a release whose turn was before has taken it away
            await self._store.set_frozen(frozen)

    async def _release(self) -> None:
        async with self._turns:
            await self._store.set_frozen(None)
            if self._frozen is None:
                return
            self._frozen = None
        log.warning("not frozen any more: automatic changes go on")
        for tell in self._tell_thawed:
            tell()
