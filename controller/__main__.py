"""The command ``trunkline``. This module alone wires things together: commands with one another, and a server's parts.

What only a server needs is imported when one starts, so that ``trunkline plan`` answers at once.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli import bench, change, complete, lab, look, plan, topology, whatif
from controller.cli.app import DEFAULT_SERVER, checked_address, run, server_address, topology_option, trunkline
from controller.cli.failing import telling
from controller.documents import load_topology
from controller.domain.topology import OpenFlowDevice, Topology

if TYPE_CHECKING:
    from controller.store.store import Store

COMMANDS = (bench, change, complete, lab, look, plan, topology, whatif)  # each module brings its own
STOP_GRACE_S = 5.0
LOG_LEVELS = ("debug", "info", "warning", "error")


def _openflow_address(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value.startswith("unix:"):
        return checked_address(value)
    if not value.startswith("tcp:"):
        raise click.BadParameter(f"{value!r} is neither tcp:HOST:PORT nor unix:PATH")
    return "tcp:" + checked_address(value.removeprefix("tcp:"), least_port=0)


def _control_address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith("unix:"):
        raise click.BadParameter(f"{value!r} is not unix:PATH")
    return value if value is None else checked_address(value)


@trunkline.command(short_help="Run the controller.")
@topology_option(required=True)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    default=Path("trunkline.db"),
    show_default=True,
    help="State file; created if it is not there.",
)
@click.option(
    "--data-plane",
    type=click.Choice(["devices", "simulated"]),
    default="devices",
    show_default=True,
    help="Switches that connect to --openflow, or simulated ones, started along.",
)
@click.option(
    "--listen",
    default=DEFAULT_SERVER,
    show_default=True,
    metavar="HOST:PORT|unix:PATH",
    callback=server_address,
    help="Where the gRPC API answers.",
)
@click.option(
    "--openflow",
    default="tcp:127.0.0.1:6653",
    show_default=True,
    metavar="tcp:HOST:PORT|unix:PATH",
    callback=_openflow_address,
    help="Where switches connect to. With a simulated data plane: any free port of the loopback.",
)
@click.option(
    "--simulation-control",
    metavar="unix:PATH",
    callback=_control_address,
    help="Where the simulated data plane takes frames and faults.",
)
@click.option("--force", is_flag=True, help="Start although the topology strands private lines: these become FAILED.")
@click.option(
    "--log-level",
    type=click.Choice(LOG_LEVELS),
    default="info",
    show_default=True,
    help="The least that is worth a line on standard error.",
)
def serve(
    topology_file: Path,
    state: Path,
    data_plane: str,
    listen: str,
    openflow: str,
    simulation_control: str | None,
    force: bool,
    log_level: str,
) -> None:
    """Run the controller until it is told to stop (Ctrl-C, SIGTERM).

    To try it without a switch:

    \b
        trunkline serve -t topologies/lab-small.yaml --data-plane simulated
    """
    from controller.store.database import StoreError
    from controller.store.store import Store

    logging.basicConfig(
        level=log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    simulated = data_plane == "simulated"
    with telling():
        topology = load_topology(topology_file)
        try:
            store = Store(state)
            try:
                asyncio.run(
                    _serve(
                        topology,
                        topology_file,
                        store,
                        listen,
                        "tcp:127.0.0.1:0" if simulated else openflow,
                        simulated=simulated,
                        control=simulation_control if simulated else None,
                        force=force,
                    )
                )
            finally:
                store.close()
        except StoreError as error:
            raise click.ClickException(f"state file {error}") from error
        except OSError as error:
            raise click.ClickException(str(error)) from error


async def _serve(
    topology: Topology,
    topology_file: Path,
    store: Store,
    listen: str,
    openflow: str,
    *,
    simulated: bool,
    control: str | None,
    force: bool,
) -> None:
    from controller.api.address import check_free
    from controller.api.server import ApiServer
    from controller.compiler.planner import Planner
    from controller.paths.warm import warm
    from controller.service.devices import Devices
    from controller.service.intents import IntentService
    from controller.service.paths import PathService
    from controller.service.planning import PlannerThread
    from controller.service.reconciler import Reconciler
    from controller.service.topology_change import load_for
    from controller.service.transaction import Transactor
    from controller.service.watching import Watchers
    from controller.southbound.openflow.southbound import OpenFlowSouthbound

    log = logging.getLogger("trunkline")
    stop = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    saved = await load_for(store, topology, time.time(), force=force)
    planner = PlannerThread(Planner(topology, saved.placed, saved.trunks, saved.pairs))
    datapaths = {
        node.device.datapath_id: node.name for node in topology.nodes if isinstance(node.device, OpenFlowDevice)
    }
    southbound = OpenFlowSouthbound(datapaths, lambda device, connected: devices.suspect(device))
    devices = Devices({name: southbound.driver(name) for name in datapaths.values()})
    watchers = Watchers()
    reconciler = Reconciler(store, devices, planner, saved.leftovers)
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
    )
    paths = PathService(topology, planner)
    api = ApiServer(intents, paths, topology, listen)

    async def work() -> None:
        # What an earlier process left half done comes first; then every device is read and put right.
        await intents.recover()
        await api.set_serving()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reconciler.run())
            tasks.create_task(intents.keep_settled())

    background: list[asyncio.Task[None]] = []
    try:
        await api.start()
        check_free(openflow.removeprefix("tcp:"))
        await asyncio.to_thread(warm)  # before a switch connects: no request should wait for a kernel
        address = await southbound.start(openflow)
        log.info("%s: %d intents, revision %d", topology.name, len(saved.intents), saved.revision)
        log.info("API on %s, OpenFlow on %s", listen, address)
        if simulated:
            background.append(asyncio.create_task(_simulate(topology_file, address, control)))
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
        await southbound.close()
        paths.close()
        planner.close()


async def _simulate(topology_file: Path, openflow: str, control: str | None) -> None:
    """Run the simulated data plane as a process of its own, for as long as we run."""
    arguments = ["-m", "controller.simulation", "-t", str(topology_file), "--controller", openflow]
    # However we end, its standard input ends with us, and then it ends as well.
    arguments.append("--until-stdin-closes")
    if control is not None:
        arguments += ["--control", control]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=asyncio.subprocess.PIPE)
    try:
        code = await process.wait()
        raise OSError(f"the simulated data plane ended with exit code {code}")
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def main() -> None:
    run()


if __name__ == "__main__":
    main()
