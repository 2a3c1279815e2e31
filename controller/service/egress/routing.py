"""The routes that the steering goes by: what feeds say, as far as it is plausible, and what they last said otherwise.

A withdrawal counts at once. What does not count is what cannot be: half a feed's routes gone within a minute while it
stays up, or a hundred times as many as before. Such a feed is *held*: its routes stay as they were, with a reason,
until it says something plausible again, has said about the same for so long that it must be true, or somebody accepts
it: no state is for ever. One that says more than there is room for (``Limits``) is held, too, and what it says is not
even kept: only when it tells all anew it may count again. A feed that is lost keeps its routes (fail static), and
is said to be *stale* once it has been away for longer than a router takes to come back. One that returns tells all its
routes anew; until it is through, those from before hold, so that nothing moves while a table is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from controller.domain.prefixes import Prefix
from controller.domain.routes import Feed, Path, Route, Routes, RouteTable


class FeedState(StrEnum):
    """What is heard of a feed."""

    LOADING = "LOADING"
    """It tells all its routes; those from before hold."""
    LIVE = "LIVE"
    LOST = "LOST"


_MOVES: Final = {
    FeedState.LOADING: {FeedState.LOADING, FeedState.LIVE, FeedState.LOST},
    FeedState.LIVE: {FeedState.LOADING, FeedState.LIVE, FeedState.LOST},
    FeedState.LOST: {FeedState.LOADING, FeedState.LOST},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plausibility:
    """What is taken for a jump, and for stale. ``window_s``: "at once"; of what there was at most within it, more than
    ``lost_share`` gone is a jump, and so is ``growth`` times what there was at its start. Changes of fewer routes than
    ``few`` never are. ``hold_s``: for so long a lost feed is not stale. ``quiet_s``: who says nothing for so long while
    loading has said all (routers that mark no end of a table). ``believed_s``: a jump that has stood for so long, give
    or take a half or the double, was none."""

    lost_share: float = 0.5
    growth: int = 100
    few: int = 100
    window_s: float = 60.0
    hold_s: float = 300.0
    quiet_s: float = 30.0
    believed_s: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLimits:
    """How many routes are kept: of one gateway and IP version, and of all together. A million prefixes of one gateway
    take about 300 MB, and while a table is told anew there are two of it."""

    of_feed: int = 1_500_000
    in_all: int = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedView:
    """A feed for people. ``routes`` count, ``heard`` is how many it says there are; ``why``: what is wrong with it, or
    empty. ``since_s``: how long it has been in its state."""

    feed: Feed
    source: str
    state: FeedState
    since_s: float
    routes: int
    heard: int
    held: bool
    stale: bool
    why: str
    too_many: bool = False
    """It says more than is kept, so that there is nothing to accept."""


@dataclass(slots=True)
class _Heard:
    """What is known of a feed. ``pending`` is what it said that does not count yet, ``told`` how many routes it would
    have then. ``base`` is what ``told`` is compared with: the most that counted since ``base_at``. While held,
    ``level`` is what it told when that began, at ``held_at``."""

    source: str
    since: float
    state: FeedState = FeedState.LOADING
    pending: dict[Prefix, Path | None] = field(default_factory=dict)
    told: int = 0
    spoke_at: float = 0.0
    base: int = 0
    base_at: float = 0.0
    was_complete: bool = False
    held: str = ""
    held_at: float = 0.0
    level: int = 0
    lost: str = ""
    too_many: str = ""

    def move(self, state: FeedState, now: float) -> None:
        assert state in _MOVES[self.state], f"{self.state} to {state}"
        if state is not self.state:
            self.since = now
        self.state = state


class Routing:
    """The door for all feeds. ``on_change`` is called when routes that count have changed; ``clock`` tells seconds and
    does not jump."""

    def __init__(
        self,
        clock: Callable[[], float],
        on_change: Callable[[], None],
        plausibility: Plausibility | None = None,
        most: RouteLimits | None = None,
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._limits = Plausibility() if plausibility is None else plausibility
        self._most = RouteLimits() if most is None else most
        self._told_in_all = 0
        self._table = RouteTable()
        self._feeds: dict[Feed, _Heard] = {}
        self._unsettled: set[Feed] = set()

    @property
    def ready(self) -> bool:
        """Whether no feed is still telling its routes for the first time: before, gateways would seem to have none."""
        return all(heard.was_complete or heard.state is not FeedState.LOADING for heard in self._feeds.values())

    def routes(self) -> Routes | None:
        """Those that count now; ``None`` as long as no feed has told all of its."""
        return self._table.snapshot() if any(heard.was_complete for heard in self._feeds.values()) else None

    def touched(self) -> frozenset[Prefix]:
        """The prefixes whose routes are others than when this was last asked."""
        return self._table.touched()

    def feeds(self) -> tuple[FeedView, ...]:
        """All that ever told anything, by gateway."""
        return tuple(self._view(feed, heard) for feed, heard in sorted(self._feeds.items()))

    def doubts(self) -> list[str]:
        """What to say of feeds that must not be relied on any more: stale, or held."""
        found: list[str] = []
        for view in self.feeds():
            name = f"{view.feed.gateway} (IPv{view.feed.version})"
            if view.stale:
                found.append(f"routes of {name} are {view.since_s:.0f} s old: {view.why}")
            elif view.held:
                found.append(f"routes of {name} are held as they were: {view.why}")
        return found

    def begin(self, feed: Feed, source: str) -> None:
        now = self._clock()
        heard = self._feeds.get(feed)
        if heard is None:
            heard = self._feeds[feed] = _Heard(source, now, base_at=now)
        heard.move(FeedState.LOADING, now)
        heard.source, heard.spoke_at = source, now
        heard.held = heard.lost = heard.too_many = ""
        heard.pending = {}
        self._tell(heard, -heard.told)

    def announce(self, prefix: Prefix, path: Path) -> None:
        feed = Feed(path.gateway, prefix.version)
        heard = self._spoke(feed)
        if heard.too_many:
            return
        if not self._is_told(feed, heard, prefix):
            self._tell(heard, 1)
            heard.too_many = self._beyond(heard)
            if heard.too_many:
                heard.pending = {}
                self._tell(heard, self._table.count(feed) - heard.told)
                return
        heard.pending[prefix] = path

    def withdraw(self, prefix: Prefix, gateway: str) -> None:
        feed = Feed(gateway, prefix.version)
        heard = self._spoke(feed)
        if heard.too_many:
            return
        self._tell(heard, -self._is_told(feed, heard, prefix))
        if heard.state is not FeedState.LOADING and self._table.has(prefix, gateway):
            heard.pending[prefix] = None
        else:  # it need not be kept that there is no route, where none counts
            heard.pending.pop(prefix, None)

    def complete(self, feed: Feed) -> None:
        heard = self._spoke(feed)
        if heard.state is not FeedState.LOADING:
            return
        if not heard.too_many:
            heard.pending |= dict.fromkeys(self._table.prefixes_of(feed) - heard.pending.keys())
        heard.move(FeedState.LIVE, self._clock())

    def lost(self, feed: Feed, reason: str) -> None:
        heard = self._feeds.get(feed)
        if heard is None or heard.state is FeedState.LOST:
            return
        heard.move(FeedState.LOST, self._clock())
        heard.lost = reason
        heard.held = heard.too_many = ""
        heard.pending = {}
        self._tell(heard, self._table.count(feed) - heard.told)
        self._unsettled.discard(feed)

    def load(self, feeds: Iterable[Feed], routes: Iterable[Route], source: str) -> None:
        """All routes of feeds at once, as from a file; ``source`` says which. Of other feeds there must be none."""
        feeds = tuple(feeds)
        for feed in feeds:
            self.begin(feed, source)
        for route in routes:
            self.announce(route.prefix, route.path)
        for feed in feeds:
            self.complete(feed)
        self.settle()

    def settle(self) -> None:
        """What was told since the last time counts, if it is plausible; also to be called now and then when nothing is
        told, for feeds that have fallen silent."""
        now = self._clock()
        for feed, heard in self._feeds.items():
            if heard.state is FeedState.LOADING and now - heard.spoke_at > self._limits.quiet_s:
                self.complete(feed)
            if heard.held and now - heard.held_at > self._limits.believed_s:
                self._unsettled.add(feed)
        unsettled, self._unsettled = sorted(self._unsettled), set()
        changed = False
        for feed in unsettled:
            heard = self._feeds[feed]
            if heard.state is FeedState.LIVE and not heard.too_many:
                why = self._implausible(feed, heard, now)
                heard.held = "" if why and self._is_believed(heard, now) else why
                changed |= not heard.held and self._count(feed, heard)
        if changed:
            self._on_change()

    def accept(self, feed: Feed) -> bool:
        """What a held feed says counts after all; whether it was held."""
        heard = self._feeds.get(feed)
        if heard is None or not heard.held or heard.too_many:
            return False
        heard.held = ""
        heard.base, heard.base_at = heard.told, self._clock()
        if self._count(feed, heard):
            self._on_change()
        return True

    def _tell(self, heard: _Heard, more: int) -> None:
        """A feed says that it has so many routes more than it said."""
        heard.told += more
        self._told_in_all += more

    def _beyond(self, heard: _Heard) -> str:
        """Why what a feed says is too much to be kept; empty if it is not."""
        if heard.told > self._most.of_feed:
            most = f"{self._most.of_feed} routes, the most of one gateway and IP version"
        elif self._told_in_all > self._most.in_all:
            most = f"the {self._most.in_all} routes that all feeds may have together"
        else:
            return ""
        return f"says more than {most} (serve --max-routes): it is not heard until it tells all anew"

    def _is_believed(self, heard: _Heard, now: float) -> bool:
        """Whether what seemed implausible has stood for long enough. That is counted anew when a feed begins to be held
        and when it tells of another level than then."""
        alike = heard.level <= 2 * heard.told and heard.told <= 2 * heard.level
        if not heard.held or not alike:
            heard.held_at, heard.level = now, heard.told
            return False
        if now - heard.held_at <= self._limits.believed_s:
            return False
        heard.base, heard.base_at = heard.told, now
        return True

    def _spoke(self, feed: Feed) -> _Heard:
        heard = self._feeds[feed]
        heard.spoke_at = self._clock()
        self._unsettled.add(feed)
        return heard

    def _is_told(self, feed: Feed, heard: _Heard, prefix: Prefix) -> bool:
        """Whether the feed says, by now, that it reaches a prefix."""
        if prefix in heard.pending:
            return heard.pending[prefix] is not None
        return heard.state is not FeedState.LOADING and self._table.has(prefix, feed.gateway)

    def _implausible(self, feed: Feed, heard: _Heard, now: float) -> str:
        """Why what is told cannot be; empty if it can. A held feed is compared with what it was held at."""
        limits = self._limits
        if not heard.held and now - heard.base_at > limits.window_s:
            heard.base, heard.base_at = self._table.count(feed), now
        gone = heard.base - heard.told
        if gone > limits.few and gone > limits.lost_share * heard.base:
            return f"{gone} of {heard.base} routes gone at once"
        if heard.base and heard.told > limits.growth * max(heard.base, limits.few):
            return f"{heard.told} routes, {heard.base} before"
        return ""

    def _count(self, feed: Feed, heard: _Heard) -> bool:
        """All that is pending counts; whether that changes anything."""
        changed = False
        for prefix, path in heard.pending.items():
            if path is None:
                changed |= self._table.withdraw(prefix, feed.gateway)
            else:
                changed |= self._table.announce(prefix, path)
        heard.pending.clear()
        heard.base = max(heard.base, heard.told)
        changed |= not heard.was_complete
        heard.was_complete = True
        return changed

    def _view(self, feed: Feed, heard: _Heard) -> FeedView:
        since_s = self._clock() - heard.since
        stale = heard.state is FeedState.LOST and since_s > self._limits.hold_s
        return FeedView(
            feed=feed,
            source=heard.source,
            state=heard.state,
            since_s=since_s,
            routes=self._table.count(feed),
            heard=heard.told,
            held=bool(heard.held or heard.too_many),
            stale=stale,
            why=next((why for why in (heard.too_many, heard.held, heard.lost) if why), ""),
            too_many=bool(heard.too_many),
        )
