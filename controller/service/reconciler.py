"""Keeps every device as it should be: read, diff (pure), apply. Level-triggered, each device by itself.

A device is out of step after it connects, and when a transaction could not reach it. It is then read, compared
with what it should hold, and only what differs is written. What is not ours is never touched: flows say so by
their cookie; meters and groups bear no mark, so only those that we want or that we know to have left there count.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from controller.compiler.planner import Planner
from controller.compiler.rounds import diff, in_rounds
from controller.domain.errors import DeviceError
from controller.domain.rules import Change, FlowRule, Op, Rule, key_of
from controller.service.devices import Devices
from controller.service.freeze import Freeze
from controller.service.planning import PlannerThread
from controller.service.readings import Reading, Readings
from controller.southbound.driver import Observed
from controller.store.database import StoreError
from controller.store.records import Leftover
from controller.store.store import Store
from controller.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Reconciler:
    """What a device should hold changes only by a transaction that has claimed it; here it is claimed likewise."""

    def __init__(
        self,
        store: Store,
        devices: Devices,
        planner: PlannerThread,
        leftovers: Iterable[Leftover],
        freeze: Freeze,
        readings: Readings,
        metrics: Metrics | None = None,
    ) -> None:
        self._store = store
        self._devices = devices
        self._planner = planner
        self._freeze = freeze
        self._readings = readings
        self._metrics = Metrics() if metrics is None else metrics
        self._leftovers: dict[str, list[Rule]] = {}
        self.remember(leftovers)
        freeze.on_thaw(self._go_on)

    def remember(self, leftovers: Iterable[Leftover]) -> None:
        """Rules of ours that may still be on a device; they are taken away when it is put right."""
        for leftover in leftovers:
            self._leftovers.setdefault(leftover.device, []).append(leftover.rule)

    def left_on(self, device: str) -> Sequence[Rule]:
        """What ``remember`` was told of a device and is not known to be gone."""
        return tuple(self._leftovers.get(device, ()))

    def _go_on(self) -> None:
        """What a freeze has kept from being put right is looked at anew."""
        for device in self._readings.waiting():
            self._devices.suspect(device)

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
            except _Held as held:
                log.warning(
                    "device %s: %d changes wait: the controller is frozen",
                    device,
                    held.changes,
                    extra={"device": device, "changes": held.changes},
                )
                self._metrics.reconcile_runs.labels("frozen").inc()
                await self._devices.wait_for_incident(device, incidents, None)
                continue
            except Exception as error:
                self._metrics.reconcile_runs.labels("failed").inc()
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
        """Raises ``_Held`` when something must change and the controller is frozen."""
        driver = self._devices.drivers[device]
        incidents = self._devices.incidents(device)
        observed = await driver.read()
        leftovers = self._leftovers.get(device, [])
        changes, others = await self._planner.run(
            lambda planner: (
                differences(planner, device, observed, leftovers),
                numbers_of_others(planner, device, observed, leftovers),
            )
        )
        reading = Reading(
            ours=len(observed.rules) - others, foreign=len(observed.foreign) + others, waiting=len(changes)
        )
        self._readings.read(device, reading)
        # One name for every try: what an earlier one left staged in the driver is replaced, not heaped up.
        txn = f"reconcile-{device}"
        for number, part in enumerate(in_rounds({device: changes}) if changes else ()):
            # Between rounds a device may be left as it is: what is prepared carries nothing yet.
            if self._freeze.on:
                self._devices.hold(device)
                raise _Held(len(changes))
            for _, of_device in part.changes:
                await driver.stage(txn, number, of_device)
                await driver.commit(txn, number)
                await driver.verify(txn)
                await driver.confirm(txn)
        if changes:
            log.info("device %s put right: %d changes", device, len(changes), extra={"device": device})
        more = sum((change.op is Op.ADD) - (change.op is Op.DELETE) for change in changes)
        self._readings.read(device, replace(reading, ours=reading.ours + more, waiting=0))
        self._metrics.reconcile_runs.labels("repaired" if changes else "clean").inc()
        self._metrics.reconcile_repairs.inc(len(changes))
        if leftovers:
            await self._store.clear_leftovers(device)
            del self._leftovers[device]
        self._devices.put_right(device, incidents)


class _Held(Exception):
    """The device differs by so many changes, and must not be written to."""

    def __init__(self, changes: int) -> None:
        super().__init__(f"{changes} changes wait")
        self.changes = changes


def differences(planner: Planner, device: str, observed: Observed, leftovers: Iterable[Rule]) -> list[Change]:
    """What must change on a device so that it holds what it should, and nothing else of ours. Where an adopted rule of
    somebody else stands, nothing is changed, even if a line misses a rule there."""
    desired = planner.desired[device]
    known = desired.keys() | {key_of(rule) for rule in leftovers}
    ours = [rule for rule in observed.rules if isinstance(rule, FlowRule) or key_of(rule) in known]
    unmarked = (rule for rule in observed.rules if not isinstance(rule, FlowRule))
    planner.keep_clear(device, (rule for rule in unmarked if key_of(rule) not in known), observed.foreign)
    changes = diff(((device, rule) for rule in ours), ((device, rule) for rule in desired.values())).get(device, [])
    others = planner.aside.places.get(device, set())
    return [change for change in changes if key_of(change.rule) not in others] if others else changes


def numbers_of_others(planner: Planner, device: str, observed: Observed, leftovers: Iterable[Rule]) -> int:
    """How many meters and groups there are on a device that are neither wanted nor left there by us."""
    left = {key_of(rule) for rule in leftovers}
    return sum(key_of(rule) not in left for rule in planner.not_ours(device, observed.rules))
