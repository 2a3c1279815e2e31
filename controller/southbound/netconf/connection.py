"""The session with one device: made, kept, made anew when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

from lxml import etree

from controller.southbound.netconf.calls import Calls, RpcRefused, SessionLost
from controller.southbound.netconf.endpoint import Endpoint
from controller.southbound.netconf.notices import change_by_others
from controller.southbound.netconf.session import CannotConnect, SessionLimits, WakingSession, open_session

log = logging.getLogger(__name__)

NEEDED = (":candidate", ":confirmed-commit:1.1", ":validate", ":rollback-on-error")
"""Without these a change cannot be tried, kept back and taken back: the device is refused, and told why not."""

PERSIST_ID = "trunkline"
"""What a confirmed commit of ours is called on a device (RFC 6241, section 8.4.5)."""

TELLING = (":notification", ":interleave")
"""With these it can tell of changes in the session that is there anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to wait (seconds), and how much to take."""

    connect_s: float = 10.0
    answer_s: float = 10.0
    lock_s: float = 5.0
    """For a lock that somebody else has, a person at the device perhaps."""
    confirm_s: int = 120
    """A device that hears no more from us puts back by itself what was not confirmed."""
    retry_s: float = 0.2
    longest_retry_s: float = 30.0
    message_bytes: int = 16 << 20


class Connection:
    """``on_connection(connected)`` and ``on_change(words)`` are called in the loop; the latter when the running
    configuration was changed by others. ``manages``: it is we who write to the device; who only reads leaves alone what
    somebody else is about to confirm."""

    def __init__(
        self,
        device: str,
        endpoint: Endpoint,
        *,
        limits: Limits,
        pool: Executor,
        on_connection: Callable[[bool], None],
        on_change: Callable[[str], None],
        manages: bool,
    ) -> None:
        self._device = device
        self._endpoint = endpoint
        self._limits = limits
        self._pool = pool
        self._on_connection = on_connection
        self._on_change = on_change
        self._manages = manages
        self.calls: Calls | None = None
        self._hurried = asyncio.Event()
        self.why_not = "no session yet"
        """Why there is no session, when there is none."""
        self.unfit = ""
        """What the device lacks for taking part in a transaction; empty when nothing."""

    async def keep(self) -> None:
        """Until cancelled. Attempts come ever more slowly, and never all devices' at the same moment."""
        failures = 0
        while True:
            lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            try:
                calls = await self._open(lost)
            except Exception as error:  # whatever it is, it must not be the end of trying
                failures += 1
                expected = isinstance(error, CannotConnect | SessionLost | RpcRefused)
                why = str(error) if expected else f"{type(error).__name__}: {error}"
                if why != self.why_not:
                    log.warning("%s: no NETCONF session: %s", self._device, why, exc_info=not expected)
                self.why_not = why
                await self._pause(self._pause_s(failures))
                continue
            try:
                self.calls, failures = calls, 0
                log.info("%s: NETCONF session %s", self._device, calls.session.id)
                self._on_connection(True)
                self.why_not = f"the session was lost: {await lost}"
                log.info("%s: %s", self._device, self.why_not)
            finally:
                self.calls = None
                calls.session.close()
                self._on_connection(False)
            await self._pause(self._pause_s(1))

    def hurry(self) -> None:
        """Somebody waits for the device: the next attempt is due now. One that is under way is not disturbed."""
        self._hurried.set()

    async def _pause(self, seconds: float) -> None:
        self._hurried.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurried.wait(), seconds)

    def drop(self) -> None:
        """End the session there is, if any; a new one will be made."""
        if self.calls is not None:
            self.calls.session.close()

    async def _open(self, lost: asyncio.Future[str]) -> Calls:
        loop = asyncio.get_running_loop()
        opened: list[WakingSession] = []

        def in_loop(act: Callable[[], None]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(act)

        def notified(notification: etree._Element) -> None:
            in_loop(lambda: self._notified(notification, opened))

        def ended(why: str) -> None:
            in_loop(lambda: None if lost.done() else lost.set_result(why))

        limits = SessionLimits(connect_s=self._limits.connect_s, message_bytes=self._limits.message_bytes)
        opening = loop.run_in_executor(self._pool, partial(open_session, self._endpoint, limits, notified, ended))
        try:
            session = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise
        opened.append(session)
        try:
            self._check(session)
            calls = Calls(session, self._limits.answer_s)
            await calls.first_word()
            # Of a commit that waits, the session that would have confirmed it is gone: nobody goes on with it. As long
            # as it waits, nothing can be locked.
            if self._manages:
                with contextlib.suppress(RpcRefused):
                    await calls.cancel(PERSIST_ID)
            if all(name in session.server_capabilities for name in TELLING):
                await calls.subscribe()
        except BaseException:
            session.close()
            raise
        return calls

    def _check(self, session: WakingSession) -> None:
        lacking = [name for name in NEEDED if name not in session.server_capabilities]
        self.unfit = f"it lacks {', '.join(lacking)}, so that no change could be taken back" if lacking else ""
        if lacking:
            raise CannotConnect(self.unfit)

    def _notified(self, notification: etree._Element, opened: list[WakingSession]) -> None:
        words = change_by_others(notification, str(opened[0].id) if opened else "")
        if words is not None:
            log.info("%s: %s", self._device, words)
            self._on_change(words)

    def _pause_s(self, failures: int) -> float:
        longest = min(self._limits.longest_retry_s, self._limits.retry_s * 2 ** min(failures, 16))
        return random.uniform(longest / 2, longest)


def _close_late(opening: asyncio.Future[WakingSession]) -> None:
    """A session that came about when nobody wanted it any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
