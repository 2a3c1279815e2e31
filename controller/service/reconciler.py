"""Keeps every device as it should be: read, diff (pure), apply. Level-triggered, each device by itself.

A device is out of step after it connects, and when a transaction could not reach it. It is then read, compared
with what it should hold, and only what differs is written. What is not ours is never touched: flows say so by
their cookie; meters and groups bear no mark, so only those that we want or that we know to have left there count.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from controller.compiler.planner import Planner
from controller.compiler.rounds import diff, in_rounds
from controller.domain.errors import DeviceError
from controller.domain.rules import Change, FlowRule, Rule, key_of
from controller.service.devices import Devices
from controller.service.planning import PlannerThread
from controller.southbound.driver import Observed
from controller.store.database import StoreError
from controller.store.records import Leftover
from controller.store.store import Store

log = logging.getLogger(__name__)

RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Reconciler:
    """What a device should hold changes only by a transaction that has claimed it; here it is claimed likewise."""

    def __init__(self, store: Store, devices: Devices, planner: PlannerThread, leftovers: Iterable[Leftover]) -> None:
        self._store = store
        self._devices = devices
        self._planner = planner
        self._leftovers: dict[str, list[Rule]] = {}
        self.remember(leftovers)

    def remember(self, leftovers: Iterable[Leftover]) -> None:
        """Rules of ours that may still be on a device; they are taken away when it is put right."""
        for leftover in leftovers:
            self._leftovers.setdefault(leftover.device, []).append(leftover.rule)

    async def run(self) -> None:
        """Put right whatever is out of step, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for device in self._devices.drivers:
                tasks.create_task(self._keep_right(device))

    async def _keep_right(self, device: str) -> None:
        failures = 0
        while True:
            await self._devices.wait_for_work(device)
            incidents = self._devices.incidents(device)
            try:
                async with self._devices.claimed((device,)):
                    await self._put_right(device)
                failures = 0
                continue
            except Exception as error:
                # One device's trouble, whatever it is, must not end the care for the others.
                unexpected = not isinstance(error, DeviceError | StoreError)
                wait_s = RETRY_S[min(failures, len(RETRY_S) - 1)]
                log.log(
                    logging.ERROR if unexpected else logging.WARNING,
                    "device %s: %s; next try in %g s",
                    device,
                    error,
                    wait_s,
                    exc_info=unexpected,
                    extra={"device": device},
                )
            failures += 1
            # A device that has connected anew need not wait as long as one that goes on refusing.
            await asyncio.sleep(RETRY_S[0])
            await self._devices.wait_for_incident(device, incidents, wait_s - RETRY_S[0])

    async def _put_right(self, device: str) -> None:
        driver = self._devices.drivers[device]
        incidents = self._devices.incidents(device)
        observed = await driver.read()
        leftovers = self._leftovers.get(device, [])
        changes = await self._planner.run(lambda planner: differences(planner, device, observed, leftovers))
        # One name for every try: what an earlier one left staged in the driver is replaced, not heaped up.
        txn = f"reconcile-{device}"
        for number, part in enumerate(in_rounds({device: changes}) if changes else ()):
            for _, of_device in part.changes:
                await driver.stage(txn, number, of_device)
                await driver.commit(txn, number)
                await driver.verify(txn)
                await driver.confirm(txn)
        if changes:
            log.info("device %s put right: %d changes", device, len(changes), extra={"device": device})
        if leftovers:
            await self._store.clear_leftovers(device)
            del self._leftovers[device]
        self._devices.put_right(device, incidents)


def differences(planner: Planner, device: str, observed: Observed, leftovers: Iterable[Rule]) -> list[Change]:
    """What must change on a device so that it holds what it should, and nothing else of ours."""
    desired = planner.desired[device]
    known = desired.keys() | {key_of(rule) for rule in leftovers}
    ours = [rule for rule in observed.rules if isinstance(rule, FlowRule) or key_of(rule) in known]
    planner.keep_clear(device, (rule for rule in observed.rules if key_of(rule) not in known))
    return diff(((device, rule) for rule in ours), ((device, rule) for rule in desired.values())).get(device, [])
