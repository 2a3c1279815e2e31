"""A server, put together of its parts: the only place that knows all of them."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.api.address import check_free
from controller.api.operations import OperationsServicer
from controller.api.server import ApiServer
from controller.compiler.planner import Planner
from controller.domain.topology import NetconfDevice, OpenFlowDevice, Topology
from controller.paths.warm import warm
from controller.service.assurance import Assurances
from controller.service.brownfield import Brownfield
from controller.service.devices import Devices
from controller.service.differing import Differing
from controller.service.drift import Drifts
from controller.service.egress.drains import Drains
from controller.service.egress.sources import RouteSources
from controller.service.egress.waiting import why_it_waits
from controller.service.freeze import Freeze
from controller.service.inspection import Inspection
from controller.service.intents import IntentService
from controller.service.paths import PathService
from controller.service.planning import PlannerThread
from controller.service.port_states import Outages, PortStates
from controller.service.readings import Readings
from controller.service.reconciler import Reconciler
from controller.service.rereading import Pace, Rereading
from controller.service.status import StatusService
from controller.service.topology_change import load_for
from controller.service.transaction import Transactor
from controller.service.watching import Watchers
from controller.serving.egress_side import EgressSide
from controller.serving.settings import Settings
from controller.southbound.driver import Driver
from controller.southbound.openflow.southbound import OpenFlowSouthbound
from controller.store.store import Store
from controller.telemetry.endpoint import MetricsEndpoint
from controller.telemetry.metrics import Metrics

if TYPE_CHECKING:  # who has no such devices does not wait for their libraries
    from controller.simulation.beside import SimulationBeside
    from controller.southbound.netconf.southbound import NetconfSouthbound

STOP_GRACE_S = 5.0


async def serve_until_told(
    topology: Topology,
    topology_file: Path,
    store: Store,
    settings: Settings,
    routes: RouteSources,
    simulation: SimulationBeside | None,
) -> None:
    log = logging.getLogger("trunkline")
    _collect_garbage_seldom()
    stop = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    saved = await load_for(store, topology, time.time(), force=settings.force)
    metrics = Metrics()
    planner = PlannerThread(
        Planner(topology, saved.placed, saved.trunks, saved.pairs, saved.policies, saved.steering, saved.prefixes),
        metrics,
    )
    datapaths = {
        node.device.datapath_id: node.name for node in topology.nodes if isinstance(node.device, OpenFlowDevice)
    }

    def on_connection(device: str, connected: bool) -> None:
        metrics.connection(device, connected)
        if not connected:
            drifts.gone(device, "it is not connected")
            ports.gone(device)
        devices.suspect(device)

    def on_notice(device: str) -> None:
        rereading.notice(device)

    def on_outage(before: Outages, after: Outages) -> None:
        egress.outage(before, after)

    ports = PortStates(topology, on_outage)
    southbound = OpenFlowSouthbound(
        datapaths,
        on_connection,
        on_changed=on_notice,
        on_ports=ports.listed,
        on_port_status=lambda device, status: ports.changed(device, status.port, status.up),
        on_frame=lambda device, told: egress.probing.heard(device, told),
    )
    netconf = _netconf(topology, topology_file.parent, simulation, settings.yang, on_connection, on_notice)
    drivers: dict[str, Driver] = {name: southbound.driver(name) for name in datapaths.values()}
    drivers.update({} if netconf is None else netconf.drivers)
    devices = Devices(drivers)
    metrics.watch_devices(devices.drivers)
    watchers = Watchers()
    freeze, readings, deciding = Freeze(store, saved.frozen, time.time), Readings(), asyncio.Lock()
    drifts = Drifts(settings.drift, planner, time.time, watchers.news)
    reconciler = Reconciler(
        store, devices, planner, saved.leftovers, freeze, readings, drifts, time.time, time.monotonic, metrics
    )
    rereading = Rereading(devices, reconciler, Pace(every_s=settings.read_every_s), random.random, metrics)
    drifts.on_stale(rereading.look_soon)
    brownfield = Brownfield(topology, store, devices, planner, saved.adopted, deciding, time.time, reconciler.left_on)
    await brownfield.set_aside()  # before anything is planned
    transactor = Transactor(store, devices, time.time, reconciler.remember, watchers.news)
    intents = IntentService(
        topology=topology,
        store=store,
        planner=planner,
        placed={placed.line.key: placed.paths for placed in saved.placed},
        devices=devices,
        transactor=transactor,
        watchers=watchers,
        now=time.time,
        deciding=deciding,
        confirm_above=settings.confirm_above,
        readings=readings,
        drifts=drifts,
        metrics=metrics,
    )
    await intents.plans.restore(saved.plans)
    paths = PathService(topology, planner)
    drains = Drains(topology, store, saved.drained, time.time)
    status = StatusService(
        topology, store, planner, devices, readings, freeze, brownfield, drifts, drains, lambda: egress.away.down()
    )
    operations = OperationsServicer(
        status,
        freeze,
        brownfield,
        Differing(devices, planner, reconciler),
        topology,
        drains,
        lambda: why_it_waits(settings.egress, freeze),
    )
    inspection = Inspection(topology, store, planner, Assurances(devices, drifts), intents.changes.leaving)
    egress = EgressSide(
        topology=topology,
        store=store,
        saved=saved,
        settings=settings,
        routes=routes,
        planner=planner,
        intents=intents,
        devices=devices,
        drivers=drivers,
        senders={name: southbound.driver(name) for name in datapaths.values()},
        ports=ports,
        drains=drains,
        freeze=freeze,
        metrics=metrics,
    )
    api = ApiServer(intents, inspection, paths, operations, egress.api, topology, settings.listen, metrics)
    endpoint = MetricsEndpoint(metrics, status.picture)

    async def work() -> None:
        # What an earlier process left half done comes first; then every device is read and put right.
        await intents.recover()
        await api.set_serving()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reconciler.run())
            tasks.create_task(rereading.run())
            tasks.create_task(intents.keep_settled())
            tasks.create_task(intents.plans.run())
            egress.run(tasks)

    background: list[asyncio.Task[None]] = []
    try:
        await api.start()
        check_free(settings.openflow.removeprefix("tcp:"))
        await asyncio.to_thread(warm)  # before a switch connects: no request should wait for a kernel
        if topology.gateways:
            from controller.egress.warm import warm as warm_egress  # its kernels are for those who have gateways

            await asyncio.to_thread(warm_egress)
        await egress.begin()
        address = await southbound.start(settings.openflow)
        if netconf is not None:
            netconf.start()
        if settings.metrics is not None:
            check_free(settings.metrics)
            log.info("metrics on http://%s/metrics", await endpoint.start(settings.metrics))
        log.info("%s: %d intents, revision %d", topology.name, len(saved.intents), saved.revision)
        log.info("API on %s, OpenFlow on %s", settings.listen, address)
        if simulation is not None:
            background.append(asyncio.create_task(simulation.run(address)))
        background.append(asyncio.create_task(work()))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([stopping, *background], return_when=asyncio.FIRST_COMPLETED)
        for task in background:
            if task.done():
                task.result()
        log.info("stopping")
    finally:
        await api.stop(STOP_GRACE_S)
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await endpoint.close()
        await egress.close()
        await southbound.close()
        if netconf is not None:
            await netconf.close()
        paths.close()
        planner.close()


def _netconf(
    topology: Topology,
    directory: Path,
    simulation: SimulationBeside | None,
    yang: Path | None,
    on_connection: Callable[[str, bool], None],
    on_notice: Callable[[str], None],
) -> NetconfSouthbound | None:
    """The devices of the topology that speak NETCONF, if it has any; its file lies in ``directory``.
    Simulated ones are elsewhere than it says."""
    named = [node.name for node in topology.nodes if isinstance(node.device, NetconfDevice)]
    if not named:
        return None
    if yang is None:
        raise click.UsageError(
            f"{len(named)} nodes of the topology ({named[0]} first) are NETCONF devices: give --yang the directory "
            "with the YANG modules that their profiles name"
        )
    from controller.southbound.netconf.southbound import NetconfSouthbound, managed_devices

    try:
        found = managed_devices(topology, directory) if simulation is None else simulation.netconf_devices(topology)
        return NetconfSouthbound(found, yang, on_connection, on_notice)
    except ValueError as error:
        raise click.ClickException(f"--yang {yang}: {error}") from error


def _collect_garbage_seldom() -> None:
    """With 10,000 lines a million values live as long as the server, none of them in a cycle; as Python does it by
    default, looking through them again and again takes half of the time of a start and of a large apply."""
    gc.set_threshold(100_000, 50, 100)
