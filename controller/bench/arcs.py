"""A network as plain columns: nodes and links by number, two arcs to a link. From these every peer builds its graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from controller.bench.cases import Case

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Arcs:
    """Arc 2i crosses link i from a to z, arc 2i + 1 from z to a: the *twin* of an arc is ``arc ^ 1``.

    Columns of E arcs: ``tails``, ``heads`` (node numbers, in the order of the topology), ``costs``, ``free_bps`` and
    ``delays_ns``, which is the sum of both directions: what a line that takes the arc waits for there and back.
    ``positions_km`` is [N, 3] or ``None``.
    """

    nodes: int
    tails: Int64s
    heads: Int64s
    delays_ns: Int64s
    costs: Int64s
    free_bps: Int64s
    positions_km: npt.NDArray[np.float64] | None

    @classmethod
    def of(cls, case: Case) -> Arcs:
        topology = case.topology
        number = {node.name: index for index, node in enumerate(topology.nodes)}
        links = topology.links
        tails = [number[end] for link in links for end in (link.a, link.z)]
        return cls(
            nodes=len(topology.nodes),
            tails=np.array(tails, np.int64),
            heads=np.array(tails, np.int64).reshape(-1, 2)[:, ::-1].reshape(-1),
            delays_ns=np.repeat(np.array([sum(link.delay_ns) for link in links], np.int64), 2)
            + 2 * topology.hop_delay_ns,
            costs=np.repeat(np.array([link.cost for link in links], np.int64), 2),
            free_bps=np.array([free for link in links for free in link.capacity_bps], np.int64),
            positions_km=case.positions_km,
        )

    @cached_property
    def free_back_bps(self) -> Int64s:
        """What is free against each arc."""
        return self.free_bps.reshape(-1, 2)[:, ::-1].reshape(-1)

    @cached_property
    def parallel(self) -> bool:
        """Whether two links join the same nodes."""
        return len(np.unique(self.tails * self.nodes + self.heads)) < len(self.tails)

    @cached_property
    def fastest_ns_per_km(self) -> float:
        """No arc covers the straight line between its ends faster; 0 where positions say nothing."""
        if self.positions_km is None:
            return 0.0
        lengths = np.linalg.norm(self.positions_km[self.tails] - self.positions_km[self.heads], axis=1)
        apart = lengths > 0
        return float((self.delays_ns[apart] / lengths[apart]).min()) if apart.any() else 0.0

    @cached_property
    def arcs_between(self) -> dict[tuple[int, int], list[int]]:
        """All arcs from one node to another."""
        found: dict[tuple[int, int], list[int]] = {}
        for arc, ends in enumerate(zip(self.tails.tolist(), self.heads.tolist(), strict=True)):
            found.setdefault(ends, []).append(arc)
        return found

    def admitting(self, there_bps: int, back_bps: int) -> Bools:
        """Which arcs have both rates free, ``back_bps`` against them."""
        return (self.free_bps >= there_bps) & (self.free_back_bps >= back_bps)
