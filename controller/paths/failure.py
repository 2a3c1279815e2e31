"""A failure, in one call: what is broken goes out of service, and the lines that rode on it are placed again.

A pair that loses one of its routes keeps the other, and nothing is placed: it is *switched*. What the broken route
held stays reserved, as the line still owns it: when the cable is mended, the pair is whole again, without a plan. A
pair that has lost both, at once or one after the other, releases both and is placed again as a pair, or on a single
route if there is no pair. When that route fails in its turn, a pair is looked for first.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from controller.domain.placement import PlacedPath
from controller.domain.topology import Direction, PerDirection
from controller.paths.kernels.layout import BUDGET, FOUND, LIMIT, NONE, PLAIN, SPECIALS, STATUS, UNPROVED
from controller.paths.lines import Lines
from controller.paths.network import Network

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rearranged:
    """A special line: by way of given nodes, or a pair. ``lost``: the routes that were broken; ``now``: those that it
    has, none: it is no line any more. ``switched``: it keeps what it has left."""

    lost: tuple[PlacedPath, ...]
    now: tuple[PlacedPath, ...]
    switched: bool


@dataclass(frozen=True, slots=True)
class Restoration:
    """What became of the lines that were hit, by number; values on demand, as of the restoration."""

    lines: Lines
    owners: tuple[Hashable, ...]
    """Who was hit, in the order in which they were placed again."""
    questions: Int64s
    before: Int64s
    after: Int64s
    """Of a special line this tells STATUS alone."""
    routes: Int32s
    special: Mapping[int, Rearranged] = field(default_factory=dict)

    def restored(self, index: int) -> bool:
        """Whether there is a route, a new one or, after a switch, the one that is left."""
        return bool(self.after[index, STATUS] == FOUND)

    def switched(self, index: int) -> bool:
        """Whether a pair has lost one route and keeps the other."""
        return index in self.special and self.special[index].switched

    def unproved(self, index: int) -> bool:
        """Whether the search gave up: SEARCH_LIMIT."""
        return bool(self.after[index, STATUS] == LIMIT)

    def old_path(self, index: int) -> PlacedPath:
        """The route that was broken, the first of ``old_paths``."""
        return self.old_paths(index)[0]

    def old_paths(self, index: int) -> tuple[PlacedPath, ...]:
        """All routes of the line that were broken."""
        if index in self.special:
            return self.special[index].lost
        return (self.lines.path_along(self.questions[index], self.before[index], self.routes),)

    def new_path(self, index: int) -> PlacedPath | None:
        """The route that the line has now, the first of ``new_paths``; ``None``: it has none, and is a line no more."""
        paths = self.new_paths(index)
        return paths[0] if paths else None

    def new_paths(self, index: int) -> tuple[PlacedPath, ...]:
        """All routes that the line has now; none: it is no line any more."""
        if index in self.special:
            return self.special[index].now
        if not self.restored(index):
            return ()
        return (self.lines.path_along(self.questions[index], self.after[index], self.routes),)


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

    All are released before the first is placed; who gets no route holds nothing any more. Pairs: see above.
    """
    from controller.paths.kernels.failing import all_cut_off, give_up, place_again, withdraw

    mirror, lines = network.mirror, network.lines
    arcs = np.array([mirror.arc(name, Direction.A_TO_Z) for name in broken], np.int32)
    lines.remember()
    hit = lines.riding(arcs)
    special: dict[int, tuple[int, ...]] = {}
    if lines.tally[SPECIALS]:
        hit, special = _sorted_out(network, hit)
    owners = lines.owners_of(hit)
    questions, before = lines.questions.take(hit, axis=0), lines.answers.take(hit, axis=0)  # faster than by index
    free_before = mirror.free.copy()
    withdraw(mirror.graph, lines.arrays, _given_up(hit, special) if special else hit)
    rearranged: dict[int, Rearranged] = {}
    status: dict[int, int] = {}
    memo, look = lines.memo()
    done = 0
    if not special and all_cut_off(mirror.graph, mirror.work.arrays, lines.arrays, arcs, hit):
        give_up(lines.arrays, hit)
        done = len(hit)
    for index in (*special, len(hit)):
        while done < index:
            lines.room_for_routes(len(mirror.nodes) + 8 * (index - done))
            done = place_again(
                mirror.graph, mirror.potentials.arrays, mirror.work.arrays, lines.arrays, memo, look, hit[:index], done
            )
        if index < len(hit):
            rearranged[index], status[index] = _rearrange(network, int(hit[index]), special[index])
            done = index + 1
    after = lines.answers.take(hit, axis=0)
    after[list(status), STATUS] = list(status.values())
    lines.forget(*hit[after[:, STATUS] != FOUND].tolist())
    network.take_over(free_before)
    return Restoration(lines, owners, questions, before, after, lines.routes, rearranged)


def _sorted_out(network: Network, hit: Int64s) -> tuple[Int64s, dict[int, tuple[int, ...]]]:
    """Each line once, and of the special ones, by their place, the numbers to be given up: none if a route is left."""
    from controller.paths.kernels.failing import keeps_a_route

    mirror, lines = network.mirror, network.lines
    numbers: list[int] = []
    special: dict[int, tuple[int, ...]] = {}
    seen: set[int] = set()
    for number, mate in zip(hit.tolist(), lines.mates[hit].tolist(), strict=True):
        if number in seen:
            continue
        if mate == PLAIN:
            numbers.append(number)
            continue
        if keeps_a_route(mirror.graph, lines.arrays, number):
            special[len(numbers)] = ()
            numbers.append(number)
            continue
        # Both at once, or the other one before: from now on the line goes by the number of its working route.
        working = lines.number(lines.owner(number))
        special[len(numbers)] = lines.numbers_of(working)
        seen.update(lines.numbers_of(working))
        numbers.append(working)
    return np.array(numbers, np.int64), special


def _given_up(hit: Int64s, special: Mapping[int, tuple[int, ...]]) -> Int64s:
    """All numbers whose routes are released."""
    plain = np.delete(hit, list(special))
    return np.concatenate((plain, np.array([number for both in special.values() for number in both], np.int64)))


def _rearrange(network: Network, number: int, given_up: tuple[int, ...]) -> tuple[Rearranged, int]:
    """A special line of which a route was hit, and its STATUS now. ``given_up``: the routes that were withdrawn."""
    from controller.paths.replacing import place_again

    lines = network.lines
    if not given_up:
        _, mate = lines.numbers_of(number)
        left = _as_in_effect(network, lines.path_numbered(mate))
        return Rearranged(lost=(lines.path_numbered(number),), now=(left,), switched=True), FOUND
    lost = tuple([lines.path_numbered(one) for one in given_up])
    again = place_again(network, lines.request(lines.owner(number)), int(lines.questions[number, BUDGET]))
    if again.paths:
        lines.lay(number, again.paths)
    status = FOUND if again.paths else LIMIT if again.fate == UNPROVED else NONE
    return Rearranged(lost=lost, now=again.paths, switched=False), status


def _as_in_effect(network: Network, path: PlacedPath) -> PlacedPath:
    """The same path with the delays that its links have now."""
    crossed = tuple(path.route.hops(network.topology))
    there = sum(network.crossing_delay_ns(link, way) for link, way in crossed)
    back = sum(network.crossing_delay_ns(link, way.reverse) for link, way in crossed)
    return replace(path, delay_ns=PerDirection(there, back))
