"""The command ``serve``. What only a server needs is imported when one starts, so that ``trunkline plan`` answers at
once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from controller.cli.app import DEFAULT_SERVER, server_address, topology_option, trunkline
from controller.cli.failing import telling
from controller.documents import load_topology
from controller.serving.options import (
    confirm_above,
    control_address,
    fresh_for,
    max_routes,
    openflow_address,
    read_every,
    ribs,
    size,
    tcp_address,
)

LOG_LEVELS = ("debug", "info", "warning", "error")


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
    "--ballast",
    default="16MiB",
    show_default=True,
    metavar="SIZE|off",
    callback=size,
    help="Room on the disk of the state file that is kept for what is urgent: to leave a gateway that is lost.",
)
@click.option(
    "--data-plane",
    type=click.Choice(["devices", "simulated"]),
    default="devices",
    show_default=True,
    help="Devices of the network, or simulated ones, started along.",
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
    callback=openflow_address,
    help="Where switches connect to. With a simulated data plane: any free port of the loopback.",
)
@click.option(
    "--simulation-control",
    metavar="unix:PATH",
    callback=control_address,
    help="Where the simulated data plane takes frames and faults.",
)
@click.option(
    "--yang",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the YANG modules of the NETCONF devices are; needed if the topology has such devices.",
)
@click.option("--force", is_flag=True, help="Start although the topology strands intents: these become FAILED.")
@click.option(
    "--metrics",
    metavar="HOST:PORT",
    callback=tcp_address,
    help="Where Prometheus finds /metrics (127.0.0.1:9464, say). Default: nowhere.",
)
@click.option(
    "--confirm-above",
    default="500",
    show_default=True,
    metavar="LINES[,DEVICES]|off",
    callback=confirm_above,
    help="A change that touches more lines, or more devices, must be confirmed (apply|delete --confirm).",
)
@click.option(
    "--read-every",
    default="60s",
    show_default=True,
    metavar="DURATION|off",
    callback=read_every,
    help="How often a device is read to see whether somebody else has changed it (30s, 10m). off: only when there is a "
    "reason to.",
)
@click.option(
    "--drift",
    type=click.Choice(["repair", "report"]),
    default="repair",
    show_default=True,
    help="What to do about a device that holds something else than it should: put it right, or leave it and say so.",
)
@click.option(
    "--egress",
    type=click.Choice(["on", "shadow", "off"]),
    default="on",
    show_default=True,
    help="Steer internet traffic; or decide and report, and move nothing (shadow); or leave it as it is (off).",
)
@click.option(
    "--egress-every",
    default="30s",
    show_default=True,
    metavar="DURATION|off",
    callback=read_every,
    help="How often traffic is measured and gateways are chosen anew. off: only when something happens.",
)
@click.option(
    "--measured-fresh",
    default="10m",
    show_default=True,
    metavar="DURATION",
    callback=fresh_for,
    help="How long delay and loss that were measured beyond gateways count; then those that are declared do again.",
)
@click.option(
    "--probe-every",
    default="1s",
    show_default=True,
    metavar="DURATION|off",
    callback=read_every,
    help="How often gateways ping each region for which the topology names an address (probes). off: never.",
)
@click.option(
    "--regions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Region map (CSV: asn or prefix, and region): where in the world prefixes are.",
)
@click.option(
    "--rib",
    multiple=True,
    metavar="[GATEWAY=]FILE",
    callback=ribs,
    help="Routing table (MRT) of gateways, by their nextHop.ip, or of the one that is named. Can be repeated.",
)
@click.option(
    "--bmp",
    metavar="HOST:PORT",
    callback=tcp_address,
    help="Where routers tell of the routes of gateways as they change (BMP). Nobody has to prove who he is: listen "
    "where only routers can connect.",
)
@click.option(
    "--bmp-policy",
    type=click.Choice(["pre", "post"]),
    default="pre",
    show_default=True,
    help="Of what routers tell by BMP: all that their peers send, or what is left of it by the router's own policy.",
)
@click.option(
    "--max-routes",
    default="1500000,5000000",
    show_default=True,
    metavar="EACH[,ALL]",
    callback=max_routes,
    help="So many routes are kept of one gateway and IP version, and of all together. A feed that has more is held.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or one JSON object a line.",
)
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
    ballast: int,
    data_plane: str,
    listen: str,
    openflow: str,
    simulation_control: str | None,
    yang: Path | None,
    force: bool,
    metrics: str | None,
    confirm_above: tuple[int | None, int | None],
    read_every: float | None,
    drift: str,
    egress: str,
    egress_every: float | None,
    measured_fresh: float,
    probe_every: float | None,
    regions: Path | None,
    rib: tuple[tuple[str | None, Path], ...],
    bmp: str | None,
    bmp_policy: str,
    max_routes: tuple[int, int | None],
    log_format: str,
    log_level: str,
) -> None:
    """Run the controller until it is told to stop (Ctrl-C, SIGTERM).

    To try it without a switch:

    \b
        trunkline serve -t topologies/lab-small.yaml --data-plane simulated
    """
    from controller.service.confirming import ConfirmAbove
    from controller.service.drift import DriftPolicy
    from controller.service.egress.report import Mode
    from controller.service.egress.routing import RouteLimits
    from controller.service.egress.sources import RouteSources
    from controller.serving.pinging import check_pace
    from controller.serving.server import serve_until_told
    from controller.serving.settings import Settings
    from controller.store.database import StoreError
    from controller.store.store import Store
    from controller.telemetry.logs import LogFormat, configure

    configure(log_level, LogFormat(log_format))
    settings = Settings(
        listen=listen,
        openflow="tcp:127.0.0.1:0" if data_plane == "simulated" else openflow,
        metrics=metrics,
        yang=yang,
        force=force,
        confirm_above=ConfirmAbove(lines=confirm_above[0], devices=confirm_above[1]),
        drift=DriftPolicy(drift),
        read_every_s=read_every,
        egress=Mode(egress),
        egress_every_s=egress_every,
        probe_every_s=probe_every,
        measured_fresh_s=measured_fresh,
    )
    simulation = None
    if data_plane == "simulated":
        from controller.simulation.beside import SimulationBeside

        simulation = SimulationBeside(topology_file, simulation_control, yang)
    with telling():
        topology = load_topology(topology_file)
        check_pace(topology, probe_every, measured_fresh)
        each, in_all = max_routes
        most = RouteLimits(of_feed=each) if in_all is None else RouteLimits(of_feed=each, in_all=in_all)
        routes = RouteSources(topology, regions, rib, bmp, post_policy=bmp_policy == "post", most=most)
        try:
            store = Store(state, ballast)
            try:
                asyncio.run(serve_until_told(topology, topology_file, store, settings, routes, simulation))
            finally:
                store.close()
                if simulation is not None:
                    simulation.close()
        except StoreError as error:
            raise click.ClickException(f"state file {error}") from error
        except OSError as error:
            raise click.ClickException(str(error)) from error
