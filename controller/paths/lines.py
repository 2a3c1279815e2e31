"""The lines that are placed, as numbers: found by link at once, admitted by the thousand, placed again in one call.

A part of the ledger of a ``Network`` (``network.lines``): what an owner holds here is reserved like anything else, and
what is done inside a trial is undone with it. ``batch`` and ``failure`` write here, too.

A line has one route, or two: working and protect. Each route has a number; a line goes by that of its working route.
Lines of one plain route, from a to z as it is best, are placed again by kernels; the others are *special*.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from controller.domain.placement import PlacedPath, Reservation
from controller.domain.topology import Direction, PerDirection
from controller.paths.kernels.layout import (
    ANSWER,
    BACK,
    BARS_FROM,
    BARS_TO,
    DELAY_BACK,
    DELAY_THERE,
    FOUND,
    GARBAGE,
    HOPS,
    LINE_MASK,
    MEMO,
    MEMO_ROWS,
    PLAIN,
    QUESTION,
    ROUTES_USED,
    SPECIALS,
    START,
    STATUS,
    THERE,
    UNASKED,
    A,
)
from controller.paths.network import Network
from controller.paths.questions import Questions, pack, path_of
from controller.paths.request import PathRequest

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

Order = tuple[Any, ...]
"""When a line is placed again after a failure, compared with others: as a rule (priority, -rate, tenant, name). Equal
ones go in the order of their arrival."""

_PER_LINE = ("questions", "answers", "ranks", "turns", "marks", "mates")
_PER_HOP = ("routes", "following", "leading", "riders")
_ARRAYS = (*_PER_LINE, *_PER_HOP, "bars", "firsts", "tally")
_LISTS = ("_numbers", "_owners", "_requests", "_orders", "_vacant")
_SPARE = 1024
"""Rows that arrays have beyond half as many as they need."""


class Lines:
    """Lines by owner, each with its request, its routes and its order. ``arrays`` is the group ``book`` of
    ``kernels.layout``; a line keeps its number as long as it is placed."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._numbers: dict[Hashable, int] = {}
        self._owners: list[Hashable] = []
        self._requests: list[PathRequest] = []
        self._orders: list[Order] = []
        self._vacant: list[int] = []
        self._arrivals = 0
        self._ordered = False
        """Whether any line ever came with an order of its own; else they go in the order of their arrival."""
        self._ranked = False
        self._memo = np.zeros((MEMO_ROWS, MEMO), np.int64)
        self._occasions = 0
        self.questions = np.zeros((0, QUESTION), np.int64)
        self.answers = np.zeros((0, ANSWER), np.int64)
        self.ranks = np.zeros(0, np.int64)
        """The order of the lines if ``_ranked``; else that of their arrival, as ``turns``."""
        self.turns = np.zeros(0, np.int64)
        self.marks = np.zeros(0, np.int64)
        self.mates = np.zeros(0, np.int64)
        self.bars = np.zeros(0, np.int32)
        self.routes = np.zeros(0, np.int32)
        self.following = np.zeros(0, np.int32)
        self.leading = np.zeros(0, np.int32)
        self.riders = np.zeros(0, np.int32)
        self.firsts = np.full(len(network.mirror.links), -1, np.int32)
        self.tally = np.zeros(4, np.int64)

    def memo(self) -> tuple[Int64s, int]:
        """What was found for lines while others are placed again (``kernels.failing.recalled``), and a number for one
        such occasion that no other had, undone or not."""
        self._occasions += 1
        return self._memo, self._occasions

    @property
    def arrays(self) -> tuple[Any, ...]:
        return (
            self.questions,
            self.bars,
            self.answers,
            self.routes,
            self.following,
            self.leading,
            self.riders,
            self.firsts,
            self.ranks,
            self.marks,
            self.tally,
            self.mates,
        )

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, owner: Hashable) -> bool:
        return owner in self._numbers

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._numbers)

    def holds_any(self, owners: set[Hashable]) -> bool:
        return not self._numbers.keys().isdisjoint(owners)

    def owners_of(self, numbers: Int64s) -> tuple[Hashable, ...]:
        return tuple(map(self._owners.__getitem__, numbers.tolist()))

    def owner(self, number: int) -> Hashable:
        """Whose line it is, or was until another got its number."""
        return self._owners[number]

    def number(self, owner: Hashable) -> int:
        """The number of the line, which is that of its working route; ``KeyError`` if the owner has no line here."""
        return self._numbers[owner]

    def numbers_of(self, number: int) -> tuple[int, ...]:
        """The numbers of all routes of a line, of which ``number`` is one: that one first."""
        mate = int(self.mates[number])
        return (number,) if mate in (PLAIN, number) else (number, mate)

    def order(self, owner: Hashable) -> Order:
        return self._orders[self._numbers[owner]]

    def request(self, owner: Hashable) -> PathRequest:
        """What was asked; ``KeyError`` if the owner has no line here."""
        return self._requests[self._numbers[owner]]

    def path(self, owner: Hashable) -> PlacedPath:
        """The working route and its delay when it was placed; ``KeyError`` if the owner has no line here."""
        return self.path_numbered(self._numbers[owner])

    def paths(self, owner: Hashable) -> tuple[PlacedPath, ...]:
        """All routes, the working one first, each with its delay when it was placed; ``KeyError`` as ``path``."""
        return tuple([self.path_numbered(number) for number in self.numbers_of(self._numbers[owner])])

    def path_numbered(self, number: int) -> PlacedPath:
        """The route of this number, working or protect."""
        path = self.path_along(self.questions[number], self.answers[number], self.routes)
        return path if self._numbers[self._owners[number]] == number else replace(path, role="protect")

    def path_along(self, question: Int64s, answer: Int64s, routes: Int32s) -> PlacedPath:
        """The path of an answer, the arcs of which are in ``routes``."""
        start, hops = int(answer[START]), int(answer[HOPS])
        return path_of(
            self.network.mirror,
            int(question[A]),
            routes[start : start + hops].tolist(),
            PerDirection(int(answer[DELAY_THERE]), int(answer[DELAY_BACK])),
            PerDirection(int(question[THERE]), int(question[BACK])),
        )

    def arcs_of(self, path: PlacedPath) -> list[int]:
        """The arcs of a path, in order."""
        mirror, links = self.network.mirror, self.network.topology.link
        steps = zip(path.route.nodes, path.route.links, strict=False)
        return [mirror.arc(name, links[name].direction_from(node)) for node, name in steps]

    def reservations(self, owner: Hashable) -> tuple[Reservation, ...]:
        """What the line holds of each link, both directions; ``KeyError`` if the owner has no line here."""
        return tuple([held for path in self.paths(owner) for held in reservations_along(path, self.network)])

    def on_link(self, link: str) -> tuple[Hashable, ...]:
        """The owners of the lines that ride on a link, in their order."""
        return self.owners_of(self.riding(np.array([self.network.mirror.arc(link, Direction.A_TO_Z)], np.int32)))

    def riding(self, arcs: Int32s) -> Int64s:
        """The numbers of the routes on the links of these arcs, in the order of the lines."""
        from controller.paths.kernels.book import riders_of

        found = np.empty(len(self.answers), np.int64)
        found = found[: riders_of(self.network.mirror.arc_links, self.arrays, arcs, found)] & LINE_MASK
        if self._ordered and not self._ranked:  # a few, in the order of arrival, are sorted sooner than all are ranked
            found[:] = sorted(found.tolist(), key=self._orders.__getitem__)
        return found

    # Changes. Each begins with ``remember``.

    def place(
        self,
        owner: Hashable,
        request: PathRequest,
        path: PlacedPath,
        order: Order = (),
        protect: PlacedPath | None = None,
    ) -> None:
        """Reserve ``path``, found for ``request``, and keep the line; if it asks for two routes, ``protect`` as well.

        ``ReservationError`` as ``Network.reserve``; ``ValueError`` for one route where two are asked for, or two where
        one is: who asks for more must not get less unnoticed.
        """
        from controller.paths.kernels.book import attach

        if (request.disjoint is None) != (protect is None):
            raise ValueError(f"the request from {request.a} to {request.z} asks for another number of routes")
        paths = (path,) if protect is None else (path, protect)
        network = self.network
        network.take_for(owner, tuple([held for one in paths for held in reservations_along(one, network)]))
        self.remember()
        orders = None if order == () else [order]
        number = int(self.enter([owner], [request], orders, pack(network, [request]))[0])
        self._write(number, path)
        attach(network.mirror.arc_links, self.arrays, number)
        if not request.is_plain:
            self.keep_special(number, paths[1:])

    def release(self, owner: Hashable) -> tuple[Reservation, ...]:
        """Give back, and return, what a line holds, and forget the line. ``KeyError`` if the owner has no line here."""
        from controller.paths.kernels.book import detach

        held = self.reservations(owner)
        self.network.give_back(held)
        self.remember()
        for number in self.numbers_of(self._numbers[owner]):
            detach(self.network.mirror.arc_links, self.arrays, number)
        self.forget(self._numbers[owner])
        return held

    def enter(
        self,
        owners: Sequence[Hashable],
        requests: Sequence[PathRequest],
        orders: Sequence[Order] | None,
        asked: Questions,
    ) -> Int64s:
        """Numbers for new lines, unanswered and plain so far: consecutive ones, if there are several."""
        count = len(owners)
        self._ordered |= orders is not None
        first = self._numbers_for(owners, requests, [()] * count if orders is None else orders)
        numbers = np.arange(first, first + count)
        self._numbers.update(zip(owners, range(first, first + count), strict=True))
        self.questions[first : first + count] = asked.rows
        self.questions[first : first + count, BARS_FROM : BARS_TO + 1] += len(self.bars)
        if len(asked.bars):
            self.bars = np.concatenate((self.bars, asked.bars))
        self.answers[first : first + count, STATUS] = UNASKED
        if self._ranked:
            self.ranks[:] = self.turns
            self._ranked = False
        self.turns[first : first + count] = self.ranks[first : first + count] = numbers - first + self._arrivals
        self._arrivals += count
        return numbers

    def set_apart(self, number: int, routes: int) -> None:
        """Let a line be special, with so many routes: a second number is given, or given up, as it needs one. A route
        that is given up is no longer in the lists of its links."""
        mate = int(self.mates[number])
        if mate == PLAIN:
            mate = self.mates[number] = number
            self.tally[SPECIALS] += 1
        if routes == 2 and mate == number:
            mate = self._numbers_for([self._owners[number]], [self._requests[number]], [self._orders[number]])
            for array in (self.questions, self.turns, self.ranks):
                array[mate] = array[number]
            self.answers[mate, STATUS] = UNASKED
            self.mates[number], self.mates[mate] = mate, number
            self.tally[SPECIALS] += 1
        elif routes == 1 and mate != number:
            self._vacate(mate)
            self.mates[number] = number

    def keep_special(self, number: int, protect: Sequence[PlacedPath]) -> None:
        """Let a line be special, with a second route or without one, which has been reserved."""
        from controller.paths.kernels.book import attach

        self.set_apart(number, 1 + len(protect))
        for one, path in zip(self.numbers_of(number)[1:], protect, strict=True):
            self._write(one, path)
            attach(self.network.mirror.arc_links, self.arrays, one)

    def lay(self, number: int, paths: Sequence[PlacedPath]) -> None:
        """Let a special line, withdrawn before, ride on ``paths``, one or two. Reserves in the mirror; what has changed
        is for ``Network.take_over`` to write into the graph."""
        from controller.paths.kernels.book import attach
        from controller.paths.kernels.failing import take_route

        self.set_apart(number, len(paths))
        for one, path in zip(self.numbers_of(number), paths, strict=True):
            self._write(one, path)
            take_route(self.network.mirror.graph, self.arrays, one)
            attach(self.network.mirror.arc_links, self.arrays, one)

    def forget(self, *numbers: int) -> None:
        """Lines ride no more; their numbers are free."""
        for number in numbers:
            del self._numbers[self._owners[number]]
        self.answers[list(numbers), STATUS] = UNASKED
        if self.tally[SPECIALS]:
            for one in [one for number in numbers for one in self.numbers_of(number)]:
                self._vacate(one)
        else:
            self._vacant += numbers

    def room_for_routes(self, hops: int) -> int:
        """Make room for so many more cells of routes; where they begin."""
        used = int(self.tally[ROUTES_USED])
        self._grow(_PER_HOP, used + hops)
        return used

    def sweep(self, *, always: bool = False) -> None:
        """Give up the cells of old routes when they are many; arrays of routes that somebody still reads stay as is."""
        from controller.paths.kernels.book import attach_all, sweep

        if always or self.tally[GARBAGE] > 1024 + self.tally[ROUTES_USED] // 2:
            room = np.zeros_like(self.routes)
            sweep(self.arrays, room)
            self.routes = room
            self.firsts[:] = -1
            attach_all(self.network.mirror.arc_links, self.arrays, 0, len(self._owners))

    def rank(self) -> None:
        """Let ``ranks`` tell the order of the lines, if any has come since they did."""
        if not self._ranked:
            arrived = np.argsort(self.turns[: len(self._owners)], kind="stable").tolist()
            order = sorted(arrived, key=self._orders.__getitem__)
            self.ranks[order] = np.arange(len(order))
            self._ranked = True

    def remember(self) -> None:
        """Before a change: let the trial that is open, if one is, find its way back."""
        self.sweep()
        if self.network.first_change("lines"):
            parts = {name: getattr(self, name).copy() for name in (*_ARRAYS, *_LISTS)}
            parts["_ranked"] = self._ranked

            def undo() -> None:
                for name, value in parts.items():
                    setattr(self, name, value)

            self.network.note(undo)

    def _numbers_for(self, owners: Sequence[Hashable], requests: Sequence[PathRequest], orders: Sequence[Order]) -> int:
        """The first of as many consecutive numbers, now theirs, of plain routes."""
        if len(owners) == 1 and self._vacant:
            number = self._vacant.pop()
            self._owners[number], self._requests[number], self._orders[number] = owners[0], requests[0], orders[0]
        else:
            number = len(self._owners)
            self._owners += owners
            self._requests += requests
            self._orders += orders
            self._grow(_PER_LINE, len(self._owners))
        self.mates[number : number + len(owners)] = PLAIN
        return number

    def _vacate(self, number: int) -> None:
        self.answers[number, STATUS] = UNASKED
        self._vacant.append(number)
        if self.mates[number] != PLAIN:
            self.mates[number] = PLAIN
            self.tally[SPECIALS] -= 1

    def _write(self, number: int, path: PlacedPath) -> None:
        """Note the route of this number, which is in no list yet."""
        arcs = self.arcs_of(path)
        start = self.room_for_routes(len(arcs))
        self.routes[start : start + len(arcs)] = arcs
        self.tally[ROUTES_USED] += len(arcs)
        self.answers[number] = (FOUND, len(arcs), start, *path.delay_ns, 0)

    def _grow(self, names: Sequence[str], needed: int) -> None:
        """Let arrays have at least ``needed`` rows, and some to spare: room that nobody has used yet costs nothing."""
        for name in names:
            array = getattr(self, name)
            if len(array) < needed:
                larger = np.zeros((needed + needed // 2 + _SPARE, *array.shape[1:]), array.dtype)
                larger[: len(array)] = array
                setattr(self, name, larger)


def reservations_along(path: PlacedPath, network: Network) -> Iterator[Reservation]:
    """What a path takes of each link, both directions."""
    for link, direction in path.route.hops(network.topology):
        yield Reservation(link=link.name, direction=direction, bps=path.reserved_bps.a_to_z)
        yield Reservation(link=link.name, direction=direction.reverse, bps=path.reserved_bps.z_to_a)
