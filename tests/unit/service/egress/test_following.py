"""Routes that change reach the planner together, and the cycle is told what kind of change it is."""

from __future__ import annotations

import asyncio

import pytest

from controller.domain.prefixes import parse_prefix
from controller.domain.regions import RegionMap
from controller.domain.routes import Feed, Path, Route
from controller.service.egress.following import RouteFollowing

REGIONS = RegionMap(by_as={1: "east"})
A, B = Feed("a", 4), Feed("b", 4)
ONE, TWO = parse_prefix("10.0.0.0/8"), parse_prefix("20.0.0.0/8")


class Planning:
    """In the planner's place: what it was told, in order."""

    def __init__(self):
        self.told = []
        self.failing = []
        self._heard = asyncio.Event()

    async def until_told(self, times):
        async with asyncio.timeout(10):
            while len(self.told) < times:
                self._heard.clear()
                await self._heard.wait()

    async def run(self, work):
        return work(self)

    def follow_routes(self, routes, regions, touched):
        assert regions is REGIONS
        self.told.append(({str(prefix): routes.gateways(prefix) for prefix in routes.paths}, touched))
        self._heard.set()
        if self.failing:
            raise self.failing.pop()


class Followed:
    def __init__(self):
        self.planning = Planning()
        self.notices = []
        self.following = RouteFollowing(
            self.planning, REGIONS, lambda: 0.0, lambda what, urgent: self.notices.append((what, urgent)), gap_s=0.0
        )

    def load(self, feed, *prefixes):
        self.following.routing.load([feed], [Route(prefix, Path(feed.gateway, 1, 1)) for prefix in prefixes], "f")


@pytest.fixture
async def followed():
    return Followed()


async def test_nothing_is_taken_over_before_all_feeds_have_told_their_routes(followed):
    assert not await followed.following.follow()
    followed.following.routing.begin(B, "f")
    followed.load(A, ONE)
    assert not await followed.following.follow()
    followed.following.routing.complete(B)
    followed.following.routing.settle()
    assert await followed.following.follow()
    assert followed.planning.told == [({"10.0.0.0/8": ("a",)}, {ONE})]
    assert followed.notices == [("routes have changed", False)]


async def test_a_route_that_is_gone_is_urgent_and_a_new_one_is_not(followed):
    followed.load(A, ONE, TWO)
    followed.load(B, ONE)
    await followed.following.follow()
    followed.following.routing.withdraw(ONE, "a")
    followed.following.routing.settle()
    await followed.following.follow()
    followed.following.routing.announce(ONE, Path("a", 1, 2))
    followed.following.routing.settle()
    await followed.following.follow()
    assert [touched for _, touched in followed.planning.told] == [{ONE, TWO}, {ONE}, {ONE}]
    assert [urgent for _, urgent in followed.notices] == [False, True, False]


async def test_it_goes_on_for_ever(followed):
    running = asyncio.create_task(followed.following.run())
    followed.load(A, ONE)
    await followed.planning.until_told(1)
    followed.following.routing.withdraw(ONE, "a")
    followed.following.routing.settle()
    await followed.planning.until_told(2)
    assert followed.planning.told[1] == ({}, {ONE})
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_what_the_planner_fails_at_is_left_to_the_cycle_and_ends_nothing(followed, caplog):
    followed.planning.failing = [ZeroDivisionError("oh")]
    running = asyncio.create_task(followed.following.run())
    followed.load(A, ONE)
    await followed.planning.until_told(1)
    followed.following.routing.announce(TWO, Path("a", 1, 1))
    followed.following.routing.settle()
    await followed.planning.until_told(2)
    assert followed.planning.told[1] == ({"10.0.0.0/8": ("a",), "20.0.0.0/8": ("a",)}, {TWO})
    assert followed.notices[0] == ("routes have changed, and all is worked out anew", False)
    assert "oh" in caplog.text
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
