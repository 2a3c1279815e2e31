"""What is measured over a running server, as rows: the same in a lab and on simulated switches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from controller.bench.bulk import orders
from controller.bench.bulk.network import lines_for, probes_for
from controller.bench.bulk.server import Api
from controller.bench.rows import Row, row_of
from controller.domain.intents import PrivateLine
from controller.domain.topology import Topology

ORDERS = {
    "batch-300": (300, orders.in_one),
    "single-300": (300, orders.one_by_one),
    "batch-1000": (1_000, orders.in_one),
}
"""How many lines, and how they are ordered."""

Reached = Callable[[Sequence[PrivateLine]], dict[str, Any]]
"""Measures lines in the data plane, says what it found, and raises ``BenchFailed`` when one does not carry."""


def applied_rows(
    api: Api,
    topology: Topology,
    works: Sequence[str],
    *,
    seed: int,
    repetitions: int,
    data_plane: str,
    reached: Reached,
    tell: Callable[[str], None],
) -> list[Row]:
    """The works of ``ORDERS`` among ``works``. Each repetition has other lines; all are measured, then deleted."""
    _settled(api, topology)
    rows = []
    for work in (work for work in works if work in ORDERS):
        how_many, order = ORDERS[work]
        figures: list[float] = []
        deletes: list[float] = []
        detail: dict[str, Any] = {}
        for repetition in range(repetitions):
            lines = lines_for(topology, how_many, seed + repetition)
            applied = order(api, lines)
            found = reached(lines)
            deletes.append(orders.delete(api, lines))
            figures.append(applied.seconds)
            tell(f"{work}: {applied.seconds:.3f} s")
            detail = {"lines": how_many, "rules": applied.rules, "dataPlane": data_plane, **found}
        detail["deleteS"] = round(sorted(deletes)[len(deletes) // 2], 3)
        detail |= {"nodes": len(topology.nodes), "links": len(topology.links)}
        rows.append(row_of(work=work, case=topology.name, engine="trunkline", unit="s", figures=figures, detail=detail))
    return rows


def _settled(api: Api, topology: Topology) -> None:
    """Return when every switch takes part: the first lines wait for it, and are not measured."""
    probes = probes_for(topology, ())
    orders.until_applied(api, probes)
    orders.delete(api, probes)
