"""A network of simulated switches, in a process of their own, so that they outlive the controller."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from controller.simulation.client import SimulationClient
from controller.simulation.datapath import Datapath
from controller.southbound.openflow.southbound import OpenFlowSouthbound
from running.controllers import RING, Controlled
from running.lines import ways
from running.processes import LIMIT_S, SCRATCH, until


@contextmanager
def simulated(processes, topology=RING, network=None):
    """A fresh network without a controller yet, of the class ``network``. What its processes logged is printed when the
    test fails."""
    directory = Path(
        tempfile.mkdtemp(prefix="trunk-", dir=SCRATCH)
    )  # short: the paths of sockets may have 107 characters
    net = (SimulatedNetwork if network is None else network)(processes, directory, topology)
    try:
        yield net
    except BaseException:
        sys.stdout.write(net.log.read_text())
        raise
    finally:
        net.close()
        shutil.rmtree(directory)


class SimulatedNetwork(Controlled):
    """``switches`` controls the simulated switches."""

    def __init__(self, processes, directory, topology, *more):
        """``more``: arguments of the simulation."""
        super().__init__(processes, directory, topology, f"unix:{directory}/openflow")
        control = directory / "control"
        arguments = ("-t", topology, "--controller", self.openflow, "--control", f"unix:{control}", *more)
        self._simulation = processes.run("simulation", (*arguments, "--log-level", "WARNING"), self.log)
        self.switches = until(lambda: _client(control), "the simulation")

    def close(self):
        super().close()
        self.switches.close()
        os.kill(self._simulation, signal.SIGKILL)
        self.processes.wait(self._simulation)

    def tables(self):
        """The rules on each switch, one line of text each."""
        return {node: self.switches.tables(node) for node in self.topology.node}

    def in_words(self, rules_by_node):
        """Rules as ``tables`` shows them."""
        words = {}
        for node, rules in rules_by_node.items():
            datapath = Datapath(node, 1, ())
            for rule in rules:
                datapath.tables.switch.set(rule)
            words[node] = datapath.dump()
        return words

    def switches_hold(self, planner):
        return self.tables() == self.in_words({node: rules.values() for node, rules in planner.desired.items()})

    def until_switches_hold(self, tables):
        until(lambda: self.tables() == tables, lambda: f"the switches to hold {tables}, they hold {self.tables()}")

    def check_frames(self, certain, *, silent=(), possible=()):
        """Frames of ``certain`` lines come through both ways, those of ``silent`` ones do not, and those of
        ``possible`` ones do or do not; none comes out anywhere else, or otherwise than it should."""
        sent = [*ways((*certain, *silent, *possible))]
        outcomes = self.switches.send([(site, data) for _, site, data, _, _ in sent])
        for (one, site, _, far_site, far_data), outcome in zip(sent, outcomes, strict=True):
            assert not outcome.fault
            found = [(arrived.place.site, arrived.frame) for arrived in outcome.arrivals]
            delivered = [(far_site, far_data)]
            allowed = [delivered] if one in certain else [[]] if one in silent else [[], delivered]
            assert found in allowed, f"{one.key} from {site}: {found}"

    def changes_written(self):
        """How many flow-, group- and meter-mods every switch has carried out since the simulation began."""
        counters = self.switches.counters()["switches"]
        return {
            node: sum(counters[node].get(kind, 0) for kind in ("flow-mods", "group-mods", "meter-mods"))
            for node in self.topology.node
        }

    def connected(self):
        """The switches that have a controller."""
        counters = self.switches.counters()["switches"]
        return {node for node in self.topology.node if counters[node]["connected"]}

    @asynccontextmanager
    async def meddling(self):
        """The drivers of all switches by name, while no controller runs: to do by hand what nobody should."""
        assert self.controller is None
        names = {node.device.datapath_id: node.name for node in self.topology.nodes}
        here = set()
        all_here = asyncio.Event()

        def on_connection(name, connected):
            (here.add if connected else here.discard)(name)
            if here == set(names.values()):
                all_here.set()

        southbound = OpenFlowSouthbound(names, on_connection)
        await southbound.start(self.openflow)
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


def _client(path):
    try:
        return SimulationClient(path)
    except OSError:
        return None
