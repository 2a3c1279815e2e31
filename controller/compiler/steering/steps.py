"""In which steps traffic changes its way, so that at no step anything gets more than it can take.

A step is a set of moves of which any may be done already and any not yet, on whatever device. So a gateway, or a link
in a direction, may meanwhile have what it had before the step and, beside that, all that the step brings it: in sum
over all moves the larger of old and new. That sum is kept within its room in every step, hence every mixture is.

Greedy: each step takes the moves that have room, those first that free most of what others wait for. Where no move has
room as a whole, slices of moves go that have (as in SWAN, Hong et al., SIGCOMM 2013, where flows are split for this).

*It ends*: a step moves at least a slice, and what has moved stays. *It finds a way where slices are small*: say that
before and after everything has at least the share s of its room free, and that no slice is larger than a sixteenth of
its move. To move one sixteenth of every move in each of 16 steps keeps every load between that before and that after,
and adds at most a sixteenth of that after: within the room if s is at least 1/17. That is tried, with 2, 4, 8 and 16
steps, where greed gets stuck. *Where there is no way*, because a room was exceeded before (something failed, demand has
grown), will be exceeded after, or is so full that nothing can be exchanged, what relieves goes first; then the move
goes that exceeds least; and the result says what is exceeded by how much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from controller.compiler.steering.inputs import Flow
from controller.compiler.steering.resources import Exceeded, Resource
from controller.compiler.steering.slices import IN_ORDER
from controller.domain.steering import SLICES

MOST_STEPS: Final = 48
"""So many rounds over devices are worth waiting for; what has not moved by then goes at once."""


class Part(NamedTuple):
    """So much traffic that leaves one way and is to leave another: what it takes on each."""

    bps: int
    old: frozenset[Resource]
    new: frozenset[Resource]


@dataclass(frozen=True, kw_only=True)
class Move:
    """What changes its way: ``parts`` are the ``SLICES`` of a flow. ``flow`` is ``None`` for what prefixes bring from
    groups to others: any number of parts, which move in one step."""

    flow: Flow | None
    parts: tuple[Part, ...]

    @cached_property
    def adds(self) -> Counter[Resource]:
        return adds(self.parts)

    @cached_property
    def frees(self) -> Counter[Resource]:
        return adds(Part(part.bps, part.new, part.old) for part in self.parts)


Step = Mapping[Flow | None, frozenset[int]]
"""The parts of each move that are made, by index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """``steps`` in order; ``exceeded`` is empty if there is room for all of it, before, after and in between."""

    steps: tuple[Step, ...] = ()
    exceeded: tuple[Exceeded, ...] = ()


def adds(parts: Iterable[Part]) -> Counter[Resource]:
    """What these parts bring to what they did not use before."""
    found: Counter[Resource] = Counter()
    for part in parts:
        if part.bps:
            for resource in part.new - part.old:
                found[resource] += part.bps
    return found


def in_steps(moves: Sequence[Move], load: Mapping[Resource, int], room: Mapping[Resource, int]) -> Steps:
    """Steps that make all moves, one a flow. ``load`` is what everything has before, the moves' own included;
    what is not in ``room`` has as much as it needs."""
    greedy = _Ordering(moves, load, room)
    greedy.run()
    if not greedy.forced:
        return greedy.result()
    for count in (2, 4, 8, 16):
        even = _Ordering(moves, load, room)
        if even.run_evenly(count):
            return even.result()
    return greedy.result()


@dataclass(slots=True)
class _Left:
    """What of a move has not been made yet."""

    move: Move
    parts: set[int] = field(default_factory=set)

    def adds(self) -> Counter[Resource]:
        whole = len(self.parts) == len(self.move.parts)
        return self.move.adds if whole else adds(self.move.parts[index] for index in self.parts)

    def frees(self) -> Counter[Resource]:
        if len(self.parts) == len(self.move.parts):
            return self.move.frees
        parts = (self.move.parts[index] for index in self.parts)
        return adds(Part(part.bps, part.new, part.old) for part in parts)

    def in_order(self) -> list[int]:
        """Slices that can move by themselves, in the order in which they take few rules."""
        return [] if self.move.flow is None else [index for index in IN_ORDER if index in self.parts]


class _Ordering:
    def __init__(self, moves: Sequence[Move], load: Mapping[Resource, int], room: Mapping[Resource, int]) -> None:
        self._load = Counter(dict(load))
        self._before = self._load.copy()
        self._most = self._load.copy()
        self._room = room
        self._left = {move.flow: _Left(move, set(range(len(move.parts)))) for move in moves}
        self._steps: list[Step] = []
        after = self._load.copy()
        for move in moves:
            after.update(move.adds)
            after.subtract(move.frees)
        # What will be exceeded in the end anyway is no reason to wait.
        self._allowed = {resource: max(most, after[resource]) for resource, most in room.items()}
        self.forced = False

    def result(self) -> Steps:
        exceeded = [
            Exceeded(resource, most, self._before[resource], self._most[resource])
            for resource, most in self._room.items()
            if self._most[resource] > most
        ]
        return Steps(steps=tuple(self._steps), exceeded=tuple(sorted(exceeded, key=lambda one: str(one.resource))))

    def run(self) -> None:
        """Greedily, until all is done."""
        while self._left:
            if len(self._steps) >= MOST_STEPS:
                self.forced = True
                self._make({flow: frozenset(left.parts) for flow, left in self._left.items()})
                return
            free = {resource: most - self._load[resource] for resource, most in self._allowed.items()}
            urgent = self._most_urgent_first(free)
            step = self._wholes(urgent, free) or self._slices(urgent, free)
            if not step:
                self.forced = True
                step = self._least_evil(urgent, free)
            self._make(step)

    def run_evenly(self, count: int) -> bool:
        """In so many steps, an equal part of each move in each; returns whether there is room for that."""
        for number in range(1, count + 1):
            step: dict[Flow | None, frozenset[int]] = {}
            for flow, left in self._left.items():
                keep = SLICES * (count - number) // count
                made = left.in_order()[: len(left.parts) - keep] if flow is not None else left.parts
                if made:
                    step[flow] = frozenset(made)
            free = {resource: most - self._load[resource] for resource, most in self._allowed.items()}
            more: Counter[Resource] = Counter()
            for flow, parts_made in step.items():
                more.update(adds(self._left[flow].move.parts[index] for index in parts_made))
            if not _fits(more, free):
                return False
            if step:
                self._make(step)
        return True

    def _most_urgent_first(self, free: Mapping[Resource, int]) -> list[_Left]:
        """By how much a move frees of what has too much, then of what others wait for; then the smaller first."""
        wanted: Counter[Resource] = Counter()
        for left in self._left.values():
            wanted.update(left.adds())
        scarce = {resource for resource, bps in wanted.items() if resource in free and bps > free[resource]}
        too_full = {resource for resource, bps in free.items() if bps < 0}

        def key(left: _Left) -> tuple[int, int, int, bool, Flow | tuple[()]]:
            frees = left.frees()
            relieves = sum(bps for resource, bps in frees.items() if resource in too_full)
            opens = sum(bps for resource, bps in frees.items() if resource in scarce)
            flow = left.move.flow
            return (-relieves, -opens, sum(left.adds().values()), flow is not None, () if flow is None else flow)

        return sorted(self._left.values(), key=key)

    def _wholes(self, urgent: Sequence[_Left], free: Mapping[Resource, int]) -> Step:
        """All moves that have room, the most urgent first."""
        remaining = dict(free)
        step: dict[Flow | None, frozenset[int]] = {}
        for left in urgent:
            more = left.adds()
            if _fits(more, remaining):
                _take(more, remaining)
                step[left.move.flow] = frozenset(left.parts)
        return step

    def _slices(self, urgent: Sequence[_Left], free: Mapping[Resource, int]) -> Step:
        """All slices that have room, the most urgent first."""
        remaining = dict(free)
        step: dict[Flow | None, frozenset[int]] = {}
        for left in urgent:
            made = set()
            for index in left.in_order():
                more = adds((left.move.parts[index],))
                if _fits(more, remaining):
                    _take(more, remaining)
                    made.add(index)
            if made:
                step[left.move.flow] = frozenset(made)
        return step

    def _least_evil(self, urgent: Sequence[_Left], free: Mapping[Resource, int]) -> Step:
        """The one move that exceeds least; of equals the most urgent."""

        def excess(left: _Left) -> int:
            more = left.adds()
            return sum(bps - max(0, free[resource]) for resource, bps in more.items() if bps > free.get(resource, bps))

        chosen = min(urgent, key=excess)
        return {chosen.move.flow: frozenset(chosen.parts)}

    def _make(self, step: Step) -> None:
        self._steps.append(step)
        more: Counter[Resource] = Counter()
        less: Counter[Resource] = Counter()
        for flow, made in step.items():
            left = self._left[flow]
            parts = [left.move.parts[index] for index in made]
            more.update(adds(parts))
            less.update(adds(Part(part.bps, part.new, part.old) for part in parts))
            left.parts -= made
            if not left.parts:
                del self._left[flow]
        for resource, bps in more.items():
            self._load[resource] += bps
            self._most[resource] = max(self._most[resource], self._load[resource])
        self._load.subtract(less)


def _fits(more: Mapping[Resource, int], free: Mapping[Resource, int]) -> bool:
    return all(bps <= free.get(resource, bps) for resource, bps in more.items())


def _take(more: Mapping[Resource, int], free: dict[Resource, int]) -> None:
    for resource, bps in more.items():
        if resource in free:
            free[resource] -= bps
