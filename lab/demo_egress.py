"""The second part of the demo: traffic of provinces leaves for regions abroad by the gateways that were planned, and by
others as soon as one is cut off. ``python -m lab.demo_egress``; ``--inside``: this is the lab.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.console import Console

from controller.cli.client import Client, connected
from controller.cli.output import console as console_for_people
from controller.documents import load_topology
from controller.documents.intents import load_all
from controller.domain.errors import InvalidInput
from controller.domain.topology import Topology
from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import egress_pb2
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import intent_to_wire
from lab import launch
from lab.control import ask
from lab.errors import LabError
from lab.measure.dataplane import MeasurementFailed
from lab.measure.egress import measure_egress
from lab.measure.egress_report import egress_text
from lab.measure.exits import expected_traffic
from lab.patience import Patience
from lab.places import API_SOCKET, CONTROL_SOCKET, controller_command
from lab.serving import until_devices_are_there
from lab.verifying import lab_hosts

TOPOLOGY: Final = Path("topologies/lab-egress.yaml")
INTENTS: Final = (Path("intents/lab-egress.yaml"),)
GATEWAY: Final = "igw-ur"
"""The one to be cut off: the nearest to Europe."""

SECONDS: Final = 1.0
LIMIT_S: Final = 120.0
WAITING_S: Final = 30.0


def run() -> int:
    """Bring a lab up, show it all, tear it down."""
    inside = [sys.executable, "-m", "lab.demo_egress", "--inside"]
    controller = shlex.join([*controller_command(), "--egress-every", "1s"])
    return launch.run_inside(TOPOLOGY, inside, controller=controller, limit_s=LIMIT_S)


def _inside() -> int:
    console = console_for_people()
    topology = load_topology(TOPOLOGY)
    counts = f"{len(topology.nodes)} switches, {len(topology.gateways)} gateways"
    console.print(f"{topology.name}: {counts}, a host for each region abroad", highlight=False)
    with connected(f"unix:{API_SOCKET}") as client:
        until_devices_are_there(client)
        before = _last(client)
        policies = [intent_to_wire(one.intent) for one in load_all(INTENTS).all]
        client.call(client.stub.Apply, pb.ApplyRequest(intents=policies, request_id="demo-egress"))
        steered = _cycle_after(client, before, lambda cycle: "lines or policies have changed" in cycle.causes)
        _tell(console, f"{len(policies)} policies applied", steered)
        as_planned = _measure(client, topology, console)
        before = _last(client)
        ask(CONTROL_SOCKET, "cut", name=GATEWAY)
        moved = _cycle_after(client, before, lambda cycle: bool(cycle.urgent and cycle.rules))
        _tell(console, f"{GATEWAY} cut off", moved)
        return 0 if _measure(client, topology, console) and as_planned else 1


def _measure(client: Client, topology: Topology, console: Console) -> bool:
    expected = expected_traffic(topology, client.all_intents()[0])
    reports = measure_egress(topology, lab_hosts(), expected, SECONDS)
    console.print(egress_text(reports))
    return bool(reports) and all(report.passed for report in reports)


def _tell(console: Console, what: str, cycle: egress_pb2.Cycle) -> None:
    took_s = cycle.deciding_time.ToTimedelta().total_seconds() + cycle.carrying_out_time.ToTimedelta().total_seconds()
    console.print(
        f"{took_s:6.2f} s  {what}: gateways chosen, {cycle.rules} rules in {cycle.rounds} rounds, each read back",
        highlight=False,
    )


def _last(client: Client) -> int:
    """The number of the last cycle; 0: there was none."""
    cycles = client.call(client.egress.ListCycles, egress_pb2.ListCyclesRequest(most=1)).cycles
    return cycles[-1].number if cycles else 0


def _cycle_after(client: Client, number: int, fits: Callable[[egress_pb2.Cycle], bool]) -> egress_pb2.Cycle:
    """The first later cycle of that kind."""
    patience = Patience(WAITING_S, pause_s=0.05)
    while not patience.is_over:
        for cycle in client.call(client.egress.ListCycles, egress_pb2.ListCyclesRequest()).cycles:
            if cycle.number > number and fits(cycle):
                return cycle
        patience.pause()
    raise LabError(f"the controller did not choose gateways within {WAITING_S:.0f} s")


def main() -> int:
    parser = argparse.ArgumentParser(prog="lab demo")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        return (_inside if options.inside else run)()
    except (LabError, InvalidInput, MeasurementFailed, RemoteError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
