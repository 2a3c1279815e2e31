"""``python -m controller.simulation -t TOPOLOGY --controller ADDRESS [--control unix:PATH]``: run a simulated network.

It begins with empty switches, which connect to the controller as soon as one listens, and runs until it is told to stop
(SIGTERM, SIGINT; with ``--until-stdin-closes`` also when whoever started it is gone, killed or not). OTN nodes wait for
the controller over NETCONF: in ``--netconf DIR`` are their ports and keys (made if they are not), in ``--yang DIR`` the
YANG modules of their profiles.
Exit status 1: the topology or an address is no good; the reason is on stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from controller.documents import load_topology
from controller.domain.errors import TrunklineError
from controller.simulation.address import Address, TcpAddress, UnixAddress, parse_address
from controller.simulation.control import REQUEST_BYTES, Control
from controller.simulation.simulator import Management, Simulator

_log = logging.getLogger("controller.simulation")


def main() -> int:
    # A hundred thousand rules live as long as we do; looking for cycles among them again and again costs much.
    gc.set_threshold(100_000, 50, 100)
    arguments = _parser().parse_args()
    logging.basicConfig(level=arguments.log_level, format="%(asctime)s %(levelname)s simulation: %(message)s")
    try:
        topology = load_topology(arguments.topology)
        controller = parse_address(arguments.controller)
        control = None if arguments.control is None else parse_address(arguments.control)
        if isinstance(control, TcpAddress):
            raise ValueError(f"the control socket is a Unix socket: write unix:PATH, not {control}")
        if (arguments.netconf is None) is not (arguments.yang is None):
            raise ValueError("--netconf and --yang go together")
        management = None if arguments.netconf is None else Management(directory=arguments.netconf, yang=arguments.yang)
        simulator = Simulator(topology, controller, arguments.seed, management)
        asyncio.run(_run(simulator, controller, control, arguments.until_stdin_closes))
    except (TrunklineError, ValueError, OSError) as error:
        _log.error("%s", error)
        return 1
    return 0


async def _run(
    simulator: Simulator, controller: Address, control: UnixAddress | None, until_stdin_closes: bool
) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _watch_stdin, stopped)
    async with _listening(simulator, control):
        name = simulator.network.topology.name
        _log.info("%s: %d simulated switches look for %s", name, len(simulator.diallers), controller)
        running = asyncio.create_task(simulator.run())
        running.add_done_callback(lambda _: stopped.set())
        try:
            await stopped.wait()
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


@contextlib.asynccontextmanager
async def _listening(simulator: Simulator, control: UnixAddress | None) -> AsyncIterator[None]:
    """Answer at the control socket, if there is to be one; only its owner may ask."""
    if control is None:
        yield
        return
    _make_room(control.path)
    server = await asyncio.start_unix_server(Control(simulator).serve, control.path, limit=REQUEST_BYTES)
    os.chmod(control.path, 0o600)
    try:
        yield
    finally:
        server.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(control.path)


def _make_room(path: str) -> None:
    """Take away a socket that a simulation left behind when it was killed; one that somebody listens at is in use."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise ValueError(f"{path} is in use by another simulation")


def _watch_stdin(stopped: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stopped.set()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m controller.simulation", description="Run a simulated network.")
    parser.add_argument("-t", "--topology", required=True, metavar="FILE")
    parser.add_argument("--controller", required=True, metavar="tcp:HOST:PORT|unix:PATH")
    parser.add_argument("--control", metavar="unix:PATH", help="where to take frames and faults (default nowhere)")
    parser.add_argument("--netconf", type=Path, metavar="DIR", help="ports and keys of OTN nodes; filled if it is not")
    parser.add_argument("--yang", type=Path, metavar="DIR", help="YANG modules of OTN nodes")
    parser.add_argument("--seed", type=int, default=0, help="of the dice that lossy links throw (default 0)")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    return parser


if __name__ == "__main__":
    sys.exit(main())
