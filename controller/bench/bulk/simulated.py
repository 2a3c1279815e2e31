"""Over simulated switches, which anybody can run: the works of ``figures``, 10,000 lines, and a restart with these."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from controller.bench.bulk import orders
from controller.bench.bulk.figures import ORDERS, applied_rows
from controller.bench.bulk.network import generated_topology, lines_for, probes_for
from controller.bench.bulk.server import Api, Server
from controller.bench.rows import Row, row_of
from controller.documents import load_topology
from controller.domain.intents import PrivateLine
from controller.domain.topology import Topology

MANY = 10_000
SIMULATED, RESTART = "simulated-10000", "restart-10000"


def simulated_rows(works: Sequence[str], *, seed: int, repetitions: int, tell: Callable[[str], None]) -> list[Row]:
    """Rows of those ``works`` that need no lab, over a generated network of 30 switches. Raises ``BenchFailed``."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="trunkline-bench-") as name:
        file = Path(name) / "topology.yaml"
        file.write_text(generated_topology(), encoding="utf-8")
        topology = load_topology(file)
        if any(work in ORDERS for work in works):
            with Server(file, _new(name, "few")) as server:
                server.start()
                with Api(server.address) as api:
                    rows += applied_rows(
                        api,
                        topology,
                        works,
                        seed=seed,
                        repetitions=repetitions,
                        data_plane="simulated",
                        reached=_unmeasured,
                        tell=tell,
                    )
        if SIMULATED in works or RESTART in works:
            rows += [row for row in _many(file, Path(name), topology, seed, repetitions, tell) if row.work in works]
    return rows


def _many(
    file: Path, directory: Path, topology: Topology, seed: int, repetitions: int, tell: Callable[[str], None]
) -> list[Row]:
    applied, restarted, grown = [], [], []
    detail: dict[str, Any] = {"lines": MANY, "nodes": len(topology.nodes), "links": len(topology.links)}
    serving_s = 0.0
    for repetition in range(repetitions):
        lines = lines_for(topology, MANY, seed + repetition)
        probes = probes_for(topology, lines)
        with Server(file, _new(str(directory), f"many-{repetition}")) as server:
            server.start()
            with Api(server.address) as api:
                orders.until_applied(api, probes)
                orders.delete(api, probes)
                before_mb = server.resident_mb()
                done = orders.in_one(api, lines)
                applied.append(done.seconds)
                grown.append(server.resident_mb() - before_mb)
                tell(f"{SIMULATED}: {done.seconds:.2f} s")
            server.stop()
            # The switches keep what they have. Consistent is what takes a change on every switch: each has been read
            # by then, and holds what it should.
            begun = time.perf_counter()
            server.start()
            serving_s = time.perf_counter() - begun
            with Api(server.address) as api:
                orders.until_applied(api, probes)
            restarted.append(time.perf_counter() - begun)
            tell(f"{RESTART}: {restarted[-1]:.2f} s")
            detail |= {"rules": done.rules, "residentMb": round(server.resident_mb(), 1)}
    detail["kbPerLine"] = round(sorted(grown)[len(grown) // 2] * 1000 / MANY, 1)
    common = {"case": topology.name, "engine": "trunkline", "unit": "s"}
    return [
        row_of(work=SIMULATED, figures=applied, detail=detail, **common),
        row_of(work=RESTART, figures=restarted, detail={**detail, "servingS": round(serving_s, 2)}, **common),
    ]


def _new(directory: str, name: str) -> Path:
    made = Path(directory) / name
    made.mkdir()
    return made


def _unmeasured(_lines: Sequence[PrivateLine]) -> dict[str, Any]:
    """Simulated switches were read back rule by rule; what their rules do is proved in the tests."""
    return {}
