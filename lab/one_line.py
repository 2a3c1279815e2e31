"""The case ``one line`` of ``trunkline bench netconf``: two PEs (Open vSwitch) and four OTN nodes (netconfd).

``python -m lab.one_line`` makes namespaces of its own and measures inside them; started by the bench, never by hand.
The switches have no cables: what is measured is how the rules come onto them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller.bench.bulk.server import BenchFailed
from controller.bench.checking import Disagreement
from controller.bench.netconf.in_lab import ROWS
from controller.bench.netconf.nodes import running
from controller.bench.netconf.one_line import one_line_rows
from controller.bench.netconf.two_layers import OTN_NODES, PES
from controller.domain.errors import InvalidInput
from lab import isolation, requirements
from lab.errors import LabError
from lab.places import OPENFLOW_SOCKET

LIMIT_S = 300


@contextmanager
def _switches() -> Iterator[dict[str, str]]:
    """The PEs, with where ovs-ofctl reaches each."""
    from lab.mininet import Mininet  # which ``--check`` must be able to miss
    from lab.switch import LabSwitch

    net = Mininet(topo=None, controller=None, build=False)
    try:
        made = [
            net.addSwitch(name, cls=LabSwitch, datapath_id=datapath_id, controller=OPENFLOW_SOCKET)
            for name, datapath_id in PES.items()
        ]
        net.start()
        yield {switch.name: switch.management for switch in made}
    finally:
        net.stop()


def _measure(repetitions: int) -> None:
    with tempfile.TemporaryDirectory() as directory, _switches() as management, running(OTN_NODES) as nodes:
        rows = one_line_rows(nodes, OPENFLOW_SOCKET, management, Path(directory), repetitions=repetitions)
    sys.stdout.write(f"{ROWS}{json.dumps([row.as_json() for row in rows])}\n")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="say whether it can run here, and end")
    parser.add_argument("--inside", action="store_true", help="these are the namespaces")
    parser.add_argument("--repetitions", type=int, default=1)
    options = parser.parse_args()
    try:
        requirements.check()
        requirements.check_netconf()
        if options.inside:
            _measure(options.repetitions)
        elif not options.check:
            command = [sys.executable, "-m", "lab.one_line", "--inside", "--repetitions", str(options.repetitions)]
            return isolation.run(command, limit_s=LIMIT_S)
    except (LabError, BenchFailed, Disagreement, InvalidInput, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
