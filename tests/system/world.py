"""A network of simulated switches and a controller over it, each in a process of its own; what a test does and sees."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from controller.compiler.planner import Planner
from controller.documents import load_topology
from controller.domain.intents import Attachment, Avoid, PrivateLine
from controller.domain.topology import PerDirection
from controller.simulation.client import SimulationClient
from controller.simulation.datapath import Datapath
from controller.southbound.openflow.southbound import OpenFlowSouthbound
from controller.store.store import Store
from controller.wire.errors import remote_error
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.gen.trunkline.v1 import intent_pb2_grpc as pb_grpc
from controller.wire.intents import line_from_wire, line_to_wire
from controller.wire.names import intent_name

RING = Path(__file__).parent / "ring.yaml"
LIMIT_S = 30
"""For whatever must happen: long, so that only what never happens fails."""

MBPS = 10**6


def until(holds, what):
    """Wait until ``holds()`` is true and return its answer; ``what`` (a text or a function) was waited for."""
    deadline = time.monotonic() + LIMIT_S
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"waited in vain for {what() if callable(what) else what}"
        time.sleep(0.01)
    return answer


class Processes:
    """Client of ``process_server``; a context manager. One for a whole test session."""

    def __enter__(self):
        self._server = subprocess.Popen(
            [sys.executable, Path(__file__).parent / "process_server.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_):
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def run(self, what, arguments, log, kill_points=None, limits=None):
        """Start ``serve`` or ``simulation`` and return its process id."""
        return self._ask(
            run=what, arguments=[*map(str, arguments)], log=str(log), kill_points=kill_points, limits=limits
        )["pid"]

    def wait(self, pid):
        """The exit status, as of ``subprocess``, when it has ended."""
        return self._ask(wait=pid)["status"]

    def _ask(self, **request):
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


@contextmanager
def world(processes, topology=RING):
    """A fresh network without a controller yet. What its processes logged is printed when the test fails."""
    directory = Path(tempfile.mkdtemp(prefix="trunk-"))  # short: the paths of sockets may have 107 characters
    made = World(processes, directory, topology)
    try:
        made.start_switches()
        yield made
    except BaseException:
        sys.stdout.write(made.log.read_text())
        raise
    finally:
        made.close()
        shutil.rmtree(directory)


class World:
    """``switches`` controls the simulated switches; ``controller`` is the process id of the controller, if one runs."""

    def __init__(self, processes, directory, topology):
        self.topology_file = topology
        self.topology = load_topology(topology)
        self.directory = directory
        self.log = directory / "log"
        self.log.touch()
        self.state = directory / "state.db"
        self.switches = None
        self.controller = None
        self.openflow = f"unix:{directory}/openflow"
        self.server = f"unix:{directory}/api"
        self._processes = processes
        self._simulation = None
        self._channel = None

    # Processes

    def start_switches(self):
        control = self.directory / "control"
        arguments = ("-t", self.topology_file, "--controller", self.openflow, "--control", f"unix:{control}")
        self._simulation = self._processes.run("simulation", (*arguments, "--log-level", "WARNING"), self.log)
        self.switches = until(lambda: _client(control), "the simulation")

    def launch(self, **options):
        """Start a controller and do not wait for it."""
        arguments = ("-t", self.topology_file, "--state", self.state, "--listen", self.server)
        self.controller = self._processes.run("serve", (*arguments, "--openflow", self.openflow), self.log, **options)

    def start(self, **options):
        """Start a controller and wait until it has recovered and every switch that wants is connected."""
        self.launch(**options)
        self.until_serving()

    def until_serving(self):
        until(self.serving, lambda: f"health SERVING\n{self.log.read_text()}")

    def serving(self):
        stub = health_pb2_grpc.HealthStub(self.channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=LIMIT_S)
        except grpc.RpcError:
            self.hang_up()  # else gRPC waits long before it tries again
            return False
        return answer.status == health_pb2.HealthCheckResponse.SERVING

    def end(self, number=signal.SIGKILL):
        """Send the controller a signal, wait for its end, return its status."""
        os.kill(self.controller, number)
        return self.ended()

    def ended(self):
        """Wait for the controller to end by itself."""
        status = self._processes.wait(self.controller)
        self.controller = None
        self.hang_up()
        return status

    def restart(self, **options):
        """Kill the controller and start another one on what it left."""
        self.end()
        self.start(**options)

    def hang_up(self):
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def close(self):
        with ExitStack() as last:
            if self.switches is not None:
                last.callback(self.switches.close)
            if self._simulation is not None:
                last.callback(self._processes.wait, self._simulation)
                last.callback(os.kill, self._simulation, signal.SIGKILL)
            if self.controller is not None:
                last.callback(self.end)
            self.hang_up()

    # The API

    @property
    def channel(self):
        if self._channel is None:
            self._channel = grpc.insecure_channel(self.server)
        return self._channel

    @property
    def stub(self):
        return pb_grpc.IntentServiceStub(self.channel)

    def apply(self, *lines, request_id="", etag="", partial=False, timeout=LIMIT_S):
        """The answer, or ``RemoteError``."""
        request = pb.ApplyRequest(
            intents=[line_to_wire(line, etag) for line in lines], request_id=request_id, partial=partial
        )
        return called(self.stub.Apply, request, timeout)

    def delete(self, *lines, request_id="", etag="", timeout=LIMIT_S):
        request = pb.DeleteRequest(names=[intent_name(line.key) for line in lines], request_id=request_id, etag=etag)
        return called(self.stub.Delete, request, timeout)

    def plan(self, *lines):
        return called(self.stub.Plan, pb.PlanRequest(intents=[line_to_wire(line) for line in lines])).plan

    def intents(self):
        """Every intent by name."""
        answer = called(self.stub.List, pb.ListRequest(parent="tenants/-", page_size=1000))
        return {intent.private_line.metadata.name: intent.private_line for intent in answer.intents}

    def states(self):
        """(state, specification) by name of every intent."""
        answer = called(self.stub.List, pb.ListRequest(parent="tenants/-", page_size=1000))
        return {
            intent.private_line.metadata.name: (
                pb.State.Name(intent.private_line.status.state),
                line_from_wire(intent),
            )
            for intent in answer.intents
        }

    # What is on disk and on the switches

    def saved(self):
        """What the state file holds. Only while nothing is being written: the file is copied."""
        return asyncio.run(_load(self.state))

    def ledger(self):
        """What the running controller holds reserved: bps by (link, direction)."""
        return {(use.link, use.direction): use.reserved_bps for use in self.plan(*self._any_line()).links}

    def tables(self):
        """The rules on each switch, one line of text each."""
        return {node: self.switches.tables(node) for node in self.topology.node}

    def planner(self, saved):
        """A planner that knows what is on disk."""
        return Planner(self.topology, saved.placed, saved.trunks)

    def desired(self, saved):
        """What each switch is to hold, computed anew from what is on disk, in the words of a simulated switch."""
        words = {}
        for node, rules in self.planner(saved).desired.items():
            datapath = Datapath(node, 1, ())
            for rule in rules.values():
                datapath.tables.switch.set(rule)
            words[node] = datapath.dump()
        return words

    def until_switches_hold(self, tables):
        until(lambda: self.tables() == tables, lambda: f"the switches to hold {tables}, they hold {self.tables()}")

    def changes_written(self):
        """How many flow-, group- and meter-mods every switch has carried out since the simulation began."""
        counters = self.switches.counters()["switches"]
        return {
            node: sum(counters[node].get(kind, 0) for kind in ("flow-mods", "group-mods", "meter-mods"))
            for node in self.topology.node
        }

    def until_right(self):
        """Wait until every switch holds what it should, nothing more, and nothing is left to be done. Returns what is
        on disk then."""
        until(lambda: self._right(self.saved()), lambda: f"all to be right; {self.tables()} {self.saved()}")
        return self.saved()

    def _right(self, saved):
        return saved.unfinished == () and saved.leftovers == () and self.tables() == self.desired(saved)

    def until_all_take_part(self):
        """Wait until every switch is connected and has been read: a change that needs them all goes through."""
        probes = line("probe-n", "a1.4001", "z1.4001"), line("probe-s", "a1.4002", "z1.4002", avoid=["p-n"])
        self.apply(*probes)
        self.delete(*probes)

    def meddling(self):
        """The drivers of all switches by name, while no controller runs: to do by hand what nobody should."""
        assert self.controller is None
        return _meddling(self.topology, self.openflow)

    def connected(self):
        counters = self.switches.counters()["switches"]
        return {node for node in self.topology.node if counters[node]["connected"]}

    def deliver(self, lines):
        """Send a frame of each line at both ends: by line and direction, whether it came out, where it should and as it
        should. Whatever else a frame may do is a failure."""
        sent = [(one, *sides) for one in lines for sides in ((one.a, one.z), (one.z, one.a))]
        outcomes = self.switches.send([(enters.site, _frame(one, enters.vlan)) for one, enters, _ in sent])
        came = {}
        for (one, enters, leaves), outcome in zip(sent, outcomes, strict=True):
            assert not outcome.fault
            found = [(arrived.place.site, arrived.frame) for arrived in outcome.arrivals]
            assert found in ([], [(leaves.site, _frame(one, leaves.vlan))]), f"{one.key} from {enters}: {found}"
            came[one.name, enters.site] = bool(found)
        return came

    def all_delivered(self, lines):
        return all(self.deliver(lines).values())

    def _any_line(self):
        """A plan must have something in it: a line that is there, as it is, changes nothing."""
        return [line for state, line in self.states().values() if state == "ACTIVE"][:1]


def called(method, request, timeout=LIMIT_S):
    try:
        return method(request, timeout=timeout)
    except grpc.RpcError as error:
        raise remote_error(error) from error


def reserved(topology, saved):
    """bps by (link, direction), added up from what is placed."""
    sums = {}
    for placed in saved.placed:
        for held in placed.reservations(topology):
            sums[held.link, held.direction] = sums.get((held.link, held.direction), 0) + held.bps
    return sums


def line(name, a, z, mbps=4, avoid=()):
    """``a`` and ``z``: a site, or a site and its VLAN (``a1.100``)."""
    return PrivateLine(
        tenant="acme",
        name=name,
        a=_attachment(a),
        z=_attachment(z),
        cir_bps=PerDirection.both(mbps * MBPS),
        avoid=Avoid(nodes=tuple(avoid)),
    )


def _frame(one, vlan):
    tag = b"" if vlan is None else b"\x81\x00" + vlan.to_bytes(2, "big")
    return b"\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b" + tag + b"\x88\xb5" + one.name.encode().ljust(50)


def _attachment(text):
    site, _, vlan = text.partition(".")
    return Attachment(site=site, vlan=int(vlan) if vlan else None)


def _client(path):
    try:
        return SimulationClient(path)
    except OSError:
        return None


@asynccontextmanager
async def _meddling(topology, openflow):
    names = {node.device.datapath_id: node.name for node in topology.nodes}
    here = set()
    all_here = asyncio.Event()

    def on_connection(name, connected):
        (here.add if connected else here.discard)(name)
        if here == set(names.values()):
            all_here.set()

    southbound = OpenFlowSouthbound(names, on_connection)
    await southbound.start(openflow)
    try:
        async with asyncio.timeout(LIMIT_S):
            await all_here.wait()
        yield {name: southbound.driver(name) for name in names.values()}
    finally:
        await southbound.close()


async def write(driver, *changes):
    """Carry changes out on a switch."""
    await driver.stage("by hand", 0, changes)
    await driver.commit("by hand", 0)
    await driver.confirm("by hand")


async def _load(state):
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "state.db"
        for suffix in ("", "-wal"):
            if (source := Path(f"{state}{suffix}")).exists():
                shutil.copy(source, f"{copy}{suffix}")
        store = Store(copy)
        try:
            return await store.load()
        finally:
            store.close()
