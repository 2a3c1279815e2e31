"""All simulated OTN nodes of a topology, each behind its server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from controller.domain.rules import CrossConnect
from controller.domain.topology import NetconfDevice, Topology
from controller.simulation.netconf.access import NetconfAccess, prepare, prepared
from controller.simulation.netconf.kinds import ports_of
from controller.simulation.netconf.node import OtnNode
from controller.simulation.netconf.ssh import SshServer
from controller.southbound.netconf.model import Model
from controller.southbound.netconf.profile import profile


class OpticalPlane:
    """``nodes`` by name. ``directory`` is that of ``access``, filled if it is not; ``yang`` has the modules.

    ``ValueError`` when a node cannot be simulated, ``OSError`` when a port is taken.
    """

    def __init__(
        self,
        topology: Topology,
        directory: Path,
        yang: Path,
        on_cross_connects: Callable[[str, list[CrossConnect]], None],
    ) -> None:
        devices = {node.name: node.device for node in topology.nodes if isinstance(node.device, NetconfDevice)}
        found = prepared(directory)
        access = prepare(directory, devices) if found is None else found
        if access.ports.keys() != devices.keys():
            raise ValueError(f"{directory} was prepared for other nodes than {', '.join(sorted(devices))}")
        self.access: NetconfAccess = access
        kinds = {device.profile: profile(device.profile) for device in devices.values()}
        models = {name: Model(kind.modules, yang) for name, kind in kinds.items()}
        self.nodes = {
            name: OtnNode(
                name,
                kinds[device.profile],
                models[device.profile],
                ports_of(topology, name),
                lambda rules, name=name: on_cross_connects(name, rules),  # type: ignore[misc]
            )
            for name, device in devices.items()
        }
        self._servers = {name: SshServer(node, access) for name, node in self.nodes.items()}

    def listen(self) -> None:
        """Connections can wait from now on."""
        for server in self._servers.values():
            server.listen()

    def open(self) -> None:
        """Let them in. In the loop, as all that follows."""
        for server in self._servers.values():
            server.open()

    def close(self) -> None:
        for name, server in self._servers.items():
            self.nodes[name].drop_sessions()
            server.close()

    def set_power(self, node: str, on: bool) -> None:
        """Off, a node neither listens nor joins anything, and forgets what was not confirmed."""
        if on is self.nodes[node].powered:
            return
        self.nodes[node].set_power(on)
        if on:
            self._servers[node].open()
        else:
            self._servers[node].close()
