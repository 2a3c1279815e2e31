"""Routers over real sockets, to the routes that count and the groups that follow."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from running.bmp_router import Router, additional_paths, end_of_table, open_message, update

from controller.compiler.steering.grouping import Grouping
from controller.domain.prefixes import parse_prefix
from controller.domain.regions import RegionMap
from controller.domain.routes import Feed
from controller.domain.topology import Gateway, Node, Role, Topology
from controller.service.egress.routing import FeedState, Routing
from controller.southbound.routing.station import BmpStation

GATEWAYS = {"10.9.0.1": "igw-a", "10.9.0.2": "igw-b", "2001:db8::1": "igw-a"}
LIMIT_S = 10


class Watched:
    """A station with the routes behind it; whatever a router says is told to who waits."""

    def __init__(self, **options):
        self._told = asyncio.Event()
        self.routing = Routing(asyncio.get_running_loop().time, lambda: None)
        self.station = BmpStation(GATEWAYS, self, **options)

    def __getattr__(self, name):
        """The door is the routing's."""
        return getattr(self.routing, name)

    def settle(self):
        self.routing.settle()
        self._told.set()

    async def until(self, holds):
        async with asyncio.timeout(LIMIT_S):
            while not holds():
                self._told.clear()
                await self._told.wait()

    def reached(self, text):
        routes = self.routing.routes()
        return () if routes is None else routes.gateways(parse_prefix(text))

    def states(self):
        return {view.feed: view.state for view in self.routing.feeds()}

    def why(self, gateway="igw-a", version=4):
        return next(view.why for view in self.routing.feeds() if view.feed == Feed(gateway, version))


@asynccontextmanager
async def listening(**options):
    watched = Watched(**options)
    port = await watched.station.start("127.0.0.1", 0)
    try:
        yield watched, port
    finally:
        await watched.station.close()


@asynccontextmanager
async def connected(port):
    """A router's connection: what is sent goes out at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def say(*messages):
        writer.write(b"".join(messages))
        await writer.drain()

    async def is_closed():
        """Wait until the station closes the connection; it never says anything."""
        async with asyncio.timeout(LIMIT_S):
            return await reader.read() == b""

    say.is_closed = is_closed
    try:
        yield say
    finally:
        writer.close()
        await writer.wait_closed()


ONE = Router("10.9.0.1")
OTHER = Router("10.9.0.2")
WHOLE_TABLE = (
    ONE.initiation(),
    ONE.up(),
    ONE.says(update(["10.0.0.0/8", "10.1.0.0/16"], systems=[[1, 514, 3]])),
    ONE.says(update(["2001:db8::/32"])),
    ONE.says(end_of_table(4)),
    ONE.says(end_of_table(6)),
)


async def test_a_table_is_told_and_a_withdrawal_counts_at_once():
    async with listening() as (watched, port), connected(port) as say:
        await say(*WHOLE_TABLE)
        await watched.until(lambda: watched.reached("2001:db8::/32") and watched.reached("10.1.0.0/16"))
        (path,) = watched.routing.routes().paths[parse_prefix("10.1.0.0/16")]
        assert (path.gateway, path.origin_as, path.length) == ("igw-a", 3, 3)
        assert set(watched.states().values()) == {FeedState.LIVE}
        await say(ONE.says(update(withdrawn=["10.1.0.0/16", "2001:db8::/32"])))
        await watched.until(lambda: not watched.reached("2001:db8::/32"))
        assert not watched.reached("10.1.0.0/16")
        assert watched.reached("10.0.0.0/8") == ("igw-a",)
        (view,) = watched.station.sessions
        assert (view.name.split()[0], view.description) == ("edge-1", "a router")
        assert view.feeds == (Feed("igw-a", 4), Feed("igw-a", 6))


async def test_what_is_withdrawn_leaves_its_group_for_that_of_the_gateways_left():
    gateways = tuple(
        Gateway(name=name, node="pe", port=port, capacity_bps=1, delays_ns=(("east", 1),))
        for port, name in enumerate(("igw-a", "igw-b"))
    )
    network = Topology(name="n", nodes=(Node(name="pe", role=Role.PE),), links=(), gateways=gateways)
    async with listening() as (watched, port), connected(port) as say:
        table = update(["10.0.0.0/8", "20.0.0.0/8"], systems=[[3]])
        for router in (ONE, OTHER):
            await say(router.initiation(), router.up(), router.says(table))
            await say(router.says(end_of_table(4)), router.says(end_of_table(6)))
        await watched.until(lambda: watched.reached("10.0.0.0/8") == ("igw-a", "igw-b"))
        watched.routing.touched()
        grouping = Grouping(network, (), RegionMap(by_as={3: "east"}), watched.routing.routes())
        assert {group.gateways for group in grouping.groups} == {("igw-a", "igw-b")}
        await say(ONE.says(update(withdrawn=["10.0.0.0/8"])))
        await watched.until(lambda: watched.reached("10.0.0.0/8") == ("igw-b",))
        changed = grouping.follow(watched.routing.routes(), watched.routing.touched())
        group = {one.number: one for one in grouping.groups}[changed[parse_prefix("10.0.0.0/8")]]
        assert group.gateways == ("igw-b",)
        assert set(changed) == {parse_prefix("10.0.0.0/8")}


async def test_messages_in_pieces_are_put_together():
    async with listening() as (watched, port), connected(port) as say:
        whole = b"".join(WHOLE_TABLE)
        for at in range(0, len(whole), 7):
            await say(whole[at : at + 7])
        await watched.until(lambda: watched.reached("10.0.0.0/8") and watched.reached("2001:db8::/32"))


async def test_a_peer_that_is_down_and_a_router_that_goes_leave_their_routes():
    async with listening() as (watched, port):
        async with connected(port) as say:
            await say(*WHOLE_TABLE)
            await watched.until(lambda: watched.reached("2001:db8::/32") and watched.reached("10.0.0.0/8"))
            await say(ONE.down())
            await watched.until(lambda: FeedState.LOST in watched.states().values())
            assert "edge-1" in watched.why()
            assert watched.why().endswith("peer 10.9.0.1: the peer closed the session")
            await say(ONE.up(), ONE.says(update(["10.0.0.0/8"])), ONE.says(end_of_table(4)), ONE.says(end_of_table(6)))
            await watched.until(lambda: not watched.reached("10.1.0.0/16"))
            assert set(watched.states().values()) == {FeedState.LIVE}
        await watched.until(lambda: set(watched.states().values()) == {FeedState.LOST})
        assert "closed the connection" in watched.why()
        assert watched.reached("10.0.0.0/8") == ("igw-a",)


async def test_a_router_that_ends_its_session_says_why():
    async with listening() as (watched, port), connected(port) as say:
        await say(*WHOLE_TABLE, ONE.termination())
        await watched.until(lambda: set(watched.states().values()) == {FeedState.LOST})
        assert "ends the session: reason 0" in watched.why()
        assert await say.is_closed()


async def test_who_comes_again_by_another_connection_takes_over():
    async with listening() as (watched, port), connected(port) as old, connected(port) as new:
        await old(*WHOLE_TABLE)
        await watched.until(lambda: watched.reached("10.0.0.0/8"))
        await new(*WHOLE_TABLE)
        await watched.until(lambda: any(view.feeds for view in watched.station.sessions))
        await new(ONE.says(update(["30.0.0.0/8"])))
        await watched.until(lambda: watched.reached("30.0.0.0/8"))
        await old(ONE.says(update(["40.0.0.0/8"])), ONE.termination())
        assert await old.is_closed()
        assert set(watched.states().values()) == {FeedState.LIVE}
        assert not watched.reached("40.0.0.0/8")


async def test_each_version_may_come_from_a_peer_of_its_own():
    six = Router("2001:db8::1")
    async with listening() as (watched, port), connected(port) as say:
        await say(ONE.initiation(), ONE.up(open_message([4]), open_message([4, 6])), six.up(open_message([6])))
        await say(ONE.says(update(["10.0.0.0/8"])), six.says(update(["2001:db8::/32"])), ONE.says(end_of_table(4)))
        await watched.until(lambda: watched.reached("10.0.0.0/8"))
        assert watched.states() == {Feed("igw-a", 4): FeedState.LIVE, Feed("igw-a", 6): FeedState.LOADING}
        await say(six.says(end_of_table(6)))
        await watched.until(lambda: watched.reached("2001:db8::/32"))


async def test_who_was_replaced_by_one_that_ends_tells_all_anew():
    async with listening() as (watched, port), connected(port) as first:
        await first(*WHOLE_TABLE)
        await watched.until(lambda: watched.reached("10.1.0.0/16"))
        async with connected(port) as second:
            await second(ONE.initiation(), ONE.up())
            await watched.until(lambda: set(watched.states().values()) == {FeedState.LOADING})
        assert await first.is_closed()
        async with connected(port) as again:
            await again(*WHOLE_TABLE, ONE.says(update(withdrawn=["10.1.0.0/16"])))
            await watched.until(lambda: watched.reached("10.0.0.0/8") and not watched.reached("10.1.0.0/16"))


async def test_a_second_peer_that_is_the_same_gateway_is_not_mixed_in():
    second = Router("2001:db8::1")
    async with listening() as (watched, port), connected(port) as say:
        await say(*WHOLE_TABLE, second.up(), second.says(update(["40.0.0.0/8"])), ONE.says(update(["50.0.0.0/8"])))
        await watched.until(lambda: watched.reached("50.0.0.0/8"))
        assert not watched.reached("40.0.0.0/8")


@pytest.mark.parametrize(
    "other",
    [
        Router("10.9.0.99"),
        Router("10.9.0.1", is_adj_rib_out=True),
        Router("10.9.0.1", peer_type=1, peer_distinguisher=7),
        Router("10.9.0.1", peer_type=3),
        Router("10.9.0.1", is_post_policy=True),
    ],
)
async def test_what_is_not_received_from_a_gateway_is_passed_over(other):
    async with listening() as (watched, port), connected(port) as say:
        await say(*WHOLE_TABLE, other.says(update(["40.0.0.0/8"])), ONE.says(update(["50.0.0.0/8"])))
        await watched.until(lambda: watched.reached("50.0.0.0/8"))
        assert not watched.reached("40.0.0.0/8")
        assert sum(watched.station.sessions[0].passed_over.values()) == 1


async def test_routes_after_the_routers_policy_if_these_are_asked_for():
    after = Router("10.9.0.1", is_post_policy=True)
    async with listening(post_policy=True) as (watched, port), connected(port) as say:
        await say(ONE.initiation(), ONE.up(), ONE.says(update(["10.0.0.0/8"])), after.says(update(["20.0.0.0/8"])))
        await say(after.says(end_of_table(4)), after.says(end_of_table(6)))
        await watched.until(lambda: watched.reached("20.0.0.0/8"))
        assert not watched.reached("10.0.0.0/8")


SEVERAL = ONE.up(open_message(extra=[additional_paths(1)]), open_message(extra=[additional_paths(2)]))
"""The peer may send several IPv4 paths a prefix, of IPv6 one."""


async def test_of_several_paths_a_prefix_the_shortest_counts_until_the_last_is_gone():
    async with listening() as (watched, port), connected(port) as say:

        def path():
            routes = watched.routing.routes()
            paths = () if routes is None else routes.paths.get(parse_prefix("10.0.0.0/8"), ())
            return tuple(one.origin_as for one in paths)

        await say(
            ONE.initiation(),
            SEVERAL,
            ONE.says(update(["10.0.0.0/8"], systems=[[1, 2, 3]], identifier=5)),
            ONE.says(update(["10.0.0.0/8"], systems=[[1, 4]], identifier=9)),
            ONE.says(update(["10.0.0.0/8"], systems=[[1, 5]], identifier=7)),
            ONE.says(update(["2001:db8::/32"])),
            ONE.says(end_of_table(4)),
            ONE.says(end_of_table(6)),
        )
        await watched.until(lambda: watched.reached("2001:db8::/32") and path() == (5,))
        await say(ONE.says(update(withdrawn=["10.0.0.0/8"], identifier=7)))
        await watched.until(lambda: path() == (4,))
        await say(ONE.says(update(withdrawn=["10.0.0.0/8"], identifier=9)))
        await watched.until(lambda: path() == (3,))
        await say(ONE.says(update(withdrawn=["10.0.0.0/8"], identifier=5)))
        await watched.until(lambda: path() == ())


async def test_who_receives_several_paths_and_is_sent_one_says_no_identifiers():
    async with listening() as (watched, port), connected(port) as say:
        one_sided = ONE.up(open_message(extra=[additional_paths(1)]), open_message())
        await say(ONE.initiation(), one_sided, ONE.says(update(["10.0.0.0/8"])))
        await say(ONE.says(end_of_table(4)), ONE.says(end_of_table(6)))
        await watched.until(lambda: watched.reached("10.0.0.0/8"))


async def test_a_peer_with_more_paths_than_are_kept_is_lost_until_it_is_up_anew():
    async with listening(most_paths=2) as (watched, port), connected(port) as say:
        few = [ONE.says(update(["10.0.0.0/8"], identifier=one)) for one in (1, 2)]
        ends = [ONE.says(end_of_table(4)), ONE.says(end_of_table(6))]
        await say(ONE.initiation(), SEVERAL, *few, *ends)
        await watched.until(lambda: watched.reached("10.0.0.0/8"))
        await say(ONE.says(update(["10.0.0.0/8"], identifier=3)), ONE.says(update(["20.0.0.0/8"], identifier=1)))
        await watched.until(lambda: set(watched.states().values()) == {FeedState.LOST})
        assert "says more than 2 paths" in watched.why()
        assert watched.reached("10.0.0.0/8")
        await say(ONE.down(), SEVERAL, ONE.says(update(["30.0.0.0/8"], identifier=1)), *ends)
        await watched.until(lambda: watched.reached("30.0.0.0/8"))
        assert not watched.reached("20.0.0.0/8")


async def test_a_router_that_tells_of_the_other_policy_alone_is_told_how_to_have_it(caplog):
    after = Router("10.9.0.1", is_post_policy=True)
    with caplog.at_level("INFO"):
        async with listening() as (watched, port), connected(port) as say:
            await say(ONE.initiation(), ONE.up(), *[after.says(update(["10.0.0.0/8"]))] * 3, ONE.says(end_of_table(4)))
            await watched.until(lambda: watched.states().get(Feed("igw-a", 4)) is FeedState.LIVE)
    assert caplog.text.count("serve --bmp-policy post") == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([b"\x04\x00\x00\x00\x06\x04"], "BMP version 4"),
        ([b"\x03\x7f\x00\x00\x00\x04"], "a message of 2130706432 bytes"),
        ([b"\x03\x00\x00\x00\x05\x04"], "a message of 5 bytes"),
        ([ONE.says(update(["40.0.0.0/8"]))], "does not begin with an initiation"),
        ([ONE.initiation(), OTHER.says(update(["40.0.0.0/8"]))], "before it says that it is up"),
        ([ONE.initiation(), b"\x03\x00\x00\x00\x08\x00\x00\x00"], "type 0 that cannot be read"),
        ([ONE.initiation(), b"\x03\x00\x00\x00\x08\x04\x00\x00"], "type 4 that cannot be read"),
        ([ONE.initiation(), OTHER.up(), OTHER.says(update(["40.0.0.0/8"]))[:-2] + b"\x21\x28"], "prefix"),
    ],
)
async def test_who_says_what_cannot_be_is_cut_off_and_others_are_not(said, why, caplog):
    async with listening() as (watched, port), connected(port) as good, connected(port) as bad:
        await good(*WHOLE_TABLE)
        await watched.until(lambda: watched.reached("10.0.0.0/8"))
        with caplog.at_level("INFO"):
            await bad(*said)
            assert await bad.is_closed()
            await watched.until(lambda: len(watched.station.sessions) == 1)
        assert why in caplog.text
        await good(ONE.says(update(["50.0.0.0/8"])))
