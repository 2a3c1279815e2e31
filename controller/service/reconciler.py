"""Keeps every device as it should be: read, diff (pure), apply. Level-triggered, each device by itself.

A device is out of step after it connects, and when a transaction could not reach it. It is then read, compared
with what it should hold, and only what differs is written. Devices in step are looked at from time to time
(``rereading``), for others may have changed them. What is not ours is never touched.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from controller.compiler.rounds import in_rounds
from controller.domain.errors import DeviceError
from controller.domain.rules import Change, Op, Rule
from controller.service.comparing import Comparison, compare
from controller.service.devices import Devices
from controller.service.drift import DriftPolicy, Drifts, Patience, Standing, tell
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
UNDISTURBED_TRIES = 3
"""So often a device is read beside those who write, before they have to wait for one reading."""


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
        drifts: Drifts,
        now: Callable[[], float],
        clock: Callable[[], float],
        metrics: Metrics | None = None,
    ) -> None:
        """``now`` tells the time of day, ``clock`` one that does not jump; both in seconds."""
        self._store = store
        self._devices = devices
        self._planner = planner
        self._freeze = freeze
        self._readings = readings
        self._drifts = drifts
        self._now = now
        self._clock = clock
        self._patience = {device: Patience() for device in devices.drivers}
        self._metrics = Metrics() if metrics is None else metrics
        self._leftovers: dict[str, dict[Rule, None]] = {}
        self.remember(leftovers)
        freeze.on_thaw(self._go_on)

    def remember(self, leftovers: Iterable[Leftover]) -> None:
        """Rules of ours that may still be on a device; they are taken away when it is put right. Each counts once: of a
        device that is away for days, every change may tell of the same ones again."""
        for leftover in leftovers:
            self._leftovers.setdefault(leftover.device, {})[leftover.rule] = None

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
                self._devices.failed(device, str(error).removeprefix(f"{device}: "))
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

    async def look(self, device: str) -> bool:
        """Read a device in step and see whether anything is to be done about it: then ``settle`` does it. Nobody has to
        wait for the reading. A device that cannot be read is out of step: what it holds is not known."""
        if not self._devices.in_step(device):
            return False
        try:
            comparison, taken = await self._compared(device)
        except DeviceError as error:
            self._metrics.device_reads.labels("failed").inc()
            log.warning("device %s could not be read: %s", device, error, extra={"device": device})
            self._devices.suspect(device)
            return False
        if comparison.number_taken:
            # Plans made before know nothing of it.
            self._devices.suspect(device)
        known = self._drifts.get(device)
        if not comparison.changes:
            self._metrics.device_reads.labels("same").inc()
            self._readings.read(device, self._reading(comparison, taken, waiting=0))
            self._drifts.gone(device, "it holds what it should")
            return False
        self._metrics.device_reads.labels("differs").inc()
        if known is None or known.changes != comparison.changes:
            return True
        return known.standing is not Standing.REPORTED and self._patience[device].due_in_s(self._clock()) == 0

    async def settle(self, device: str) -> None:
        """Repair or report what differs on a device in step, whichever is the policy."""
        async with self._devices.claimed((device,)):
            if not self._devices.in_step(device):
                return  # it is being put right anyway
            try:
                await self._put_right(device, drifted=True)
            except _Held:
                pass  # what it holds is known, and stays so
            except (DeviceError, StoreError):
                self._devices.suspect(device)  # all further tries are those of ``run``

    def due_in_s(self, device: str) -> float | None:
        """When a repair that waits for patience is due; ``None``: none waits."""
        drift = self._drifts.get(device)
        if drift is None or drift.standing is not Standing.BACKING_OFF:
            return None
        return self._patience[device].due_in_s(self._clock())

    async def compared(self, device: str) -> tuple[Comparison, float]:
        """The device beside what it should hold, read just now, and when. Raises ``DeviceError``."""
        return await self._compared(device)

    async def repair(self, device: str) -> None:
        """Put right now all that differs, because somebody asks for it: whatever the policy, and frozen or not. Raises
        ``DeviceError``, ``StoreError``."""
        async with self._devices.claimed((device,)):
            try:
                await self._put_right(device, asked=True)
            except DeviceError:
                self._devices.suspect(device)
                raise

    async def _compared(self, device: str) -> tuple[Comparison, float]:
        """Read while nobody writes; only when that fails again and again, keep writers waiting for one reading."""
        for _ in range(UNDISTURBED_TRIES):
            turn = self._devices.turn(device)
            if turn is not None:
                taken, observed = self._now(), await self._devices.drivers[device].read()
                if self._devices.turn(device) == turn:
                    comparison = await self._compare(device, observed)
                    if self._devices.turn(device) == turn:
                        return comparison, taken
            self._metrics.device_reads.labels("interrupted").inc()
            async with self._devices.claimed((device,)):
                pass  # whoever writes has come to an end
        async with self._devices.claimed((device,)):
            taken, observed = self._now(), await self._devices.drivers[device].read()
            return await self._compare(device, observed), taken

    async def _compare(self, device: str, observed: Observed) -> Comparison:
        leftovers = self.left_on(device)
        return await self._planner.run(lambda planner: compare(planner, device, observed, leftovers))

    async def _put_right(self, device: str, *, drifted: bool = False, asked: bool = False) -> None:
        """Of a device that is claimed. ``drifted``: it was in step, and differs all the same; ``asked``: somebody wants
        it put right. Raises ``_Held`` when something must change and the controller is frozen."""
        driver = self._devices.drivers[device]
        incidents = self._devices.incidents(device)
        taken, observed = self._now(), await driver.read()
        comparison = await self._compare(device, observed)
        due, left, standing = self._decide(device, comparison, drifted=drifted, asked=asked)
        self._readings.read(device, self._reading(comparison, taken, waiting=len(due)))
        if drifted and due and not self._freeze.on:
            tell(device, due, "which is put right")
        # One name for every try: what an earlier one left staged in the driver is replaced, not heaped up.
        txn = f"reconcile-{device}"
        for number, part in enumerate(in_rounds({device: list(due)}) if due else ()):
            # Between rounds a device may be left as it is: what is prepared carries nothing yet.
            if self._freeze.on and not asked:
                await self._drifts.stands(device, comparison.changes, Standing.FROZEN)
                self._devices.hold(device)
                raise _Held(len(due))
            for _, of_device in part.changes:
                await driver.stage(txn, number, of_device)
                await driver.commit(txn, number)
                await driver.verify(txn)
                await driver.confirm(txn)
        if due:
            log.info("device %s put right: %d changes", device, len(due), extra={"device": device})
        if drifted and due:
            self._patience[device].repaired(self._clock())
        if left and incidents == self._devices.incidents(device):
            await self._drifts.stands(device, left, standing)
        else:
            self._drifts.gone(device, "it was put right" if comparison.changes else "it holds what it should")
        more = sum((change.op is Op.ADD) - (change.op is Op.DELETE) for change in due)
        reading = self._reading(comparison, taken, waiting=0)
        self._readings.read(device, replace(reading, ours=reading.ours + more))
        self._metrics.reconcile_runs.labels("repaired" if due else "left" if left else "clean").inc()
        self._metrics.reconcile_repairs.inc(len(due))
        if self._leftovers.get(device) and incidents == self._devices.incidents(device):
            # Whoever leaves more behind suspects the device, too: that was not looked for.
            cleared = self._leftovers.pop(device)
            try:
                await self._store.clear_leftovers(device)
            except BaseException:
                self._leftovers[device] = cleared | self._leftovers.get(device, {})
                raise
        self._devices.put_right(device, incidents)

    def _decide(
        self, device: str, comparison: Comparison, *, drifted: bool, asked: bool
    ) -> tuple[Sequence[Change], Sequence[Change], Standing]:
        """What to put right now, what to leave, and why it is left. What our own changes left undone is always due."""
        if asked:
            return comparison.changes, (), Standing.REPORTED
        if self._drifts.policy is DriftPolicy.REPORT:
            return comparison.unfinished, comparison.drift, Standing.REPORTED
        if drifted and comparison.drift and self._patience[device].due_in_s(self._clock()) > 0:
            return comparison.unfinished, comparison.drift, Standing.BACKING_OFF
        return comparison.changes, (), Standing.REPORTED

    def _reading(self, comparison: Comparison, taken: float, waiting: int) -> Reading:
        return Reading(ours=comparison.ours, foreign=comparison.foreign, waiting=waiting, taken=taken)


class _Held(Exception):
    """The device differs by so many changes, and must not be written to."""

    def __init__(self, changes: int) -> None:
        super().__init__(f"{changes} changes wait")
        self.changes = changes
