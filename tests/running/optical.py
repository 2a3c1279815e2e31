"""Two layers, simulated: switches at the edge, OTN nodes between them, and frames through both.

The controller speaks NETCONF to simulated OTN nodes as to real ones: the topology says where they are.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

from controller.simulation.netconf.access import USER, prepare
from lab.otn import YANG
from running.controllers import Controlled
from running.lines import line
from running.simulated import SimulatedNetwork, simulated

TWO_LAYERS = Path(__file__).parent / "two_layers.yaml"
OTN_NODES = {"o-a": 18310, "o-z": 18311}
"""With the ports that the file says."""


@contextmanager
def optical(processes):
    """A fresh network without a controller yet."""
    with simulated(processes, network=OpticalNetwork) as net:
        yield net


class OpticalNetwork(SimulatedNetwork):
    """The network of ``two_layers.yaml``."""

    def __init__(self, processes, directory, _topology):
        access = prepare(directory / "keys", OTN_NODES)
        text = TWO_LAYERS.read_text().replace("username: root", f"username: {USER}")
        for name, port in OTN_NODES.items():
            text = text.replace(f"port: {port}", f"port: {access.ports[name]}")
        topology = directory / "topology.yaml"
        topology.write_text(text.replace("client-key", "keys/client-key, knownHosts: keys/known_hosts"))
        super().__init__(processes, directory, topology, "--netconf", directory / "keys", "--yang", YANG)

    def launch(self, *more, **options):
        super().launch("--yang", YANG, *more, **options)

    def until_all_take_part(self):
        probes = line("probe-1", "a1.4001", "z1.4001", layer="otn"), line("probe-2", "a1.4002", "z1.4002")
        self.apply(*probes)
        self.delete(*probes)


class ServedAlong(Controlled):
    """The same network, started by the server itself with all its devices, wherever the topology says that they are."""

    def __init__(self, processes, directory, _topology):
        self.control = directory / "control"
        super().__init__(processes, directory, TWO_LAYERS, "tcp:127.0.0.1:0")

    def launch(self, *more, **options):
        simulated_plane = ("--data-plane", "simulated", "--simulation-control", f"unix:{self.control}")
        super().launch("--yang", YANG, *simulated_plane, *more, **options)
