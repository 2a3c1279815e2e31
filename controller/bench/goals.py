"""What was set out to be reached: how many times faster than the best way of networkx, and than the best peer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controller.bench.rows import Row

OURS = "trunkline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Least ratios of medians; ``None``: none was set."""

    networkx: float | None = None
    peer: float | None = None


GOALS = {
    "single-batch": Goal(networkx=150, peer=40),
    "single-batch-corouted": Goal(networkx=100, peer=30),
    "single-call": Goal(networkx=25, peer=1),
    "admission": Goal(networkx=75, peer=20),
    "disjoint": Goal(networkx=30),
    "k8": Goal(networkx=250, peer=120),
    "failure": Goal(networkx=50),
    "whatif": Goal(networkx=100),
    "cpp": Goal(peer=1 / 1.5),
}
"""By work. ``single-call`` is meant for 200 nodes and more, ``cpp`` for these too: below, half as fast will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How we stand in one work and case: our row, the best of networkx, and the best of all others."""

    ours: Row
    networkx: Row | None
    peer: Row | None

    @property
    def over_networkx(self) -> float | None:
        """How many times the median of the best way of networkx is ours."""
        return None if self.networkx is None else self.networkx.median / self.ours.median

    @property
    def over_peer(self) -> float | None:
        return None if self.peer is None else self.peer.median / self.ours.median


def standings(rows: Sequence[Row]) -> list[Standing]:
    """One for each work and case that we have a row in, in the order of the rows."""
    found = []
    for ours in rows:
        if ours.engine != OURS:
            continue
        others = [row for row in rows if (row.work, row.case) == (ours.work, ours.case) and row.library != OURS]
        found.append(
            Standing(
                ours=ours,
                networkx=_best([row for row in others if row.library == "networkx"]),
                peer=_best([row for row in others if row.library != "networkx"]),
            )
        )
    return found


def _best(rows: Sequence[Row]) -> Row | None:
    return min(rows, key=lambda row: row.median, default=None)
