"""Looks at devices in step from time to time, and soon when one tells that it was changed: somebody may have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from controller.service.devices import Devices
from controller.service.reconciler import Reconciler
from controller.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

MOST_AT_ONCE = 4
"""Readings under way at a time: a network of hundreds of devices is read in turn."""
LONGEST_GAP_S = 300.0
MOST_DOUBLINGS = 6
"""After so many readings in a row that notices asked for, the gap between them grows no more: 64 times the shortest."""
JITTER = 0.2
"""By so much of the period two readings of a device may be closer or further apart, so that devices do not fall into
step with one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds. ``every_s``: ``None`` for no reading without a reason. A device that takes long to be read is read more
    seldom: no more than a ``1 / rest`` of the time goes into it. ``settle_s``: changes come in bursts, so after
    the first notice it is waited for the others; ``gap_s``: at least so long from one reading to the next, and twice as
    long with each reading in a row that a notice asked for: somebody may change a device all the time."""

    every_s: float | None = 60.0
    settle_s: float = 0.2
    gap_s: float = 1.0
    rest: float = 20.0


class Rereading:
    """``chance`` yields numbers from 0 to 1; when a device is read has nothing to do with when others are."""

    def __init__(
        self, devices: Devices, reconciler: Reconciler, pace: Pace, chance: Callable[[], float], metrics: Metrics
    ) -> None:
        self._devices = devices
        self._reconciler = reconciler
        self._pace = pace
        self._chance = chance
        self._metrics = metrics
        self._noticed = {device: asyncio.Event() for device in devices.drivers}
        self._changed_by_others: set[str] = set()
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)

    def notice(self, device: str) -> None:
        """Something was changed on the device, and not by us: look soon."""
        self._metrics.drift_notices.inc()
        self._changed_by_others.add(device)
        self.look_soon(device)

    def look_soon(self, device: str) -> None:
        self._noticed[device].set()

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            for device in self._devices.drivers:
                tasks.create_task(self._keep_reading(device))

    async def _keep_reading(self, device: str) -> None:
        clock = asyncio.get_running_loop().time
        every_s = self._pace.every_s
        # The first time anywhere within a period: all devices came at about the same moment.
        due_s = None if every_s is None else every_s * self._chance()
        gap_s, doublings = 0.0, 0
        while True:
            noticed = await self._wait(device, gap_s, due_s)
            doublings = min(doublings + 1, MOST_DOUBLINGS) if noticed else 0
            self._noticed[device].clear()
            if device in self._changed_by_others:
                self._changed_by_others.discard(device)
                if not self._devices.known(device):
                    # It could not be put right, and waits for the next try: perhaps what was in the way is gone.
                    self._devices.suspect(device)
            start = clock()
            try:
                async with self._at_once:
                    start = clock()
                    differs = await self._reconciler.look(device)
                took_s = clock() - start
                if differs:
                    await self._reconciler.settle(device)
            except Exception:
                # One device's trouble must not end the care for the others.
                log.exception("device %s: looking at it failed", device, extra={"device": device})
                took_s = clock() - start
            shortest_s = self._pace.gap_s * 2 ** max(0, doublings - 1)
            gap_s = max(shortest_s, min(took_s * self._pace.rest, LONGEST_GAP_S))
            due_s = None if every_s is None else max(every_s * (1 + JITTER * (2 * self._chance() - 1)), gap_s)
            repair_s = self._reconciler.due_in_s(device)
            if repair_s is not None:
                due_s = max(repair_s, gap_s) if due_s is None else min(due_s, max(repair_s, gap_s))

    async def _wait(self, device: str, gap_s: float, due_s: float | None) -> bool:
        """Until the next reading is due, or for the gap and a notice. Returns whether the notice came so soon that the
        device is not at rest: before the gap had passed once more."""
        await asyncio.sleep(gap_s)
        start = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(None if due_s is None else due_s - gap_s):
                await self._noticed[device].wait()
                soon = asyncio.get_running_loop().time() - start < max(gap_s, self._pace.gap_s)
                await asyncio.sleep(self._pace.settle_s)
                return soon
        except TimeoutError:
            return False
