"""In which order the head ends flip, so that no link gets more than it has: who frees room goes before who takes it.

There always is such an order. A line is planned, and admitted, beside what those planned before it have got and those
planned after it still hold. So to flip one line after the other in the order of planning is safe (docs/decisions/0012).
Here each line takes the first round that has room for it, whatever of that round has happened and whatever has not.

A line enters the network at its two entries, one a direction. An entry that stays flips in one step, from the old use
to the new one. An end that moves is one entry closed and another opened: in the same round, or, where there is no room
for both at a time, closed in the round before. So it is with an end that passes from one line to another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from controller.compiler.plan import LinkUse
from controller.domain.placement import PlacedLine
from controller.domain.topology import Direction, Topology

Entry = tuple[str, int, int | None]
"""Where a direction of a line enters: node, port, VLAN (``None``: the whole port)."""
Arc = tuple[str, Direction]
Load = Counter[Arc]
"""bps by direction of a link."""
Uses = Mapping[Entry, Load]


@dataclass(frozen=True, slots=True)
class FlipOrder:
    """The round, from 0, in which an entry ceases to serve its old line, and in which it begins to serve its new one.
    An entry that keeps its line has the same in both."""

    closes: Mapping[Entry, int] = field(default_factory=dict)
    opens: Mapping[Entry, int] = field(default_factory=dict)


AT_ONCE = FlipOrder()


def order_flips(
    topology: Topology, out: Sequence[PlacedLine], into: Sequence[PlacedLine], after: Iterable[LinkUse]
) -> FlipOrder:
    """``out`` leave, ``into`` come or stay changed, in the order in which they were planned; ``after`` is what is
    reserved in the end."""
    if not out or not into:  # nobody waits for anybody
        return AT_ONCE
    old, new = ({placed.line.key: _uses(topology, placed) for placed in lines} for lines in (out, into))
    room: Load = Counter({(use.link, use.direction): use.capacity_bps - use.reserved_bps for use in after})
    for uses in new.values():
        for load in uses.values():
            room.update(load)
    order = _Order(room, old.values())
    for key in (*(key for key in old if key not in new), *new):  # what only leaves is planned first
        order.place(old.get(key, {}), new.get(key, {}))
    return FlipOrder(order.closes, order.opens)


def _uses(topology: Topology, placed: PlacedLine) -> Uses:
    """What each direction of a line may take of each link, on all its paths."""
    uses: dict[Entry, Load] = {}
    for way, end in ((Direction.A_TO_Z, placed.line.a), (Direction.Z_TO_A, placed.line.z)):
        load: Load = Counter()
        for path in placed.paths:
            for link, direction in path.route.hops(topology):
                load[link.name, direction if way is Direction.A_TO_Z else direction.reverse] += path.reserved_bps[way]
        site = topology.site[end.site]
        uses[site.node, site.port, end.vlan] = load
    return uses


@dataclass(frozen=True, slots=True)
class _Step:
    """What becomes of an entry with one line: the last round with the old load, the first with the new one."""

    entry: Entry
    old: Load
    closes: int | None
    new: Load
    opens: int | None

    def most(self, number: int) -> Load:
        """What may enter each link by this entry while a round goes on."""
        old = self.old if self.closes is not None and number <= self.closes else _NOTHING
        new = self.new if self.opens is not None and number >= self.opens else _NOTHING
        return old | new  # of each link the larger one: an entry serves the one or the other


_NOTHING: Load = Counter()


class _Order:
    """Rounds that fill: ``_loads[round]`` is the most that may enter each link while that round goes on, with all lines
    that have not been placed yet as they were; ``_settled`` is what enters after the last round."""

    def __init__(self, room: Load, old: Iterable[Uses]) -> None:
        self.closes: dict[Entry, int] = {}
        self.opens: dict[Entry, int] = {}
        self._room = room
        self._loads: list[Load] = []
        self._settled: Load = Counter()
        for uses in old:
            for load in uses.values():
                self._settled.update(load)

    def place(self, before: Uses, after: Uses) -> None:
        """Give a line its rounds: the earliest that have room. The last ones tried have, or nothing ever had."""
        earliest = max((self.closes.get(entry, 0) for entry in after.keys() - before.keys()), default=0)
        steps: list[_Step] = []
        for closing, opening in self._candidates(earliest):
            steps = _steps(before, after, closing, opening, self.opens)
            if self._has_room(steps, opening):
                break
        self._take(steps)

    def _candidates(self, earliest: int) -> Iterator[tuple[int, int]]:
        """(round in which to close what moves, round in which to open)."""
        for number in range(earliest, len(self._loads) + 1):
            yield number, number
            if number:
                yield number - 1, number
        yield len(self._loads), len(self._loads) + 1

    def _has_room(self, steps: Sequence[_Step], opening: int) -> bool:
        """Whether all rounds from the opening on have room; in those before nothing is added."""
        for number in range(opening, max(len(self._loads), opening + 1)):
            load = self._loads[number] if number < len(self._loads) else self._settled
            for arc, more in _more(steps, number).items():
                if more > 0 and load[arc] + more > self._room[arc]:
                    return False
        return True

    def _take(self, steps: Sequence[_Step]) -> None:
        last = max((number for step in steps for number in (step.closes, step.opens) if number is not None), default=0)
        while len(self._loads) <= last:
            self._loads.append(self._settled.copy())
        for number, load in enumerate(self._loads):
            load.update(_more(steps, number))
        self._settled.update(_more(steps, last + 1))
        for step in steps:
            if step.closes is not None:
                self.closes[step.entry] = step.closes
            if step.opens is not None:
                self.opens[step.entry] = step.opens


def _steps(before: Uses, after: Uses, closing: int, opening: int, opened: Mapping[Entry, int]) -> list[_Step]:
    """What becomes of a line's entries: those that stay flip in the round ``opening``, those that it gives up are
    closed in the round ``closing``, or earlier where a line placed before (``opened``) takes them over."""
    steps = []
    for entry in before.keys() | after.keys():
        closes = opens = None
        if entry in before:
            closes = opening if entry in after else min(closing, opened.get(entry, closing))
        if entry in after:
            opens = opening
        steps.append(_Step(entry, before.get(entry, _NOTHING), closes, after.get(entry, _NOTHING), opens))
    return steps


def _more(steps: Iterable[_Step], number: int) -> Load:
    """By how much a round's load differs from what it is while the line is as it was."""
    more: Load = Counter()
    for step in steps:
        more.update(step.most(number))
        more.subtract(step.old)
    return more
