"""Reads what the OTN nodes hold, over NETCONF sessions of the lab's own, each time one tells that it was changed.

A node tells by itself (RFC 6470); it is asked now and then all the same, but seldom: netconfd takes back an unconfirmed
commit only while it has been left alone for a second. A node that cannot be read is as it was.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType

from controller.domain.errors import DeviceError
from controller.domain.rules import CrossConnect
from controller.southbound.netconf.connection import Limits
from controller.southbound.netconf.southbound import ManagedDevice, NetconfSouthbound
from lab.errors import LabError
from lab.places import YANG

log = logging.getLogger(__name__)

_ASK_ANYWAY_S = 5.0
_FIRST_READING_S = 30.0
_LIMITS = Limits(retry_s=0.1, longest_retry_s=1.0)


class OtnWatch:
    """A context manager: on entering, each of the ``devices`` has been read once; until it is left,
    ``on_read(node, cross-connects)`` is called, from a thread of its own, after each reading.

    Raises ``LabError`` when a device cannot be read at first.
    """

    def __init__(
        self, devices: Mapping[str, ManagedDevice], on_read: Callable[[str, tuple[CrossConnect, ...]], None]
    ) -> None:
        self._devices = devices
        self._on_read = on_read
        self._unread = set(devices)
        self._all_read = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="otn-watch")
        self._watching: asyncio.Task[None] | None = None
        self._news = {name: asyncio.Event() for name in devices}

    def __enter__(self) -> OtnWatch:
        self._thread.start()
        if not self._all_read.wait(_FIRST_READING_S) or self._unread:
            unread = ", ".join(sorted(self._unread))
            self.close()
            raise LabError(f"OTN nodes that cannot be read: {unread}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the sessions and the thread."""
        with suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()

    def _run(self) -> None:
        try:
            with suppress(asyncio.CancelledError):
                self._watching = self._loop.create_task(self._watch())
                self._loop.run_until_complete(self._watching)
        finally:
            self._all_read.set()  # nobody waits for a thread that has ended
            self._loop.close()

    def _stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        southbound = NetconfSouthbound(
            self._devices,
            YANG,
            lambda name, _: self._news[name].set(),
            lambda name: self._news[name].set(),
            _LIMITS,
            manages=False,
        )
        southbound.start()
        try:
            async with asyncio.TaskGroup() as group:
                for name in self._devices:
                    group.create_task(self._keep_reading(southbound, name))
        finally:
            await southbound.close()

    async def _keep_reading(self, southbound: NetconfSouthbound, name: str) -> None:
        driver, news = southbound.driver(name), self._news[name]
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), _ASK_ANYWAY_S)
            news.clear()
            if not driver.connected:
                continue
            try:
                observed = await driver.read()
            except DeviceError as error:
                log.warning("%s", error)
                continue
            self._on_read(name, tuple(rule for rule in observed.rules if isinstance(rule, CrossConnect)))
            self._unread.discard(name)
            if not self._unread:
                self._all_read.set()
