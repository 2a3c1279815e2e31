"""A simulated network of both layers: two switches at the edge, two OTN nodes between them, and a long way for packets.

The controller speaks NETCONF to the OTN nodes as to real ones: the topology says where they are.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

from controller.domain.intents import LayerChoice
from controller.simulation.netconf.access import HOST, USER, prepare
from lab.otn import YANG
from running.controllers import Controlled
from running.lines import line
from running.simulated import SimulatedNetwork, simulated

CLIENT_LINKS = 4
LINE_PORT = 100


@contextmanager
def optical(processes):
    """A fresh network without a controller yet."""
    with simulated(processes, network=OpticalNetwork) as net:
        yield net


class OpticalNetwork(SimulatedNetwork):
    """``net.otn``: the names of the OTN nodes."""

    otn = ("otn-a", "otn-z")

    def __init__(self, processes, directory, _topology):
        access = prepare(directory / "keys", self.otn)
        topology = directory / "optical.yaml"
        topology.write_text(topology_of_both_layers(access.ports))
        super().__init__(processes, directory, topology, "--netconf", directory / "keys", "--yang", YANG)

    def launch(self, *more, **options):
        super().launch("--yang", YANG, *more, **options)

    def until_all_take_part(self):
        probes = otn_line("probe-1", "a1.4001", "z1.4001"), line("probe-2", "a1.4002", "z1.4002")
        self.apply(*probes)
        self.delete(*probes)


class ServedAlong(Controlled):
    """The same network, started by the server itself with all its devices, whatever the topology says of them."""

    def __init__(self, processes, directory, _topology):
        topology = directory / "optical.yaml"
        topology.write_text(topology_of_both_layers(dict.fromkeys(OpticalNetwork.otn, 1)))
        self.control = directory / "control"
        super().__init__(processes, directory, topology, "tcp:127.0.0.1:0")

    def launch(self, *more, **options):
        simulated_plane = ("--data-plane", "simulated", "--simulation-control", f"unix:{self.control}")
        super().launch("--yang", YANG, *simulated_plane, *more, **options)


def otn_line(name, a, z, mbps=4):
    """A line that rides the optical layer alone."""
    return replace(line(name, a, z, mbps), layer=LayerChoice.OTN)


def topology_of_both_layers(ports):
    """In YAML; ``ports``: where the OTN nodes listen, by node."""
    edges = "\n".join(
        f"    - {{name: {side}-{number}, a: pe-{side}, z: otn-{side}, aPort: {number}, zPort: {number}, "
        "capacity: 10Gbps, delay: 1us}"
        for side in "az"
        for number in range(1, CLIENT_LINKS + 1)
    )
    nodes = "\n".join(
        f"    - {{name: {name}, role: otn, device: {{driver: netconf, host: {HOST}, port: {port}, username: {USER}, "
        "keyFile: keys/client-key, knownHosts: keys/known_hosts}}"
        for name, port in ports.items()
    )
    return f"""
apiVersion: trunkline/v1
kind: Topology
metadata: {{name: optical}}
spec:
  otnNodeDelay: 20us
  nodes:
    - {{name: pe-a, role: pe, region: west, device: {{driver: openflow, datapathId: "0000000000000001"}}}}
    - {{name: pe-z, role: pe, region: east, device: {{driver: openflow, datapathId: "0000000000000002"}}}}
{nodes}
  links:
    - {{name: packets, a: pe-a, z: pe-z, aPort: 30, zPort: 30, capacity: 100Mbps, delay: 9ms}}
    - {{name: light, a: otn-a, z: otn-z, aPort: {LINE_PORT}, zPort: {LINE_PORT}, odu: ODU2, capacity: 10Gbps,
       delay: 3ms}}
{edges}
  sites:
    - {{name: a1, node: pe-a, port: 11}}
    - {{name: a2, node: pe-a, port: 12}}
    - {{name: z1, node: pe-z, port: 11}}
    - {{name: z2, node: pe-z, port: 12}}
"""
