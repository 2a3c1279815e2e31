"""The service with devices in memory and the reconciler at work, for tests of what the two do together."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

from memory_device import MemoryDevice

from controller.compiler.planner import Planner
from controller.documents import load_topology
from controller.service.brownfield import Brownfield
from controller.service.devices import Devices
from controller.service.differing import Differing
from controller.service.drift import DriftPolicy, Drifts
from controller.service.egress.drains import Drains
from controller.service.freeze import Freeze
from controller.service.intents import IntentService
from controller.service.planning import PlannerThread
from controller.service.port_states import Outages
from controller.service.readings import Readings
from controller.service.reconciler import Reconciler
from controller.service.rereading import Pace, Rereading
from controller.service.status import StatusService
from controller.service.transaction import Transactor
from controller.service.watching import Watchers
from controller.store.store import Store
from controller.telemetry.metrics import Metrics

TOPOLOGY = load_topology(Path(__file__).parents[3] / "topologies" / "lab-small.yaml")


class Controller:
    def __init__(self, store, leftovers=(), frozen=None, confirm_above=None, drift="repair", pace=None):
        self.metrics = Metrics()
        self.memory = {node.name: MemoryDevice(node.name) for node in TOPOLOGY.nodes}
        self.devices = Devices(self.memory)
        self.planner = PlannerThread(Planner(TOPOLOGY), self.metrics)
        self.store = store
        self.freeze = Freeze(store, frozen, lambda: 100.0)
        self.readings = Readings()
        self.deciding = deciding = asyncio.Lock()
        self.watchers = watchers = Watchers()
        self.drifts = Drifts(DriftPolicy(drift), self.planner, lambda: 100.0, watchers.news)
        self.clock_s = 1_000.0
        self.reconciler = Reconciler(
            store,
            self.devices,
            self.planner,
            leftovers,
            self.freeze,
            self.readings,
            self.drifts,
            lambda: 100.0,
            lambda: self.clock_s,
            self.metrics,
        )
        pace = Pace(every_s=None, settle_s=0.0, gap_s=0.0, rest=0.0) if pace is None else pace
        self.rereading = Rereading(self.devices, self.reconciler, pace, lambda: 0.5, self.metrics)
        self.drifts.on_stale(self.rereading.look_soon)
        self.differing = Differing(self.devices, self.planner, self.reconciler)
        self.brownfield = Brownfield(
            TOPOLOGY, store, self.devices, self.planner, {}, deciding, lambda: 100.0, self.reconciler.left_on
        )
        self.status = StatusService(
            TOPOLOGY,
            store,
            self.planner,
            self.devices,
            self.readings,
            self.freeze,
            self.brownfield,
            self.drifts,
            Drains(TOPOLOGY, store, {}, lambda: 100.0),
            Outages,
        )
        self.intents = IntentService(
            topology=TOPOLOGY,
            store=store,
            planner=self.planner,
            placed={},
            devices=self.devices,
            transactor=Transactor(store, self.devices, lambda: 0.0, self.reconciler.remember, watchers.news),
            watchers=watchers,
            now=lambda: 0.0,
            deciding=deciding,
            confirm_above=confirm_above,
            readings=self.readings,
            drifts=self.drifts,
            metrics=self.metrics,
        )

    def connect(self, *names, connected=True):
        for name in names:
            self.memory[name].connected = connected
            if not connected:
                self.drifts.gone(name, "it is not connected")
            self.devices.suspect(name)

    def counted(self, name, **labels):
        """A sample of the metrics."""
        return self.metrics.registry.get_sample_value(name, labels)

    async def until(self, holds):
        """Look after every turn of the loop: nothing outside it has to happen."""
        async with asyncio.timeout(30):
            while not holds():  # noqa: ASYNC110 - things of several kinds are waited for
                await asyncio.sleep(0)

    def holds_what_it_should(self, planner, names):
        return all(self.memory[name].rules == planner.desired[name] for name in names)


@asynccontextmanager
async def controller(path, **options):
    store = Store(path)
    made = Controller(store, **options)
    running = [asyncio.create_task(part.run()) for part in (made.reconciler, made.rereading)]
    try:
        yield made
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        made.planner.close()
        store.close()
