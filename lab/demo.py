"""``make demo``: the main job once, end to end, on this machine, with one report at the end.

A controller and an emulated network are brought up, the example intents are applied through the gRPC API, every line
is measured in the data plane, the intents are deleted again and everything is torn down.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from controller.cli.client import connected
from controller.cli.output import console as console_for_people
from controller.documents import check_intents, load_intents, load_topology
from controller.domain.errors import InvalidInput
from controller.domain.topology import Role
from controller.simulation.client import SimulationClient
from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import line_to_wire
from controller.wire.names import intent_name
from lab import demo_egress, launch, requirements
from lab.control import ask
from lab.cross_connect_table import cross_connect_table
from lab.errors import LabError, LabUnavailable
from lab.guest import Guest
from lab.measure.dataplane import DataPlane, MeasurementFailed
from lab.measure.simulated import SimulatedDataPlane
from lab.measure.verify import Effort
from lab.parent import end_with_parent
from lab.places import API_SOCKET, CONTROL_SOCKET, controller_command
from lab.serving import until_devices_are_there
from lab.verifying import lab_data_plane, measure, show

TOPOLOGY = Path("topologies/lab-backbone.yaml")
INTENTS = tuple(Path(f"intents/lab-backbone{which}.yaml") for which in ("", "-protected", "-otn"))
LIMIT_S = 300.0


def run(topology_file: Path, intent_files: Sequence[Path], seconds: float) -> int:
    """On Open vSwitch where this machine can, else on the simulated data plane. Returns the exit code."""
    console = console_for_people()
    topology = load_topology(topology_file)
    try:
        requirements.check(topology)
    except LabUnavailable as why:
        console.print(f"simulated data plane, because {why}", highlight=False)
        return _on_simulation(topology_file, intent_files, seconds, console)
    inside = demo_command(topology_file, intent_files, seconds)
    code = launch.run_inside(topology_file, inside, controller=shlex.join(controller_command()), limit_s=LIMIT_S)
    if code != 0 or topology_file != TOPOLOGY:
        return code
    return demo_egress.run()


def demo_command(topology_file: Path, intent_files: Sequence[Path], seconds: float = 10.0) -> list[str]:
    """The command that does it all from inside a lab with a controller."""
    words = [sys.executable, "-m", "lab.demo", "--inside", "--seconds", str(seconds), "-t", str(topology_file)]
    return words + [word for file in intent_files for word in ("-f", str(file))]


def _on_simulation(topology_file: Path, intent_files: Sequence[Path], seconds: float, console: Console) -> int:
    with tempfile.TemporaryDirectory(prefix="trunkline-") as name:
        directory = Path(name)
        api, control, log = directory / "api.sock", directory / "sim.sock", directory / "log"
        command = [*controller_command(topology_file, directory), "--data-plane", "simulated"]
        command += ["--simulation-control", f"unix:{control}"]
        with Guest(command, sockets=(api, control), log=log), SimulationClient(control) as client:
            plane = SimulatedDataPlane(client)
            return _show_all(plane, topology_file, intent_files, f"unix:{api}", seconds, console)


def _inside(topology_file: Path, intent_files: Sequence[Path], seconds: float) -> int:
    with lab_data_plane() as plane:
        console = console_for_people()
        return _show_all(
            plane,
            topology_file,
            intent_files,
            f"unix:{API_SOCKET}",
            seconds,
            console,
            lambda: ask(CONTROL_SOCKET, "describe"),
        )


def _show_all(
    plane: DataPlane,
    topology_file: Path,
    intent_files: Sequence[Path],
    server: str,
    seconds: float,
    console: Console,
    describe: Callable[[], dict[str, Any]] | None = None,
) -> int:
    """``describe``: what the lab around us answers, if there is one."""

    def tell(what: str, since: float) -> None:
        console.print(f"{time.monotonic() - since:6.2f} s  {what}", highlight=False)

    topology = load_topology(topology_file)
    located = load_intents(intent_files)
    check_intents(located, topology)
    otn_nodes = [node for node in topology.nodes if node.role is Role.OTN]
    counts = f"{len(topology.nodes) - len(otn_nodes)} switches, {len(otn_nodes)} OTN nodes, {len(topology.links)} links"
    counts += f", {len(topology.sites)} sites"
    console.print(f"{topology.name}: {counts}; controller with SQLite at {server}", highlight=False)
    with connected(server) as client:
        until_devices_are_there(client)
        started = time.monotonic()
        request = pb.ApplyRequest(intents=[line_to_wire(one.intent) for one in located], request_id="demo-apply")
        applied = client.call(client.stub.Apply, request)
        rules = sum(len(device.changes) for device in applied.plan.devices)
        devices = len(applied.plan.devices)
        tell(f"{len(applied.intents)} lines applied: {rules} rules on {devices} devices, each read back", started)
        started = time.monotonic()
        report = measure(plane, topology, server, Effort(flood_seconds=seconds), console)
        tell("measured: frames of every kind, round trips, 150 % load", started)
        code = show(report, "table", console)
        if otn_nodes and describe is not None:
            console.print(cross_connect_table(describe(), [found.line for found in report.lines], topology))
        started = time.monotonic()
        names = [intent_name(one.intent.key) for one in located]
        client.call(client.stub.Delete, pb.DeleteRequest(names=names, request_id="demo-delete"))
        left = len(client.all_intents()[0])
        tell(f"lines deleted; {left} are left", started)
    return code if left == 0 else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="lab demo")
    parser.add_argument("-t", "--topology", type=Path, default=TOPOLOGY)
    parser.add_argument("-f", "--file", type=Path, action="append")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each line is kept under load")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    files = INTENTS if options.file is None else tuple(options.file)
    end_with_parent()
    try:
        return (_inside if options.inside else run)(options.topology, files, options.seconds)
    except (LabError, InvalidInput, MeasurementFailed, RemoteError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
