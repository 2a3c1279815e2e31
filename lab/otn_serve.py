"""``python -m lab.otn_serve COUNT``: that many OTN nodes for another program, until its end of our input closes.

Prints one line of JSON: where the YANG modules are, and for each node its address, its keys and its device profile.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from lab.errors import LabError
from lab.netconf import NetconfNodes
from lab.otn import OtnNode
from lab.places import YANG

CLIENT_PORTS = range(1, 9)
LINE_PORTS = {101: 80, 102: 80}


def main(count: int) -> int:
    nodes = [
        OtnNode(name=f"otn-{number}", client_ports=tuple(CLIENT_PORTS), line_ports=LINE_PORTS)
        for number in range(count)
    ]
    try:
        with (
            tempfile.TemporaryDirectory(prefix="trunkline-otn-") as directory,
            NetconfNodes(nodes, Path(directory)) as lab,
        ):
            devices = [
                {"name": name, "profile": device.profile, **dataclasses.asdict(device.endpoint)}
                for name, device in lab.devices.items()
            ]
            sys.stdout.write(json.dumps({"yang": str(YANG), "devices": devices}) + "\n")
            sys.stdout.flush()
            sys.stdin.read()
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
