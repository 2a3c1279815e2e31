"""``diff``: what the intents as stored ask of each device, beside what the device holds now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from controller.compiler.planner import Planner
from controller.compiler.riders import Riders
from controller.domain.errors import DeviceError
from controller.domain.intents import IntentKey
from controller.domain.rules import Change
from controller.service.devices import Devices
from controller.service.planning import PlannerThread
from controller.service.reconciler import Reconciler

MOST_AT_ONCE = 8
"""Devices read at a time for one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDifference:
    """``change`` leads from what is to what should be; ``lines`` depend on it."""

    change: Change
    lines: tuple[IntentKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDifference:
    """``read_at``: when it was read, in seconds since the epoch; ``None``: it could not be, what it holds is unknown,
    and ``error`` says why. ``repaired``: what differs here was put right; if that failed, ``error`` says why."""

    device: str
    read_at: float | None
    rules: int = 0
    differences: tuple[RuleDifference, ...] = ()
    repaired: bool = False
    error: DeviceError | None = None


class Differing:
    """Every answer is read from the devices there and then."""

    def __init__(self, devices: Devices, planner: PlannerThread, reconciler: Reconciler) -> None:
        self._devices = devices
        self._planner = planner
        self._reconciler = reconciler

    async def diff(self, names: Sequence[str], *, repair: bool) -> tuple[DeviceDifference, ...]:
        """These devices (none named: all), in order of their names. With ``repair``, what differs is put right,
        whatever the policy for drift is. Raises ``InvalidInput`` for a device that there is not, ``StoreError``."""
        wanted = self._devices.named(names) if names else sorted(self._devices.drivers)
        at_once = asyncio.Semaphore(MOST_AT_ONCE)

        async def one(device: str) -> DeviceDifference:
            async with at_once:
                return await self._of(device, repair=repair)

        return tuple(await asyncio.gather(*map(one, wanted)))

    async def _of(self, device: str, *, repair: bool) -> DeviceDifference:
        try:
            comparison, read_at = await self._reconciler.compared(device)
        except DeviceError as error:
            return DeviceDifference(device=device, read_at=None, error=error)
        changes = comparison.changes
        found = await self._planner.run(lambda planner: _with_lines(planner, device, changes)) if changes else ()
        repaired, failed = False, None
        if repair and changes:
            try:
                await self._reconciler.repair(device)
                repaired = True
            except DeviceError as error:
                failed = error
        return DeviceDifference(
            device=device,
            read_at=read_at,
            rules=comparison.ours,
            differences=found,
            repaired=repaired,
            error=failed,
        )


def _with_lines(planner: Planner, device: str, changes: Sequence[Change]) -> tuple[RuleDifference, ...]:
    riders = Riders(planner, device)
    return tuple(RuleDifference(change=change, lines=tuple(sorted(riders.of((change,))))) for change in changes)
