"""A lab and a real server in this process's namespaces, as ``trunkline lab run`` has them, to be measured while things
are done to it."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from waiting import wait_until

from controller.cli.client import connected
from controller.documents import load_topology
from controller.wire.gen.trunkline.v1 import egress_pb2, operations_pb2
from lab.guest import Guest
from lab.measure.egress import Hosts
from lab.measure.exits import expected_traffic
from lab.measure.loading import Load
from lab.measure.traffic import Listener, Traffic
from lab.network import Lab
from lab.places import API_SOCKET, OPENFLOW_SOCKET, TOPOLOGY_FILE, controller_command

ROOT = Path(__file__).parents[2]
LOG = TOPOLOGY_FILE.with_name("controller.log")


class ServedLab:
    """A context manager. ``options`` are words for ``trunkline serve``."""

    def __init__(self, topology_file, *options):
        self.topology = load_topology(topology_file)
        self._text = Path(topology_file).read_bytes()
        self._options = options
        self._stack = ExitStack()

    def __enter__(self):
        TOPOLOGY_FILE.write_bytes(self._text)
        try:
            command = [*controller_command(), *self._options]
            self._stack.enter_context(Guest(command, sockets=(OPENFLOW_SOCKET, API_SOCKET), log=LOG))
            self.lab = self._stack.enter_context(Lab(self.topology, controller=OPENFLOW_SOCKET))
            self.client = self._stack.enter_context(connected(f"unix:{API_SOCKET}"))
            wait_until(lambda: not self._out_of_step(), lambda: f"devices in step: {self._out_of_step()}")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_):
        self._stack.close()
        sys.stdout.write("".join(LOG.read_text(errors="replace").splitlines(keepends=True)[-60:]))  # if it fails

    def run(self, *words, code=0):
        """A command of trunkline against this server."""
        done = subprocess.run(
            [sys.executable, "-m", "controller", *map(str, words)],
            cwd=ROOT,
            env={**os.environ, "TRUNKLINE_SERVER": f"unix:{API_SOCKET}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def apply(self, *files):
        """And wait for the cycle that follows it to its end."""
        before = self.cycles()[-1].number if self.cycles() else 0
        self.run("apply", *(word for file in files for word in ("-f", file)))
        told = wait_until(
            lambda: next((each for each in self.cycles() if each.number > before and _is_told_of_a_change(each)), None),
            "a cycle that knows of the change",
        )
        return self.settled_after(told.number - 1)

    def cycles(self):
        return list(self.client.call(self.client.egress.ListCycles, egress_pb2.ListCyclesRequest()).cycles)

    def settled_after(self, number):
        """The first later cycle after which nothing is left to be done."""
        return wait_until(
            lambda: next((each for each in self.cycles() if each.number > number and each.ending == "unchanged"), None),
            lambda: f"a settled cycle after {number}: {[(each.number, each.ending) for each in self.cycles()]}",
        )

    def intents(self):
        return self.client.all_intents()[0]

    def expected(self):
        return expected_traffic(self.topology, self.intents())

    @property
    def hosts(self):
        return Hosts(
            customers={name: host.pid for name, host in self.lab.hosts.items()},
            listeners=[
                Listener(region=name, gateway=gateway, pid=region.pid, interface=interface)
                for name, region in self.lab.abroad.items()
                for gateway, interface in region.interfaces.items()
            ],
        )

    def traffic(self, streams):
        return Traffic(self.hosts.customers, self.hosts.listeners, streams)

    def load(self, streams, **more):
        return Load(self.hosts.customers[streams[0].site], streams, **more)

    def _out_of_step(self):
        devices = self.client.call(self.client.operations.GetStatus, operations_pb2.GetStatusRequest()).devices
        return [device.device for device in devices if not device.in_step]


def _is_told_of_a_change(cycle):
    return "lines or policies have changed" in cycle.causes
