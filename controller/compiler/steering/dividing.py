"""Rates by gateway, as the optimiser wants them, laid out over what can be steered: groups of prefixes, and their parts
by source.

Each aggregate (what a source sends to some groups in a class) is divided on its own. Whatever already leaves by a
gateway that is wanted stays; then whatever is too much there, or has no place yet, moves to where something is missing:
slices of groups that both gateways have a part in, else whole groups, else slices of one more group. So whole groups
come first, and a gateway has no more groups cut than it has neighbours.

What is left over is less than a slice at each boundary. With G gateways that all groups may use, no gateway gets more
or less than asked by more than (G - 1) times the largest slice: as long as one has too much by its smallest slice, no
other lacks as much, else that slice would have moved. What must go somewhere goes to the gateway with the most room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from controller.compiler.steering.inputs import Flow
from controller.compiler.steering.slices import IN_ORDER, as_few, spread
from controller.domain.egress import TrafficClass
from controller.domain.steering import SLICES, DestinationGroup, Entry

Weights = Mapping[Flow, tuple[int, ...]]
"""How much traffic an entry is for, measured or assumed, in any one unit: one number, or one for each slice."""

_NOWHERE: Final = ""
"""Where slices are that have no gateway yet: it is wanted for nothing, so that all of them move on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """What leaves a source in a class for some groups (by number), all positive, by gateway."""

    source: str
    traffic_class: TrafficClass
    groups: tuple[int, ...]
    bps: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """``entries`` are sorted. ``beyond_bps``: by how much more leaves by a gateway than was asked (less: negative); it
    sums up to what the groups in ``without`` are for, which may use none of the gateways that were asked for."""

    entries: tuple[Entry, ...]
    beyond_bps: Mapping[str, int]
    without: tuple[Flow, ...] = ()


def divided(
    assigned: Iterable[Assigned],
    groups: Iterable[DestinationGroup],
    weights: Weights,
    before: Iterable[Entry],
    room_bps: Mapping[str, int],
) -> Division:
    """Entries for all that is assigned; no key twice. A group without a weight is taken to be for as much as the mean
    of the others of its aggregate. ``room_bps``: how much each gateway can take beyond what is asked of it in all (0,
    if it is not there). What an aggregate lacks at one gateway, the next may use there: rounding adds up to more than
    the room only where no gateway had any left."""
    led_to = {group.number: frozenset(group.gateways) for group in groups}
    was = {(entry.source, entry.group, entry.traffic_class): spread(entry.gateways) for entry in before}
    room = Counter(dict(room_bps))
    entries: list[Entry] = []
    without: list[Flow] = []
    beyond: Counter[str] = Counter()
    for one in sorted(assigned, key=lambda one: (one.source, one.traffic_class, one.groups)):
        layout = _Layout(one, led_to, weights, was, room)
        layout.settle()
        for name, bps in layout.beyond().items():
            beyond[name] += bps
            room[name] -= bps
        entries += layout.entries()
        without += layout.without
    return Division(
        entries=tuple(sorted(entries, key=lambda entry: (entry.source, entry.group, entry.traffic_class))),
        beyond_bps={name: bps for name, bps in sorted(beyond.items()) if bps},
        without=tuple(sorted(without)),
    )


def parts_of(total: int, weights: Sequence[int]) -> list[int]:
    """A total in parts as these weights are to each other, to the last bit; equal ones if all are 0."""
    every = list(weights) if any(weights) else [1] * len(weights)
    whole, seen, given, parts = sum(every), 0, 0, []
    for weight in every:
        seen += weight
        parts.append(total * seen // whole - given)
        given += parts[-1]
    return parts


class _Layout:
    """One aggregate: ``_at[group][slice]`` is the gateway, ``_bps[group][slice]`` how much that is."""

    def __init__(
        self,
        one: Assigned,
        led_to: Mapping[int, frozenset[str]],
        weights: Weights,
        was: Mapping[Flow, tuple[str, ...]],
        room: Mapping[str, int],
    ) -> None:
        self._one = one
        self._asked = Counter(dict(one.bps))
        wanted = frozenset(self._asked)
        self._bps = _slices_bps(one, weights)
        self._may = {group: led_to[group] & wanted for group in one.groups}
        self.without = [self._key(group) for group in one.groups if not self._may[group]]
        self._groups = [group for group in one.groups if self._may[group]]
        self._most = Counter({name: bps + max(0, room.get(name, 0)) for name, bps in one.bps})
        self._largest_slice = max((max(self._bps[group]) for group in self._groups), default=0)
        self._at: dict[int, list[str]] = {}
        self._load: Counter[str] = Counter()
        for group in self._groups:
            stood = was.get(self._key(group), (_NOWHERE,) * SLICES)
            self._at[group] = [name if name in self._may[group] else _NOWHERE for name in stood]
            for name, bps in zip(self._at[group], self._bps[group], strict=True):
                self._load[name] += bps

    def entries(self) -> list[Entry]:
        return [
            Entry(
                source=self._one.source,
                group=group,
                traffic_class=self._one.traffic_class,
                gateways=as_few(self._at[group]),
                rate_bps=sum(self._bps[group]),
            )
            for group in self._groups
        ]

    def beyond(self) -> dict[str, int]:
        return {name: self._load[name] - bps for name, bps in self._one.bps}

    def settle(self) -> None:
        """Bring what leaves by each gateway to what is asked, as near as slices go."""
        while self._move_on():
            pass
        self._place_rest()
        while self._move_on():  # a group that may use few gateways has taken the place of others there
            pass
        self._keep_within()

    def _move_on(self) -> bool:
        """Move something from where there is too much to where something is missing, without turning either round;
        returns whether there was anything."""
        pairs = [
            (source, target, min(surplus, lack))
            for source, surplus in self._amounts(lambda name: self._load[name] - self._asked[name])
            for target, lack in self._amounts(lambda name: self._asked[name] - self._load[name])
        ]
        return (
            any(self._move_shared(source, target, most) for source, target, most in pairs)
            or any(self._move_whole(source, target, most) for source, target, most in pairs)
            or any(self._cut(source, target, most) for source, target, most in pairs)
        )

    def _amounts(self, amount: Callable[[str], int]) -> list[tuple[str, int]]:
        """The gateways (and nowhere) of which this amount is positive, the largest first."""
        found = [(name, amount(name)) for name in (_NOWHERE, *self._asked)]
        return sorted(((name, bps) for name, bps in found if bps > 0), key=lambda one: (-one[1], one[0]))

    def _move_shared(self, source: str, target: str, most: int) -> bool:
        """Move slices of a group that both have a part in."""
        return any(
            self._move_slices(group, source, target, most)
            for group in self._groups
            if source in self._at[group] and target in self._at[group]
        )

    def _move_whole(self, source: str, target: str, most: int) -> bool:
        """Move a whole group: one that may use few gateways rather than many, and rather a large one."""
        found = [
            (len(self._may[group]), -sum(self._bps[group]), group)
            for group in self._groups
            if target in self._may[group] and set(self._at[group]) == {source}
        ]
        for _, less_bps, group in sorted(found):
            if 0 < -less_bps <= most:
                return self._move_slices(group, source, target, most)
        return False

    def _cut(self, source: str, target: str, most: int) -> bool:
        """Move slices of a group that ``target`` has no part in, of one that is cut already if that goes. A whole one
        is cut only where more is at stake than a slice of any, and rather a large one."""
        found = [
            (len(set(self._at[group])) == 1, -sum(self._bps[group]), group)
            for group in self._groups
            if target in self._may[group] and source in self._at[group]
        ]
        return any(
            self._move_slices(group, source, target, most)
            for whole, _, group in sorted(found)
            if not whole or most >= self._largest_slice
        )

    def _move_slices(self, group: int, source: str, target: str, most: int, enough: int | None = None) -> bool:
        """Move slices that are together no more than ``most``, until that is ``enough``; those next to slices of
        ``target`` first, so that few rules tell them apart. Returns whether there was any."""
        at, bps = self._at[group], self._bps[group]
        if target not in self._may[group]:
            return False
        theirs = [rank for rank, part in enumerate(IN_ORDER) if at[part] == target] or [SLICES]
        ours = [rank for rank, part in enumerate(IN_ORDER) if at[part] == source and bps[part]]
        moved = 0
        for rank in sorted(ours, key=lambda rank: (min(abs(rank - other) for other in theirs), -rank)):
            part = IN_ORDER[rank]
            if moved + bps[part] <= most and (enough is None or moved < enough):
                at[part] = target
                moved += bps[part]
        if moved and source not in (at[part] for part in range(SLICES) if bps[part]):
            at[:] = [target if name == source else name for name in at]  # slices without traffic go with the others
        self._load[source] -= moved
        self._load[target] += moved
        return moved > 0

    def _place_rest(self) -> None:
        """Nothing that is left fits where something is missing: it goes where there is most room, a whole group at
        once."""
        for group in self._groups:
            at, bps = self._at[group], self._bps[group]
            whole = set(at) == {_NOWHERE}
            for part in (part for part in IN_ORDER if at[part] == _NOWHERE):
                if at[part] != _NOWHERE:
                    continue  # went with the first
                chosen = max(sorted(self._may[group]), key=lambda name: self._most[name] - self._load[name])
                for each in range(SLICES) if whole else (part,):
                    at[each] = chosen
                    self._load[_NOWHERE] -= bps[each]
                    self._load[chosen] += bps[each]

    def _keep_within(self) -> None:
        """Rounding must not fill a gateway beyond its room while another has some."""
        moved = True
        while moved:
            moved = any(
                self._move_slices(group, source, target, free, excess)
                for source, excess in self._amounts(lambda name: self._load[name] - self._most[name])
                for target, free in self._amounts(lambda name: self._most[name] - self._load[name])
                for group in sorted(self._groups, key=lambda group: len(set(self._at[group])) == 1)
                if source in self._at[group]
            )

    def _key(self, group: int) -> Flow:
        return self._one.source, group, self._one.traffic_class


def _slices_bps(one: Assigned, weights: Weights) -> dict[int, list[int]]:
    """What is asked for, by group and slice."""
    known = {group: weights.get((one.source, group, one.traffic_class)) for group in one.groups}
    sums = [sum(weight) for weight in known.values() if weight is not None]
    mean = sum(sums) // len(sums) if any(sums) else 1
    of_groups = parts_of(
        sum(bps for _, bps in one.bps), [mean if weight is None else sum(weight) for weight in known.values()]
    )
    return {
        group: parts_of(bps, weight if weight is not None and len(weight) == SLICES else (1,) * SLICES)
        for (group, weight), bps in zip(known.items(), of_groups, strict=True)
    }
