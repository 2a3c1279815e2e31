"""Measure what a controller has placed, from inside a lab or against a simulated data plane, and print the report.

``python -m lab.verifying``; started by ``lab verify``, never by hand.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from controller.cli.client import connected
from controller.cli.output import console as console_for_people
from controller.documents import load_topology
from controller.domain.topology import Topology
from controller.wire.errors import RemoteError
from lab.control import ask
from lab.errors import LabError
from lab.measure.change_over import Wires
from lab.measure.dataplane import DataPlane, MeasurementFailed
from lab.measure.egress import EgressReport, Hosts, measure_egress
from lab.measure.egress_report import egress_failures, egress_json, egress_text
from lab.measure.exits import expected_traffic
from lab.measure.raw_port import SitePort
from lab.measure.report import exit_code, failures, to_json, to_text
from lab.measure.sockets import SocketDataPlane
from lab.measure.traffic import Listener
from lab.measure.verify import Effort, Report, verify
from lab.places import API_SOCKET, CONTROL_SOCKET, TOPOLOGY_FILE
from lab.planned import planned


class LabWires:
    """The wires of the lab around us, as ``lab.measure.change_over.Wires``."""

    def cut(self, link: str) -> None:
        ask(CONTROL_SOCKET, "cut", name=link)

    def restore(self, link: str) -> None:
        ask(CONTROL_SOCKET, "restore", name=link)


def measure(
    data_plane: DataPlane,
    topology: Topology,
    server: str,
    effort: Effort,
    console: Console,
    wires: Wires | None = None,
) -> Report:
    """Ask the server what it has placed, and measure all of it; with ``wires`` protect routes, too."""
    with connected(server) as client:
        intents, _ = client.all_intents()
    lab = planned(topology, intents)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("measuring")
        return verify(
            data_plane,
            lab,
            secrets.randbits(32),
            effort,
            lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
            wires,
        )


@contextmanager
def lab_data_plane() -> Iterator[DataPlane]:
    """The lab around us, measured with real frames."""
    sites = ask(CONTROL_SOCKET, "describe")["sites"]
    ports = [SitePort(site=name, pid=site["pid"], interface=site["interface"]) for name, site in sites.items()]
    with SocketDataPlane("ovs", ports) as data_plane:
        yield data_plane


def lab_hosts() -> Hosts:
    """Those of the lab around us that speak IP."""
    about = ask(CONTROL_SOCKET, "describe")
    return Hosts(
        customers={name: site["pid"] for name, site in about["sites"].items()},
        listeners=[
            Listener(region=name, gateway=gateway, pid=region["pid"], interface=interface)
            for name, region in about["abroad"].items()
            for gateway, interface in region["interfaces"].items()
        ],
    )


def measure_abroad(topology: Topology, server: str, console: Console) -> tuple[EgressReport, ...]:
    """Ask the server what leaves by which gateway, and measure all of it, with the lab's hosts."""
    with connected(server) as client:
        intents, _ = client.all_intents()
    expected = expected_traffic(topology, intents)
    with console.status("measuring traffic abroad"):
        return measure_egress(topology, lab_hosts(), expected)


def show(report: Report, output: str, console: Console, abroad: Sequence[EgressReport] = ()) -> int:
    """Print the report; returns the exit code."""
    if output == "json":
        failed = [*failures(report), *egress_failures(abroad)]
        passed = report.passed and not egress_failures(abroad)
        document = to_json(report) | {"egress": egress_json(abroad), "passed": passed, "failures": failed}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        sys.stderr.writelines(f"FAILED {failure}\n" for failure in failed)
    else:
        console.print(to_text(report))
        if abroad:
            console.print(egress_text(abroad))
    return exit_code(report) if all(traffic.passed for traffic in abroad) else 1


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--change-over", action="store_true")
    parser.add_argument("--output", choices=["table", "json"], required=True)
    options = parser.parse_args()
    try:
        topology = load_topology(TOPOLOGY_FILE)
        with lab_data_plane() as data_plane:
            effort = Effort(flood_seconds=options.seconds)
            console = console_for_people(stderr=True)
            wires = LabWires() if options.change_over else None
            report = measure(data_plane, topology, f"unix:{API_SOCKET}", effort, console, wires)
        abroad = measure_abroad(topology, f"unix:{API_SOCKET}", console) if topology.gateways else ()
        return show(report, options.output, console_for_people(), abroad)
    except (LabError, MeasurementFailed, RemoteError) as error:
        sys.stderr.write(f"lab verify: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
