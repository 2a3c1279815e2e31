"""The works of ``trunkline bench apply`` that need Open vSwitch, from inside a lab.

``python -m lab.bench``; started through ``lab run`` by the bench, never by hand.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
from collections.abc import Sequence
from typing import Any

from controller.bench.bulk.figures import applied_rows
from controller.bench.bulk.in_lab import ROWS, RULES
from controller.bench.bulk.raw import raw_rows
from controller.bench.bulk.server import Api, BenchFailed
from controller.bench.rows import Row
from controller.documents import load_topology
from controller.domain.intents import PrivateLine
from controller.domain.topology import Direction, OpenFlowDevice
from controller.wire.errors import RemoteError
from lab import requirements
from lab.errors import LabError
from lab.measure.dataplane import MeasurementFailed
from lab.measure.reachable import unreached
from lab.places import API_SOCKET, OPENFLOW_SOCKET, TOPOLOGY_FILE
from lab.planned import planned
from lab.verifying import lab_data_plane


def _ordered(works: Sequence[str], seed: int, repetitions: int) -> list[Row]:
    topology = load_topology(TOPOLOGY_FILE)
    with Api(f"unix:{API_SOCKET}") as api, lab_data_plane() as data_plane:

        def reached(lines: Sequence[PrivateLine]) -> dict[str, Any]:
            intents, _ = _all_intents()
            lab = planned(topology, intents)
            if {str(line) for line in lab.lines} != {f"{line.tenant}/{line.name}" for line in lines}:
                raise BenchFailed("the server does not have exactly the lines that were applied")
            missing = unreached(data_plane, lab, secrets.randbits(32))
            if missing:
                raise BenchFailed(f"{len(missing)} ways carry nothing, {missing[0]} among them")
            return {"linesReached": len(lab.lines), "waysReached": len(lab.lines) * len(Direction)}

        return applied_rows(
            api,
            topology,
            works,
            seed=seed,
            repetitions=repetitions,
            data_plane="ovs",
            reached=reached,
            tell=_tell,
        )


def _all_intents() -> Any:
    from controller.cli.client import connected

    with connected(f"unix:{API_SOCKET}") as client:
        return client.all_intents()


def _rules(repetitions: int) -> list[Row]:
    from lab.switch import BRIDGE, RUN  # Mininet comes with it, which ``--check`` must be able to miss

    topology = load_topology(TOPOLOGY_FILE)
    name, datapath_id = next(
        (node.name, node.device.datapath_id) for node in topology.nodes if isinstance(node.device, OpenFlowDevice)
    )
    management = f"unix:{RUN / name / f'{BRIDGE}.mgmt'}"
    return asyncio.run(raw_rows(OPENFLOW_SOCKET, name, datapath_id, management, repetitions=repetitions, tell=_tell))


def _tell(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="say whether a lab can run here, and end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=1)
    parser.add_argument("works", nargs="*")
    options = parser.parse_args()
    try:
        if options.check:
            requirements.check()
            return 0
        rows = _rules(options.repetitions) if RULES in options.works else []
        ordered = [work for work in options.works if work != RULES]
        if ordered:
            rows += _ordered(ordered, options.seed, options.repetitions)
        _tell(f"{ROWS}{json.dumps([row.as_json() for row in rows])}")
        return 0
    except (LabError, BenchFailed, MeasurementFailed, RemoteError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
