"""A controller as a process: started, killed, asked over gRPC, and what it has on disk."""

from __future__ import annotations

import asyncio
import copy
import os
import shutil
import signal
import tempfile
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from controller.compiler.planner import Planner
from controller.documents import load_topology
from controller.store.store import Store
from controller.wire.errors import remote_error
from controller.wire.gen.trunkline.v1 import egress_pb2_grpc, path_pb2_grpc
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.gen.trunkline.v1 import intent_pb2_grpc as pb_grpc
from controller.wire.intents import body_of, intent_from_wire, intent_to_wire
from controller.wire.names import intent_name
from running.lines import line
from running.processes import LIMIT_S, SCRATCH, until

RING = Path(__file__).parent / "ring.yaml"


class Controlled:
    """A network under a controller, or without one for a while. ``controller`` is its process id, if one runs.

    Subclasses know the switches: ``switches_hold(planner)`` and ``check_frames``.
    """

    def __init__(self, processes, directory, topology_file, openflow):
        self.directory = directory
        self.topology_file = topology_file
        self.topology = load_topology(topology_file)
        self.log = directory / "log"
        self.log.touch()
        self.state = directory / "state.db"
        self.controller = None
        self.openflow = openflow
        self.server = f"unix:{directory}/api"
        self.processes = processes
        self._channel = None

    # The process

    def launch(self, *more, **options):
        """Start a controller, with more arguments of ``serve``, and do not wait for it."""
        arguments = ("-t", self.topology_file, "--state", self.state, "--listen", self.server, *more)
        self.controller = self.processes.run("serve", (*arguments, "--openflow", self.openflow), self.log, **options)

    def start(self, *more, **options):
        """Start a controller and wait until it serves: it has finished or undone what it found."""
        self.launch(*more, **options)
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
        status = self.processes.wait(self.controller)
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
        if self.controller is not None:
            self.end()
        self.hang_up()

    # The API

    @property
    def channel(self):
        if self._channel is None:
            self._channel = grpc.insecure_channel(self.server)
        return self._channel

    def another_client(self):
        """The same network for a client with a connection of its own, to be closed by its ``hang_up``."""
        other = copy.copy(self)
        other._channel = None
        return other

    @property
    def stub(self):
        return pb_grpc.IntentServiceStub(self.channel)

    @property
    def egress(self):
        return egress_pb2_grpc.EgressServiceStub(self.channel)

    @property
    def paths(self):
        return path_pb2_grpc.PathServiceStub(self.channel)

    def apply(self, *intents, request_id="", etag="", partial=False, timeout=LIMIT_S):
        """The answer, or ``RemoteError``."""
        request = pb.ApplyRequest(
            intents=[intent_to_wire(one, etag) for one in intents], request_id=request_id, partial=partial
        )
        return called(self.stub.Apply, request, timeout)

    def delete(self, *intents, request_id="", etag="", timeout=LIMIT_S):
        request = pb.DeleteRequest(names=[intent_name(one.key) for one in intents], request_id=request_id, etag=etag)
        return called(self.stub.Delete, request, timeout)

    def plan(self, *intents):
        return called(self.stub.Plan, pb.PlanRequest(intents=[intent_to_wire(one) for one in intents])).plan

    def listed(self):
        """Every intent, as a message."""
        return called(self.stub.List, pb.ListRequest(parent="tenants/-", page_size=1000)).intents

    def intents(self):
        """Every private line or egress policy by name, as a message."""
        return {body_of(intent).metadata.name: body_of(intent) for intent in self.listed()}

    def states(self):
        """(state, specification) by name of every intent."""
        answer = called(self.stub.List, pb.ListRequest(parent="tenants/-", page_size=1000))
        return {
            body_of(intent).metadata.name: (pb.State.Name(body_of(intent).status.state), intent_from_wire(intent))
            for intent in answer.intents
        }

    def active(self):
        """The lines that the intents say the network carries, by name."""
        return {name: one for name, (state, one) in self.states().items() if state == "ACTIVE"}

    def ledger(self):
        """What the running controller holds reserved: bps by (link, direction)."""
        # A plan must have something in it: lines that are there, as they are, change nothing.
        links = self.plan(*self.active().values()).links if self.active() else ()
        return {(use.link, use.direction): use.reserved_bps for use in links if use.reserved_bps}

    def reserved(self, saved):
        """The same, added up from what is placed on disk."""
        return reserved(self.topology, saved)

    def until_all_take_part(self):
        """Wait until every switch is connected and has been read: a change that needs them all goes through."""
        probes = line("probe-n", "a1.4001", "z1.4001"), line("probe-s", "a1.4002", "z1.4002", avoid=["p-n"])
        self.apply(*probes)
        self.delete(*probes)

    # What is on disk

    def saved(self):
        """What the state file holds. It is copied for that, and what is being written just then may be missing."""
        return asyncio.run(_load(self.state))

    def planner(self, saved):
        """A planner that knows what is on disk: it computes anew what each switch is to hold."""
        return Planner(
            self.topology, saved.placed, saved.trunks, saved.pairs, saved.policies, saved.steering, saved.prefixes
        )

    def until_right(self):
        """Wait until every switch holds what it should and nothing more, and nothing is left to be done. Returns what
        is on disk then."""
        until(lambda: self._right(self.saved()), lambda: f"all to be right\n{self.log.read_text()}")
        return self.saved()

    def _right(self, saved):
        return saved.unfinished == () and saved.leftovers == () and self.switches_hold(self.planner(saved))


def called(method, request, timeout=LIMIT_S):
    """The answer to a call, or ``RemoteError``."""
    try:
        return method(request, timeout=timeout)
    except grpc.RpcError as error:
        raise remote_error(error) from error


def reserved(topology, saved):
    """bps by (link, direction), added up from what is placed on disk."""
    sums = {}
    for placed in saved.placed:
        for held in placed.reservations(topology):
            sums[held.link, held.direction] = sums.get((held.link, held.direction), 0) + held.bps
    return sums


async def _load(state):
    with tempfile.TemporaryDirectory(dir=SCRATCH) as directory:
        copy = Path(directory) / "state.db"
        for suffix in ("", "-wal"):
            if (source := Path(f"{state}{suffix}")).exists():
                shutil.copy(source, f"{copy}{suffix}")
        store = Store(copy)
        try:
            return await store.load()
        finally:
            store.close()
