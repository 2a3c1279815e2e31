"""A lab from inside its namespaces: bring it up, then run a command in it or wait to be ended.

``python -m lab.session``; started by ``lab.cli`` through ``lab.isolation``, never by hand.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack

from controller.documents import read_topology
from controller.domain.errors import InvalidInput
from lab.acts import Acts
from lab.control import ControlServer
from lab.emulable import check_emulable
from lab.errors import LabError
from lab.guest import Guest
from lab.netconf import NetconfNodes
from lab.network import Lab
from lab.otn import otn_nodes
from lab.otn_watch import OtnWatch
from lab.places import API_SOCKET, CONTROL_SOCKET, OPENFLOW_SOCKET, OTN, TOPOLOGY_FILE, environment


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--topology", required=True, help="what the topology's file is called")
    parser.add_argument(
        "--topology-fd", type=int, required=True, help="the file, open (its path may be hidden in here)"
    )
    parser.add_argument("--controller", help="command line of the controller")
    parser.add_argument("--ready", type=int, help="file descriptor: 'ready' is written to it when the lab is up")
    parser.add_argument("command", nargs="*")
    options = parser.parse_args()
    # The usual way to end is SIGTERM; as an exit it runs every cleanup on its way.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    nodes: NetconfNodes | None = None
    try:
        with ExitStack() as session:
            with open(options.topology_fd, "rb") as file:
                text = file.read()
            topology = read_topology(text, options.topology)
            check_emulable(topology)
            TOPOLOGY_FILE.write_bytes(text)
            optical = otn_nodes(topology)
            if optical:  # before the controller, which needs their keys
                OTN.mkdir()
                nodes = session.enter_context(NetconfNodes(optical, OTN, beside=TOPOLOGY_FILE.parent))
            if options.controller:
                log = CONTROL_SOCKET.with_name("controller.log")
                sockets = (OPENFLOW_SOCKET, API_SOCKET)
                session.enter_context(Guest(shlex.split(options.controller), sockets=sockets, log=log))
            lab = session.enter_context(Lab(topology, controller=OPENFLOW_SOCKET))
            if nodes is not None:
                session.enter_context(OtnWatch(nodes.devices, lab.optical.hold))
            session.enter_context(ControlServer(CONTROL_SOCKET, Acts(lab, nodes)))
            if options.ready is not None:
                os.write(options.ready, b"ready")
                os.close(options.ready)
            if options.command:
                return _run(options.command)
            while True:
                signal.pause()
    except (LabError, InvalidInput) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _run(command: list[str]) -> int:
    try:
        child = subprocess.Popen(command, env={**os.environ, **environment()})
    except OSError as error:
        raise LabError(f"{command[0]} cannot be started: {error}") from error
    with child:
        try:
            code = child.wait()
        except BaseException:
            child.terminate()
            raise
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
