"""Which devices can be worked with: connected, and read and put right since they connected. And who works with each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

from controller.domain.errors import DeviceUnreachable, Fault, InvalidInput, Reason
from controller.domain.spelling import did_you_mean
from controller.southbound.driver import Driver


class Devices:
    """The drivers, and of each device whether it is *in step*: nothing has happened since it was last put right. (What
    somebody else has changed on it, and was left so, is no hindrance.)

    Whoever writes to devices claims them first. A transaction claims only devices in step, and only the reconciler
    brings one in step: so neither waits for long, and a sick device holds up nobody who does not need it.
    """

    def __init__(self, drivers: Mapping[str, Driver]) -> None:
        self.drivers = drivers
        self._in_step: set[str] = set()
        self._held: set[str] = set()
        self._troubles: dict[str, str] = {}
        self._incidents = dict.fromkeys(drivers, 0)
        self._claims = {device: asyncio.Lock() for device in drivers}
        self._turns = dict.fromkeys(drivers, 0)
        self._needs_work = {device: asyncio.Event() for device in drivers}
        self._changed = asyncio.Event()

    def named(self, names: Iterable[str]) -> list[str]:
        """The devices of these names, sorted, each once. ``InvalidInput`` for every name that no device bears."""
        wanted = sorted(set(names))
        faults = tuple(
            Fault(
                reason=Reason.REFERENCE_NOT_FOUND,
                field="devices",
                message=f"there is no device {name[:80]!r}{did_you_mean(name, self.drivers)}",
            )
            for name in wanted
            if name not in self.drivers
        )
        if faults:
            raise InvalidInput(faults)
        return wanted

    def suspect(self, device: str) -> None:
        """What the device holds may not be what it should: it came, or went, or did not do as told."""
        self._in_step.discard(device)
        self._held.discard(device)
        self._incidents[device] += 1
        if not self.drivers[device].connected:
            self._troubles.pop(device, None)  # when it is back, it is another story
        self._notify(device)

    def incidents(self, device: str) -> int:
        """How often something has happened to the device: the same number twice means that nothing did between."""
        return self._incidents[device]

    def all_incidents(self) -> Mapping[str, int]:
        """The same of all devices, as it is now."""
        return dict(self._incidents)

    def put_right(self, device: str, incidents: int) -> None:
        """The device held what it should, unless something has happened since ``incidents`` was read."""
        if incidents == self._incidents[device]:
            self._in_step.add(device)
            self._troubles.pop(device, None)
        self._notify(device)

    def failed(self, device: str, why: str) -> None:
        """The device could not be put right, for now."""
        if self.drivers[device].connected:
            self._troubles[device] = why
        self._notify(device)

    def why_out_of_step(self, device: str) -> str:
        """What went wrong when a connected device was last to be put right; empty: nothing yet, or it is in step."""
        if self.in_step(device) or not self.drivers[device].connected:
            return ""
        return self._troubles.get(device, "")

    def hold(self, device: str) -> None:
        """The device was read and is not as it should be, and must not be put right for now."""
        self._in_step.discard(device)
        self._held.add(device)
        self._notify(device)

    def in_step(self, device: str) -> bool:
        return device in self._in_step and self.drivers[device].connected

    def settling(self, device: str) -> bool:
        """Whether the device is connected and to be put right, which has not failed since it came. What is decided to
        change on it meanwhile would have it read anew."""
        connected = self.drivers[device].connected
        return connected and device not in self._in_step | self._held and device not in self._troubles

    def known(self, device: str) -> bool:
        """Whether it is known what the device holds: it is connected, and was read since it last came."""
        there = self.drivers.get(device)
        return there is not None and there.connected and (device in self._in_step or device in self._held)

    def turn(self, device: str) -> int | None:
        """Whose turn it is to write to the device; ``None`` while somebody does. The same number twice means that
        nobody has written between."""
        return None if self._claims[device].locked() else self._turns[device]

    @asynccontextmanager
    async def claimed(self, devices: Iterable[str]) -> AsyncIterator[None]:
        """Inside, nobody else writes to these devices."""
        async with contextlib.AsyncExitStack() as claims:
            for device in sorted(set(devices)):  # one order for all, so that no two wait for one another
                await claims.enter_async_context(self._claims[device])
                self._turns[device] += 1
            yield

    async def wait_in_step(self, devices: Iterable[str], timeout_s: float) -> None:
        """Return when all can be worked with. Raises ``DeviceUnreachable`` for one that cannot in time."""
        wanted = list(devices)
        for device in wanted:
            if device not in self.drivers:
                raise DeviceUnreachable(device, "has no device by the topology; nothing was changed")
            if not self.drivers[device].connected:
                self.drivers[device].hurry()
        await self._wait(lambda: all(map(self.in_step, wanted)), timeout_s)
        for device in wanted:
            if not self.in_step(device):
                driver = self.drivers[device]
                why = "is connected but could not be read and put right yet" if driver.connected else "is not connected"
                details = driver.why_not or self.why_out_of_step(device)
                why += f" ({details})" if details else ""
                if device in self._held:
                    why = "is not as it should be, and a frozen controller repairs nothing (trunkline freeze --off)"
                raise DeviceUnreachable(device, f"{why}; nothing was changed")

    def check_in_step(self, devices: Iterable[str]) -> None:
        """Raises ``DeviceUnreachable`` for a device to which something has happened."""
        for device in devices:
            if not self.in_step(device):
                raise DeviceUnreachable(device, "the connection was lost during the change")

    async def wait_connected(self, devices: Iterable[str], timeout_s: float) -> None:
        """Return when all are connected, or after the time limit."""
        wanted = list(devices)
        await self._wait(lambda: all(self.drivers[device].connected for device in wanted), timeout_s)

    async def wait_for_change(self) -> None:
        """Return when something has happened to any device, or one came into step."""
        await self._changed.wait()

    async def wait_for_work(self, device: str) -> None:
        """Return when the device is connected and out of step."""
        await self._needs_work[device].wait()

    async def wait_for_incident(self, device: str, incidents: int, timeout_s: float | None) -> None:
        """Return when something has happened to the device since ``incidents`` was read, or after the time limit."""
        await self._wait(lambda: self._incidents[device] != incidents, timeout_s)

    async def _wait(self, holds: Callable[[], bool], timeout_s: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not holds():
                    await self._changed.wait()

    def _notify(self, device: str) -> None:
        if self.drivers[device].connected and device not in self._in_step:
            self._needs_work[device].set()
        else:
            self._needs_work[device].clear()
        self._changed.set()
        self._changed = asyncio.Event()
