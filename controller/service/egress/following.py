"""Routes that change become part of what is decided next: the planner is told which, and the cycle that there are.

Routes are taken over together, at most once a second: routers tell of changes in bursts, and a full table of them
always has something to tell. What takes a route away from a gateway is urgent, as a cut cable is: traffic that is sent
there is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeVar

from controller.compiler.planner import Planner
from controller.domain.prefixes import Prefix
from controller.domain.regions import RegionMap
from controller.domain.routes import Routes
from controller.service.egress.routing import RouteLimits, Routing

log = logging.getLogger(__name__)

T = TypeVar("T")

GAP_S: Final = 1.0


class PlannerWork(Protocol):
    """What belongs to the planner is done there (``PlannerThread``)."""

    async def run(self, work: Callable[[Planner], T]) -> T: ...


class RouteFollowing:
    """``clock`` tells seconds and does not jump; ``notice`` has the cycle look (``EgressCycle.notice``). ``routing`` is
    the door for feeds, which keeps ``most`` routes. ``gap_s``: at least so long from one take-over to the next."""

    def __init__(
        self,
        planner: PlannerWork,
        regions: RegionMap,
        clock: Callable[[], float],
        notice: Callable[[str, bool], None],
        gap_s: float = GAP_S,
        most: RouteLimits | None = None,
    ) -> None:
        self._changed = asyncio.Event()
        self.routing = Routing(clock, self._changed.set, most=most)
        self._planner = planner
        self._regions = regions
        self._notice = notice
        self._gap_s = gap_s
        self._followed: Routes | None = None

    async def run(self) -> None:
        """For ever. Feeds that mark no end of their tables are looked after, too."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._gap_s):
                    await self._changed.wait()
            self.routing.settle()
            if self._changed.is_set():
                await self._follow_whatever_happens()
                await asyncio.sleep(self._gap_s)

    async def _follow_whatever_happens(self) -> None:
        """The planner knows the routes even if it could not work out what changes by them: then the cycle works out all
        of it, and reports it if that is not possible, either. Nothing about routes ends the care for the network."""
        try:
            await self.follow()
        except Exception:
            log.exception("what changes by routes could not be worked out")
            self._notice("routes have changed, and all is worked out anew", False)

    async def follow(self) -> bool:
        """Take the routes over that count now, if all feeds have told theirs; whether they have."""
        routes = self.routing.routes() if self.routing.ready else None
        if routes is None:
            return False
        self._changed.clear()
        touched = self.routing.touched()
        before, self._followed = self._followed, routes
        await self._planner.run(lambda planner: planner.follow_routes(routes, self._regions, touched))
        # With a whole table touched this takes a second, which the event loop has not.
        lost = before is not None and await asyncio.to_thread(_any_lost, before, routes, touched)
        what = "gateways have lost routes" if lost else "routes have changed"
        self._notice(what, lost)
        return True


def _any_lost(before: Routes, now: Routes, touched: Iterable[Prefix]) -> bool:
    """Whether a gateway no longer has a route that it had."""
    return any(not set(before.gateways(prefix)) <= set(now.gateways(prefix)) for prefix in touched)
