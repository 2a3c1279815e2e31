"""The lines that are placed, as numbers: found by link at once, admitted by the thousand, placed again in one call.

A part of the ledger of a ``Network`` (``network.lines``): what an owner holds here is reserved like anything else, and
what is done inside a trial is undone with it. ``admission_batch`` and ``failure`` write here, too.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
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
    QUESTION,
    ROUTES_USED,
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

_PER_LINE = ("questions", "answers", "ranks", "marks")
_PER_HOP = ("routes", "following", "leading", "riders")
_ARRAYS = (*_PER_LINE, *_PER_HOP, "bars", "firsts", "tally")
_LISTS = ("_numbers", "_owners", "_requests", "_orders", "_turns", "_vacant")


class Lines:
    """Lines by owner, each with its request, its route and its order. ``arrays`` is the group ``book`` of
    ``kernels.layout``; a line keeps its number as long as it is placed."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._numbers: dict[Hashable, int] = {}
        self._owners: list[Hashable] = []
        self._requests: list[PathRequest] = []
        self._orders: list[Order] = []
        self._turns: list[int] = []
        self._vacant: list[int] = []
        self._arrivals = 0
        self._ranked = True
        self.questions = np.zeros((0, QUESTION), np.int64)
        self.answers = np.zeros((0, ANSWER), np.int64)
        self.ranks = np.zeros(0, np.int64)
        self.marks = np.zeros(0, np.int64)
        self.bars = np.zeros(0, np.int32)
        self.routes = np.zeros(0, np.int32)
        self.following = np.zeros(0, np.int32)
        self.leading = np.zeros(0, np.int32)
        self.riders = np.zeros(0, np.int32)
        self.firsts = np.full(len(network.mirror.links), -1, np.int32)
        self.tally = np.zeros(3, np.int64)

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
        owners = self._owners
        return tuple([owners[number] for number in numbers.tolist()])

    def owner(self, number: int) -> Hashable:
        """Whose line it is, or was until another got its number."""
        return self._owners[number]

    def order(self, owner: Hashable) -> Order:
        return self._orders[self._numbers[owner]]

    def request(self, owner: Hashable) -> PathRequest:
        """What was asked; ``KeyError`` if the owner has no line here."""
        return self._requests[self._numbers[owner]]

    def path(self, owner: Hashable) -> PlacedPath:
        """The route and its delay when it was placed; ``KeyError`` if the owner has no line here."""
        number = self._numbers[owner]
        return self.path_along(self.questions[number], self.answers[number], self.routes)

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

    def reservations(self, owner: Hashable) -> tuple[Reservation, ...]:
        """What the line holds of each link, both directions; ``KeyError`` if the owner has no line here."""
        return tuple(reservations_along(self.path(owner), self.network))

    def on_link(self, link: str) -> tuple[Hashable, ...]:
        """The owners of the lines that ride on a link, in their order."""
        return self.owners_of(self.riding(np.array([self.network.mirror.arc(link, Direction.A_TO_Z)], np.int32)))

    def riding(self, arcs: Int32s) -> Int64s:
        """The numbers of the lines on the links of these arcs, in the order of the lines."""
        from controller.paths.kernels.book import riders_of

        found = np.empty(len(self.answers), np.int64)
        found = found[: riders_of(self.network.mirror.arc_links, self.arrays, arcs, found)] & LINE_MASK
        if not self._ranked:  # a few are sorted sooner than all are ranked
            found[:] = sorted(found.tolist(), key=self._place)
        return found

    def _place(self, number: int) -> tuple[Order, int]:
        return self._orders[number], self._turns[number]

    # Changes. Each begins with ``remember``.

    def place(self, owner: Hashable, request: PathRequest, path: PlacedPath, order: Order = ()) -> None:
        """Reserve ``path``, found for ``request``, and keep the line. ``ReservationError`` as ``Network.reserve``,
        ``ValueError`` for a request of more than one plain route: it could not be placed again after a failure."""
        from controller.paths.kernels.book import attach

        request.must_be_plain()
        network, mirror = self.network, self.network.mirror
        network.take_for(owner, tuple(reservations_along(path, network)))
        self.remember()
        steps = zip(path.route.nodes, path.route.links, strict=False)
        arcs = [mirror.arc(name, network.topology.link[name].direction_from(node)) for node, name in steps]
        number = int(self.enter([owner], [request], [order], pack(network, [request]))[0])
        start = self.room_for_routes(len(arcs))
        self.routes[start : start + len(arcs)] = arcs
        self.tally[ROUTES_USED] += len(arcs)
        self.answers[number] = (FOUND, len(arcs), start, *path.delay_ns, 0)
        attach(mirror.arc_links, self.arrays, number)

    def release(self, owner: Hashable) -> tuple[Reservation, ...]:
        """Give back, and return, what a line holds, and forget the line. ``KeyError`` if the owner has no line here."""
        from controller.paths.kernels.book import detach

        held = self.reservations(owner)
        self.network.give_back(held)
        self.remember()
        detach(self.network.mirror.arc_links, self.arrays, self._numbers[owner])
        self.forget(self._numbers[owner])
        return held

    def enter(
        self, owners: Sequence[Hashable], requests: Sequence[PathRequest], orders: Sequence[Order], asked: Questions
    ) -> Int64s:
        """Numbers for new lines, unanswered so far: consecutive ones, if there are several."""
        count = len(owners)
        if count == 1 and self._vacant:
            number = self._vacant.pop()
        else:
            number = len(self._owners)
            self._owners += [None] * count
            self._requests += requests
            self._orders += orders
            self._turns += range(count)
            self._grow(_PER_LINE, number + count)
        self._owners[number : number + count] = owners
        self._requests[number : number + count] = requests
        self._orders[number : number + count] = orders
        self._turns[number : number + count] = range(self._arrivals, self._arrivals + count)
        self._arrivals += count
        numbers = range(number, number + count)
        self._numbers.update(zip(owners, numbers, strict=True))
        self.questions[number : number + count] = asked.rows
        self.questions[number : number + count, BARS_FROM : BARS_TO + 1] += len(self.bars)
        self.bars = np.concatenate((self.bars, asked.bars))
        self.answers[number : number + count, STATUS] = UNASKED
        self._ranked = False
        return np.arange(number, number + count)

    def forget(self, number: int) -> None:
        """A line rides no more; its number is free."""
        del self._numbers[self._owners[number]]
        self.answers[number, STATUS] = UNASKED
        self._vacant.append(number)

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
            attach_all(self.network.mirror.arc_links, self.arrays, 0, len(self.answers))

    def rank(self) -> None:
        """Let ``ranks`` tell the order of the lines, if any has come since they did."""
        if not self._ranked:
            order = sorted(range(len(self._orders)), key=self._place)
            self.ranks[order] = np.arange(len(order))
            self._ranked = True

    def remember(self) -> None:
        """Before a change: let the trial that is open, if one is, find its way back."""
        self.sweep()
        if self.network.first_change("lines"):
            arrays = {name: getattr(self, name).copy() for name in _ARRAYS}
            lists = {name: getattr(self, name).copy() for name in _LISTS}

            def undo() -> None:
                for name, value in (arrays | lists).items():
                    setattr(self, name, value)
                self._ranked = False

            self.network.note(undo)

    def _grow(self, names: Sequence[str], needed: int) -> None:
        """Let arrays have at least ``needed`` rows, twice as many as before or more."""
        for name in names:
            array = getattr(self, name)
            if len(array) < needed:
                larger = np.zeros((max(needed, 2 * len(array)), *array.shape[1:]), array.dtype)
                larger[: len(array)] = array
                setattr(self, name, larger)


def reservations_along(path: PlacedPath, network: Network) -> Iterator[Reservation]:
    """What a path takes of each link, both directions."""
    for link, direction in path.route.hops(network.topology):
        yield Reservation(link=link.name, direction=direction, bps=path.reserved_bps.a_to_z)
        yield Reservation(link=link.name, direction=direction.reverse, bps=path.reserved_bps.z_to_a)
