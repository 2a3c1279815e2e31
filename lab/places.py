"""Where things are, as seen inside a lab."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from lab.init import SHARED

OPENFLOW_SOCKET: Final = SHARED / "openflow.sock"
"""Where the switches look for their controller."""

API_SOCKET: Final = SHARED / "api.sock"
"""Where the controller offers its API: ``trunkline --server unix:/run/trunkline/api.sock``."""

CONTROL_SOCKET: Final = SHARED / "lab.sock"
"""Where the lab itself takes requests (``lab.control``)."""


TOPOLOGY_FILE: Final = SHARED / "topology.yaml"
"""The topology that the lab was made from, as it was then."""


YANG: Final = Path(__file__).parent / "yang"
"""The modules of OTN nodes."""

OTN: Final = Path("/run/otn")
"""What the servers of OTN nodes have of their own, a directory each."""


def controller_command(topology: Path = TOPOLOGY_FILE, directory: Path = SHARED) -> list[str]:
    """A controller with everything of its own in ``directory``: sockets and state. It pings nobody abroad: what a lab
    measures is compared with what follows from the topology as declared."""
    return [
        *(sys.executable, "-m", "controller", "serve", "-t", str(topology)),
        *("--openflow", f"unix:{directory / OPENFLOW_SOCKET.name}"),
        *("--listen", f"unix:{directory / API_SOCKET.name}"),
        *("--state", str(directory / "state.db")),
        *("--yang", str(YANG)),
        *("--probe-every", "off"),
    ]


def environment() -> dict[str, str]:
    """What a command that runs inside a lab finds in its environment, beside what its caller had."""
    return {"TRUNKLINE_SERVER": f"unix:{API_SOCKET}"}
