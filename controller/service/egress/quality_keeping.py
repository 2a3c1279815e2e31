"""What is measured of ways abroad outlives a restart: without it, traffic would go back to what is declared until
somebody has measured anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from controller.domain.gateway_quality import Quality, Series
from controller.service.egress.quality import MeasuredQuality
from controller.store.database import StoreError

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0
"""What counts is written when it changes, and at most so often what only gets younger."""


class QualityStore(Protocol):
    async def set_measured_quality(self, series: tuple[Series, ...]) -> None: ...


class QualityKeeping:
    """``clock`` does not jump; in seconds. A state file that cannot be written is told of, and tried again."""

    def __init__(self, quality: MeasuredQuality, store: QualityStore, clock: Callable[[], float]) -> None:
        self._quality = quality
        self._store = store
        self._clock = clock
        self._counts = _counts(quality.series())
        self._kept = quality.taken
        self._kept_s = clock()

    async def note(self) -> None:
        """Write down what is new, if it is time to."""
        if _counts(self._quality.series()) != self._counts or self._clock() - self._kept_s >= EVERY_S:
            await self._write()

    async def run(self, every_s: float = EVERY_S) -> None:
        """For ever, where no cycle measures and has it noted then."""
        while True:
            await self.note()
            await asyncio.sleep(every_s)

    async def close(self) -> None:
        """Write down what is new: the server stops."""
        await self._write()

    async def _write(self) -> None:
        taken, series = self._quality.taken, self._quality.series()
        if taken == self._kept:
            return
        self._kept_s = self._clock()
        try:
            await self._store.set_measured_quality(series)
        except StoreError as error:
            log.warning("what is measured beyond gateways is not kept: %s", error)
        else:
            self._kept, self._counts = taken, _counts(series)


def _counts(series: tuple[Series, ...]) -> tuple[Quality, ...]:
    return tuple(one.counts for one in series)
