"""What is accepted of feeds that are held: those meant, and no others; and how all are told."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from running.command import ROOT

from controller.cli.egress_routes import feed_json, feeds_table
from controller.documents import load_topology
from controller.domain.errors import InvalidInput, Reason, TrunklineError
from controller.domain.prefixes import Prefix
from controller.domain.routes import Feed, Path, Route
from controller.service.egress.feeds import Feeds
from controller.service.egress.routing import Plausibility, RouteLimits, Routing
from controller.wire.egress_feeds import feed_to_wire

NETWORK = load_topology(ROOT / "tests/running/gateways.yaml")
NORTH, NORTH6, SOUTH = Feed("igw-n", 4), Feed("igw-n", 6), Feed("igw-s", 4)
MANY = 20


def prefix(version, number):
    return Prefix(version, number << (8 if version == 4 else 80), 24 if version == 4 else 48)


class Heard:
    """Three feeds of ``MANY`` routes each, and a clock that is set by hand."""

    def __init__(self):
        self.now = 1_000.0
        self.routing = Routing(lambda: self.now, lambda: None, Plausibility(few=5))
        self.feeds = Feeds(NETWORK, self.routing)
        for feed in (NORTH, NORTH6, SOUTH):
            routes = [Route(prefix(feed.version, n), Path(feed.gateway, 1, 1)) for n in range(MANY)]
            self.routing.load([feed], routes, "192.0.2.1")

    def loses_most(self, feed):
        """All routes but one go at once, which cannot be."""
        for number in range(1, MANY):
            self.routing.withdraw(prefix(feed.version, number), feed.gateway)
        self.routing.settle()

    def count(self):
        return {view.feed: (view.routes, view.held) for view in self.feeds.all()}


@pytest.fixture
def heard():
    return Heard()


def test_both_feeds_of_a_gateway_are_accepted_and_nobody_elses(heard):
    for feed in (NORTH, NORTH6, SOUTH):
        heard.loses_most(feed)
    assert heard.count() == dict.fromkeys((NORTH, NORTH6, SOUTH), (MANY, True))
    assert [(view.feed, view.routes, view.held) for view in heard.feeds.accept("igw-n", (4, 6))] == [
        (NORTH, 1, False),
        (NORTH6, 1, False),
    ]
    assert heard.count() == {NORTH: (1, False), NORTH6: (1, False), SOUTH: (MANY, True)}


def test_one_version_alone(heard):
    for feed in (NORTH, NORTH6):
        heard.loses_most(feed)
    assert [view.feed for view in heard.feeds.accept("igw-n", (6,))] == [NORTH6]
    assert heard.count()[NORTH] == (MANY, True)


def test_nothing_is_held(heard):
    before = heard.count()
    assert heard.feeds.accept("igw-n", (4, 6)) == ()
    assert heard.count() == before


def test_a_gateway_that_there_is_not(heard):
    with pytest.raises(InvalidInput, match="did you mean") as refused:
        heard.feeds.accept("igw-m", (4,))
    (fault,) = refused.value.faults
    assert (fault.reason, fault.field) == (Reason.REFERENCE_NOT_FOUND, "gateway")


def table(heard):
    out = io.StringIO()
    feeds_table(Console(file=out, width=200, color_system=None), [feed_to_wire(view) for view in heard.feeds.all()])
    return out.getvalue()


def test_the_table_says_what_counts_and_how_to_accept(heard):
    heard.loses_most(NORTH)
    heard.routing.lost(SOUTH, "closed the connection")
    heard.now += 301.5
    rows = {tuple(line.split()[:2]): line for line in table(heard).splitlines()}
    assert rows["igw-n", "v4"].split()[2:7] == ["LIVE", "0:05:01", "20", "1", "held"]
    assert rows["igw-n", "v4"].endswith("192.0.2.1  19 of 20 routes gone at once")
    assert rows["igw-n", "v6"].split()[2:8] == ["LIVE", "0:05:01", "20", "20", "as", "told"]
    assert rows["igw-s", "v4"].split()[2:7] == ["LOST", "0:05:01", "20", "20", "stale"]
    assert table(heard).splitlines()[-1].endswith("trunkline egress accept igw-n")


def test_a_feed_that_tells_anew_counts_as_before(heard):
    heard.routing.begin(SOUTH, "192.0.2.65")
    assert "LOADING  0:00:00  20      0      as before  192.0.2.65" in table(heard)
    assert "accept" not in table(heard)


def test_without_feeds_it_is_said_how_to_have_some():
    out = io.StringIO()
    feeds_table(Console(file=out, width=200), [])
    assert "serve --bmp" in out.getvalue()


def test_as_plain_data(heard):
    heard.loses_most(NORTH)
    heard.now += 0.25
    assert feed_json(feed_to_wire(heard.feeds.all()[0])) == {
        "gateway": "igw-n",
        "ipVersion": 4,
        "source": "192.0.2.1",
        "state": "LIVE",
        "stateAgeSeconds": 0.25,
        "routes": MANY,
        "heard": 1,
        "held": True,
        "stale": False,
        "tooMany": False,
        "why": "19 of 20 routes gone at once",
    }


def test_what_is_not_kept_cannot_be_accepted():
    routing = Routing(lambda: 0.0, lambda: None, most=RouteLimits(of_feed=2))
    routing.load([NORTH], [Route(prefix(4, n), Path("igw-n", 1, 1)) for n in range(3)], "192.0.2.1")
    with pytest.raises(TrunklineError, match=r"igw-n .IPv4. says more than 2 routes") as refused:
        Feeds(NETWORK, routing).accept("igw-n", (4, 6))
    assert refused.value.reason is Reason.TABLE_FULL
    (view,) = routing.feeds()
    told = feed_to_wire(view)
    assert (feed_json(told)["tooMany"], feed_json(told)["held"]) == (True, True)
    out = io.StringIO()
    feeds_table(Console(file=out, width=250, color_system=None), [told])
    assert "serve --max-routes" in out.getvalue()
    assert "egress accept" not in out.getvalue()
