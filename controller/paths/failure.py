"""A failure, in one call: what is broken goes out of service, and the lines that rode on it are placed again."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controller.domain.placement import PlacedPath
from controller.domain.topology import Direction
from controller.paths.kernels.layout import FOUND, LIMIT, STATUS
from controller.paths.lines import Lines
from controller.paths.network import Network

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Restoration:
    """What became of the lines that were hit, by number; values on demand, as of the restoration."""

    lines: Lines
    owners: tuple[Hashable, ...]
    """Who was hit, in the order in which they were placed again."""
    questions: Int64s
    before: Int64s
    after: Int64s
    routes: Int32s

    def restored(self, index: int) -> bool:
        """Whether there is a new route."""
        return bool(self.after[index, STATUS] == FOUND)

    def unproved(self, index: int) -> bool:
        """Whether the search gave up: SEARCH_LIMIT."""
        return bool(self.after[index, STATUS] == LIMIT)

    def old_path(self, index: int) -> PlacedPath:
        """The route that was broken."""
        return self.lines.path_along(self.questions[index], self.before[index], self.routes)

    def new_path(self, index: int) -> PlacedPath | None:
        """The route that the line has now; ``None``: it has none, and is no line any more."""
        if not self.restored(index):
            return None
        return self.lines.path_along(self.questions[index], self.after[index], self.routes)


def fail(
    network: Network, links: Iterable[str] = (), nodes: Iterable[str] = (), srlgs: Iterable[str] = ()
) -> Restoration:
    """Take links, nodes and all links of SRLGs out of service (operational state: down), and restore the lines on them.

    ``KeyError`` for what is not in the topology.
    """
    broken = {name: network.topology.link[name] for name in links}
    for srlg in srlgs:
        risk = network.links_of_srlg(srlg)
        if not risk:
            raise KeyError(srlg)
        broken |= {link.name: link for link in risk}
    for link in broken.values():
        network.set_link_up(link, False)
    for node in nodes:
        network.set_node_up(node, False)
        broken |= {link.name: link for link, _ in network.links_at(node)}
    return restore(network, broken)


def restore(network: Network, broken: Iterable[str]) -> Restoration:
    """Release all lines that ride on these links, out of service or not, and place them again in their order.

    All are released before the first is placed; who gets no route holds nothing any more.
    """
    from controller.paths.kernels.failing import place_again, withdraw

    mirror, lines = network.mirror, network.lines
    arcs = np.array([mirror.arc(name, Direction.A_TO_Z) for name in broken], np.int32)
    lines.remember()
    hit = lines.riding(arcs)
    owners = lines.owners_of(hit)
    questions, before = lines.questions[hit], lines.answers[hit]
    free_before = mirror.free.copy()
    withdraw(mirror.graph, lines.arrays, hit)
    done = 0
    while done < len(hit):
        lines.room_for_routes(len(mirror.nodes) + 8 * (len(hit) - done))
        done = place_again(mirror.graph, mirror.potentials.arrays, mirror.work.arrays, lines.arrays, hit, done)
    after = lines.answers[hit]
    for number in hit[after[:, STATUS] != FOUND].tolist():
        lines.forget(number)
    network.take_over(free_before)
    return Restoration(lines, owners, questions, before, after, lines.routes)
