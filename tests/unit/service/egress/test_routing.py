"""Which routes count: at once, held, lost, back again."""

from __future__ import annotations

import pytest

from controller.domain.prefixes import Prefix, parse_prefix
from controller.domain.routes import Feed, Path, Route
from controller.service.egress.routing import FeedState, Plausibility, RouteLimits, Routing

A, B, A6 = Feed("a", 4), Feed("b", 4), Feed("a", 6)
LIMITS = Plausibility(lost_share=0.5, growth=10, few=10, window_s=60, hold_s=300, quiet_s=30, believed_s=3600)


class Watched:
    """A routing with a clock that is set by hand."""

    def __init__(self, most=None):
        self.now = 1_000.0
        self.changes = 0
        self.routing = Routing(lambda: self.now, self._changed, LIMITS, most)

    def _changed(self):
        self.changes += 1

    def loads(self, feed, count, first=0):
        self.routing.load(
            [feed], [Route(prefix(number), Path(feed.gateway, 1, 1)) for number in range(first, count)], "f"
        )

    def withdraws(self, feed, numbers):
        for number in numbers:
            self.routing.withdraw(prefix(number), feed.gateway)
        self.routing.settle()

    def announces(self, feed, numbers):
        for number in numbers:
            self.routing.announce(prefix(number), Path(feed.gateway, 1, 1))
        self.routing.settle()

    def reached(self, gateway="a"):
        """How many prefixes a gateway has routes to."""
        return sum(gateway in self.routing.routes().gateways(prefix) for prefix in self.routing.routes().paths)

    def view(self, feed=A):
        return next(view for view in self.routing.feeds() if view.feed == feed)


def prefix(number):
    return Prefix(4, number << 8, 24)


@pytest.fixture
def watched():
    return Watched()


def test_there_is_no_table_before_one_has_been_told_whole(watched):
    assert watched.routing.routes() is None
    assert watched.routing.ready
    watched.routing.begin(A, "somebody")
    watched.announces(A, range(5))
    assert watched.routing.routes() is None
    assert not watched.routing.ready
    assert watched.changes == 0
    watched.routing.complete(A)
    watched.routing.settle()
    assert watched.reached() == 5
    assert watched.routing.ready
    assert watched.changes == 1
    assert watched.routing.touched() == {prefix(number) for number in range(5)}


def test_a_withdrawal_and_a_new_route_count_at_once(watched):
    watched.loads(A, 100)
    watched.loads(B, 100)
    watched.routing.touched()
    watched.withdraws(A, [7])
    assert watched.routing.routes().gateways(prefix(7)) == ("b",)
    assert watched.routing.touched() == {prefix(7)}
    watched.announces(A, [7, 500])
    assert watched.routing.routes().gateways(prefix(500)) == ("a",)
    assert watched.changes == 4


def test_nothing_changes_by_what_was_known(watched):
    watched.loads(A, 100)
    watched.announces(A, range(50))
    assert watched.changes == 1
    assert watched.routing.touched() == {prefix(number) for number in range(100)}


def test_half_gone_at_once_is_held_and_counts_once_it_is_plausible_again(watched):
    watched.loads(A, 100)
    watched.withdraws(A, range(50))
    assert watched.reached() == 50
    assert not watched.view().held
    watched.withdraws(A, range(50, 60))
    assert watched.view().held
    assert watched.view().why == "60 of 100 routes gone at once"
    assert (watched.view().routes, watched.view().heard) == (50, 40)
    assert watched.routing.doubts() == ["routes of a (IPv4) are held as they were: 60 of 100 routes gone at once"]
    # A few minutes make it no more plausible.
    watched.now += 10 * LIMITS.window_s
    watched.withdraws(A, [60])
    assert watched.view().held
    assert watched.reached() == 50
    watched.announces(A, range(20))
    assert not watched.view().held
    assert watched.reached() == 59


def test_a_slow_decline_is_none_that_comes_at_once(watched):
    watched.loads(A, 100)
    for number in range(0, 100, 10):
        watched.now += LIMITS.window_s + 1
        watched.withdraws(A, range(number, number + 10))
        assert not watched.view().held
    assert watched.reached() == 0


def test_a_decline_within_the_window_is_summed_up(watched):
    watched.loads(A, 100)
    for number in range(0, 60, 10):
        watched.now += 1
        watched.withdraws(A, range(number, number + 10))
    assert watched.view().held
    assert watched.reached() == 50


def test_a_window_that_has_passed_does_not_let_a_jump_in(watched):
    watched.loads(A, 100)
    watched.now += 10 * LIMITS.window_s
    watched.withdraws(A, range(90))
    assert watched.view().held
    assert watched.reached() == 100


def test_a_few_routes_come_and_go_as_they_like(watched):
    watched.loads(A, 8)
    watched.withdraws(A, range(8))
    assert watched.reached() == 0
    assert not watched.view().held


def test_many_times_more_than_before_is_held_until_somebody_accepts_it(watched):
    watched.loads(A, 20)
    watched.announces(A, range(20, 201))
    assert watched.view().held
    assert watched.view().why == "201 routes, 20 before"
    assert watched.reached() == 20
    assert watched.routing.accept(A)
    assert watched.reached() == 201
    assert not watched.routing.accept(A)
    watched.withdraws(A, range(30))
    assert watched.reached() == 171


def test_a_jump_that_stands_for_long_is_believed_though_nothing_more_is_said(watched):
    watched.loads(A, 100)
    watched.withdraws(A, range(80))
    watched.now += LIMITS.believed_s
    watched.routing.settle()
    assert watched.view().held
    assert watched.reached() == 100
    watched.now += 1
    watched.routing.settle()
    assert (watched.view().held, watched.view().why) == (False, "")
    assert watched.reached() == 20
    # What it is compared with is what it has now.
    watched.withdraws(A, [80])
    assert watched.reached() == 19


def test_a_jump_to_ever_other_levels_is_not_believed(watched):
    watched.loads(A, 100)
    for last in (80, 95, 99):
        watched.withdraws(A, range(last))
        watched.now += LIMITS.believed_s - 1
        watched.routing.settle()
        assert watched.view().held
    assert watched.reached() == 100


def test_a_router_that_comes_back_with_little_is_believed_in_the_end_but_not_at_once(watched):
    watched.loads(A, 100)
    watched.loads(A, 5)
    watched.now += LIMITS.believed_s - 1
    watched.loads(A, 5)
    watched.now += LIMITS.believed_s
    watched.routing.settle()
    assert watched.reached() == 100
    watched.now += 1
    watched.routing.settle()
    assert watched.reached() == 5


def test_a_lost_feed_keeps_its_routes_and_is_stale_after_a_while(watched):
    watched.loads(A, 100)
    watched.routing.lost(A, "the peer closed the session")
    watched.now += LIMITS.hold_s
    assert watched.view().state is FeedState.LOST
    assert not watched.view().stale
    watched.now += 1
    assert watched.view().stale
    assert watched.routing.doubts() == ["routes of a (IPv4) are 301 s old: the peer closed the session"]
    assert watched.reached() == 100
    assert watched.changes == 1


def test_one_that_returns_tells_all_anew_and_until_then_the_old_routes_hold(watched):
    watched.loads(A, 100)
    watched.routing.lost(A, "gone")
    watched.routing.begin(A, "back")
    watched.announces(A, range(10, 60))
    watched.withdraws(A, [10])
    assert watched.reached() == 100
    watched.announces(A, range(60, 105))
    watched.routing.complete(A)
    watched.routing.settle()
    reached = watched.routing.routes().paths
    assert set(reached) == {prefix(number) for number in range(11, 105)}
    assert (watched.view().state, watched.view().why) == (FeedState.LIVE, "")


def test_one_that_returns_with_little_is_held(watched):
    watched.loads(A, 100)
    watched.routing.lost(A, "gone")
    watched.loads(A, 5)
    assert watched.view().held
    assert watched.reached() == 100


def test_one_that_goes_while_it_tells_leaves_what_was_before(watched):
    watched.loads(A, 100)
    watched.routing.begin(A, "again")
    watched.announces(A, range(5))
    watched.routing.lost(A, "gone")
    watched.routing.settle()
    assert watched.reached() == 100
    assert watched.view().heard == 100
    watched.routing.begin(B, "first")
    watched.routing.lost(B, "gone")
    assert watched.routing.ready


def test_one_that_marks_no_end_has_told_all_when_it_falls_silent(watched):
    watched.routing.begin(A, "old router")
    watched.announces(A, range(5))
    watched.now += LIMITS.quiet_s
    watched.routing.settle()
    assert watched.routing.routes() is None
    watched.now += 1
    watched.routing.settle()
    assert watched.reached() == 5


def test_versions_come_and_go_by_themselves(watched):
    watched.loads(A, 100)
    six = parse_prefix("2001:db8::/32")
    watched.routing.load([A6], [Route(six, Path("a", 1, 1))], "f")
    watched.routing.load([A6], [], "f")
    assert watched.reached() == 100
    assert watched.view(A6).routes == 0


class TestLimits:
    @pytest.fixture
    def watched(self):
        return Watched(RouteLimits(of_feed=20, in_all=30))

    def test_a_feed_that_says_too_much_is_held_as_it_was_and_not_heard(self, watched):
        watched.loads(A, 20)
        assert not watched.view().held
        watched.announces(A, range(20, 40))
        assert (watched.reached(), watched.view().routes, watched.view().heard) == (20, 20, 20)
        assert (watched.view().held, watched.view().too_many) == (True, True)
        (doubt,) = watched.routing.doubts()
        assert "says more than 20 routes, the most of one gateway and IP version (serve --max-routes)" in doubt
        # Nothing that it says meanwhile counts, and there is nothing to accept, however long it takes.
        watched.withdraws(A, range(10))
        assert not watched.routing.accept(A)
        watched.now += 10 * LIMITS.believed_s
        watched.routing.settle()
        assert (watched.reached(), watched.view().held) == (20, True)
        watched.loads(A, 15)
        assert (watched.reached(), watched.view().held) == (15, False)

    def test_one_that_says_too_much_from_the_start_has_none_and_keeps_no_other_waiting(self, watched):
        watched.loads(A, 21)
        watched.loads(B, 5)
        assert watched.routing.ready
        assert (watched.view(A).routes, watched.view(B).routes) == (0, 5)

    def test_what_all_say_together_is_bounded_and_who_comes_last_is_held(self, watched):
        watched.loads(A, 20)
        watched.loads(B, 11)
        assert (watched.view(A).held, watched.view(B).held) == (False, True)
        assert "the 30 routes that all feeds may have together" in watched.view(B).why
        # What the first gives up is the second's, when it tells all anew.
        watched.loads(A, 19)
        watched.loads(B, 11)
        assert (watched.view(A).routes, watched.view(B).routes) == (19, 11)

    def test_a_lost_feed_counts_with_the_routes_that_are_kept_of_it(self, watched):
        watched.loads(A, 20)
        watched.routing.lost(A, "gone")
        watched.loads(B, 11)
        assert watched.view(B).too_many
        watched.loads(B, 10)
        assert (watched.view(B).held, watched.view(B).routes) == (False, 10)

    def test_what_is_withdrawn_without_having_been_there_is_not_kept(self, watched):
        watched.loads(A, 5)
        watched.announces(A, [7])
        for number in (7, 8, 9, 3):
            watched.routing.withdraw(prefix(number), "a")
        assert watched.view().heard == 4
        watched.routing.settle()
        assert watched.reached() == 4
