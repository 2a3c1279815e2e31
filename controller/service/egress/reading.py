"""Devices asked for the counters of their steering rules, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from controller.domain.errors import DeviceError
from controller.domain.rules import Table
from controller.service.egress.counters import CounterReading
from controller.service.egress.measuring import MeasuredDemand
from controller.southbound.driver import Driver

MOST_AT_ONCE: Final = 8
LONGEST_S: Final = 5.0
"""A device that has not answered by then is silent this time."""


async def read_counters(demand: MeasuredDemand, drivers: Mapping[str, Driver], clock: Callable[[], float]) -> None:
    """Read every source's device. ``clock`` does not jump; in seconds."""
    places = asyncio.Semaphore(MOST_AT_ONCE)

    async def read(source: str) -> None:
        driver = drivers.get(source)
        if driver is None or not driver.connected:
            demand.silent(source, "its device is not connected")
            return
        async with places:
            try:
                async with asyncio.timeout(LONGEST_S):
                    counts = await driver.counts(Table.STEER)
            except TimeoutError:
                demand.silent(source, f"its device has not told its counters within {LONGEST_S:g} s")
            except DeviceError as error:
                demand.silent(source, f"its device does not tell its counters: {error.message}")
            else:
                demand.read(source, CounterReading(taken_s=clock(), counts=counts))

    async with asyncio.TaskGroup() as tasks:
        for source in demand.sources:
            tasks.create_task(read(source))
