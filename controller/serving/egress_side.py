"""What of a server chooses gateways: what it measures and keeps, its cycle, and what it shows of that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from controller.api.egress import EgressServicer
from controller.compiler.steering.building import sources_of
from controller.domain.topology import Topology
from controller.service.devices import Devices
from controller.service.egress.away import Away, outage_words
from controller.service.egress.billed import BilledGateways
from controller.service.egress.cycle import EgressCycle, Pace
from controller.service.egress.drains import Drains
from controller.service.egress.feeds import Feeds
from controller.service.egress.following import RouteFollowing
from controller.service.egress.measuring import MeasuredDemand
from controller.service.egress.metering import meter, meter_bills, meter_quality
from controller.service.egress.network_steering import NetworkSteering
from controller.service.egress.quality import MeasuredQuality
from controller.service.egress.quality_keeping import QualityKeeping
from controller.service.egress.reading import read_counters
from controller.service.egress.report import CycleReport, Mode, Reports
from controller.service.egress.sent import sent_bps
from controller.service.egress.showing import Showing
from controller.service.egress.sources import RouteSources
from controller.service.freeze import Freeze
from controller.service.intents import IntentService
from controller.service.planning import PlannerThread
from controller.service.port_states import Outages, PortStates
from controller.serving.pinging import pinging
from controller.serving.settings import Settings
from controller.southbound.driver import Driver, FrameSender
from controller.store.records import Saved
from controller.store.store import Store
from controller.telemetry.metrics import Metrics


class EgressSide:
    """``senders``: the switches that can be asked to send a frame. ``begin`` before anything is decided, ``run`` when
    devices are to be told, ``close`` at the end."""

    def __init__(
        self,
        *,
        topology: Topology,
        store: Store,
        saved: Saved,
        settings: Settings,
        routes: RouteSources,
        planner: PlannerThread,
        intents: IntentService,
        devices: Devices,
        drivers: Mapping[str, Driver],
        senders: Mapping[str, FrameSender],
        ports: PortStates,
        drains: Drains,
        freeze: Freeze,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._routes = routes
        self._planner = planner
        self._drivers = drivers
        self._ports = ports
        self._metrics = metrics.egress
        self._demand = MeasuredDemand(topology, sources_of(topology), saved.steering.entries)
        self._following = RouteFollowing(
            planner,
            routes.regions,
            time.monotonic,
            lambda what, urgent: self._cycle.notice(what, urgent=urgent),
            most=routes.most,
        )
        self._quality = MeasuredQuality(
            topology, time.time, time.monotonic, settings.measured_fresh_s, saved.measured_quality
        )
        self._quality_keeping = QualityKeeping(self._quality, store, time.monotonic)
        self._billed = BilledGateways(
            topology,
            saved.month_books,
            store,
            self._sent,
            time.time,
            time.monotonic,
            lambda bills: meter_bills(self._metrics, bills),
        )
        self.away = Away(topology, ports, drains, devices)
        self._cycle = EgressCycle(
            topology=topology,
            work=NetworkSteering(planner, intents.changes),
            demand=self._demand,
            read=self._measure,
            away=self.away.now,
            changed=devices.wait_for_change,
            freeze=freeze,
            mode=settings.egress,
            pace=Pace(every_s=settings.egress_every_s),
            now=time.time,
            clock=time.monotonic,
            reports=Reports(),
            told=self._told,
            route_doubts=self._following.routing.doubts,
            months=self._billed.months,
            quality=self._quality,
        )
        self.probing = pinging(
            topology, senders, devices, ports, metrics.pings, self._quality.report, settings.probe_every_s
        )
        self._showing = Showing(
            topology=topology,
            planner=planner,
            cycle=self._cycle,
            demand=self._demand,
            away=self.away.now,
            drains=drains,
            freeze=freeze,
            billed=self._billed,
            clock=time.monotonic,
            quality=self._quality,
        )
        self.api = EgressServicer(
            self._cycle.reports, self._showing, Feeds(topology, self._following.routing), topology, self._quality
        )
        self._quality.on_change(self._cycle.notice)
        drains.on_change(self._cycle.notice)
        intents.changes.steered_by(self._cycle)

    def outage(self, before: Outages, after: Outages) -> None:
        """Ports have gone down or come up."""
        if what := outage_words(before, after):
            self._cycle.notice(what)

    async def begin(self) -> None:
        """Know the routes that are known. ``OSError`` when nothing can listen for the others."""
        await self._routes.begin(self._planner, self._following)

    def run(self, tasks: asyncio.TaskGroup) -> None:
        tasks.create_task(self._cycle.run())
        if self._settings.egress is Mode.OFF or self._settings.egress_every_s is None:
            tasks.create_task(self._billed.run())
            tasks.create_task(self._quality_keeping.run())
        tasks.create_task(self.probing.run())
        if self._routes.any:
            tasks.create_task(self._following.run())

    async def close(self) -> None:
        await self._billed.close()
        await self._quality_keeping.close()
        await self._routes.close()
        self._showing.close()

    async def _measure(self) -> None:
        await read_counters(self._demand, self._drivers, time.monotonic)
        await self._billed.note()
        await self._quality_keeping.note()

    async def _sent(self) -> Mapping[str, int]:
        steering = await self._planner.run(lambda one: one.steering)
        gateways, down, counted = self._billed.gateways, self._ports.down.gateways, self._demand.counted()
        # Of hundreds of thousands of entries this takes a second, which the event loop has not.
        return await asyncio.to_thread(sent_bps, gateways, steering.entries, counted, down)

    def _told(self, report: CycleReport) -> None:
        meter(self._metrics, report)
        meter_quality(self._metrics, self._quality)
