"""A simulated data plane that runs beside a controller, as a process of its own, for as long as that does."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from controller.domain.topology import NetconfDevice, Topology

if TYPE_CHECKING:
    from controller.southbound.netconf.southbound import ManagedDevice


class SimulationBeside:
    """``control``: where it takes frames and faults (``unix:PATH``), if anywhere; ``yang``: the modules of OTN nodes,
    if there are any. ``close`` it at the end."""

    def __init__(self, topology_file: Path, control: str | None, yang: Path | None) -> None:
        self._topology_file = topology_file
        self._control = control
        self._yang = yang
        self._keys: tempfile.TemporaryDirectory[str] | None = None

    def netconf_devices(self, topology: Topology) -> dict[str, ManagedDevice]:
        """Where its OTN nodes are going to listen: not where the topology says. Ports and keys are chosen now."""
        from controller.simulation.netconf.access import prepare
        from controller.southbound.netconf.southbound import ManagedDevice

        profiles = {node.name: node.device.profile for node in topology.nodes if isinstance(node.device, NetconfDevice)}
        self._keys = tempfile.TemporaryDirectory(prefix="trunkline-")
        access = prepare(Path(self._keys.name), profiles)
        return {
            name: ManagedDevice(endpoint=access.endpoint(name), profile=profile) for name, profile in profiles.items()
        }

    async def run(self, openflow: str) -> None:
        """Until cancelled; its switches connect to ``openflow``. ``OSError`` when it ends by itself."""
        arguments = ["-m", "controller.simulation", "-t", str(self._topology_file), "--controller", openflow]
        # However we end, its standard input ends with us, and then it ends as well.
        arguments.append("--until-stdin-closes")
        if self._control is not None:
            arguments += ["--control", self._control]
        if self._keys is not None and self._yang is not None:
            arguments += ["--netconf", self._keys.name, "--yang", str(self._yang)]
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=asyncio.subprocess.PIPE)
        try:
            code = await process.wait()
            raise OSError(f"the simulated data plane ended with exit code {code}")
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    def close(self) -> None:
        if self._keys is not None:
            self._keys.cleanup()
